// Health and quality at a glance: what the server's workers have answered, how fast, from which sources, and how good the version is.

import { get } from "./api.js";
import { namedBars, share } from "./bars.js";
import { card, h, loading, nothing, problem, put, svg } from "./dom.js";
import { count, figure, number, percent, seconds } from "./format.js";
import { parse, quantile, total } from "./prometheus.js";

const EVERY_SECONDS = 5;
const REMEMBERED = 60; // points of the lines
const LATENCY = "recsys_request_seconds";

/** `#/health`: asks again every few seconds while it is shown. */
export async function show(container, _rest, signal) {
  document.title = "Health · recsys console";
  const tiles = h("div", { class: "tiles", "aria-label": "At a glance" });
  const charts = h("div", { class: "charts" });
  const table = h("div", {});
  container.append(h("div", { class: "title-row" }, h("h1", {}, "Health"),
    h("p", { class: "note" }, `All workers of this server together, as /metrics has them; asked every ${EVERY_SECONDS} s.`)), tiles, charts, table, loading());
  const points = [];
  const { versions, served } = await get("v1/models", { signal });
  const quality = await qualityTile(served, versions, signal);

  async function look() {
    try {
      const metrics = parse(await get("metrics", { signal }));
      const answers = total(metrics, `${LATENCY}_count`);
      points.push({ time: performance.now() / 1000, answers, slow: quantile(metrics, LATENCY, 0.95, isList) });
      points.splice(0, points.length - REMEMBERED);
      put(tiles, ...glance(metrics, points), quality);
      put(charts, speeds(metrics), origins(metrics));
      put(table, variants(metrics), routes(metrics));
    } catch (error) {
      if (error.name !== "AbortError") put(tiles, problem(error));
    }
    container.querySelector(".loading")?.remove();
  }
  await look();
  const timer = setInterval(() => document.hidden || look(), EVERY_SECONDS * 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
}

const isList = ({ route }) => route === "/v1/recommend" || route === "/v1/rank";
const isFault = ({ route, status }) => status.startsWith("5") && route !== "/readyz"; // that one says 503 while it starts

function tile(name, value, note, state = "", line = null) {
  return h("div", { class: `tile ${state}`, "data-name": name }, h("span", {}, name), h("strong", {}, value), h("small", {}, note), line);
}

function glance(metrics, points) {
  const [one, two] = points.slice(-2);
  const pace = two ? (two.answers - one.answers) / (two.time - one.time) : null;
  const paces = points.slice(1).map((point, index) => (point.answers - points[index].answers) / (point.time - points[index].time));
  const answers = total(metrics, `${LATENCY}_count`);
  const lists = total(metrics, `${LATENCY}_count`, isList);
  const faults = total(metrics, `${LATENCY}_count`, isFault);
  const degraded = total(metrics, "recsys_degraded_lists_total", ({ stage }) => stage === "ranker");
  const up = total(metrics, "recsys_store_up") === 1;
  const refused = total(metrics, "recsys_refused_versions_total");
  return [
    tile("Answers", number(answers), pace === null ? "since the start" : `${pace.toFixed(1)} a second`, "", sparkline(paces)),
    tile("Lists", number(lists), `95 % within ${seconds(quantile(metrics, LATENCY, 0.95, isList))}`, "", sparkline(points.map(({ slow }) => slow ?? 0))),
    tile("Errors", number(faults), `${percent(answers ? faults / answers : 0)} of the answers`, faults ? "bad" : "good"),
    tile("Degraded lists", number(degraded), "made without the ranker", degraded ? "bad" : "good"),
    tile("Events", number(total(metrics, "recsys_events_total", ({ outcome }) => outcome === "accepted")), up ? "the store answers" : "the store does not answer", up ? "good" : "bad"),
    tile("Refused versions", number(refused), refused ? "the served one stays" : "all could be loaded", refused ? "bad" : "good"),
  ];
}

/** How good the served version was in its training, beside the best simpler ranking. */
async function qualityTile(served, versions, signal) {
  const quality = versions.find(({ version }) => version === served)?.metrics["ndcg@10"];
  if (!quality) return tile("Quality", "–", "no figures");
  const { baselines } = await get(`v1/models/${encodeURIComponent(served)}`, { signal });
  const [name, best] = Object.entries(baselines).map(([other, metrics]) => [other, metrics["ndcg@10"].mean ?? 0])
    .reduce((a, b) => (b[1] > a[1] ? b : a), ["nothing", 0]);
  const state = quality.mean >= best ? "good" : "bad";
  return h("a", { class: "bare", href: "#/models" }, tile("ndcg@10", figure(quality.mean), `${name}: ${figure(best)}`, state));
}

/** Which version answers as which variant, and what people did with its lists. */
function variants(metrics) {
  const rows = metrics.filter(({ name, value }) => name === "recsys_model_info" && value > 0).map(({ labels: { variant, version } }) => {
    const of = (labels) => labels.variant === variant;
    const lists = total(metrics, "recsys_lists_total", of);
    const clicks = total(metrics, "recsys_feedback_total", (labels) => of(labels) && labels.event === "click");
    const cells = [number(lists), number(clicks), lists ? (clicks / lists).toFixed(2) : "–"].map((cell) => h("td", { class: "number" }, cell));
    return h("tr", {}, h("th", { scope: "row" }, variant), h("td", {}, version), cells);
  });
  const head = ["Variant", "Version", "Lists", "Clicks", "Clicks a list"].map((name, index) => h("th", { scope: "col", class: index > 1 && "number" }, name));
  return card("Variants", h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows))));
}

