// A table as app/views/kit/table.py sends it. Every text is set as text, never as HTML.
// A click, Enter or Space opens a row, arrow keys walk; what was done goes to Python as `act`, what is ticked as `picked`.
// Columns for which there is no room stand as a line in each row's first cell, those at the right first: nothing lies out of sight.

const FOCUS_WITHIN_MS = 15_000; // for a page to show what was opened

export default function (component) {
  const { data, parentElement } = component;
  const box = parentElement.querySelector(".box");
  const table = box.querySelector("table");
  box.toPython = component;
  const told = JSON.stringify(data);
  if (box.told === told) return;
  const hadFocus = box.contains(box.getRootNode().activeElement);
  const fresh = JSON.stringify(data.rows.map((row) => row.key)) !== box.keys;
  Object.assign(box, { told, keys: JSON.stringify(data.rows.map((row) => row.key)), data });
  // What was ticked since this was sent counts for more.
  if (fresh || !box.picked) box.picked = new Set(data.picked);
  if (fresh) box.scrollTop = 0;

  table.querySelector("caption").textContent = data.label;
  box.classList.toggle("tall", data.tall);
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", data.label);
  box.tabIndex = data.opens || data.picks ? -1 : 0;
  if (data.columns.every((column) => column.name !== box.sorted?.name)) box.sorted = null;
  table.querySelector("thead").replaceChildren(headOf(box));
  drawRows(box);
  // The page stays where it is: it may just have been brought to the top of what a row opened.
  if (hadFocus && box.here) focusOn(box, find(box, box.here) ?? table.tBodies[0].rows[0], false, { preventScroll: true });
  table.onkeydown = (event) => onKey(box, event);
  box.watch ??= watchWidth(box);
}

// Also tells of a table that was drawn where it could not be seen yet, in a tab.
function watchWidth(box) {
  const watch = new ResizeObserver(() => {
    if (box.clientWidth !== box.fitted) fit(box);
  });
  watch.observe(box);
  return watch;
}

// Fold columns, from the right, until the rest have room beside each other.
function fit(box) {
  box.fitted = box.clientWidth;
  if (!box.clientWidth) return;
  const { columns, picks } = box.data;
  const lines = [...box.querySelectorAll("tr")];
  for (const told of box.querySelectorAll(".folded")) told.remove();
  for (const cell of box.querySelectorAll("[hidden]")) cell.hidden = false;
  const first = picks ? 1 : 0;
  const others = columns.map((_, place) => place).slice(1).reverse();
  const isEmpty = (place) => lines.every((line) => !line.row || !says(line.row.cells[columns[place].name]));
  const folded = [];
  // What tells nothing goes first.
  for (const place of [...others.filter(isEmpty), ...others.filter((place) => !isEmpty(place))]) {
    if (box.scrollWidth <= box.clientWidth) break;
    for (const line of lines) line.cells[place + first].hidden = true;
    folded.unshift(columns[place]);
  }
  if (!folded.length) return;
  for (const line of lines) if (line.row) line.cells[first].append(...foldedOf(line.row, folded));
}

const says = (cell) => Boolean(cell?.text) && cell.text !== "—";

function foldedOf(row, columns) {
  const told = part("span", "folded");
  for (const column of columns) {
    const cell = row.cells[column.name];
    if (!says(cell)) continue;
    const held = part("span", `fold ${column.kind}`);
    held.append(part("span", "of", column.head));
    fill(held, cell, column.kind);
    told.append(held);
  }
  return told.childNodes.length ? [told] : [];
}

function headOf(box) {
  const { data } = box;
  const line = part("tr");
  if (data.picks) line.append(part("td", "pick"));
  for (const column of data.columns) {
    const head = part("th", column.kind);
    head.scope = "col";
    if (column.help) head.title = column.help;
    if (column.width) head.style.setProperty("--least", `${column.width}rem`);
    const next = nextOrder(box, column);
    if (next) {
      const sort = directionOf(box, column);
      const button = part("button", "sort", column.head);
      button.type = "button";
      button.append(part("span", "arrow", sort === "ascending" ? "▲" : sort === "descending" ? "▼" : "↕"));
      button.lastChild.setAttribute("aria-hidden", "true");
      if (sort) head.setAttribute("aria-sort", sort);
      button.onclick = () => next();
      head.append(button);
    } else head.textContent = column.head;
    line.append(head);
  }
  return line;
}

