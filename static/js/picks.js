// Lists whose rows are chosen and walked, and the form that decides a conflict. All of it works without this, too.
import { bind } from "./keys.js";
import { word } from "./words.js";

const rows = () => [...document.querySelectorAll("[data-rows] [data-row]")];
const boxes = (group) => [...group.querySelectorAll("input[name=edit]")];

function count(group) {
  const all = group.querySelector("[data-pick-all]");
  const chosen = boxes(group).filter((box) => box.checked).length;
  const told = group.querySelector("[data-picked]");
  if (told) told.textContent = chosen ? word("picked", { count: chosen }) : "";
  if (all) all.indeterminate = !all.checked && chosen > 0;
}

document.addEventListener("change", ({ target }) => {
  const group = target.closest("[data-picks]");
  if (!group) return;
  const all = group.querySelector("[data-pick-all]");
  if (target === all) boxes(group).forEach((box) => (box.checked = all.checked));
  else if (all && !target.checked) all.checked = false;
  count(group);
});

function walk(step) {
  const listed = rows();
  const here = listed.indexOf(document.activeElement?.closest?.("[data-row]"));
  listed[Math.min(Math.max(here + step, 0), listed.length - 1)]?.focus();
}

const row = () => document.activeElement?.closest?.("[data-row]");
const inRow = (act) => () => {
  const found = row();
  return found ? act(found) : false;
};
const onRows = { on: () => rows().length > 0 };

bind(["j", "k"], "J K", "keys.rows", (event, combo) => walk(combo === "j" ? 1 : -1), onRows);
bind("x", "X", "keys.pick", inRow((found) => found.querySelector("input[name=edit]")?.click() ?? false), {
  on: () => Boolean(document.querySelector("[data-row] input[name=edit]")),
});
function open(event, combo) {
  const found = row();
  const link = ["[data-open]", "[data-details]", "a.link", "a"].map((what) => found?.querySelector(what)).find(Boolean);
  if (!link || (combo === "enter" && event.target !== found)) return false;
  link.click();
}
bind("o", "O", "keys.decide", open, onRows);
bind("enter", "Enter", "keys.decide", open, onRows);

const decision = document.querySelector("[data-decision]");
const changed = () => decision.dispatchEvent(new CustomEvent("choice-changed"));
decision?.addEventListener("input", ({ target }) => {
  // Who types another value wants it.
  const own = target.matches("input[type=radio]") ? null : target.closest(".version")?.querySelector("input[type=radio]");
  if (own) own.checked = true;
  changed();
});
decision?.addEventListener("click", (event) => {
  const all = event.target.closest("[data-choose]");
  if (!all) return;
  event.preventDefault();
  for (const radio of decision.querySelectorAll(`input[type=radio][value="${all.dataset.choose}"]`)) radio.checked = true;
  changed();
});
const press = (what) => [() => document.querySelector(what).click(), { on: () => Boolean(document.querySelector(what)) }];
bind("mod+enter", "Ctrl ↵", "keys.next", ...press("[data-submit]"));
bind("n", "N", "keys.later", ...press("[data-next]"));
