// The deals as a table: a grid that is walked with the keys, whose cells are edited in their place. A form is fetched into
// its cell; what it saves is answered with the whole row.
import { open as openDrawer } from "./drawer.js";
import { bind } from "./keys.js";
import { openMenu } from "./menu.js";
import { announce, word } from "./words.js";

const table = () => document.getElementById("table");
const body = () => document.getElementById("rows");
export const rows = () => [...(body()?.querySelectorAll(":scope > tr[data-deal]") ?? [])];
const rowOf = (pk) => document.getElementById(`deal-${pk}`);
const cellOf = (element) => element.closest?.("#rows > tr[data-deal] > :is(th, td)");
const headOf = (cell) => body().parentElement.tHead.rows[0].cells[cell.cellIndex];
export const whence = () => ({ pipeline: table().dataset.pipeline, query: table().dataset.query ?? "" });
export const titleOf = (row) => row.querySelector(".t")?.textContent.trim() ?? "";
const formIn = (cell) => cell?.querySelector(".cell-form form");
export const isHeld = (row) => Boolean(row.querySelector(".cell-form, [aria-expanded=true]"));

// Where to go once the row that was saved has come back: a step from the cell.
let going = null;

// --- walking --------------------------------------------------------------------------------------------------------

function rove(cell) {
  for (const other of body().querySelectorAll(':is(th, td)[tabindex="0"]')) if (other !== cell) other.tabIndex = -1;
  cell.tabIndex = 0;
}

export function focus(cell) {
  if (!cell) return;
  rove(cell);
  cell.focus({ preventScroll: true });
  cell.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function step(cell, down, right) {
  const all = rows();
  const row = all[all.indexOf(cell.parentElement) + down];
  return row?.cells[Math.min(Math.max(cell.cellIndex + right, 0), row.cells.length - 1)];
}

const PLACES = {
  arrowdown: (cell) => step(cell, 1, 0),
  arrowup: (cell) => step(cell, -1, 0),
  arrowright: (cell) => step(cell, 0, forward()),
  arrowleft: (cell) => step(cell, 0, -forward()),
  pagedown: (cell) => step(cell, Math.min(10, rows().length - 1 - rows().indexOf(cell.parentElement)), 0),
  pageup: (cell) => step(cell, -Math.min(10, rows().indexOf(cell.parentElement)), 0),
  home: (cell) => cell.parentElement.cells[0],
  end: (cell) => [...cell.parentElement.cells].at(-1),
  "mod+home": () => rows()[0].cells[0],
  "mod+end": () => [...rows().at(-1).cells].at(-1),
};
const forward = () => (getComputedStyle(table()).direction === "rtl" ? -1 : 1);

// The cell that Tab goes to from one that is edited: the next one that can be.
function nextEditable(cell, back) {
  const cells = rows().flatMap((row) => [...row.cells]);
  const from = cells.indexOf(cell);
  const rest = back ? cells.slice(0, from).reverse() : cells.slice(from + 1);
  return rest.find((one) => one.parentElement.dataset.editable === "1" && headOf(one).dataset.edit);
}

// --- editing --------------------------------------------------------------------------------------------------------

function refuse(text) {
  announce(text);
}

async function edit(cell) {
  const { edit: how, field } = headOf(cell).dataset;
  const row = cell.parentElement;
  if (row.dataset.editable !== "1") return refuse(word("locked"));
  if (!how) return refuse(word("table.readonly"));
  if (how === "stage") return stages(cell);
  if (formIn(cell)) return;
  await htmx.ajax("GET", `/deals/${row.dataset.deal}/cell/${field}/`, { source: cell, target: cell, swap: "beforeend" });
  const input = formIn(cell)?.querySelector("input:not([type=hidden]), textarea, select");
  cell.classList.toggle("editing", Boolean(input));
  // It may be wider and higher than its cell.
  formIn(cell)?.parentElement.scrollIntoView({ block: "nearest", inline: "nearest" });
  input?.focus({ preventScroll: true });
  if (input?.select && input.type !== "date") input.select();
}

function close(cell, { refocus = true } = {}) {
  formIn(cell)?.parentElement.remove();
  cell.classList.remove("editing");
  if (refocus) focus(cell);
}

function save(cell, next = null) {
  going = { field: headOf(cell).dataset.field, deal: cell.parentElement.dataset.deal, next };
  formIn(cell).requestSubmit();
}

function stages(cell) {
  const row = cell.parentElement;
  // The stage that is shown as the menu opens: whoever moves it meanwhile is not overridden.
  const { deal, stage: seen = "" } = row.dataset;
  const now = cell.textContent.trim();
  const move = (stage) => {
    const asks = stage.hasAttribute("data-ask") || (stage.hasAttribute("data-ask-probability") && row.hasAttribute("data-no-probability"));
    const address = `/deals/${deal}/move/`;
    if (asks) htmx.ajax("GET", `${address}?stage=${stage.dataset.stage}&dialog=1`, { source: "#dialog", target: "#dialog", swap: "innerHTML" });
    else htmx.ajax("POST", address, { source: cell, target: cell, swap: "none", values: { stage: stage.dataset.stage, seen, rev: row.dataset.rev } });
  };
  openMenu(
    cell,
    word("table.stage"),
    [...document.querySelectorAll("#table-stages > li")].map((stage) => ({
      label: stage.textContent,
      hue: stage.dataset.hue,
      checked: stage.textContent.trim() === now,
      pick: () => move(stage),
    })),
    cell,
  );
}

function saveAndGoOn(cell, event) {
  const next = nextEditable(cell, event.shiftKey);
  save(cell, next && { deal: next.parentElement.dataset.deal, field: headOf(next).dataset.field });
}

document.addEventListener("focusin", (event) => {
  const cell = table() && cellOf(event.target);
  if (cell) rove(cell);
});
document.addEventListener("click", (event) => {
  const cell = table() && cellOf(event.target);
  if (!cell || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest("a, input, button, .cell-form") || cell.cellIndex === 0) return;
  if (getSelection()?.toString()) return;
  focus(cell);
  edit(cell);
});
// Whoever goes on elsewhere keeps what they typed: it is saved, as by Enter.
document.addEventListener("focusout", (event) => {
  const cell = table() && event.target.closest?.(".cell-form") && cellOf(event.target);
  if (!cell || going || !event.relatedTarget || cell.contains(event.relatedTarget)) return;
  const next = cellOf(event.relatedTarget);
  save(cell, next && { deal: next.parentElement.dataset.deal, field: headOf(next).dataset.field, only: true });
});

document.addEventListener("htmx:configRequest", (event) => {
  if (!table() || !event.target.matches?.("[data-cell]")) return;
  for (const [name, value] of Object.entries(whence())) event.detail.parameters.set(name, value);
});
const find = ({ deal, field }) => [...(rowOf(deal)?.cells ?? [])].find((cell) => headOf(cell).dataset.field === field);
document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.target.matches?.("[data-cell]") || event.detail.successful) return;
  const cell = cellOf(event.target);
  going = null;
  announce(word("kept"));
  requestAnimationFrame(() => formIn(cell)?.querySelector("[aria-invalid], input:not([type=hidden]), textarea, select")?.focus());
});
document.addEventListener("htmx:afterSettle", () => {
  if (!table()) return;
  settle();
  if (!going || formIn(find(going))) return;
  const { next } = going;
  const cell = find(next ?? going);
  going = null;
  focus(cell);
  if (next && !next.only && cell) edit(cell);
});

