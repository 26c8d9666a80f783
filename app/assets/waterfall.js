// Rows of a tree of spans, as app/views/traces/waterfall.py sends them. Every text is set as text, never as HTML.
// A click or Enter selects a row's span, the arrow keys walk, open and fold; what was done goes to Python as `act`.

const STEP_REM = 0.9;
const MOST_STEPS = 12;

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const tree = parentElement.querySelector("[role=tree]");
  const hadFocus = tree.contains(tree.getRootNode().activeElement);
  const { at: last = "", place = "0" } = tree.dataset;
  const act = (what, row) => setTriggerValue("act", { what, id: row.id, open: row.folded !== false });
  const choose = (row) => {
    if (row.kind === "span" && data.selects) act("select", row);
    else if (row.folded !== null || row.kind === "rest") act("toggle", row);
  };

  tree.setAttribute("aria-label", data.title);
  tree.classList.toggle("scrolls", data.scrolls);
  tree.replaceChildren(...data.rows.map((row) => rowOf(row, act, choose)));

  const [start, end] = data.ends.map((text) => part("span", "end", text));
  parentElement.querySelector(".axis").replaceChildren(start, end);

  const items = [...tree.children];
  const find = (id) => items.find((item) => item.row.id === id && id !== "");
  const selected = items.find((item) => item.row.selected);
  for (const item of items) item.onfocus = () => rest(item);
  // A row that stood for more is gone once it has opened: the first of what it stood for takes its place.
  const here = find(last) ?? (hadFocus ? items[place] : selected) ?? items[0];
  rest(here);
  if (hadFocus) here?.focus({ preventScroll: true });
  if (selected && tree.dataset.selected !== selected.row.id) {
    // Within its own frame alone: the page stays where it is.
    const beyond = selected.offsetTop + selected.offsetHeight - tree.clientHeight;
    if (selected.offsetTop < tree.scrollTop || beyond > tree.scrollTop) tree.scrollTop = Math.max(beyond + tree.clientHeight / 2, 0);
  }
  tree.dataset.selected = selected ? selected.row.id : "";

  tree.onkeydown = (event) => {
    const here = event.target.closest("[role=treeitem]");
    const at = items.indexOf(here);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const { row } = here;
    if (event.key === "ArrowDown") items[at + 1]?.focus();
    else if (event.key === "ArrowUp") items[at - 1]?.focus();
    else if (event.key === "Home") items[0].focus();
    else if (event.key === "End") items.at(-1).focus();
    else if (event.key === "ArrowRight" && row.folded) act("toggle", row);
    else if (event.key === "ArrowRight" && row.folded === false) items[at + 1]?.focus();
    else if (event.key === "ArrowLeft" && row.folded === false) act("toggle", row);
    else if (event.key === "ArrowLeft") items.slice(0, at).findLast((item) => item.row.depth < row.depth)?.focus();
    else if (event.key === "Enter" || event.key === " ") choose(row);
    else return;
    event.preventDefault();
  };

  function rest(item) {
    if (!item) return;
    for (const each of items) each.tabIndex = -1;
    item.tabIndex = 0;
    tree.dataset.at = item.row.id;
    tree.dataset.place = items.indexOf(item);
  }
}

function rowOf(row, act, choose) {
  const item = part("div", `row ${row.kind}`);
  item.row = row;
  item.setAttribute("role", "treeitem");
  item.setAttribute("aria-level", row.depth + 1);
  item.setAttribute("aria-selected", String(row.selected));
  item.setAttribute("aria-label", row.said);
  if (row.folded !== null) item.setAttribute("aria-expanded", String(!row.folded));
  item.classList.toggle("critical", row.critical);
  item.classList.toggle("found", row.found);
  item.title = row.said;

  const name = part("div", "name");
  name.style.paddingInlineStart = `${Math.min(row.depth, MOST_STEPS) * STEP_REM}rem`;
  const twisty = part("span", "twisty", row.folded === null ? "" : row.folded ? "▸" : "▾");
  if (row.folded !== null) {
    twisty.onclick = (event) => {
      event.stopPropagation();
      item.focus({ preventScroll: true });
      act("toggle", row);
    };
  }
  name.append(twisty);
  if (row.colour) {
    const dot = part("span", "dot");
    dot.style.background = row.colour;
    name.append(dot);
  }
  const label = part("span", "label", row.label);
  label.dir = "auto";
  name.append(label);
  for (const flag of row.flags) name.append(part("span", `flag ${flag.kind}`, flag.text));

  const bar = part("div", "lane");
  if (row.colour) {
    const drawn = part("span", "bar");
    drawn.style.background = row.colour;
    drawn.style.insetInlineStart = `${row.left * 100}%`;
    drawn.style.width = `max(${row.width * 100}%, 2px)`;
    bar.append(drawn);
  }
  item.append(name, bar, part("div", "time", row.time));
  item.onclick = () => {
    item.focus({ preventScroll: true });
    choose(row);
  };
  return item;
}

function part(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}
