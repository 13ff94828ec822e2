// People: a user's history and list, and how the list moves when the history, the filter or the policy changes.

import { get, itemsById, servedList } from "./api.js";
import { legend } from "./bars.js";
import { controls, policyOf } from "./controls.js";
import { announce, card, h, loading, nothing, problem, put } from "./dom.js";
import { count, day, titleOf } from "./format.js";
import { movement, ranksOf, showList } from "./list.js";
import { itemPicker, userPicker } from "./picker.js";

const PAUSE = 150; // milliseconds without a change until the list is asked for
const FIRST = 12; // events of a history that are shown before "Show all"
const MOST_EVENTS = 500;

/** `#/people` asks whose list, `#/people/u1` is of a user, `#/people/` of somebody new. */
export async function show(container, [user], signal) {
  document.title = "People · recsys console";
  if (user === undefined) await showDoor(container, signal);
  else await showUser(container, user, signal);
}

const open = (user) => { location.hash = `#/people/${encodeURIComponent(user)}`; };

async function showDoor(container, signal) {
  const known = h("ul", { class: "chips", "aria-label": "The most active users" }, loading(2));
  container.append(h("div", { class: "door" }, h("h1", {}, "Whose list?"),
    h("p", {}, "Find a user, see what the list is made from, change it, and watch the list move."),
    userPicker(open), known, h("a", { class: "button", href: "#/people/" }, "Somebody new")));
  container.querySelector("input").focus();
  try {
    const { users } = await get("v1/users?n=8", { signal });
    put(known, ...users.map((user) => h("li", {}, h("a", { href: `#/people/${encodeURIComponent(user.user_id)}` },
      user.user_id, h("small", {}, ` ${user.n_events}`)))));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    put(known, nothing(error.status === 403 ? "This key may not look users up; type a whole id." : error.message));
  }
}

