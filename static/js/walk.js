// J and K walk the list that a deal was opened from: the cards or rows around its link. In the drawer that list lies
// behind; a page of its own remembers it for this tab.
import { board, focus } from "./board-cards.js";
import { isOpen, open as openDrawer } from "./drawer.js";
import { bind } from "./keys.js";

const KEY = "walk";
const isDeal = (path) => /^\/deals\/\d+\/$/.test(path ?? "");
const linksAround = (link) => {
  const seen = new Set();
  const list = link.closest(".cards, table, ul, ol");
  return [...(list?.querySelectorAll("a[href]") ?? [])].filter((one) => {
    const path = one.getAttribute("href");
    return isDeal(path) && !seen.has(path) && seen.add(path);
  });
};
const linkOf = (path) => document.querySelector(`.cards a[href="${CSS.escape(path)}"], table a[href="${CSS.escape(path)}"]`);

function remember(link) {
  const paths = linksAround(link).map((one) => one.getAttribute("href"));
  if (paths.length > 1) sessionStorage.setItem(KEY, JSON.stringify(paths));
}

document.addEventListener("click", (event) => {
  const page = event.target.closest("[data-drawer-page]");
  const link = page ? linkOf(page.getAttribute("href")) : event.target.closest("a[href]");
  if (link && isDeal(link.getAttribute("href")) && !link.closest("[data-walk]")) remember(link);
}, true);

function inDrawer(step) {
  const link = linkOf(location.pathname);
  const links = link ? linksAround(link) : [];
  const next = links[links.findIndex((one) => one.getAttribute("href") === location.pathname) + step];
  if (next) openDrawer(next);
}

// The page's own links, filled in where the list is known.
const walk = document.querySelector("[data-walk]");
function onPage() {
  const paths = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
  const at = paths.indexOf(location.pathname);
  if (at < 0) return;
  for (const [name, path] of [["prev", paths[at - 1]], ["next", paths[at + 1]]]) {
    const link = walk.querySelector(`[rel=${name}]`);
    if (path) link.href = path;
    else link.setAttribute("aria-disabled", "true");
  }
  walk.querySelector("[data-place]").textContent = `${at + 1} / ${paths.length}`;
  walk.hidden = false;
}
if (walk) onPage();

// With no deal open, the same keys walk the cards of the columns that are unfolded. What a column has yet to fetch comes
// into sight with its last card, and is walked before the next column.
function onBoard(step) {
  const cards = [...document.querySelectorAll("#board .card")].filter((one) => one.checkVisibility());
  const card = document.activeElement?.closest?.("#board .card");
  const next = card ? cards[cards.indexOf(card) + step] : cards[0];
  const rest = step > 0 && next?.parentElement !== card?.parentElement && card?.parentElement.querySelector(".more");
  if (rest) rest.scrollIntoView({ block: "nearest" });
  else if (next) focus(next);
}

function step(by) {
  if (isOpen()) inDrawer(by);
  else if (board()) onBoard(by);
  else walk?.querySelector(by > 0 ? "[rel=next][href]" : "[rel=prev][href]")?.click();
}
const known = () => Boolean(isOpen() || board() || (walk && !walk.hidden));
bind(["j", "k"], "J K", "keys.deal", (event, combo) => step(combo === "j" ? 1 : -1), { on: known });

// A deal that was deleted from the drawer leaves the list behind it at once.
document.addEventListener("deal-gone", (event) => document.getElementById(`deal-${event.detail.deal}`)?.remove());
