// Cards carried by a mouse, or by a finger that pressed long.
import { board, busy, columns, EASE, insert, listOf } from "./board-cards.js";
import { moveOrAsk } from "./board-moves.js";
import { company } from "./many.js";
import { calm, narrow } from "./words.js";

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

export function sortable(list) {
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
