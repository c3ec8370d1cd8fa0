// What every page runs. Each module looks after one part and binds itself to the document, so swapped-in markup works.
import "./toasts.js";
import "./menu.js";
import "./drawer.js";
import "./keys.js";
import "./theme.js";
import "./sidebar.js";
import "./editable.js";
import "./tabs.js";
import "./poll.js";
import "./picks.js";
import "./at-once.js";
import "./board.js";
import "./board-live.js";
import "./live.js";
import "./quick.js";
import "./leave.js";
import "./many.js";
import "./walk.js";
import "./table.js";
import "./table-live.js";
import "./table-pick.js";
import "./record.js";
import "./palette.js";

document.documentElement.classList.replace("no-js", "js");
