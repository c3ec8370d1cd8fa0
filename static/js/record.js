// A record's keys: on its page, in the drawer, and from the card or row that has the focus, which opens it first.
import { close as closeDrawer, open as openDrawer, isOpen } from "./drawer.js";
import { bind } from "./keys.js";

// What a key begins, the first of them that there is: a field in its place before one with a page of its own.
const BEGIN = { e: [".editable:not(.editing) > .value", ".fields a[href*='/edit/']"], n: [".composer textarea"] };
const found = (key) => BEGIN[key].map((what) => shown()?.querySelector(what)).find(Boolean);
// The record that is shown: the drawer's, else the page's.
const shown = () => (isOpen() ? document.getElementById("drawer-body") : document.getElementById("content"));
const isRecord = () => Boolean(shown()?.querySelector(".record-head"));
const item = () => document.activeElement?.closest?.("#board .card, [data-row][data-record]");

function begin(key) {
  const first = found(key);
  if (!first) return false;
  if (key === "n") return first.focus();
  // What has just been swapped in is not bound yet.
  htmx.process(first);
  first.click();
}

// A card opens beside its board, a row on its page, which goes on by the address.
async function start(event, key) {
  const from = isOpen() ? null : item();
  const link = from?.querySelector("a[href]");
  if (!link) return begin(key);
  if (!link.matches("[data-drawer]")) return location.assign(`${link.href}#press-${key}`);
  await openDrawer(link);
  begin(key);
}
const able = () => isRecord() || Boolean(document.querySelector("#board, [data-row][data-record]"));
const isThere = (key) => () => (isRecord() ? Boolean(found(key)) : able());
// Acting is decided at once, though a card's record takes a moment to come.
const act = (event, key) => (item() || isRecord() ? void start(event, key) : false);

bind("e", "E", "keys.edit", act, { on: isThere("e") });
bind("n", "N", "keys.note", act, { on: isThere("n") });
const pageHas = (what) => ({ on: () => isRecord() && Boolean(shown().querySelector(what)) });
const press = (what) => () => shown().querySelector(what).click();
bind("m", "M", "keys.move", press(".record-head a[href$='/move/']"), pageHas(".record-head a[href$='/move/']"));

// Whoever has written goes on with the keys; a draft is kept.
const leave = () => (isOpen() ? document.getElementById("drawer-body") : document.getElementById("content")).focus({ preventScroll: true });
bind("escape", "Esc", "keys.close", leave, { group: "keys.everywhere", within: ".composer textarea", typing: true });

// A record that is there no more, or was taken from its reader, leaves the screen as well.
document.addEventListener("htmx:responseError", ({ target, detail }) => {
  if (detail.xhr.status !== 404 || !target.closest?.(".record-head") || !target.matches("[data-poll]")) return;
  if (isOpen()) closeDrawer();
  else location.reload();
});

const asked = /^#press-([en])$/.exec(location.hash)?.[1];
if (asked) {
  history.replaceState(history.state, "", location.pathname + location.search);
  // htmx is ready by then.
  document.addEventListener("DOMContentLoaded", () => begin(asked));
}
