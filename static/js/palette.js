// The palette: records that the portal finds, and at once the pages and what can be done, by what is typed.
import { bind, help } from "./keys.js";
import { announce, word } from "./words.js";

const dialog = document.getElementById("palette");
const input = dialog?.querySelector("input");
const list = dialog?.querySelector("[role=listbox]");
const options = () => [...list.querySelectorAll("[role=option]:not([hidden])")];

function option(id, text, act) {
  const found = Object.assign(document.createElement("div"), { id, className: "menu-item", textContent: text });
  found.setAttribute("role", "option");
  found.addEventListener("click", () => {
    dialog.close();
    act();
  });
  return found;
}

// The heading above a button of the preferences.
function headingOf(button) {
  let above = button.previousElementSibling;
  while (above && !above.matches("h3")) above = above.previousElementSibling;
  return above?.textContent ?? "";
}

// What the page itself can do, made anew whenever the palette opens.
function fill() {
  const links = [...document.querySelectorAll("[data-go], .person a.menu-item")];
  const pages = links.map((link, n) => option(`palette-page-${n}`, link.textContent.trim().replace(/\s+/g, " "), () => link.click()));
  const actions = [
    option("palette-new", word("keys.new"), () => location.assign("/deals/new/")),
    option("palette-keys", document.getElementById("keys-title").textContent, help),
    ...[...document.querySelectorAll("[data-preferences] button")].map((button, n) =>
      option(`palette-look-${n}`, `${headingOf(button)}: ${button.textContent.trim()}`, () => button.click()),
    ),
  ];
  for (const [name, found] of Object.entries({ pages, actions })) list.querySelector(`[data-palette=${name}]`).append(...found);
}

function choose(found) {
  for (const one of list.querySelectorAll("[aria-selected=true]")) one.setAttribute("aria-selected", "false");
  found?.setAttribute("aria-selected", "true");
  found?.scrollIntoView({ block: "nearest" });
  found ? input.setAttribute("aria-activedescendant", found.id) : input.removeAttribute("aria-activedescendant");
}

function narrow() {
  const words = input.value.trim().toLowerCase().split(/\s+/);
  for (const group of list.querySelectorAll("[data-palette]")) {
    const found = [...group.querySelectorAll("[role=option]")];
    for (const one of found) one.hidden = !words.every((part) => one.textContent.toLowerCase().includes(part));
    group.hidden = found.every((one) => one.hidden);
  }
  settle();
}

function settle() {
  const found = options();
  dialog.querySelector("[data-palette-none]").hidden = found.length > 0;
  choose(found[0]);
}

function open() {
  if (!dialog || dialog.open) return;
  input.value = "";
  for (const group of list.querySelectorAll("[data-palette]")) for (const old of group.querySelectorAll("[role=option]")) old.remove();
  document.getElementById("palette-records").replaceChildren();
  fill();
  dialog.showModal();
  narrow();
}

if (dialog) {
  bind("mod+k", "Ctrl K", "keys.palette", open);
  input.addEventListener("input", narrow);
  input.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.indexOf(list.querySelector("[aria-selected=true]"));
    const next = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (next !== undefined && all.length) {
      event.preventDefault();
      choose(all[next % all.length]);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      all[at]?.click();
    }
  });
  dialog.addEventListener("htmx:afterSettle", () => {
    settle();
    announce(word("palette.found", { count: options().length }));
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-palette-open]")) open();
    else if (event.target === dialog) dialog.close();
  });
}
