// What shows live data, [data-live="address" data-event="n"], asks every two seconds whether anything came after event n.
// An answer arrives as a `live` event on the element: `detail.root` holds the fragments, and `detail.seen()` says that they
// have been taken in; as long as nobody does, they are asked for again. On `live-now` it asks at once.
const EVERY = 2000;
const HIDDEN = 60_000;
const WORST = 30_000;
const TIMEOUT = 20_000;

let failures = 0;
let timer = 0;
let asking = false;
let again = false;

const element = () => document.querySelector("[data-live]");
const pause = () => (document.hidden ? HIDDEN : Math.min(EVERY * 2 ** failures, WORST));

async function ask(live) {
  const { event, live: address } = live.dataset;
  const headers = { "After-Event": event, "HX-Request": "true", "HX-Current-URL": location.href };
  // Whoever does not look at the page needs nothing fresh from Nimble.
  if (document.hidden) headers["X-Page-Hidden"] = "1";
  const response = await fetch(address, { headers, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT) });
  const elsewhere = response.headers.get("HX-Redirect");
  if (elsewhere) return location.assign(elsewhere);
  // It is nothing for this person any more: the page says why.
  if (response.status === 404) return location.reload();
  if (!response.ok) throw new Error(String(response.status));
  if (response.status === 204) return;
  const root = document.createElement("template");
  root.innerHTML = await response.text();
  // Another filter was chosen meanwhile.
  if (!live.isConnected || live.dataset.event !== event || live.dataset.live !== address) return;
  const seen = () => (live.dataset.event = response.headers.get("Event"));
  live.dispatchEvent(new CustomEvent("live", { bubbles: true, detail: { root: root.content, seen } }));
}

async function turn() {
  clearTimeout(timer);
  again = asking;
  if (asking) return;
  asking = true;
  try {
    const live = element();
    if (live) await ask(live);
    failures = 0;
  } catch {
    failures += 1;
  }
  asking = false;
  timer = setTimeout(turn, again ? 0 : pause());
}

timer = setTimeout(turn, EVERY);
document.addEventListener("visibilitychange", () => document.hidden || turn());
addEventListener("online", turn);
document.addEventListener("live-now", turn);
