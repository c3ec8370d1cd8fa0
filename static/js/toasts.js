// Toasts are rendered by the server and appended to #toasts. Here they leave after 8 s, unless looked at.
import { word } from "./words.js";

const LIFE = 8000;
const AT_ONCE = 3;
const region = document.getElementById("toasts");
const timers = new Map();

function leave(toast) {
  clearTimeout(timers.get(toast));
  timers.delete(toast);
  toast.classList.add("leaving");
  setTimeout(() => toast.remove(), 220);
}

function arm(toast) {
  [...region.querySelectorAll(".toast:not(.leaving)")].slice(0, -AT_ONCE).forEach(leave);
  clearTimeout(timers.get(toast));
  timers.set(toast, setTimeout(() => leave(toast), LIFE));
}

const pause = () => timers.forEach((timer) => clearTimeout(timer));
const resume = () => region.matches(":hover, :focus-within") || timers.forEach((_, toast) => arm(toast));

export function toast(text, { kind = "error", label, act } = {}) {
  const copy = document.getElementById("toast-template").content.cloneNode(true).firstElementChild;
  copy.dataset.kind = kind;
  copy.querySelector("p").textContent = text;
  if (act) {
    const button = copy.querySelector("[data-act]");
    button.hidden = false;
    button.textContent = label;
    button.addEventListener("click", () => (leave(copy), act()));
  }
  region.append(copy);
}

if (region) {
  new MutationObserver((changes) =>
    changes.forEach((change) => change.addedNodes.forEach((node) => node instanceof HTMLElement && node.matches(".toast") && arm(node))),
  ).observe(region, { childList: true });
  region.querySelectorAll(".toast").forEach(arm);
  region.addEventListener("pointerenter", pause);
  region.addEventListener("pointerleave", resume);
  region.addEventListener("focusin", pause);
  region.addEventListener("focusout", () => setTimeout(resume));
  region.addEventListener("click", (event) => {
    if (event.target.closest("[data-dismiss]")) leave(event.target.closest(".toast"));
  });
  // An Undo that went through takes its toast along.
  region.addEventListener("htmx:afterRequest", (event) => {
    const toast = event.target.closest?.(".toast");
    if (toast && event.detail.successful) leave(toast);
  });
}

// Requests that nobody else answers for: say so, once, and keep what was typed. Polls stay quiet.
const alone = (event) => !event.detail.elt?.closest?.("[data-poll], [data-handles-errors]");
document.addEventListener("htmx:sendError", (event) => alone(event) && toast(word("offline")));
document.addEventListener("htmx:timeout", (event) => alone(event) && toast(word("offline")));
document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (alone(event) && status !== 409 && status !== 422) toast(word("failed", { status }));
});
