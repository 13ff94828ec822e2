// Models: which versions there are, how good each is, and which one is served.

import { get, post } from "./api.js";
import { interval, namedBars, share } from "./bars.js";
import { announce, card, h, loading, newId, nothing, problem, put } from "./dom.js";
import { count, day, figure, moment, number, percent } from "./format.js";

const MAIN = "ndcg@10";
const FEATURES = 12;

/** `#/models` lists them, `#/models/V` opens one. */
export async function show(container, [opened], signal) {
  document.title = "Models · recsys console";
  container.append(loading());
  draw(container, await get("v1/models", { signal }), opened, signal);
}

function draw(container, overview, opened, signal) {
  const { versions, current, served } = overview;
  const detail = h("div", { class: "detail" });
  const most = Math.max(1e-9, ...versions.map(({ metrics }) => metrics[MAIN]?.high ?? metrics[MAIN]?.mean ?? 0));
  const change = async (question, path) => {
    if (!(await confirmed(question))) return;
    try {
      const changed = await post(path);
      announce(`${changed.served} is served`);
      document.dispatchEvent(new CustomEvent("promoted"));
      draw(container, changed, undefined, signal);
    } catch (error) {
      put(detail, problem(error));
    }
  };
  const rows = [...versions].reverse().map((version) => {
    const { version: name, created_at: created, metrics, problem: wrong } = version;
    const quality = metrics[MAIN];
    return h("tr", { "data-version": name, class: name === current && "current" },
      h("th", { scope: "row" }, wrong ? name : h("a", { href: `#/models/${name}` }, name),
        name === served && h("b", { class: "badge" }, "served"), wrong && h("small", { class: "wrong" }, wrong)),
      h("td", {}, moment(created)),
      h("td", { class: "quality" }, quality && [h("span", {}, figure(quality.mean)), interval(quality, most, "text")]),
      h("td", { class: "number" }, name !== current && !wrong && h("button", { type: "button",
        onclick: () => change(`Serve ${name} from now on?`, `v1/models/${encodeURIComponent(name)}/promote`) }, "Promote")));
  });
  put(container,
    h("div", { class: "title-row" }, h("h1", {}, "Models"), h("button", { type: "button", disabled: versions.length < 2,
      onclick: () => change("Go back to the version that was served before?", "v1/models/rollback") }, "Roll back")),
    rows.length === 0 ? nothing("No version has been trained yet.") : h("div", { class: "card scroll" }, h("table", { class: "versions" },
      h("thead", {}, h("tr", {}, ["Version", "Trained", MAIN, ""].map((name) => h("th", { scope: "col" }, name || h("span", { class: "hidden" }, "Change"))))),
      h("tbody", {}, rows))),
    detail);
  const shown = opened ?? served;
  if (shown) showDetail(detail, shown, signal);
}

async function showDetail(container, version, signal) {
  put(container, loading());
  try {
    const report = await get(`v1/models/${encodeURIComponent(version)}`, { signal });
    put(container, h("h2", {}, version), h("p", { class: "note" }, learned(report)), ...report.caveats.map((text) => h("p", { class: "note" }, text)),
      h("div", { class: "charts" }, beside(report), without(report), slices(report), features(report)));
  } catch (error) {
    if (error.name !== "AbortError") put(container, problem(error));
  }
}

function learned({ data, n_requests: n, parent }) {
  const follows = parent ? `, follows ${parent}` : "";
  return `${count(data.n_events, "event")} of ${count(data.n_users, "user")} on ${count(data.n_items, "item")}, ${day(data.start)} to ${day(data.end)}; `
    + `measured on ${count(n, "request")}${follows}.`;
}

function beside({ metrics, baselines }) {
  const others = Object.entries(baselines).sort(([, a], [, b]) => (b[MAIN].mean ?? 0) - (a[MAIN].mean ?? 0));
  return chart("Beside simpler rankings", [["This version", metrics, "text"], ...others]);
}

const without = ({ metrics, ablation }) => chart("Without one of its parts", [["Whole", metrics, "text"], ...Object.entries(ablation)]);

function slices({ slices: parts, slice_sizes: sizes }) {
  return chart("On kinds of requests", Object.entries(parts).map(([name, metrics]) => [`${name.replaceAll("_", " ")} (${number(sizes[name])})`, metrics]));
}

/** Bars of the main figure with their intervals. */
function chart(title, rows) {
  const measured = rows.filter(([, metrics]) => metrics[MAIN] && metrics[MAIN].mean !== null);
  if (measured.length === 0) return null;
  const most = Math.max(1e-9, ...measured.map(([, metrics]) => metrics[MAIN].high ?? metrics[MAIN].mean));
  return card(title, h("p", { class: "note" }, `${MAIN}, with 95 % intervals`), namedBars(measured.map(([name, metrics, kind = "muted"]) =>
    [name, figure(metrics[MAIN].mean), interval(metrics[MAIN], most, kind)])));
}

function features({ importances }) {
  const best = Object.entries(importances).sort(([, a], [, b]) => b - a).slice(0, FEATURES);
  const total = Object.values(importances).reduce((sum, gain) => sum + gain, 0) || 1;
  return card("What the ranker looks at", h("p", { class: "note" }, "share of the gain of its trees"), namedBars(best.map(([name, gain]) =>
    [name.replaceAll("_", " "), percent(gain / total), share(gain, best[0][1])])));
}

/** Ask before something changes for everybody. */
function confirmed(question) {
  const id = newId("question");
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": id, onclose: () => { dialog.remove(); resolve(dialog.returnValue === "yes"); } },
      h("form", { method: "dialog" }, h("h2", { id }, question), h("p", {}, "Every worker of this registry follows within a second."),
        h("div", { class: "actions" }, h("button", { value: "no" }, "Cancel"), h("button", { value: "yes", class: "primary" }, "Yes"))));
    document.body.append(dialog);
    dialog.showModal();
  });
}
