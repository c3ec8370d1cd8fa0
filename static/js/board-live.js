// What others do arrives on the board: cards are morphed in, move to where they belong, come and go. What somebody holds
// (a card in hand, its open menu), the focus and what is scrolled to stay as they are.
import { ANEW, MOST_PAGES, readOn, steadily as steady } from "./anew.js";
import { busy, focus, glide, listOf, titleOf } from "./board-cards.js";
import { announce, word } from "./words.js";

let lastAnew = 0;

const cardOf = (pk) => document.getElementById(`deal-${pk}`);
const held = (card) => busy.has(card.id) || card.matches(".slot, .sortable-chosen, [aria-expanded=true]") || card.querySelector("[aria-expanded=true]");
const older = (incoming, card) => Number(incoming.dataset.rev) < Number(card.dataset.rev);

// What this page has made of an element is its own: where the tab order is, what is folded, chosen or being dragged.
const OWN = new Set(["tabindex", "style", "aria-busy", "aria-expanded", "open"]);
const callbacks = {
  // What is being typed into a column stays.
  beforeNodeMorphed: (old) => !old.matches?.("[data-quick]"),
  beforeAttributeUpdated: (name, node) => !OWN.has(name) && !(name === "class" && node.matches(".card, .column, .board")),
};
const morph = (old, fresh) => Idiomorph.morph(old, fresh, { morphStyle: "outerHTML", callbacks });

// What a reader hears of a card; not that one's own edit got on.
function said(card) {
  const copy = card.cloneNode(true);
  copy.querySelector(".edit-state")?.remove();
  return copy.textContent;
}

function move(card, list, next) {
  const focused = card.contains(document.activeElement) ? document.activeElement : null;
  list.insertBefore(card, next);
  focused?.focus({ preventScroll: true });
}

// Where a card belongs: below `above`, a deal's id, at the top with 0, or anywhere in the column if that is not known.
// False where that is beyond the cards that have been fetched.
function place(card, list, above) {
  const here = card.parentElement === list;
  if (above === undefined) {
    if (!here) move(card, list, list.firstElementChild);
    return true;
  }
  const upper = above ? cardOf(above) : null;
  const more = list.querySelector(":scope > .more");
  if (above && upper?.parentElement !== list) {
    if (more && !card.contains(document.activeElement)) return false;
    move(card, list, more);
    return true;
  }
  const next = upper ? upper.nextElementSibling : list.firstElementChild;
  if (next !== card && card.previousElementSibling !== upper) move(card, list, next);
  else if (!here) move(card, list, next);
  return true;
}

function remove(card) {
  const neighbour = card.nextElementSibling?.closest(".card") ?? card.previousElementSibling?.closest(".card");
  const focused = card.contains(document.activeElement);
  card.remove();
  if (focused && neighbour) focus(neighbour);
}

const steadily = (change) => steady([...document.querySelectorAll("#board .cards")], ".card", change);

// Shown for a moment that it changed.
const FRESH = 2400;
function freshen(card) {
  card.classList.add("fresh");
  setTimeout(() => card.classList.remove("fresh"), FRESH);
}

// Takes in one card. Returns whether it could be done now, and what changed for a reader, if anything did.
function take(incoming, places) {
  const card = document.getElementById(incoming.id);
  const list = listOf(incoming.dataset.stage);
  if (card && (held(card) || older(incoming, card))) return { done: false };
  incoming.removeAttribute("hx-swap-oob");
  const title = titleOf(incoming);
  const above = places[incoming.dataset.deal];
  if (!list) {
    if (card) remove(card);
    return { done: true, title: card && title };
  }
  if (!card) {
    const placed = place(incoming, list, above);
    if (placed) freshen(incoming);
    return { done: true, title: placed && title };
  }
  const before = said(card);
  const from = card.parentElement;
  morph(card, incoming);
  let placed = true;
  glide(card, () => (placed = place(card, list, above)));
  if (!placed) remove(card);
  const changed = said(card) !== before || from !== list;
  if (changed) freshen(card);
  return { done: true, title: changed && title };
}

function takeIn(root) {
  const news = root.querySelector("[data-news]");
  const places = JSON.parse(news.dataset.places);
  const titles = [];
  let done = true;
  steadily(() => {
    for (const pk of news.dataset.gone.split(" ").filter(Boolean)) {
      const card = cardOf(pk);
      if (!card) continue;
      if (held(card)) done = false;
      else titles.push(titleOf(card)), remove(card);
    }
    for (const incoming of root.querySelectorAll(".card")) {
      const taken = take(incoming, places);
      done &&= taken.done;
      if (taken.title) titles.push(taken.title);
    }
    for (const fresh of root.querySelectorAll("[id^=head-], #stats, #open-count")) {
      const old = document.getElementById(fresh.id);
      if (old) morph(old, fresh);
    }
  });
  if (titles.length === 1) announce(word("live.one", { title: titles[0] }));
  else if (titles.length) announce(word("live.many", { count: titles.length }));
  return done;
}

// The first column that shows more cards here than a page that was read holds, though there are more to fetch.
function shorter(page) {
  return [...page.querySelectorAll("#board .cards")].find((list) => {
    const here = document.getElementById(list.id);
    return here && list.querySelector(":scope > .more") && list.querySelectorAll(".card").length < here.querySelectorAll(".card").length;
  });
}

// The board as it is now, with as many cards in each column as had been scrolled to.
async function readAnew(board) {
  const response = await fetch(board.dataset.anew, { cache: "no-store" });
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.getElementById("board");
  if (!fresh || fresh.dataset.live !== board.dataset.live) return;
  for (let list = shorter(page), pages = 0; list && pages < MOST_PAGES; list = shorter(page), pages += 1) {
    await readOn(list.querySelector(":scope > .more"), ".card", "[hx-swap-oob]");
  }
  if (!board.isConnected || busy.size) return;
  for (const form of board.querySelectorAll("[data-quick]")) page.getElementById(form.id)?.replaceWith(form.cloneNode());
  steadily(() => {
    for (const part of ["board", "stats", "open-count", "filter-chips", "dropzones", "many-stages"]) {
      const [old, now] = [document.getElementById(part), page.getElementById(part)];
      if (old && now) morph(old, now);
    }
  });
  htmx.process(document.getElementById("board"));
}

document.addEventListener("live", (event) => {
  const board = event.target;
  if (!board.matches("#board")) return;
  const { root, seen } = event.detail;
  if (root.querySelector("[data-news]")) {
    if (takeIn(root)) seen();
  } else if (Date.now() - lastAnew >= ANEW && !busy.size) {
    lastAnew = Date.now();
    readAnew(board).catch(() => {});
  }
});
