// A card's move to another column: it shows at once; the server's answer then replaces the card, or the card glides back
// and the answer says why.
import { board, busy, columnOf, editable, focus, glide, insert, listOf, stageOf, titleOf } from "./board-cards.js";
import { withOthers } from "./many.js";
import { toast } from "./toasts.js";
import { announce, word } from "./words.js";

// Which board asks, and what it filters by: answers bring its figures.
export const whence = () => ({ pipeline: board().dataset.pipeline, query: board().dataset.query ?? "" });

// Sends the move; resolves to the answer's status, 0 when there was none. htmx swaps what came with it.
export function send(url, values) {
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

export function refuse() {
  announce(word("locked"));
  toast(word("locked"), { kind: "warning" });
}

// Some stages ask first: Lost wants a reason, one without a probability that of a card which has none either.
const asks = (card, column) => column?.hasAttribute("data-ask") || (column?.hasAttribute("data-ask-probability") && card.hasAttribute("data-no-probability"));

export async function moveOrAsk(card, stage, options) {
  if (!editable(card)) return refuse();
  const together = withOthers(card, stage);
  if (!together && !asks(card, columnOf(stage))) return move(card, stage, options);
  if (options?.origin) glide(card, () => insert(card, options.origin.list, options.origin.next));
  if (together) return together();
  await ask(card, stage);
}

// The dialog that asks what a stage wants to know; without one, where to, in whichever pipeline.
export function ask(card, stage = "") {
  const address = `/deals/${card.dataset.deal}/move/?${new URLSearchParams({ stage, dialog: 1 })}`;
  return htmx.ajax("GET", address, { source: "#dialog", target: "#dialog", swap: "innerHTML" });
}
