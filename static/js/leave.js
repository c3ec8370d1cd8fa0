// A form that leads to another page leaves only once somebody answers: else the browser's own error page would take its
// place, and what was typed would be lost.
import { toast } from "./toasts.js";
import { announce, word } from "./words.js";

const sure = new WeakSet();

const answers = () =>
  fetch("/healthz", { cache: "no-store" }).then(
    (response) => response.ok,
    () => false,
  );

async function leave(form, submitter) {
  if (await answers()) {
    sure.add(form);
    form.requestSubmit(submitter);
    return;
  }
  announce(word("kept"));
  toast(word("kept"), { kind: "warning", label: word("retry"), act: () => leave(form, submitter) });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  // What htmx sends stays on the page anyhow.
  if (event.defaultPrevented || !form.matches("form.form[method=post]") || sure.delete(form)) return;
  event.preventDefault();
  leave(form, event.submitter);
});
