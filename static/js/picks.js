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
if (document.querySelector("[data-rows]")) {
  bind("j", "J K", "keys.rows", () => walk(1));
  bind("k", "J K", "", () => walk(-1));
  bind("x", "X", "keys.pick", () => row()?.querySelector("input[name=edit]")?.click());
  bind("o", "O", "keys.decide", () => {
    const found = ["[data-open]", "[data-details]", "a.link"].map((what) => row()?.querySelector(what));
    found.find(Boolean)?.click();
  });
}

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
if (document.querySelector("[data-submit]")) {
  bind("mod+enter", "Ctrl ↵", "keys.next", () => document.querySelector("[data-submit]").click());
}
if (document.querySelector("[data-next]")) bind("n", "N", "keys.later", () => document.querySelector("[data-next]").click());
