// Several cards at once: a box on the card in hand, X, Shift and click; "Choose" for fingers. What is chosen is kept by
// id, so it outlasts cards that arrive anew; the bar below does one thing to all of them.
import { board, titleOf } from "./board-cards.js";
import { bind } from "./keys.js";
import { announce, word } from "./words.js";

const chosen = new Set();
let last = null;
let choosing = false;

const bar = () => document.getElementById("many");
const cards = () => [...board().querySelectorAll(".card[data-deal]")];
const cardOf = (event) => event.target.closest?.("#board .card[data-deal]");

// A card's box: only on the card in hand and on chosen ones, so that hundreds cost nothing.
function box(card) {
  let found = card.querySelector(".pick");
  if (!found) {
    found = Object.assign(document.createElement("button"), { type: "button", className: "pick", tabIndex: -1 });
    found.setAttribute("role", "checkbox");
    found.setAttribute("aria-label", word("choose", { title: titleOf(card) }));
    card.append(found);
  }
  found.setAttribute("aria-checked", String(chosen.has(card.dataset.deal)));
}

function paint() {
  if (!board()) return;
  for (const card of cards()) {
    const is = chosen.has(card.dataset.deal);
    card.classList.toggle("selected", is);
    if (is || choosing || card.matches(":hover") || card.querySelector(".pick")) box(card);
  }
  board().classList.toggle("choosing", choosing || chosen.size > 0);
  document.querySelector("[data-choose-cards]")?.setAttribute("aria-pressed", String(choosing));
  const form = bar();
  if (!form) return;
  form.hidden = !chosen.size;
  const count = form.querySelector("[data-many-count]");
  const text = chosen.size ? word("picked", { count: chosen.size }) : "";
  if (count.textContent !== text) count.textContent = text;
}

function choose(card, is = !chosen.has(card.dataset.deal)) {
  is ? chosen.add(card.dataset.deal) : chosen.delete(card.dataset.deal);
  last = card;
}

function told(card) {
  paint();
  const key = chosen.has(card.dataset.deal) ? "chosen" : "unchosen";
  announce(`${word(key, { title: titleOf(card) })} ${word("picked", { count: chosen.size })}`);
}

function through(card) {
  const all = cards();
  const from = all.indexOf(last?.isConnected ? last : card);
  const to = all.indexOf(card);
  for (const one of all.slice(Math.min(from, to), Math.max(from, to) + 1)) choose(one, true);
  last = card;
  told(card);
}

function clear() {
  chosen.clear();
  choosing = false;
  last = null;
  paint();
}

// How many go where a card goes: all that are chosen, if it is one of them.
export const company = (card) => (chosen.has(card.dataset.deal) ? chosen.size : 1);

// What moves a chosen card together with the others, as the bar's own button for that goal does; null where it goes alone.
export function withOthers(card, goal) {
  const name = { move: "stage", give: "owner" }[board().dataset.action];
  const button = company(card) > 1 && name && bar()?.querySelector(`[data-${name}="${CSS.escape(goal)}"]`);
  return button ? () => button.click() : null;
}

for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    const card = cardOf(event);
    if (card) box(card);
  });
}
// Before what opens the card.
document.addEventListener(
  "click",
  (event) => {
    const card = cardOf(event);
    if (!card || event.button || event.ctrlKey || event.metaKey || event.target.closest(".v")) return;
    if (!event.target.closest(".pick") && !event.shiftKey && !choosing) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.shiftKey) return through(card);
    choose(card);
    told(card);
  },
  true,
);
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-many-clear]")) clear();
  const button = event.target.closest("[data-choose-cards]");
  if (!button) return;
  choosing = !choosing;
  choosing ? paint() : clear();
});
bind("escape", "Esc", "keys.close", () => {
  if (!board() || !(chosen.size || choosing)) return false;
  clear();
  announce(word("picked", { count: 0 }));
});
bind(
  ["x", "shift+x"],
  "X",
  "keys.choose",
  (event, combo) => {
    const card = cardOf(event);
    if (!card) return false;
    if (combo === "shift+x") return through(card);
    choose(card);
    told(card);
  },
  { on: () => Boolean(board() && bar()) },
);

document.addEventListener("htmx:configRequest", (event) => {
  if (!event.target.matches?.("[data-many]")) return;
  const { parameters } = event.detail;
  // Enter in the tag's input presses the form's first button, which says a stage.
  if (document.activeElement?.id === "many-tag") for (const name of ["stage", "owner"]) parameters.delete(name);
  for (const deal of chosen) parameters.append("deal", deal);
  parameters.set("pipeline", board().dataset.pipeline);
  parameters.set("query", board().dataset.query ?? "");
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.target.matches?.("[data-many]") || !event.detail.successful) return;
  const card = last;
  for (const menu of bar().querySelectorAll("details[open]")) menu.open = false;
  bar().reset();
  clear();
  document.getElementById(card?.id)?.focus();
});
document.addEventListener("deals-changed", (event) => {
  if (!board()) return;
  const asked = new URLSearchParams({ pipeline: board().dataset.pipeline, query: board().dataset.query ?? "" });
  for (const deal of event.detail.deals) asked.append("deal", deal);
  htmx.ajax("GET", `/deals/many/?${asked}`, { source: board(), target: board(), swap: "none" });
});
// Cards that were chosen and come anew are chosen still; those that another filter hides are not.
document.addEventListener("htmx:afterSettle", () => {
  if (!board()) return;
  for (const deal of [...chosen]) if (!document.getElementById(`deal-${deal}`)) chosen.delete(deal);
  paint();
});
