// Polls ([data-poll]) slow down to once a minute while the page is hidden, and catch up when it is looked at.
const SLOW = 60_000;
const last = new WeakMap();

document.addEventListener("htmx:beforeRequest", (event) => {
  const element = event.detail.elt;
  if (!element.matches?.("[data-poll]")) return;
  if (document.hidden && Date.now() - (last.get(element) ?? 0) < SLOW) event.preventDefault();
  else last.set(element, Date.now());
});
// Whoever does not look at the page needs nothing fresh from Nimble.
document.addEventListener("htmx:configRequest", (event) => {
  if (document.hidden) event.detail.headers["X-Page-Hidden"] = "1";
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-poll][hx-get]")) {
    htmx.ajax("GET", element.getAttribute("hx-get"), { source: element, target: element, swap: element.getAttribute("hx-swap") ?? "innerHTML" });
  }
});
