// What lets a keyboard and a screen reader reach the content: a link that leads past the sidebar, and Streamlit's sections of pages
// told as the lists that they are (it puts them as plain boxes into one list, which then has no items).

export default function (component) {
  const main = document.querySelector("[data-testid=stMain]");
  const nav = document.querySelector("[data-testid=stSidebarNavItems]");
  if (nav) told(nav);
  if (!main) return;
  main.id = "content";
  main.tabIndex = -1;
  const there = document.querySelector(".raglass-skip");
  const link = there ?? document.createElement("a");
  // Streamlit's page has a base, so that "#content" alone would lead to the first page.
  link.href = `${location.pathname}${location.search}#content`;
  if (there) return;
  link.className = "raglass-skip";
  link.textContent = component.data.words;
  // The address stays as it is: it says what is open.
  link.onclick = (event) => {
    event.preventDefault();
    document.querySelector("[data-testid=stMain]")?.focus();
  };
  document.body.prepend(link);
}

function told(nav) {
  const sections = [...nav.children].filter((each) => each.tagName === "DIV");
  if (!sections.length) return;
  nav.setAttribute("role", "presentation");
  for (const section of sections) section.setAttribute("role", "list");
}
