// Two versions side by side for one user: two lists, lines between the same items, and how good each was in training.

import { get, itemsById, listOf } from "./api.js";
import { interval } from "./bars.js";
import { card, field, h, loading, nothing, problem, put, svg } from "./dom.js";
import { about, count, figure, percent, titleOf } from "./format.js";
import { moveMark, ranksOf } from "./list.js";
import { userPicker } from "./picker.js";

const LENGTH = 10;

/** `#/compare/u1/A/B`; without versions, the served one and the one before it. */
export async function show(container, [user = "", a, b], signal) {
  document.title = "Compare · recsys console";
  container.append(loading());
  const { versions, served } = await get("v1/models", { signal });
  const usable = versions.filter((version) => !version.problem).reverse();
  const first = a || served;
  const second = b || usable.find(({ version }) => version !== first)?.version;
  const choose = (name, value, change) => field(name, h("select", { value, onchange: (event) => change(event.target.value) },
    usable.map(({ version }) => h("option", { value: version, selected: version === value },
      `${version === served ? "served · " : ""}${version}`))));
  const go = (who, one, two) => { location.hash = `#/compare/${[who, one, two].map(encodeURIComponent).join("/")}`; };
  const result = h("div", { class: "result" });
  put(container,
    h("h1", {}, "Two versions side by side"),
    h("div", { class: "card choices" },
      h("div", { class: "field" }, h("span", { class: "label" }, "User"), userPicker((who) => go(who, first, second ?? ""), user)),
      choose("Version A", first, (version) => go(user, version, second ?? "")),
      second && choose("Version B", second, (version) => go(user, first, version))),
    result);
  if (!second) {
    result.append(nothing("There is one version only. Train another one (recsys train, recsys retrain) to compare with it."));
    return;
  }
  result.append(loading(10), h("p", { class: "note" }, "A version that is not served is loaded first: that takes some seconds."));
  try {
    const body = { ...(user && { user_id: user }), n: LENGTH, explain: true };
    const [one, two] = await Promise.all([first, second].map((version) => listOf(version, body, signal)));
    const briefs = await itemsById([...one.items, ...two.items].map((item) => item.item_id));
    const names = Object.fromEntries(versions.map((version) => [version.version, version.metrics]));
    put(result, agreement(one.items, two.items), sideBySide(one, two, briefs),
      measures(names[first], names[second]));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    put(result, error.status === 403 ? nothing("This key may not ask versions for their lists (scope admin).") : problem(error));
  }
}

function agreement(one, two) {
  const ranks = ranksOf(two);
  const shared = one.filter((item) => ranks.has(item.item_id));
  const same = shared.filter((item) => ranks.get(item.item_id) === item.rank);
  const tile = (value, text) => h("div", { class: "tile" }, h("strong", {}, value), h("span", {}, text));
  return h("div", { class: "tiles" },
    tile(`${shared.length} of ${Math.max(one.length, two.length)}`, "in both lists"),
    tile(String(same.length), "at the same position"),
    tile(one[0]?.item_id === two[0]?.item_id ? "yes" : "no", "the same first item"));
}

function sideBySide(one, two, briefs) {
  const column = (answer, name, mark) => h("div", {}, h("h2", {}, `${name} `, h("small", {}, answer.model_version)),
    h("ol", { class: "slim", "aria-label": `List of version ${name}` }, answer.items.map((item) => slimRow(item, briefs, mark(item)))));
  const [before, after] = [ranksOf(one.items), ranksOf(two.items)];
  const onlyA = (item) => !after.has(item.item_id) && moveMark(item, after, "only A");
  const moved = (item) => moveMark(item, before, "only B"); // from A to B
  const whole = h("section", { class: "card beside", "aria-label": "Both lists" },
    column(one, "A", onlyA), lines(one.items, after, LENGTH), column(two, "B", moved));
  // The item under the pointer or the focus is marked on both sides.
  const mark = (event) => {
    const id = event.target.closest("[data-id]")?.dataset.id;
    for (const element of whole.querySelectorAll("[data-id]")) element.classList.toggle("marked", element.dataset.id === id);
  };
  whole.addEventListener("pointerover", mark);
  whole.addEventListener("focusin", mark);
  return whole;
}

function slimRow(item, briefs, mark) {
  const title = titleOf(briefs, item.item_id);
  return h("li", { "data-id": item.item_id }, h("span", { class: "rank" }, item.rank),
    h("div", { class: "what" }, h("a", { class: "title", href: `#/items/${encodeURIComponent(item.item_id)}` }, title),
      h("span", { class: "meta" }, about(briefs.get(item.item_id)))),
    h("span", { class: "chance", title: "Probability of a click" }, percent(item.p_click)), mark);
}

/** Lines from each item's position on the left to its position on the right. */
function lines(items, after, n) {
  const height = (rank) => ((rank - 0.5) / n) * 100;
  return svg("svg", { class: "lines", viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" },
    items.filter((item) => after.has(item.item_id)).map((item) => {
      const [y1, y2] = [height(item.rank), height(after.get(item.item_id))];
      const kind = y1 === y2 ? "same" : y1 > y2 ? "up" : "down";
      return svg("path", { class: kind, "data-id": item.item_id, d: `M0 ${y1} C50 ${y1} 50 ${y2} 100 ${y2}` });
    }));
}

/** What the training of each version measured. */
function measures(one, two) {
  const names = Object.keys(one).filter((name) => two[name] && name !== "coverage@10");
  if (names.length === 0) return null;
  const cell = (value, most, kind) => h("td", {}, h("span", {}, figure(value.mean)), interval(value, most, kind));
  const rows = names.map((name) => {
    const most = Math.max(...[one[name], two[name]].map(({ high, mean }) => high ?? mean ?? 0), 1e-9);
    const overlap = one[name].low <= two[name].high && two[name].low <= one[name].high;
    return h("tr", {}, h("th", { scope: "row" }, name), cell(one[name], most, "text"), cell(two[name], most, "collaborative"),
      h("td", { class: "number" }, figure(two[name].mean - one[name].mean), h("small", {}, overlap ? " intervals overlap" : " intervals apart")));
  });
  return card("How good each was in its own test", h("p", { class: "note" },
    "Each version is measured on the newest part of the data that it was trained on. They compare fairly where that is the same."),
  h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": count(names.length, "figure") }, h("table", {}, h("thead", {}, h("tr", {},
    ["Figure", "A", "B", "B − A"].map((name, index) => h("th", { scope: "col", class: index === 3 && "number" }, name)))), h("tbody", {}, rows))));
}
