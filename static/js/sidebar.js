// Folding the sidebar (kept in a cookie that the server reads), and opening it over the page on a phone.
import { bind } from "./keys.js";

const root = document.documentElement;
const sidebar = document.getElementById("sidebar");
let opener = null;

function show(open) {
  sidebar.classList.toggle("open", open);
  document.querySelector(".main")?.toggleAttribute("inert", open);
  if (open) sidebar.querySelector("a, button, input")?.focus();
  else opener?.focus();
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-sidebar-fold]")) {
    const folded = root.dataset.sidebar !== "collapsed";
    if (folded) root.dataset.sidebar = "collapsed";
    else delete root.dataset.sidebar;
    document.cookie = `sidebar=${folded ? "collapsed" : ""}; path=/; max-age=31536000; samesite=lax`;
  } else if (event.target.closest("[data-sidebar-open]")) {
    event.preventDefault();
    opener = event.target.closest("[data-sidebar-open]");
    show(true);
  } else if (event.target.closest("[data-sidebar-close]")) {
    event.preventDefault();
    show(false);
  }
});
bind("escape", "Esc", "keys.close", () => (sidebar?.classList.contains("open") ? show(false) : false));
