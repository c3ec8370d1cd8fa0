// Adding a deal in a column of the board: the form opens under the column's head, Enter saves and it is ready for the
// next, Esc closes it. Without this, "+" leads to the form's own page.
import { bind } from "./keys.js";

function close(form) {
  const column = form.closest(".column");
  form.replaceWith(Object.assign(document.createElement("div"), { id: form.id }));
  column?.querySelector(".add")?.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-quick-close]");
  if (button) close(button.closest("[data-quick]"));
});
bind("escape", "Esc", "keys.close", ({ target }) => close(target.closest("[data-quick]")), { group: "keys.everywhere", within: "[data-quick]", typing: true });

// In the column of the card that has the focus, else in the first one; away from boards, on a page of its own.
function add() {
  const column = document.activeElement?.closest?.(".column");
  const link = column?.querySelector(".add") ?? document.querySelector("#board .column:not(.folded) .add") ?? document.querySelector("[data-new]");
  if (!link) return location.assign("/deals/new/");
  // A column's head that has just been swapped in is not bound yet.
  htmx.process(link);
  link.click();
}
bind("c", "C", "keys.new", add);
