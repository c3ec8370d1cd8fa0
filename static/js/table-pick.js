// Rows of the table that are chosen: by their box, X, Shift and click, or all that the filters leave. What is chosen is kept
// by id, so it outlasts rows that arrive anew; the bar below leads to what is done to all of them.
import { bind } from "./keys.js";
import { rows, titleOf } from "./table.js";
import { announce, word } from "./words.js";

const chosen = new Set();
let all = false;
let last = null;

const table = () => document.getElementById("table");
const bar = () => document.getElementById("chosen");
const rowOf = (element) => element.closest?.("#rows > tr[data-deal]");

function said() {
  if (!all) return word("picked", { count: chosen.size });
  const { count } = table().dataset;
  const { most } = bar().dataset;
  return Number(count) > Number(most) ? word("picked.first", { most, count }) : word("picked.all", { count });
}

function paint() {
  if (!table()) return;
  for (const row of rows()) {
    const is = all || chosen.has(row.dataset.deal);
    row.setAttribute("aria-selected", String(is));
    const box = row.querySelector("th > input");
    if (box) box.checked = is;
  }
  const any = all || chosen.size > 0;
  table().classList.toggle("choosing", any);
  const form = bar();
  if (!form) return;
  form.hidden = !any;
  form.elements.all.value = all ? "1" : "";
  form.elements.deals.value = all ? "" : [...chosen].join(",");
  form.querySelector("[data-choose-all]").hidden = all;
  form.querySelector("[data-many-count]").textContent = any ? said() : "";
}

function choose(row, is = !chosen.has(row.dataset.deal)) {
  all = false;
  is ? chosen.add(row.dataset.deal) : chosen.delete(row.dataset.deal);
  last = row.dataset.deal;
}

function told(row) {
  paint();
  announce(`${word(chosen.has(row.dataset.deal) ? "chosen" : "unchosen", { title: titleOf(row) })} ${said()}`);
}

function through(row) {
  const listed = rows();
  const from = listed.findIndex((one) => one.dataset.deal === last);
  const to = listed.indexOf(row);
  for (const one of listed.slice(Math.min(from < 0 ? to : from, to), Math.max(from, to) + 1)) choose(one, true);
  last = row.dataset.deal;
  told(row);
}

function clear() {
  chosen.clear();
  all = false;
  paint();
  announce(word("picked", { count: 0 }));
}

document.addEventListener(
  "click",
  (event) => {
    const row = table() && rowOf(event.target);
    if (!row || event.button || event.target.closest(".cell-form")) return;
    const box = event.target.closest("th > input");
    if (event.shiftKey) {
      event.preventDefault();
      event.stopPropagation();
      // A box that is being clicked takes its old state back afterwards.
      return setTimeout(() => through(row));
    }
    if (!box) return;
    choose(row, box.checked);
    told(row);
  },
  true,
);
document.addEventListener("click", (event) => {
  if (!table()) return;
  if (event.target.closest("#chosen [data-many-clear]")) clear();
  if (!event.target.closest("#chosen [data-choose-all]")) return;
  all = true;
  paint();
  announce(said());
});
// Rows that come anew are chosen still.
document.addEventListener("rows-settled", paint);

if (table()) {
  const inRows = { on: () => Boolean(table()), within: "#rows > tr[data-deal]" };
  bind("escape", "Esc", "keys.close", () => (all || chosen.size ? clear() : false));
  bind("x", "X", "keys.pick", ({ target }) => (choose(rowOf(target)), told(rowOf(target))), inRows);
  bind("shift+x", "⇧ X", "keys.through", ({ target }) => through(rowOf(target)), inRows);
  paint();
}
