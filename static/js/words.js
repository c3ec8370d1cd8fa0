// Translated words of the page's <template id="words">, and saying them to a screen reader.
const template = document.getElementById("words");

export function word(key, values = {}) {
  const text = template?.content.querySelector(`[data-word="${key}"]`)?.textContent ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function announce(text) {
  const live = document.getElementById("live");
  if (!live) return;
  live.textContent = "";
  // The same sentence twice is only spoken twice if the region was empty in between.
  requestAnimationFrame(() => (live.textContent = text));
}

export const typing = (element) =>
  element instanceof HTMLElement &&
  (element.isContentEditable || element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])"));

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
// Whether the page is as narrow as on a phone.
export const narrow = () => matchMedia("(max-width: 767px)").matches;
