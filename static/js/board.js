// The board: drag with a mouse, long-press on touch, keys, and the "Move to…" menu, which all end in `move()`. A move
// shows at once; the server's answer then replaces the card, or the card glides back and the answer says why.
import { bind } from "./keys.js";
import { openMenu } from "./menu.js";
import { open as openDrawer } from "./drawer.js";
import { company, withOthers } from "./many.js";
import { toast } from "./toasts.js";
import { announce, calm, narrow, word } from "./words.js";

const board = () => document.getElementById("board");
const columns = () => [...(board()?.querySelectorAll(".column") ?? [])];
const stageOf = (card) => card.closest(".column")?.dataset.stage;
const columnOf = (stage) => document.getElementById(`stage-${stage}`);
export const listOf = (stage) => document.getElementById(`cards-${stage}`);
const cardsIn = (column) => [...column.querySelectorAll(".card")];
export const titleOf = (card) => card.querySelector(".t")?.textContent.trim() ?? "";
// Where a card may go: an archived stage is shown while it holds cards, and takes none.
const goals = () => columns().filter((column) => !column.hasAttribute("data-archived"));
const editable = (card) => card.dataset.editable === "1";
const EASE = "cubic-bezier(0.2, 0.8, 0.2, 1)";

// Which board asks, and what it filters by: answers bring its figures.
const whence = () => ({ pipeline: board().dataset.pipeline, query: board().dataset.query ?? "" });

// Cards that somebody holds or whose move has no answer yet: fragments from others leave them alone.
export const busy = new Set();

// --- moving ---------------------------------------------------------------------------------------------------------

// Runs `change` and lets the card glide from where it was to where it is then.
export function glide(card, change) {
  const from = card.getBoundingClientRect();
  change();
  const to = card.getBoundingClientRect();
  if (calm() || (!from.width && !to.width)) return;
  card.animate([{ transform: `translate(${from.left - to.left}px, ${from.top - to.top}px)`, zIndex: 5 }, { transform: "none", zIndex: 5 }], { duration: 220, easing: EASE });
}

function insert(card, list, before) {
  const place = before?.isConnected && before.parentElement === list ? before : list.querySelector(".card");
  if (place === card) return;
  list.insertBefore(card, place ?? list.firstChild);
}

// Sends the move; resolves to the answer's status, 0 when there was none. htmx swaps what came with it.
function send(url, values) {
  const sender = document.createElement("span");
  sender.hidden = true;
  sender.dataset.handlesErrors = "";
  board().append(sender);
  return new Promise((resolve) => {
    sender.addEventListener("htmx:afterRequest", (event) => resolve(event.detail.xhr?.status ?? 0), { once: true });
    htmx.ajax("POST", url, { source: sender, target: sender, swap: "none", values }).catch(() => resolve(0));
  }).finally(() => sender.remove());
}

async function move(card, stage, { origin = null } = {}) {
  const list = listOf(stage);
  const home = origin ?? { list: card.parentElement, next: card.nextElementSibling };
  const held = card.contains(document.activeElement);
  const { id } = card;
  const title = titleOf(card);
  const target = columnOf(stage);
  if (!list || busy.has(id)) return;
  if (card.parentElement !== list) glide(card, () => insert(card, list, null));
  if (held || origin === null) focus(card);
  busy.add(id);
  card.setAttribute("aria-busy", "true");
  announce(word("moving", { title, stage: target.dataset.name }));
  const seen = home.list.closest(".column")?.dataset.stage ?? "";
  const status = await send(`/deals/${card.dataset.deal}/${board().dataset.action}/`, { stage, seen, rev: card.dataset.rev, ...whence() });
  busy.delete(id);
  const now = document.getElementById(id);
  now?.removeAttribute("aria-busy");
  if (status >= 200 && status < 300) {
    announce(word("moved", { title, stage: target.dataset.name }));
    if (held && now) focus(now);
    return;
  }
  // Refused, or no answer. Where the answer brought the card as it is, it stays there; else it goes back.
  const back = home.list.closest(".column");
  if (now && stageOf(now) === String(stage)) {
    glide(now, () => insert(now, home.list, home.next));
    if (held) focus(now);
  }
  announce(word("returned", { title, stage: back?.dataset.name ?? "" }));
  if (status === 0) toast(word("offline"), { label: word("retry"), act: () => now && move(now, stage) });
  else if (status !== 409 && status !== 422) toast(word("failed", { status }), { label: word("retry"), act: () => now && move(now, stage) });
}

