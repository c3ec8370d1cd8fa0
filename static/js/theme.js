// The theme changes at once; the form then tells the server, which renders it from the next page on.
document.addEventListener("submit", (event) => {
  const theme = event.target.matches?.("[data-preferences]") && event.submitter?.name === "theme" && event.submitter.value;
  if (!theme) return;
  event.preventDefault();
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const button of event.target.querySelectorAll("[name=theme]")) button.setAttribute("aria-pressed", String(button.value === theme));
  fetch(event.target.action, { method: "POST", body: new FormData(event.target, event.submitter), redirect: "manual" });
});
