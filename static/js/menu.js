// Menus: <details class="menu"> closes like a menu, and one shared popup, filled for whoever asks, with arrow keys.
import { bind } from "./keys.js";
import { narrow } from "./words.js";

const shared = document.createElement("div");
shared.id = "move-menu";
shared.className = "menu-list";
shared.popover = "auto";
shared.setAttribute("role", "menu");
(document.querySelector("main") ?? document.body).append(shared);
let owner = null;
let from = null;
let typed = "";
let typedAt = 0;

const items = () => [...shared.querySelectorAll("[role^=menuitem]:not([aria-disabled=true])")];

function place(anchor) {
  const box = (from = anchor.getBoundingClientRect());
  // On a phone it comes up from below, where the thumb is.
  if (narrow()) return Object.assign(shared.style, { top: "", left: "" });
  const { offsetWidth: width, offsetHeight: height } = shared;
  const below = box.bottom + 4 + height <= innerHeight - 8;
  const top = below ? box.bottom + 4 : Math.max(8, box.top - 4 - height);
  const left = Math.min(Math.max(8, box.right - width), innerWidth - width - 8);
  Object.assign(shared.style, { top: `${top}px`, left: `${left}px` });
}

// entries: {label, hue, checked, disabled, pick}. Resolves focus back to `anchor` when it closes without a choice.
export function openMenu(anchor, title, entries, back = anchor) {
  owner = { anchor, back };
  shared.setAttribute("aria-label", title);
  const head = Object.assign(document.createElement("p"), { className: "menu-title", textContent: title });
  head.setAttribute("role", "presentation");
  shared.replaceChildren(
    head,
    ...entries.map(({ label, hue, checked, disabled, pick }) => {
      const item = document.createElement("button");
      item.type = "button";
      item.className = "menu-item";
      item.tabIndex = -1;
      item.setAttribute("role", "menuitemradio");
      item.setAttribute("aria-checked", String(Boolean(checked)));
      if (disabled) item.setAttribute("aria-disabled", "true");
      const dot = Object.assign(document.createElement("span"), { className: `dot ${hue ?? ""}` });
      const text = Object.assign(document.createElement("span"), { textContent: label });
      item.append(dot, text);
      if (checked) item.append(document.getElementById("check-template").content.cloneNode(true));
      item.addEventListener("click", () => {
        if (disabled) return;
        shared.hidePopover();
        if (!checked) pick();
      });
      return item;
    }),
  );
  anchor.setAttribute("aria-expanded", "true");
  shared.showPopover();
  place(anchor);
  (shared.querySelector("[aria-checked=true]") ?? items()[0])?.focus();
}

shared.addEventListener("toggle", (event) => {
  if (event.newState !== "closed" || !owner) return;
  const { anchor, back } = owner;
  owner = null;
  anchor.removeAttribute("aria-expanded");
  if (shared.contains(document.activeElement) || document.activeElement === document.body) back.focus?.({ preventScroll: true });
});
shared.addEventListener("keydown", (event) => {
  const all = items();
  const at = all.indexOf(document.activeElement);
  const step = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
  if (step !== undefined) {
    event.preventDefault();
    all[step % all.length]?.focus();
  } else if (event.key === "Tab") {
    event.preventDefault();
    shared.hidePopover();
  } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== " ") {
    typed = event.timeStamp - typedAt < 600 ? typed + event.key.toLowerCase() : event.key.toLowerCase();
    typedAt = event.timeStamp;
    const rest = typed.length > 1 ? all : [...all.slice(at + 1), ...all.slice(0, at + 1)];
    rest.find((item) => item.textContent.trim().toLowerCase().startsWith(typed))?.focus();
  }
  event.stopPropagation();
});
// It closes when what opened it moves away from it; on a phone it lies by itself, and stays when the keyboard goes. The
// scrolling that brought its anchor here is told of a frame later, and closes nothing.
function moved({ type }) {
  if (!owner) return;
  const { left, top } = owner.anchor.getBoundingClientRect();
  if (!narrow() && (left !== from.left || top !== from.top)) shared.hidePopover();
  else if (type === "resize") place(owner.anchor);
}
for (const type of ["resize", "scroll"]) addEventListener(type, moved, true);

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
// What was opened last is closed first: a menu, a popover, and only then what other modules close.
bind("escape", "Esc", "keys.close", () => {
  const menu = document.querySelector("details.menu[open]");
  const popover = document.querySelector(":popover-open");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (popover) popover.hidePopover();
  else return false;
});
