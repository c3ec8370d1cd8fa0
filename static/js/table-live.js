// What others do arrives in the table: rows are morphed in, come and go; one that is being edited is left alone.
import { ANEW, MOST_PAGES, readOn, steadily } from "./anew.js";
import { focus, isHeld, rows, settle, titleOf } from "./table.js";
import { announce, word } from "./words.js";

let lastAnew = 0;

const table = () => document.getElementById("table");
const body = () => document.getElementById("rows");
const rowOf = (pk) => document.getElementById(`deal-${pk}`);
const OWN = new Set(["tabindex", "aria-rowindex", "aria-selected", "class", "data-off"]);
const callbacks = {
  beforeAttributeUpdated: (name) => !OWN.has(name),
  beforeNodeMorphed: (old) => !old.matches?.("input[type=checkbox]"),
};
const steady = (change) => steadily([...table().querySelectorAll(".table-container")], "#rows > tr[data-deal]", change);
const morph = (old, fresh) => Idiomorph.morph(old, fresh, { morphStyle: "outerHTML", callbacks });

function move(row, next) {
  const focused = row.contains(document.activeElement) ? document.activeElement : null;
  body().insertBefore(row, next);
  focused?.focus({ preventScroll: true });
}

// Below `above`, a deal's id, or at the top with 0; left where it is, and marked, or out, where that is beyond what was
// fetched.
function place(row, above) {
  if (above === undefined) return row.isConnected;
  const upper = above ? rowOf(above) : null;
  const more = body().querySelector(":scope > .more-rows");
  row.toggleAttribute("data-off", Boolean(above && !upper && row.isConnected));
  if (above && !upper) {
    if (row.isConnected || !more) return row.isConnected || (move(row, more), true);
    return false;
  }
  const next = upper ? upper.nextElementSibling : body().firstElementChild;
  if (next !== row) move(row, next);
  return true;
}

function remove(row) {
  const neighbour = row.nextElementSibling?.matches("[data-deal]") ? row.nextElementSibling : row.previousElementSibling;
  const at = row.contains(document.activeElement) ? document.activeElement.closest("th, td")?.cellIndex : -1;
  row.remove();
  if (at >= 0 && neighbour) focus(neighbour.cells[at]);
}

// A row does not leave from under a reader's eyes: a line says that some belong elsewhere by now.
function tellOff() {
  const line = document.getElementById("off");
  const count = body().querySelectorAll(":scope > [data-off]").length;
  if (!line) return;
  line.hidden = !count;
  line.querySelector("span").textContent = count ? word(count === 1 ? "table.off.one" : "table.off.many", { count }) : "";
}

export function takeIn(root) {
  const news = root.querySelector("[data-news]");
  const places = JSON.parse(news.dataset.places);
  const titles = [];
  let done = true;
  steady(() => {
    for (const pk of news.dataset.gone.split(" ").filter(Boolean)) {
      const row = rowOf(pk);
      if (!row) continue;
      if (isHeld(row)) done = false;
      else titles.push(titleOf(row)), remove(row);
    }
    for (const fresh of root.querySelectorAll("tbody > tr")) {
      const row = document.getElementById(fresh.id);
      const above = places[fresh.dataset.deal];
      if (row && isHeld(row)) {
        done = false;
        continue;
      }
      if (row && Number(fresh.dataset.rev) < Number(row.dataset.rev)) continue;
      if (row) {
        const before = row.textContent;
        morph(row, fresh);
        place(row, above);
        if (row.textContent !== before) titles.push(titleOf(row));
      } else if (place(fresh, above)) {
        titles.push(titleOf(fresh));
      }
    }
  });
  const totals = document.getElementById("totals");
  if (totals) morph(totals, root.querySelector("#totals"));
  table().dataset.count = news.dataset.count;
  settle();
  tellOff();
  if (titles.length === 1) announce(word("live.one", { title: titles[0] }));
  else if (titles.length) announce(word("live.many", { count: titles.length }));
  return done;
}

// Runs `change`, and gives the focus back to its cell, or to that of the nearest row which is left.
function keepingFocus(change) {
  const within = document.activeElement;
  const cell = within?.closest?.("#rows > tr[data-deal] > :is(th, td)");
  const listed = rows();
  const from = listed.indexOf(cell?.parentElement);
  const at = cell?.cellIndex;
  change();
  if (!cell) return;
  const row = [...listed.slice(from), ...listed.slice(0, from).reverse()].find((one) => one.isConnected);
  (within.isConnected ? within : row?.cells[at])?.focus({ preventScroll: true });
}

// The table as it is now, with as many rows as had been fetched. Whether it could be read.
async function readAnew(element, fetched = rows().length) {
  const response = await fetch(element.dataset.anew, { cache: "no-store" });
  if (!response.ok) return false;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.getElementById("table");
  if (!fresh || fresh.dataset.live !== element.dataset.live) return false;
  const more = () => page.querySelectorAll("#rows > [data-deal]").length < fetched && page.querySelector("#rows > .more-rows");
  for (let pages = 0; more() && pages < MOST_PAGES; pages += 1) await readOn(more(), "tr[data-deal]", "[data-above]");
  if (!element.isConnected || rows().some(isHeld)) return false;
  for (const row of rows()) row.removeAttribute("data-off");
  keepingFocus(() => steady(() => morph(element, fresh)));
  document.getElementById("table-stages").replaceWith(page.getElementById("table-stages"));
  htmx.process(element);
  settle();
  if (body()) tellOff();
  return true;
}

document.addEventListener("click", async (event) => {
  if (!event.target.closest("#off button")) return;
  // From the top, where what belongs elsewhere by now is left.
  if (!(await readAnew(table(), 0).catch(() => false)) || !body()) return;
  table().querySelector(".table-container").scrollTop = 0;
  focus(rows()[0]?.cells[0]);
});

document.addEventListener("live", (event) => {
  const element = event.target;
  if (!element.matches("#table")) return;
  const { root, seen } = event.detail;
  if (root.querySelector("[data-news]") && body()) {
    if (takeIn(root)) seen();
  } else if (Date.now() - lastAnew >= ANEW) {
    lastAnew = Date.now();
    readAnew(element).catch(() => {});
  }
});

// Something else changed a deal (its drawer, a move, an Undo): the table reads its row and the totals anew.
async function read(deals) {
  const address = new URL(table().dataset.read, location.href);
  for (const deal of deals) address.searchParams.append("deal", deal);
  const response = await fetch(address, { headers: { "HX-Request": "true" }, cache: "no-store" });
  if (!response.ok || !body()) return;
  const root = document.createElement("template");
  root.innerHTML = await response.text();
  takeIn(root.content);
}
document.addEventListener("deal-changed", (event) => table() && event.detail.deal && read([event.detail.deal]).catch(() => {}));
document.addEventListener("deals-changed", (event) => table() && read(event.detail.deals.slice(0, 200)).catch(() => {}));
