// The frame: which view is shown, the key, and the served version at the top.

import { forgetItems, get, key } from "./api.js";
import { problem, put } from "./dom.js";
import * as compare from "./compare.js";
import * as health from "./health.js";
import * as items from "./items.js";
import * as models from "./models.js";
import * as people from "./people.js";

const VIEWS = { people, compare, items, models, health };
const SERVED_SECONDS = 10;

let leave = new AbortController();

/** Show the view that the address names: `#/items/i1` is the view `items` of `i1`. */
function route() {
  leave.abort(); // what the view before waits for is not wanted any more
  leave = new AbortController();
  const [name, ...rest] = location.hash.replace(/^#\//, "").split("/");
  const view = Object.hasOwn(VIEWS, name) ? name : "people";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  forgetItems();
  const container = document.getElementById("view");
  container.dataset.view = view;
  put(container);
  VIEWS[view].show(container, rest.map(decoded), leave.signal).catch((error) => {
    if (error.name !== "AbortError") put(container, problem(error));
  });
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed by hand
  }
}

/** Keep the version at the top true. */
async function showServed() {
  const served = document.getElementById("served");
  try {
    const { model_version: version } = await get("readyz");
    served.textContent = version;
    served.className = "up";
  } catch (error) {
    served.textContent = error.status === 503 ? "loading" : "no answer";
    served.className = "down";
  }
}

function askForKey() {
  const dialog = document.getElementById("key-dialog");
  const wrong = document.getElementById("key-problem");
  document.getElementById("key").hidden = false;
  wrong.hidden = !key.get();
  wrong.textContent = "This key is not known.";
  if (!dialog.open) dialog.showModal();
}

function startKeys() {
  const dialog = document.getElementById("key-dialog");
  const input = document.getElementById("key-input");
  document.getElementById("key").hidden = !key.get();
  document.addEventListener("key-needed", askForKey);
  document.getElementById("key").addEventListener("click", () => {
    document.getElementById("key-problem").hidden = true;
    dialog.showModal();
  });
  document.getElementById("key-forget").addEventListener("click", () => {
    key.forget();
    input.value = "";
    dialog.close();
    route();
  });
  dialog.querySelector("form").addEventListener("submit", () => {
    key.set(input.value.trim());
    input.value = "";
    route();
  });
}

startKeys();
window.addEventListener("hashchange", () => {
  route();
  document.getElementById("view").focus({ preventScroll: true });
  window.scrollTo(0, 0);
});
document.addEventListener("promoted", showServed);
setInterval(() => document.hidden || showServed(), SERVED_SECONDS * 1000);
showServed();
route();
