// Says that the server is away, in place of Streamlit's own dialog, and brings the page back once /readyz answers again.
// What is typed into a box and not sent yet is kept in this tab, so that walking about or a reload does not lose it.

const PATIENCE_MS = 1500;
const EVERY_MS = 2000;
const DRAFTS = "raglass-drafts";
const LOOKS = 20; // at a box that was drawn: the address may name the trace that it belongs to a little later, and a run may empty it once more

export default function (component) {
  const { data, parentElement } = component;
  const line = parentElement.querySelector(".away");
  line.textContent = data.words;
  const watch = (window.raglassWatch ??= { line: null, since: 0, asking: false });
  watch.line = line;
  if (!watch.clock) {
    watch.clock = setInterval(() => look(watch), 500);
    document.addEventListener("input", (event) => note(event.target), true);
    document.addEventListener("submit", (event) => forget(event.target), true);
    document.addEventListener("keydown", (event) => event.key === "Enter" && forget(formOf(event.target)), true);
    document.addEventListener("click", (event) => forget(formOf(event.target)), true);
  }
}

function look(watch) {
  giveBack();
  const app = document.querySelector("[data-test-connection-state]");
  const here = !app || app.dataset.testConnectionState === "CONNECTED";
  if (here) {
    // What is drawn is of a server that went, whoever of the two notices first that it is back.
    if (document.documentElement.classList.contains("rg-away")) location.reload();
    watch.since = 0;
    show(watch, false);
    return;
  }
  watch.since ||= Date.now();
  if (Date.now() - watch.since < PATIENCE_MS) return;
  show(watch, true);
  if (!watch.asking) ask(watch);
}

function show(watch, away) {
  if (watch.line) watch.line.hidden = !away;
  document.documentElement.classList.toggle("rg-away", away);
}

async function ask(watch) {
  watch.asking = true;
  try {
    const reply = await fetch(new URL("readyz", location.href), { cache: "no-store" });
    if (reply.ok && watch.since) location.reload();
  } catch {
    // Still away.
  }
  setTimeout(() => (watch.asking = false), EVERY_MS);
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(DRAFTS)) ?? {};
  } catch {
    return {};
  }
}

function write(drafts) {
  try {
    sessionStorage.setItem(DRAFTS, JSON.stringify(drafts));
  } catch {
    // A browser that keeps nothing for pages.
  }
}

// Boxes of forms alone: what stands in another is sent as soon as it is left.
function boxes() {
  return document.querySelectorAll('[data-testid=stForm] [data-testid=stTextInput] input[aria-label="Question"]');
}

function formOf(part) {
  return part.closest?.("[data-testid=stForm]");
}

// A draft belongs to a box beside what is open there: a link to another trace shows that one's question.
function nameOf(box) {
  const form = box.closest("[class*=st-key-]")?.className.match(/st-key-[\w-]+/)?.[0] ?? "";
  return `${location.pathname} ${form} ${new URLSearchParams(location.search).get("trace") ?? ""}`;
}

function note(box) {
  if (!box.matches?.('[data-testid=stForm] input[aria-label="Question"]') || box.givingBack) return;
  box.looks = LOOKS;
  const drafts = read();
  drafts[nameOf(box)] = box.value;
  write(drafts);
}

function forget(form) {
  const drafts = read();
  if (!form?.querySelectorAll) return;
  for (const box of form.querySelectorAll('input[aria-label="Question"]')) delete drafts[nameOf(box)];
  write(drafts);
}

// What was half typed goes back into its box as if it were typed, for a while after the box is drawn, until somebody types into it.
function giveBack() {
  const drafts = read();
  for (const box of boxes()) {
    box.looks ??= 0;
    if (box.looks >= LOOKS) continue;
    box.looks += 1;
    const draft = drafts[nameOf(box)];
    if (draft === undefined || draft === box.value) continue;
    box.givingBack = true;
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(box, draft);
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.givingBack = false;
  }
}
