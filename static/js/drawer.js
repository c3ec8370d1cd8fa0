// A quick look at a record: a link with `data-drawer` opens its page's `?drawer=1` fragment in the panel. The address
// bar shows the record's own address, Back closes, and focus returns to where it came from.
import { bind } from "./keys.js";
import { narrow } from "./words.js";

const drawer = document.getElementById("drawer");
const body = document.getElementById("drawer-body");
let opener = null;

const fragment = (href) => {
  const url = new URL(href, location.href);
  url.searchParams.set("drawer", "1");
  return url.pathname + url.search;
};

export const isOpen = () => Boolean(drawer?.open);

function mark(href) {
  document.querySelectorAll(".card.current").forEach((card) => card.classList.remove("current"));
  if (href) document.querySelector(`.card a[data-drawer][href="${CSS.escape(href)}"]`)?.closest(".card").classList.add("current");
}

// Resolves when the record is there.
function load(href) {
  drawer.querySelector("[data-drawer-page]").href = href;
  if (!drawer.open) narrow() ? drawer.showModal() : drawer.show();
  mark(href);
  return htmx.ajax("GET", fragment(href), { source: body, target: body, swap: "innerHTML" }).then(() => {
    body.scrollTop = 0;
    body.focus({ preventScroll: true });
  });
}

export function open(link) {
  const href = link.getAttribute("href");
  if (!isOpen()) opener = link;
  if (history.state?.drawer) history.replaceState({ drawer: href }, "", href);
  else history.pushState({ drawer: href }, "", href);
  return load(href);
}

function hide() {
  if (!isOpen()) return;
  drawer.close();
  body.replaceChildren();
  mark(null);
  const card = opener?.closest("[id]");
  const back = card ? document.getElementById(card.id) : opener;
  (back?.matches(".card, a, button") ? back : opener)?.focus({ preventScroll: true });
  opener = null;
}

export function close() {
  if (history.state?.drawer) history.back();
  else hide();
}

if (drawer) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-drawer]");
    if (link && !event.defaultPrevented && event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      open(link);
    } else if (event.target.closest("[data-drawer-close]")) close();
  });
  drawer.addEventListener("cancel", (event) => {
    event.preventDefault();
    close();
  });
  bind("escape", "Esc", "keys.close", () => (isOpen() ? close() : false));
  addEventListener("popstate", (event) => {
    if (event.state?.drawer) load(event.state.drawer);
    else hide();
  });
  // A server may close the drawer or the dialog with `HX-Trigger: close-drawer` / `close-dialog`.
  document.addEventListener("close-drawer", close);
}

// The one dialog: a fragment put into #dialog opens it; `close-dialog` and [data-dialog-close] close it.
const dialog = document.getElementById("dialog");
if (dialog) {
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target === dialog && dialog.firstElementChild && !dialog.open) dialog.showModal();
  });
  document.addEventListener("close-dialog", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-dialog-close]")) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.replaceChildren());
}
