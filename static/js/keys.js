// The keys, from one registry that also writes the list behind "?". `data-keys="off"` on <body> leaves what needs more
// than a letter (WCAG 2.1.4). While somebody types, only Esc, what Ctrl is held for, and the form's own keys do something.
import { announce, typing, word } from "./words.js";

const bindings = [];
const always = () => true;
let pending = "";
let timer;

// combos: "?", "g d", "shift+x", "mod+k", "alt+arrowleft", or several of them. shown: what the list shows of them. label: a
// word's key, or the text itself from a function. act(event, combo) returns false where there is nothing for it to do: then
// the next binding of the same keys is asked. on: whether this page has it. within: only where the focus is in such an
// element, and then before all others; typing: also while somebody types there.
export function bind(combos, shown, label, act, { on = always, group = on === always ? "keys.everywhere" : "keys.here", within = "", typing = false } = {}) {
  bindings.push({ combos: [combos].flat(), shown, label, act, on, group, within, typing });
}

export const enabled = () => document.body.dataset.keys !== "off";
const isLetter = (combo) => combo.split(" ").every((key) => /^(shift\+)?.$/u.test(key));
const usable = ({ combos, on }) => on() && (enabled() || !combos.some(isLetter));

function combo({ key, altKey, ctrlKey, metaKey, shiftKey }) {
  const plain = key.toLowerCase();
  const shift = shiftKey && /^[a-z]$/.test(plain) ? "shift+" : "";
  return `${ctrlKey || metaKey ? "mod+" : ""}${altKey ? "alt+" : ""}${shift}${plain}`;
}

// What the list shows, by group.
function listed() {
  const groups = new Map();
  for (const binding of bindings) {
    if (!binding.label || !usable(binding)) continue;
    const rows = groups.get(binding.group) ?? new Map();
    if (!rows.has(binding.shown)) rows.set(binding.shown, binding);
    groups.set(binding.group, rows);
  }
  return groups;
}

const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

export function help() {
  const dialog = document.getElementById("keys");
  if (!dialog || dialog.open) return;
  dialog.querySelector("[data-keys-groups]").replaceChildren(
    ...[...listed()].map(([group, rows]) => {
      const section = make("section");
      const list = make("dl", { className: "keys-list" });
      for (const [shown, { combos, label }] of rows) {
        const value = make("dd");
        value.dataset.combos = combos.join(",");
        value.append(...shown.split(" ").map((key) => make("kbd", { textContent: key === "Ctrl" ? word("keys.ctrl") : key })));
        list.append(make("dt", { textContent: typeof label === "function" ? label() : word(label) }), value);
      }
      section.append(make("h3", { textContent: word(group) }), list);
      return section;
    }),
  );
  dialog.showModal();
}

// The page's own search before that of everything.
function search() {
  const input = ["filter-q", "search"].map((id) => document.getElementById(id)).find((one) => one?.checkVisibility());
  input?.focus();
  input?.select();
}

// Out of a search with one key, whatever was typed: what it hid is shown again, and a dialog that it is in closes.
function leaveSearch({ target }) {
  const dialog = target.closest("dialog:not(#drawer)");
  if (target.closest("details.menu")) return false;
  if (dialog) return void dialog.close();
  if (target.value) {
    target.value = "";
    target.dispatchEvent(new Event("input", { bubbles: true }));
  }
  target.blur();
}

bind("/", "/", "keys.search", search);
bind("escape", "Esc", "keys.close", leaveSearch, { group: "keys.everywhere", within: "input[type=search]", typing: true });
bind("?", "?", "keys.help", help);
for (const link of document.querySelectorAll("[data-go]")) {
  const letter = link.dataset.go;
  const label = () => (link.querySelector("span") ?? link).textContent.trim();
  bind(`g ${letter.toLowerCase()}`, `G ${letter}`, label, () => link.click(), { group: "keys.goto" });
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || ["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
  const types = typing(event.target);
  const writes = types && !event.ctrlKey && !event.metaKey && event.key !== "Escape";
  const away = writes || document.querySelector("dialog:modal:not(#drawer)");
  const inScope = (one) => (one.within ? event.target.closest?.(one.within) && (one.typing || !types) : !away);
  const key = combo(event);
  const whole = pending ? `${pending} ${key}` : key;
  clearTimeout(timer);
  pending = "";
  const known = bindings.filter((one) => usable(one) && inScope(one)).sort((one, other) => Boolean(other.within) - Boolean(one.within));
  for (const { combos, act } of known) {
    if (!combos.includes(whole) || act(event, whole) === false) continue;
    event.preventDefault();
    return;
  }
  if (!known.some(({ combos }) => combos.some((one) => one.startsWith(`${key} `)))) return;
  pending = key;
  announce(word("keys.pending"));
  timer = setTimeout(() => (pending = ""), 1500);
});
document.addEventListener("click", (event) => event.target.closest("[data-keys-help]") && help());
