// Click-to-edit fields: <div class="editable"><button class="value">…</button><form hx-post=…>…</form></div>.
// Enter saves (Ctrl Enter in a textarea), Esc reverts, and a save that failed keeps the form open with what was typed.
import { bind } from "./keys.js";
import { announce, word } from "./words.js";

const inputs = (field) => field.querySelectorAll("input:not([type=hidden]), textarea, select");

function edit(field) {
  field.classList.add("editing");
  const input = inputs(field)[0];
  input?.focus();
  if (input?.select && input.type !== "date") input.select();
}

function leave(field, { revert = false } = {}) {
  if (revert) field.querySelector("form").reset();
  field.classList.remove("editing");
  field.querySelector(".value")?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const value = event.target.closest(".editable > .value");
  if (value && !event.target.closest("a")) edit(value.parentElement);
  const cancel = event.target.closest(".editable [data-cancel]");
  if (cancel) leave(cancel.closest(".editable"), { revert: true });
});
// A form that was fetched begins like one that was there.
document.addEventListener("htmx:afterSettle", (event) => {
  const field = event.target.matches?.(".editable.editing") ? event.target : event.target.querySelector?.(":scope > .editable.editing");
  if (field && event.detail.requestConfig?.verb === "get") edit(field);
});
const inField = { within: ".editable.editing", typing: true };
const fieldOf = ({ target }) => target.closest(inField.within);
const submit = (event) => fieldOf(event).querySelector("form").requestSubmit();
bind("escape", "Esc", "keys.close", (event) => leave(fieldOf(event), { revert: true }), inField);
bind("enter", "Enter", null, (event) => (event.target.matches("textarea, button") ? false : submit(event)), inField);
bind("mod+enter", "Ctrl ↵", null, submit, inField);
bind("mod+enter", "Ctrl ↵", "keys.save", ({ target }) => target.form?.requestSubmit() ?? undefined, {
  on: () => Boolean(document.querySelector("textarea")),
  within: "textarea",
  typing: true,
});
document.addEventListener("htmx:beforeRequest", (event) => event.target.closest?.(".editable")?.classList.add("saving"));
document.addEventListener("htmx:afterRequest", (event) => {
  const field = event.target.closest?.(".editable");
  field?.classList.remove("saving");
  if (field && !event.detail.successful) announce(word("kept"));
});

// A note that is being written survives a reload: [data-draft] keeps its text for this tab until it was saved.
for (const type of ["input", "focusin"]) {
  document.addEventListener(type, (event) => {
    const key = event.target.dataset?.draft && `draft:${event.target.dataset.draft}`;
    if (!key) return;
    if (type === "focusin") event.target.value ||= sessionStorage.getItem(key) ?? "";
    else sessionStorage.setItem(key, event.target.value);
  });
}
document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.successful || event.detail.requestConfig.verb === "get") return;
  for (const input of event.target.querySelectorAll?.("[data-draft]") ?? []) {
    sessionStorage.removeItem(`draft:${input.dataset.draft}`);
    input.form?.reset();
  }
});