async function showUser(container, user, signal) {
  const asked = { user, entries: [], edited: false, n: 10, query: "", filters: [], discovery: null, diversity: null, seen: "" };
  const profile = h("p", { class: "note", hidden: true });
  const history = h("div", { class: "history" }, loading());
  const list = h("ol", { class: "ranked" });
  const state = h("div", {}, loading(10));
  const summary = h("p", { class: "summary" });
  const left = h("div", { class: "left", hidden: true });
  const reset = h("button", { type: "button", hidden: true, onclick: start }, "Back to the served list");
  const knobs = h("div", {});
  const toControls = h("button", { type: "button", class: "narrow", onclick: () => knobs.scrollIntoView() }, "Change it");
  let timer = 0;
  let asking = new AbortController();
  let served = null; // the list without any change: {n, ranks, items}
  signal.addEventListener("abort", () => { clearTimeout(timer); asking.abort(); });

  const heading = user ? [h("span", {}, "What "), h("em", {}, user), h("span", {}, " sees")] : "What somebody new sees";
  container.append(h("div", { class: "columns" },
    h("aside", {}, card("User", userPicker(open, user), user && h("a", { href: "#/people/" }, "Somebody new"),
      profile, h("h2", {}, "History"), history), knobs),
    h("section", { class: "card list", "aria-label": "The list" },
      h("header", {}, h("h1", {}, heading), h("div", { class: "actions" }, reset, toControls)), summary,
      h("div", { class: "heads" }, legend(), h("span", {}, "Click")), state, list, left)));

  /** Nothing is changed: the controls say so at once, for what is typed into old ones would be asked for unseen. */
  async function start() {
    Object.assign(asked, { entries: [], edited: false, n: 10, query: "", filters: [], discovery: null, diversity: null, seen: "" });
    put(knobs, controls(columns, asked, changed));
    await Promise.all([showHistory(), refresh()]);
  }

  async function showHistory() {
    if (!asked.edited) {
      try {
        const known = user ? await get(`v1/users/${encodeURIComponent(user)}?n=${MOST_EVENTS}`, { signal }) : { history: [], profile: {} };
        asked.entries = known.history;
        const told = Object.entries(known.profile).map(([column, values]) => `${column}: ${values.join(", ")}`);
        profile.hidden = told.length === 0;
        put(profile, told.join(" · "));
      } catch (error) {
        if (error.name === "AbortError") throw error;
        const message = error.status === 403 ? nothing("This key may not read what is stored about users (scope admin).") : problem(error);
        put(history, message, adder());
        return;
      }
    }
    await drawHistory();
  }

  async function drawHistory(all = false) {
    const newest = asked.entries.map((entry, index) => ({ ...entry, index })).reverse();
    const shown = all ? newest : newest.slice(0, FIRST);
    const briefs = await itemsById(shown.map((entry) => entry.item_id));
    const rows = shown.map((entry) => h("li", {},
      h("span", { class: "name" }, titleOf(briefs, entry.item_id)),
      h("span", { class: "note" }, entry.event ? `${entry.event} · ${day(entry.timestamp)}` : "added here"),
      h("button", { type: "button", class: "remove", title: "Take it out", "aria-label": `Take out ${titleOf(briefs, entry.item_id)}`,
        onclick: () => edit(asked.entries.filter((_, index) => index !== entry.index)) }, "×")));
    put(history, adder(),
      h("p", { class: "note" }, asked.entries.length === MOST_EVENTS && "newest ", count(asked.entries.length, "event"), asked.edited && ", edited here: without times and kinds of events"),
      rows.length > 0 ? h("ol", { "aria-label": "History, newest first" }, rows) : nothing("Nothing yet."),
      shown.length < newest.length && h("button", { type: "button", class: "quiet", onclick: () => drawHistory(true) }, `Show all ${newest.length}`));
  }

  const adder = () => itemPicker("Add an item to the history", add, true);

  function add(id) {
    edit([...asked.entries, { item_id: id, event: null, timestamp: null }]);
  }

  function edit(entries) {
    Object.assign(asked, { entries, edited: true });
    drawHistory();
    changed();
  }

  /** The list shown is no longer the one asked for, from now on: what is on its way is not drawn any more. */
  function changed() {
    asking.abort();
    list.setAttribute("aria-busy", "true");
    clearTimeout(timer);
    timer = setTimeout(refresh, PAUSE);
  }

  async function refresh() {
    asking.abort();
    const { signal: aborted } = asking = new AbortController();
    list.setAttribute("aria-busy", "true");
    try {
      const change = changeOf(asked);
      if (served?.n !== asked.n) served = { n: asked.n, ...(await ask({}, aborted)) };
      const answer = Object.keys(change).length > 0 ? await ask(change, aborted) : served;
      await draw(answer, answer === served ? null : served, aborted);
    } catch (error) {
      if (error.name === "AbortError") return;
      put(list);
      left.hidden = true;
      reset.hidden = false;
      summary.textContent = "";
      put(state, problem(error));
    }
    list.removeAttribute("aria-busy");
  }

  const ask = (change, aborted) => servedList({ ...(user && { user_id: user }), n: asked.n, explain: true, ...change }, aborted);

  async function draw(answer, compared, aborted) {
    const before = compared && ranksOf(compared.items);
    const now = ranksOf(answer.items);
    const gone = compared ? compared.items.filter((item) => !now.has(item.item_id)) : [];
    const briefs = await itemsById([...answer.items, ...gone].map((item) => item.item_id));
    aborted.throwIfAborted();
    const missing = answer.degraded.length > 0 && h("p", { class: "warning", role: "alert" }, `Made without ${answer.degraded.join(", ")}.`);
    put(state, missing, answer.items.length === 0 && nothing("No item meets the filter."));
    showList(list, answer.items, { briefs, before, add });
    left.hidden = gone.length === 0;
    put(left, h("h2", {}, "Left the list"), h("ul", { class: "chips" }, gone.map((item) =>
      h("li", {}, h("s", {}, titleOf(briefs, item.item_id)), h("small", {}, ` was ${item.rank}`)))));
    const moves = answer.items.map((item) => movement(item, before)).filter(Boolean);
    const came = moves.filter((moved) => moved.kind === "new").length;
    const moved = compared ? `${moves.length - came} moved, ${came} new, ${gone.length} left` : "as it is served";
    summary.textContent = `${count(answer.items.length, "item")} · ${moved}`;
    reset.hidden = !compared;
    announce(summary.textContent);
  }

  const { columns } = await get("v1/catalogue", { signal });
  await start();
}

/** What a request says beyond user and length: the keys of /v1/recommend that were changed. */
function changeOf(asked) {
  const change = policyOf(asked);
  if (asked.edited) change.history = asked.entries.map((entry) => entry.item_id);
  return change;
}
