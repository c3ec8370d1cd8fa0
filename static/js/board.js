// The board: what its keys do, the "Move to…" menu, columns that fold, and fragments that arrive. Dragging, keys and the
// menu all end in one move.
import { board, busy, cardsIn, columns, editable, focus, glide, goals, insert, listOf, rove, stageOf } from "./board-cards.js";
import { sortable } from "./board-drag.js";
import { ask, moveOrAsk, refuse, send, whence } from "./board-moves.js";
import { open as openDrawer } from "./drawer.js";
import { bind } from "./keys.js";
import { openMenu } from "./menu.js";
import { announce, narrow, word } from "./words.js";

// --- keys and the menu ----------------------------------------------------------------------------------------------

function settle() {
  // A stage's column may have come while the board was open.
  document.querySelectorAll("#board .cards, .dropzone").forEach(sortable);
  for (const link of board()?.querySelectorAll(".card a:not([tabindex])") ?? []) link.tabIndex = -1;
  for (const column of columns()) {
    const card = column.querySelector(".card:focus") ?? column.querySelector('.card[tabindex="0"]') ?? column.querySelector(".card");
    if (card) rove(card);
  }
}

function neighbour(card, step) {
  const all = columns();
  let at = all.findIndex((column) => column.contains(card)) + step;
  while (all[at]?.hasAttribute("data-archived")) at += step;
  return all[at];
}

function walk(card, key) {
  const column = card.closest(".column");
  const cards = cardsIn(column);
  const at = cards.indexOf(card);
  if (key === "ArrowDown") return cards[at + 1];
  if (key === "ArrowUp") return cards[at - 1];
  if (key === "Home") return cards[0];
  if (key === "End") return cards.at(-1);
  const rtl = getComputedStyle(board()).direction === "rtl";
  const step = (key === "ArrowRight") !== rtl ? 1 : -1;
  const all = columns();
  for (let next = all.indexOf(column) + step; all[next]; next += step) {
    const others = cardsIn(all[next]);
    if (others.length) return others[Math.min(at, others.length - 1)];
  }
}

function menuFor(card) {
  if (!editable(card)) return refuse();
  const stage = stageOf(card);
  openMenu(
    card.querySelector(".v") ?? card,
    word("keys.menu"),
    [
      ...goals().map((column) => ({
        label: column.dataset.name,
        hue: column.querySelector(".dot")?.className.match(/hue-\d/)?.[0],
        checked: column.dataset.stage === stage,
        pick: () => moveOrAsk(card, column.dataset.stage),
      })),
      ...(board().hasAttribute("data-elsewhere") ? [{ label: word("elsewhere"), pick: () => ask(card) }] : []),
    ],
    card,
  );
}

const current = () => document.activeElement?.closest?.("#board .card");
const onBoard = { on: () => Boolean(board()) };
const withCard = (act) => (event, combo) => {
  const card = current();
  return card ? act(card, combo, event) : false;
};

function step(card, key) {
  const next = walk(card, key);
  if (next) focus(next);
}

function shift(card, combo) {
  if (!editable(card)) return refuse();
  const rtl = getComputedStyle(board()).direction === "rtl";
  const next = neighbour(card, combo.endsWith("right") !== rtl ? 1 : -1);
  if (next) moveOrAsk(card, next.dataset.stage);
  else announce(word("edge"));
}

function show(card, combo, event) {
  const link = card.querySelector("a[data-drawer]");
  if (!link || (combo === "enter" && event.target !== card)) return false;
  openDrawer(link);
}

document.addEventListener("focusin", (event) => {
  const card = event.target.closest?.("#board .card");
  if (card) rove(card);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("#board .card .v");
  const folded = event.target.closest("#board .column.folded, #board [data-fold]")?.closest(".column");
  if (button && event.button === 0 && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    menuFor(button.closest(".card"));
  } else if (folded) {
    fold(folded, !folded.classList.contains("folded"));
  }
});

