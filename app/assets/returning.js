// Whoever signs in comes back to the address that they came by: Streamlit sends them to the front page (1.67).

const KEPT = "raglass-returning";
const FOR_MS = 10 * 60 * 1000;

export default function (component) {
  if (component.data.leaving) {
    sessionStorage.setItem(KEPT, JSON.stringify({ to: location.href, at: Date.now() }));
    return;
  }
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  sessionStorage.removeItem(KEPT);
  if (!kept || location.pathname !== "/" || Date.now() - kept.at > FOR_MS) return;
  if (new URL(kept.to).origin === location.origin && kept.to !== location.href) location.replace(kept.to);
}
