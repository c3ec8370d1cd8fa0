// Toasts are rendered by the server and appended to #toasts. Here they leave after 8 s, unless looked at; three are
// enough at once, and a newer one about the same record takes the place of the older one.
import { bind } from "./keys.js";
import { calm, typing, word } from "./words.js";

const LIFE = 8000;
const STEP = 250;
const AT_ONCE = 3;
const region = document.getElementById("toasts");
const shown = () => [...region.querySelectorAll(".toast:not(.leaving)")];
const left = new WeakMap();

function leave(toast) {
  toast.classList.add("leaving");
  setTimeout(() => toast.remove(), calm() ? 0 : 220);
}

// The address of an Undo names the record, and at its end the edit.
const subject = (toast) => toast.querySelector("form")?.getAttribute("action").replace(/\d+(?=\D*$)/, "");

function arrive(toast) {
  left.set(toast, LIFE);
  const about = subject(toast);
  for (const other of shown()) if (other !== toast && about && subject(other) === about) other.remove();
  shown().slice(0, -AT_ONCE).forEach(leave);
}

// With the morph extension, htmx appends the element that says where to, not what is in it.
function unwrap(wrapper) {
  const toasts = [...wrapper.children];
  wrapper.replaceWith(...toasts);
  toasts.forEach((toast) => htmx.process(toast));
}

// A pointer that moved onto them reads; one that they came up under does not, nor does the focus that a click left.
let reading = false;
const attended = () => (reading &&= region.matches(":hover")) || region.querySelector(":focus-visible");

function age() {
  if (attended()) return;
  for (const toast of shown()) {
    left.set(toast, left.get(toast) - STEP);
    if (left.get(toast) <= 0) leave(toast);
  }
}

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

// The newest Undo that is there; while somebody types, Ctrl Z is the browser's own.
const undo = () => shown().map((toast) => toast.querySelector("form button")).findLast(Boolean);

if (region) {
  bind("mod+z", "Ctrl Z", "keys.undo", ({ target }) => (typing(target) ? false : undo()?.click()), { on: () => Boolean(undo()) });
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) if (node instanceof HTMLElement) node.matches(".toast") ? arrive(node) : unwrap(node);
  }).observe(region, { childList: true });
  shown().forEach(arrive);
  setInterval(age, STEP);
  region.addEventListener("pointermove", (event) => (reading ||= Boolean(event.movementX || event.movementY)));
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