// --- rows that arrive -----------------------------------------------------------------------------------------------

// The next fifty may hold a row that is here already, and bring those that came above the first one since.
function tidy() {
  const seen = new Set();
  for (const row of rows()) {
    if (row.hasAttribute("data-above")) continue;
    if (seen.has(row.id)) row.remove();
    seen.add(row.id);
  }
  for (const row of rows().filter((one) => one.hasAttribute("data-above")).reverse()) {
    row.removeAttribute("data-above");
    for (const twin of body().querySelectorAll(`#${CSS.escape(row.id)}`)) if (twin !== row) twin.remove();
    body().prepend(row);
  }
}

export function settle() {
  if (!body()) return;
  tidy();
  rows().forEach((row, at) => row.setAttribute("aria-rowindex", String(at + 2)));
  const cell = body().querySelector(':is(th, td)[tabindex="0"]') ?? rows()[0]?.cells[0];
  if (cell) rove(cell);
  document.dispatchEvent(new CustomEvent("rows-settled"));
}

// Columns are put in order by their arrows; what is shown is applied at once with the form.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-columns] :is([name=up], [name=down])");
  if (!button) return;
  event.preventDefault();
  const item = button.closest("li");
  const other = button.name === "up" ? item.previousElementSibling : item.nextElementSibling;
  if (other) button.name === "up" ? other.before(item) : other.after(item);
  button.focus();
});

function rowwise(event, combo) {
  const cell = cellOf(document.activeElement);
  focus(cell ? step(cell, combo === "j" ? 1 : -1, 0) : body()?.querySelector(':is(th, td)[tabindex="0"]'));
}

const show = (cell) => void openDrawer(cell.parentElement.querySelector("a[data-drawer]"));

if (table()) {
  const here = { on: () => Boolean(table()) };
  const inCell = (act) => (event, combo) => void act(cellOf(event.target), event, combo);
  const grid = { ...here, within: "#rows > tr[data-deal]" };
  const form = { ...here, within: "#rows .cell-form", typing: true };
  const walk = inCell((cell, event, combo) => focus(PLACES[combo](cell)));
  bind(["arrowleft", "arrowup", "arrowdown", "arrowright"], "← ↑ ↓ →", "keys.cells", walk, grid);
  bind(["home", "end"], "Home End", "keys.ends", walk, grid);
  bind(["pageup", "pagedown"], "PgUp PgDn", "keys.leap", walk, grid);
  bind(["mod+home", "mod+end"], "Ctrl Home End", "keys.corners", walk, grid);
  bind(["j", "k"], "J K", "keys.rows", rowwise, here);
  bind("enter", "Enter", "keys.enter", inCell((cell) => (cell.cellIndex === 0 ? show(cell) : edit(cell))), grid);
  bind("o", "O", "keys.decide", inCell(show), grid);
  for (const [combo, shown] of [["e", "E"], ["f2", "F2"]]) bind(combo, shown, "keys.cell", inCell(edit), grid);
  bind("tab", "Tab", "keys.on", inCell(saveAndGoOn), form);
  bind("escape", "Esc", "keys.close", inCell(close), { ...form, group: "keys.everywhere" });
  bind("mod+enter", "Ctrl ↵", null, inCell((cell) => save(cell)), form);
  bind("enter", "Enter", null, (event) => (event.target.matches("textarea") ? false : void save(cellOf(event.target))), form);
  settle();
  // What somebody has sorted by may be far to the right.
  const sorted = new URLSearchParams(location.search).has("by") && table().querySelector("thead th[aria-sort]");
  if (sorted) sorted.scrollIntoView({ block: "nearest", inline: "nearest" });
}
