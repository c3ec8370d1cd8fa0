// A list that acts on what is picked from it, select[data-at-once], hears `picked`. Whoever steps through it while it is
// closed, by arrows or letters, has picked nothing yet: the button beside it, or Enter, does the same.
let stepping = false;

document.addEventListener("pointerdown", () => (stepping = false), true);
document.addEventListener("keydown", ({ key, altKey }) => (stepping = !(altKey || ["Enter", " ", "F4"].includes(key))), true);
document.addEventListener("change", ({ target }) => {
  if (target.matches("select[data-at-once]") && target.value && !stepping) htmx.trigger(target, "picked");
});
