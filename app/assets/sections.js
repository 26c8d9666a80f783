// Tells a screen reader that the sidebar's sections are lists of pages: Streamlit puts them as plain boxes into one list, which then
// has no items (1.67).

export default function () {
  window.raglassSections ??= setInterval(mend, 500); // the list may come after this, and be made anew
  mend();
}

function mend() {
  const nav = document.querySelector("[data-testid=stSidebarNavItems]");
  const sections = [...(nav?.children ?? [])].filter((each) => each.tagName === "DIV");
  if (!sections.length || nav.getAttribute("role") === "presentation") return;
  nav.setAttribute("role", "presentation");
  for (const section of sections) section.setAttribute("role", "list");
}
