// The keys, from one registry that also writes the list behind "?". `data-keys="off"` on <body> leaves only Esc and the
// browser's own (WCAG 2.1.4). Nothing happens while somebody types.
import { typing, word } from "./words.js";

const bindings = [];
let pending = "";
let timer;

// combo: "?" or "g d" or "mod+k"; shown: what the list shows; act may be null where another module listens itself.
export function bind(combo, shown, label, act = null) {
  bindings.push({ combo, shown, label, act });
}

export const enabled = () => document.body.dataset.keys !== "off";

const go = (letter) => () => document.querySelector(`[data-go="${letter}"]`)?.click();
function search(event) {
  event.preventDefault();
  document.getElementById("search")?.focus();
  document.getElementById("search")?.select();
}

export function help() {
  const dialog = document.getElementById("keys");
  if (!dialog || dialog.open) return;
  const list = dialog.querySelector("dl");
  list.replaceChildren();
  for (const { shown, label } of bindings) {
    if (!label) continue;
    const term = document.createElement("dt");
    term.textContent = word(label);
    const value = document.createElement("dd");
    value.append(...shown.split(" ").map((key) => Object.assign(document.createElement("kbd"), { textContent: key })));
    list.append(term, value);
  }
  dialog.showModal();
}

bind("/", "/", "keys.search", search);
bind("mod+k", "Ctrl K", "keys.search", search);
bind("g h", "G H", "keys.home", go("H"));
bind("g i", "G I", "keys.inbox", go("I"));
bind("g y", "G Y", "keys.history", go("Y"));
bind("g d", "G D", "keys.deals", go("D"));
bind("g c", "G C", "keys.contacts", go("C"));
bind("g o", "G O", "keys.companies", go("O"));
bind("g r", "G R", "keys.reports", go("R"));
bind("g s", "G S", "keys.sync", go("S"));
bind("g n", "G N", "keys.notifications", go("N"));
bind("?", "?", "keys.help", help);
bind("escape", "Esc", "keys.close");

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const mod = event.ctrlKey || event.metaKey;
  if (!enabled() || (typing(event.target) && !mod) || document.querySelector("dialog:modal")) return;
  const key = (mod ? "mod+" : "") + event.key.toLowerCase();
  const combo = pending ? `${pending} ${key}` : key;
  clearTimeout(timer);
  pending = "";
  const binding = bindings.find((candidate) => candidate.act && candidate.combo === combo);
  if (binding) {
    event.preventDefault();
    binding.act(event);
  } else if (bindings.some((candidate) => candidate.combo.startsWith(`${key} `))) {
    pending = key;
    timer = setTimeout(() => (pending = ""), 1200);
  }
});
document.addEventListener("click", (event) => event.target.closest("[data-keys-help]") && help());