function refuse() {
  announce(word("locked"));
  toast(word("locked"), { kind: "warning" });
}

// Some stages ask first: Lost wants a reason, one without a probability that of a card which has none either.
const asks = (card, column) => column?.hasAttribute("data-ask") || (column?.hasAttribute("data-ask-probability") && card.hasAttribute("data-no-probability"));

async function moveOrAsk(card, stage, options) {
  if (!editable(card)) return refuse();
  const together = withOthers(card, stage);
  if (!together && !asks(card, columnOf(stage))) return move(card, stage, options);
  if (options?.origin) glide(card, () => insert(card, options.origin.list, options.origin.next));
  if (together) return together();
  await ask(card, stage);
}

// The dialog that asks what a stage wants to know; without one, where to, in whichever pipeline.
function ask(card, stage = "") {
  const address = `/deals/${card.dataset.deal}/move/?${new URLSearchParams({ stage, dialog: 1 })}`;
  return htmx.ajax("GET", address, { source: "#dialog", target: "#dialog", swap: "innerHTML" });
}

// --- dragging -------------------------------------------------------------------------------------------------------

function toasts(shown) {
  const region = document.getElementById("toasts");
  if (region) region.hidden = !shown;
}

// A column takes what is let go anywhere in it, on its header as well as on its list; the one that would is marked.
const goalAt = ({ clientX, clientY }) => document.elementFromPoint(clientX, clientY)?.closest(".dropzone, .column:not([data-archived])");

function mark(goal) {
  for (const column of columns()) column.classList.toggle("goal", column === goal);
}

const aim = (event) => mark(goalAt(event));

function sortable(list) {
  if (!window.Sortable || window.Sortable.get(list)) return;
  let origin;
  window.Sortable.create(list, {
    group: "cards",
    draggable: ".card",
    filter: '.v, .card[data-editable="0"]',
    preventOnFilter: false,
    sort: false,
    animation: calm() ? 0 : 160,
    easing: EASE,
    forceFallback: true,
    fallbackOnBody: true,
    fallbackTolerance: 5,
    fallbackClass: "in-hand",
    ghostClass: "slot",
    delay: 250,
    delayOnTouchOnly: true,
    touchStartThreshold: 6,
    scroll: true,
    bubbleScroll: true,
    // On a phone a column is as wide as the screen: it comes along slowly enough to let go over it.
    scrollSensitivity: narrow() ? 48 : 80,
    scrollSpeed: narrow() ? 7 : 14,
    revertOnSpill: true,
    // The card in hand is a copy, and the policy forbids to copy a style attribute.
    onChoose({ item }) {
      item.removeAttribute("style");
      const count = company(item);
      if (count > 1) item.dataset.many = count;
    },
    onUnchoose: ({ item }) => delete item.dataset.many,
    onStart({ item }) {
      origin = { list: item.parentElement, next: item.nextElementSibling };
      busy.add(item.id);
      board().classList.add("dragging");
      addEventListener("pointermove", aim, true);
      // Notices lie where the zones come up.
      toasts(false);
    },
    onEnd({ item, to, originalEvent }) {
      // Let go outside every list, or on one quicker than the library looks, the card is back where it was: what is below
      // the hand decides, while the zones, which lie over columns, are still there.
      const spilled = to === origin.list && originalEvent && goalAt(originalEvent.changedTouches?.[0] ?? originalEvent);
      removeEventListener("pointermove", aim, true);
      mark(null);
      board().classList.remove("dragging");
      toasts(true);
      busy.delete(item.id);
      const goal = spilled || to.closest(".dropzone, .column");
      const stage = goal?.dataset.drop ?? goal?.dataset.stage;
      if (!stage || stage === origin.list.closest(".column")?.dataset.stage) return;
      if (to.dataset.drop) insert(item, listOf(stage), null);
      moveOrAsk(item, stage, { origin });
    },
  });
}

// --- keys and the menu ----------------------------------------------------------------------------------------------

// One card of each column is in the tab order, the last that had focus; the arrows walk to the others, and a card's keys
// do what its links do.
function rove(card) {
  for (const other of card.closest(".column").querySelectorAll('.card[tabindex="0"]')) if (other !== card) other.tabIndex = -1;
  card.tabIndex = 0;
}

export function focus(card) {
  rove(card);
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest", inline: "nearest" });
}

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
