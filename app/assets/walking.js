// A click on the way to the page that one is on closes what is open there: Streamlit runs the page again with the same address (1.67).
// A link that names a part of its page brings it into sight, once it is drawn.
// While somebody presents, the address says so, also after a link that says nothing of it, and the strip says which page it is.
// What is opened is seen from its top: Streamlit leaves the page where it was scrolled to.
// A page that the server leads to is one step of the browser's history, so that back leads to where one came from.

const STRIP = ".st-key-presenting [data-testid=stPageLink-NavLink]";
const WAYS = `[data-testid=stSidebarNavLink], ${STRIP}`;
const NARROW_PX = 768; // here the menu lies over the page, and a click on it puts it away
const EVERY_MS = 500;

export default function (component) {
  const walk = (window.raglassWalk ??= {});
  walk.data = component.data;
  walk.close = () => component.setTriggerValue("close", true);
  markWhereOneIs();
  if (walk.clock) return;
  walk.clock = setInterval(() => {
    sayThatOnePresents(walk.data);
    markWhereOneIs();
    bringToTheMiddle(walk);
    bringIntoSight(walk);
  }, EVERY_MS);
  document.addEventListener("click", (event) => closeWhatIsOpen(event, walk), true);
  pushOnce(walk);
}

// Streamlit pushes such an address in two halves: what the page is asked, at the path that one leaves, then the path (1.67).
function pushOnce(walk) {
  const push = history.pushState.bind(history);
  const half = { search: "", path: "" };
  for (const deed of ["pointerdown", "keydown"]) document.addEventListener(deed, () => (half.search = ""), true);
  history.pushState = (state, title, address) => {
    const { pathname, search } = new URL(address ?? location.href, location.href);
    const from = whatIsOpen(walk);
    const second = half.search !== "" && search === half.search && pathname !== half.path;
    if (second) history.replaceState(state, title, address);
    else push(state, title, address);
    Object.assign(half, { search: second ? "" : search, path: pathname });
    if (whatIsOpen(walk) !== from) document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0);
  };
}

function whatIsOpen({ data }) {
  const asked = new URLSearchParams(location.search);
  return [placeOf(location.href), ...data.opened.map((name) => asked.get(name))].join(" ");
}

function closeWhatIsOpen(event, walk) {
  const way = event.target.closest?.(WAYS);
  if (!way || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const here = new URLSearchParams(location.search);
  if (leadsTo(way) !== placeOf(location.href) || !walk.data.opened.some((name) => here.has(name))) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  walk.close();
  if (innerWidth <= NARROW_PX) document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
}

// The way to the first page is written as nothing, which a browser takes for the page one is on.
function leadsTo(way) {
  return placeOf(way.getAttribute("href") || "./");
}

function markWhereOneIs() {
  for (const way of document.querySelectorAll(STRIP)) {
    const here = leadsTo(way) === placeOf(location.href);
    if (here === way.hasAttribute("aria-current")) continue;
    if (here) way.setAttribute("aria-current", "page");
    else way.removeAttribute("aria-current");
  }
}

// Once a page, when all of the strip is drawn: where somebody has scrolled it to since, it stays.
function bringToTheMiddle(walk) {
  const [way, place] = [document.querySelector(`${STRIP}[aria-current]`), placeOf(location.href)];
  if (!way || walk.middle === place || !document.querySelector("[data-test-script-state=notRunning]")) return;
  const row = way.closest(".st-key-presenting-pages");
  const [its, all] = [way, row].map((each) => each.getBoundingClientRect());
  row.scrollLeft += its.left + its.width / 2 - all.left - all.width / 2;
  walk.middle = place;
}

function placeOf(address) {
  return new URL(address, location.href).pathname.replace(/\/$/, "");
}

function sayThatOnePresents({ presenting }) {
  const address = new URL(location.href);
  if (!presenting || address.searchParams.has(presenting)) return;
  address.searchParams.set(presenting, "1");
  history.replaceState(history.state, "", address);
}

function bringIntoSight(walk) {
  const part = new URLSearchParams(location.search).get("part");
  const way = part && `${placeOf(location.href)} ${part}`;
  if (walk.sought === way) return;
  const heading = way && document.getElementById(part);
  if (way && (!heading || !document.querySelector("[data-test-script-state=notRunning]"))) return;
  heading?.scrollIntoView();
  walk.sought = way;
}