// A column folds to a strip; the server remembers which ones.
function fold(column, folded) {
  column.classList.toggle("folded", folded);
  column.querySelector("[data-fold]")?.setAttribute("aria-expanded", String(!folded));
  send(`/deals/pipelines/${board().dataset.pipeline}/display/`, { stage: column.dataset.stage, folded: Number(folded) });
}

// A question's form posts the move itself, that of a column the new deal.
document.addEventListener("htmx:configRequest", (event) => {
  if (!board() || !event.target.matches?.("[data-move], [data-quick]")) return;
  for (const [name, value] of Object.entries(whence())) event.detail.parameters.set(name, value);
});
// Something else changed a deal (its drawer, an Undo): the board reads its card and the figures anew.
document.addEventListener("deal-changed", (event) => {
  if (!board() || !event.detail.deal) return;
  const address = `/deals/${event.detail.deal}/card/?${new URLSearchParams(whence())}`;
  htmx.ajax("GET", address, { source: board(), target: board(), swap: "none" });
});

// --- fragments that arrive ------------------------------------------------------------------------------------------

// An out-of-band card names its stage in `data-stage`: it goes to that column, wherever it was; one in hand is left alone.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const incoming = event.detail.fragment?.querySelector?.(".card") ?? event.detail.elt;
  const card = event.detail.target;
  if (!card?.matches?.("#board .card")) return;
  if (busy.has(card.id) && card.getAttribute("aria-busy") !== "true") {
    event.detail.shouldSwap = false;
    return;
  }
  const list = listOf(incoming?.dataset?.stage);
  if (list && card.parentElement !== list) glide(card, () => insert(card, list, null));
});
// A card that is not on the page yet gets a place first, at the top of its column, for htmx to put it there.
document.addEventListener("htmx:beforeSwap", (event) => {
  const text = event.detail.serverResponse;
  if (!board() || !text?.includes("data-stage") || !text.includes("hx-swap-oob")) return;
  const template = document.createElement("template");
  template.innerHTML = text;
  for (const card of template.content.querySelectorAll(".card[hx-swap-oob][data-stage]")) {
    const list = listOf(card.dataset.stage);
    if (!list || document.getElementById(card.id)) continue;
    list.prepend(Object.assign(document.createElement("li"), { id: card.id, className: "card" }));
  }
});

let scheduled = false;
function arrived(changes) {
  // The next fifty may hold a card that moved here meanwhile: the one that was there first stays.
  for (const change of changes) {
    for (const node of change.addedNodes) {
      if (!(node instanceof HTMLElement) || !node.matches(".card") || !node.isConnected) continue;
      const twins = board().querySelectorAll(`#${CSS.escape(node.id)}`);
      if (twins.length > 1 && !node.matches(".in-hand")) node.remove();
    }
  }
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    settle();
  });
}

// On a phone a column fills the screen: what somebody filters for shows, wherever it is.
function reveal() {
  const asked = new URLSearchParams(board().dataset.query);
  if (!narrow() || board().scrollLeft || !["q", "owner", "tag"].some((name) => asked.has(name))) return;
  const found = columns().find((column) => column.querySelector(".card"));
  if (found !== columns()[0]) found?.scrollIntoView({ block: "nearest", inline: "start", behavior: "instant" });
}

let watched = null;
function start() {
  const element = board();
  if (!element || element === watched) return;
  watched = element;
  new MutationObserver(arrived).observe(element, { childList: true, subtree: true });
  settle();
  reveal();
}

const ARROWS = { arrowleft: "ArrowLeft", arrowright: "ArrowRight", arrowup: "ArrowUp", arrowdown: "ArrowDown", home: "Home", end: "End" };
bind(Object.keys(ARROWS), "← ↑ ↓ → Home End", "keys.steps", withCard((card, combo) => step(card, ARROWS[combo])), onBoard);
bind(["alt+arrowleft", "alt+arrowright"], "Alt ← →", "keys.stage", withCard(shift), onBoard);
bind("m", "M", "keys.menu", withCard(menuFor), onBoard);
for (const [combo, shown] of [["o", "O"], ["enter", "Enter"]]) bind(combo, shown, "keys.open", withCard(show), onBoard);
start();
document.addEventListener("htmx:afterSettle", start);
