// Tabs that do not all fit: the one that is open is scrolled into view, and each edge says whether there is more.
const SLACK = 2;

function mark(tabs) {
  const at = Math.abs(tabs.scrollLeft);
  tabs.toggleAttribute("data-before", at > SLACK);
  tabs.toggleAttribute("data-after", at < tabs.scrollWidth - tabs.clientWidth - SLACK);
}

for (const tabs of document.querySelectorAll(".tabs-line")) {
  const current = tabs.querySelector("[aria-current]");
  if (current) {
    const [box, line] = [current.getBoundingClientRect(), tabs.getBoundingClientRect()];
    tabs.scrollLeft += (box.left + box.right - line.left - line.right) / 2;
  }
  tabs.addEventListener("scroll", () => mark(tabs), { passive: true });
  new ResizeObserver(() => mark(tabs)).observe(tabs);
}
