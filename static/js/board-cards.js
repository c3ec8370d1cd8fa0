// The board's columns and cards: found, put in the tab order, and moved before people's eyes.
import { calm } from "./words.js";

export const board = () => document.getElementById("board");
export const columns = () => [...(board()?.querySelectorAll(".column") ?? [])];
export const stageOf = (card) => card.closest(".column")?.dataset.stage;
export const columnOf = (stage) => document.getElementById(`stage-${stage}`);
export const listOf = (stage) => document.getElementById(`cards-${stage}`);
export const cardsIn = (column) => [...column.querySelectorAll(".card")];
export const titleOf = (card) => card.querySelector(".t")?.textContent.trim() ?? "";
// Where a card may go: an archived stage is shown while it holds cards, and takes none.
export const goals = () => columns().filter((column) => !column.hasAttribute("data-archived"));
export const editable = (card) => card.dataset.editable === "1";
export const EASE = "cubic-bezier(0.2, 0.8, 0.2, 1)";

// Cards that somebody holds or whose move has no answer yet: fragments from others leave them alone.
export const busy = new Set();

// One card of each column is in the tab order, the last that had focus; the arrows walk to the others, and a card's keys
// do what its links do.
export function rove(card) {
  for (const other of card.closest(".column").querySelectorAll('.card[tabindex="0"]')) if (other !== card) other.tabIndex = -1;
  card.tabIndex = 0;
}

export function focus(card) {
  rove(card);
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest", inline: "nearest" });
}

// Runs `change` and lets the card glide from where it was to where it is then.
export function glide(card, change) {
  const from = card.getBoundingClientRect();
  change();
  const to = card.getBoundingClientRect();
  if (calm() || (!from.width && !to.width)) return;
  card.animate([{ transform: `translate(${from.left - to.left}px, ${from.top - to.top}px)`, zIndex: 5 }, { transform: "none", zIndex: 5 }], { duration: 220, easing: EASE });
}

export function insert(card, list, before) {
  const place = before?.isConnected && before.parentElement === list ? before : list.querySelector(".card");
  if (place === card) return;
  list.insertBefore(card, place ?? list.firstChild);
}
