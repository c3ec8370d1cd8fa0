// What is read anew, a board or a table, keeps what had been fetched of it and what is scrolled to.

// Read anew at most so often, in milliseconds.
export const ANEW = 10_000;
// Further pieces that are read for it.
export const MOST_PAGES = 100;

// Runs `change` and leaves what is scrolled to in each list where it was. `items`: a selector of what stands in them.
export function steadily(lists, items, change) {
  const anchors = lists.filter((list) => list.scrollTop > 0).map((list) => {
    const top = list.getBoundingClientRect().top;
    const seen = [...list.querySelectorAll(items)].filter((item) => item.getBoundingClientRect().bottom > top);
    return { list, seen, places: seen.map((item) => item.getBoundingClientRect().top) };
  });
  change();
  for (const { list, seen, places } of anchors) {
    const at = seen.findIndex((item) => list.contains(item));
    if (at >= 0) list.scrollTop += seen[at].getBoundingClientRect().top - places[at];
  }
}

// Reads on in a page that was fetched, where `more` leads. What is there already, and what came `above` the first item
// since, is left out: the next poll tells of it.
export async function readOn(more, items, above) {
  const response = await fetch(more.getAttribute("hx-get"), { headers: { "HX-Request": "true" }, cache: "no-store" });
  if (!response.ok) throw new Error(String(response.status));
  const rest = document.createElement("template");
  rest.innerHTML = await response.text();
  for (const item of rest.content.querySelectorAll(items)) {
    if (item.matches(above) || more.ownerDocument.getElementById(item.id)) item.remove();
  }
  more.replaceWith(rest.content);
}