function directionOf(box, column) {
  if (column.local) return box.sorted?.name === column.name ? box.sorted.direction : null;
  if (!box.data.order) return null;
  return { [column.up]: "ascending", [column.down]: "descending" }[box.data.order] ?? null;
}

function nextOrder(box, column) {
  const now = directionOf(box, column);
  if (column.local)
    return () => {
      const numeric = column.kind === "number" || column.kind === "bars";
      const first = numeric ? "descending" : "ascending";
      box.sorted = { name: column.name, direction: now === first ? (numeric ? "ascending" : "descending") : first };
      box.querySelector("thead").replaceChildren(headOf(box));
      drawRows(box);
      box.querySelectorAll("thead th")[box.data.columns.indexOf(column)].querySelector("button").focus();
    };
  if (!column.up && !column.down) return null;
  const wanted = now === "descending" ? column.up || column.down : column.down || column.up;
  return () => act(box, { what: "order", order: wanted });
}

function drawRows(box) {
  const { data } = box;
  let rows = [...data.rows];
  if (box.sorted) {
    const { name, direction } = box.sorted;
    const sign = direction === "ascending" ? 1 : -1;
    rows.sort((one, other) => compare(one.cells[name] ?? {}, other.cells[name] ?? {}, sign));
  }
  const made = rows.map((row) => rowOf(box, row));
  box.querySelector("tbody").replaceChildren(...made);
  fit(box);
  rest(box, find(box, box.here) ?? made[0]);
}

// In either direction what has no value comes last, and before it what comes later than the others.
function compare({ value: one, later: oneLater }, { value: other, later: otherLater }, sign) {
  if (one == null || other == null) return (one == null) - (other == null);
  if (Boolean(oneLater) !== Boolean(otherLater)) return oneLater ? 1 : -1;
  if (typeof one === "number" && typeof other === "number") return sign * (one - other);
  return sign * String(one).localeCompare(String(other), undefined, { numeric: true });
}

function rowOf(box, row) {
  const { data } = box;
  const line = part("tr", row.tone);
  line.row = row;
  if (row.key === data.current) line.setAttribute("aria-current", "true");
  if (data.picks) line.append(pickOf(box, row));
  data.columns.forEach((column, place) => {
    const cell = row.cells[column.name] ?? { text: "—" };
    const held = part(place ? "td" : "th", column.kind);
    if (!place) held.scope = "row";
    const words = place || !openable(data, row) ? held : openerOf(box, row);
    if (words !== held) held.append(words);
    fill(words, cell, column.kind);
    line.append(held);
  });
  if (openable(data, row)) {
    line.classList.add("opens");
    line.onclick = (event) => {
      if (event.target.closest(".opener, .pick") || String(getSelection())) return;
      if (event.ctrlKey || event.metaKey || event.shiftKey) openApart(row);
      else open(box, line);
    };
    line.onauxclick = (event) => {
      if (event.button === 1 && !event.target.closest(".opener")) openApart(row);
    };
  }
  return line;
}

const openable = (data, row) => row.opens && (data.opens || Boolean(safe(row.href)));

function openerOf(box, row) {
  const href = safe(row.href);
  const made = part(href ? "a" : "button", "opener");
  if (href) made.href = href;
  else made.type = "button";
  made.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    if (!box.data.opens) return;
    event.preventDefault();
    open(box, made.closest("tr"));
  };
  made.onfocus = () => rest(box, made.closest("tr"));
  return made;
}