function routes(metrics) {
  const rows = [...new Set(metrics.filter(({ name }) => name === `${LATENCY}_count`).map(({ labels }) => `${labels.method} ${labels.route}`))].sort();
  const cells = rows.map((row) => {
    const of = ({ method, route }) => `${method} ${route}` === row;
    const at = (share_) => h("td", { class: "number" }, seconds(quantile(metrics, LATENCY, share_, of)));
    return h("tr", {}, h("th", { scope: "row" }, row), h("td", { class: "number" }, number(total(metrics, `${LATENCY}_count`, of))), at(0.5), at(0.95), at(0.99));
  });
  const head = ["Route", "Answers", "50 %", "95 %", "99 %"].map((name, index) => h("th", { scope: "col", class: index > 0 && "number" }, name));
  return card("Time to answer", h("p", { class: "note" }, "so many of the answers came within; read from the buckets of the histogram"),
    h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, cells))));
}

function speeds(metrics) {
  const bounds = [...new Set(metrics.filter(({ name }) => name === `${LATENCY}_bucket`).map(({ labels }) => labels.le))];
  let below = 0;
  const rows = bounds.map((bound) => {
    const upTo = total(metrics, `${LATENCY}_bucket`, (labels) => labels.le === bound && isList(labels));
    const n = upTo - below;
    below = upTo;
    return [bound, n];
  });
  const most = Math.max(...rows.map(([, n]) => n), 0);
  if (most === 0) return card("Lists by their time", nothing("No list has been asked for yet."));
  const filled = rows.slice(rows.findIndex(([, n]) => n > 0), rows.findLastIndex(([, n]) => n > 0) + 1);
  const name = (bound) => (bound === "+Inf" ? "longer" : `to ${seconds(Number(bound))}`);
  return card("Lists by their time", namedBars(filled.map(([bound, n]) => [name(bound), number(n), share(n, most, "text")])));
}

function origins(metrics) {
  const rows = metrics.filter(({ name }) => name === "recsys_listed_items_total").map(({ labels, value }) => [labels.source, value]).sort((a, b) => b[1] - a[1]);
  if (rows.length === 0) return card("Who proposed what is listed", nothing("No list has been asked for yet."));
  return card("Who proposed what is listed", namedBars(rows.map(([source, n]) => [source, count(n, "item"), share(n, rows[0][1], "collaborative")])));
}

function sparkline(values) {
  if (values.length < 2) return null;
  const most = Math.max(...values, 1e-9);
  const path = values.map((value, index) => `${index === 0 ? "M" : "L"}${(100 * index) / (values.length - 1)} ${24 - (22 * value) / most}`).join("");
  return svg("svg", { class: "spark", viewBox: "0 0 100 26", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("path", { d: path }));
}