function pickOf(box, row) {
  const held = part("td", "pick");
  const tick = part("input");
  tick.type = "checkbox";
  tick.checked = box.picked.has(row.key);
  tick.setAttribute("aria-label", `Pick ${row.cells[box.data.columns[0].name]?.text ?? row.key}`);
  tick.onchange = () => {
    if (tick.checked) box.picked.add(row.key);
    else box.picked.delete(row.key);
    // One more than fits takes the place of the one ticked first.
    if (box.picked.size > box.data.picks) {
      const first = box.picked.values().next().value;
      box.picked.delete(first);
      const other = find(box, first)?.querySelector("input");
      if (other) other.checked = false;
    }
    box.toPython.setStateValue("picked", [...box.picked]);
  };
  tick.onfocus = () => rest(box, tick.closest("tr"));
  held.append(tick);
  return held;
}

function fill(held, cell, kind) {
  if (cell.title || kind === "question" || kind === "answer") held.title = cell.title || cell.text;
  if (kind === "bars") {
    const lane = part("span", "lane");
    for (const bar of cell.bars ?? []) {
      const drawn = part("span", "bar");
      drawn.style.background = bar.colour;
      drawn.style.width = `${Math.min(Math.max(bar.share, 0), 1) * 100}%`;
      lane.append(drawn);
    }
    lane.setAttribute("aria-hidden", "true");
    held.append(lane, part("span", "unseen", cell.text));
    return;
  }
  if (cell.icon) {
    const icon = part("span", `icon ${cell.tone}`, cell.icon);
    icon.setAttribute("aria-hidden", "true");
    held.append(icon);
  }
  const words = part("span", "words", cell.parts ? undefined : cell.text);
  for (const [text, marked] of cell.parts ?? []) words.append(marked ? part("mark", "", text) : text);
  words.dir = "auto";
  held.append(words);
}

function onKey(box, event) {
  const line = event.target.closest("tbody tr");
  if (!line || event.ctrlKey || event.metaKey || event.altKey) return;
  const lines = [...line.parentElement.rows];
  const at = lines.indexOf(line);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: lines.length - 1 }[event.key];
  if (to !== undefined) {
    if (lines[to]) focusOn(box, lines[to], event.target.matches("input"));
  } else if (event.key === " " && event.target.matches("a")) event.target.click();
  else return;
  event.preventDefault();
}

function focusOn(box, line, onTick = false, how = {}) {
  rest(box, line);
  (line?.querySelector(onTick ? "input" : ".opener") ?? line?.querySelector("input"))?.focus(how);
}

// One row is reached by Tab, the others by arrow keys.
function rest(box, line) {
  for (const each of box.querySelectorAll("tbody :is(.opener, input)")) each.tabIndex = line?.contains(each) ? 0 : -1;
  if (line) box.here = line.row.key;
}

function open(box, line) {
  const { row } = line;
  if (!box.data.opens) return line.querySelector(".opener").click();
  line.classList.add("opening");
  act(box, { what: "open", key: row.key });
  focusOnOpened();
}

// The heading of what was opened has the focus that the table had, which is gone with it; an own list keeps its focus.
function focusOnOpened() {
  const heading = () => document.querySelector("[data-testid=stMain] h1");
  const before = heading()?.textContent;
  const until = Date.now() + FOCUS_WITHIN_MS;
  const clock = setInterval(() => {
    const opened = heading();
    const lost = document.activeElement === document.body;
    if (lost && opened && opened.textContent !== before) {
      opened.tabIndex = -1;
      opened.focus({ preventScroll: true });
    } else if (Date.now() < until) return;
    clearInterval(clock);
  }, 100);
}

function openApart(row) {
  const href = safe(row.href);
  if (href) window.open(href, "_blank", "noopener");
}

function act(box, what) {
  box.toPython.setTriggerValue("act", what);
}

// Only ways within this dashboard are followed.
function safe(href) {
  if (!href) return "";
  const url = new URL(href, document.baseURI);
  return url.origin === location.origin ? url.href : "";
}

const find = (box, key) => [...box.querySelectorAll("tbody tr")].find((line) => line.row.key === key);

function part(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}
