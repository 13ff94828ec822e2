// Pictures of numbers: what each group of features added, probabilities, intervals. All widths are attributes of SVG.

import { h, svg } from "./dom.js";
import { figure, percent, signed } from "./format.js";

/** The groups of features: key, name, and what it is about. */
export const GROUPS = [
  ["text", "Text", "what the item says, and what this user reads"],
  ["collaborative", "Collaborative", "who else wanted both"],
  ["behaviour", "Behaviour", "what happens with the item, and how often"],
  ["context", "Context", "the moment"],
];

/** The legend of contribution bars. */
export function legend() {
  return h("ul", { class: "legend", "aria-label": "What the bars show" }, GROUPS.map(([key, name, meaning]) =>
    h("li", { title: meaning }, svg("svg", { width: 10, height: 10, "aria-hidden": "true" },
      svg("rect", { class: key, width: 10, height: 10, rx: 2 })), name)));
}

/** One scale for all bars of some lists: how far they reach to both sides of nothing. */
export function scaleOf(items) {
  const sums = items.filter((item) => item.explanation).map(({ explanation }) => {
    const parts = GROUPS.map(([key]) => explanation[key]);
    return { low: sum(parts.filter((part) => part < 0)), high: sum(parts.filter((part) => part > 0)) };
  });
  return { low: Math.min(0, ...sums.map(({ low }) => low)), high: Math.max(1e-9, ...sums.map(({ high }) => high)) };
}

/** What each group added to a score: to the right of the line where it raised it, to the left where it lowered it. */
export function contributions(explanation, { low, high }) {
  const percent = (value) => (100 * (value - low)) / (high - low);
  const ends = { up: 0, down: 0 };
  const bars = GROUPS.filter(([key]) => explanation[key] !== 0).map(([key, name]) => {
    const value = explanation[key];
    const side = value > 0 ? "up" : "down";
    const start = ends[side];
    ends[side] += value;
    const left = percent(Math.min(start, ends[side]));
    const bar = { class: key, x: `${left}%`, y: 2, width: `${percent(Math.max(start, ends[side])) - left}%`, height: 12 };
    return svg("rect", { ...bar, "data-value": value }, svg("title", {}, `${name} ${signed(value)}`));
  });
  const zero = `${percent(0)}%`;
  return svg("svg", { class: "contributions", role: "img", "aria-label": inWords(explanation), height: 16, width: "100%" },
    bars, svg("line", { x1: zero, x2: zero, y1: 0, y2: 16 }));
}

/** The same as a sentence. */
export function inWords(explanation) {
  return GROUPS.map(([key, name]) => `${name.toLowerCase()} ${signed(explanation[key])}`).join(", ");
}

/** A share of the largest one, as a bar; the number stands beside it. */
export function share(value, most, kind = "plain") {
  const width = most > 0 && value > 0 ? `${Math.max(1, (100 * value) / most)}%` : "0%";
  return svg("svg", { class: "share", width: "100%", height: 6, "aria-hidden": "true" },
    svg("rect", { class: "back", width: "100%", height: 6, rx: 3 }),
    svg("rect", { class: kind, width, height: 6, rx: 3 }));
}

/** A probability: its number and its bar beside the largest of the list. */
export function probability(value, most) {
  return h("div", { class: "probability" }, h("span", {}, percent(value)), share(value ?? 0, most));
}

/** A mean with its 95 % interval as a bar with a whisker. */
export function interval({ mean, low, high }, most, kind = "plain") {
  const at = (value) => `${Math.min(100, (100 * Math.max(0, value)) / most)}%`;
  const whisker = low === null || high === null ? null : svg("line", { x1: at(low), x2: at(high), y1: 8, y2: 8 });
  const label = `${figure(mean)}, 95 % between ${figure(low)} and ${figure(high)}`;
  return svg("svg", { class: "interval", width: "100%", height: 16, role: "img", "aria-label": label },
    svg("rect", { class: kind, y: 3, width: at(mean ?? 0), height: 10, rx: 2 }), whisker, svg("title", {}, label));
}

/** Named bars under each other: name, number, bar. */
export function namedBars(rows) {
  return h("dl", { class: "bars" }, rows.map(([name, value, bar]) => h("div", {}, h("dt", {}, name), h("dd", {}, h("span", {}, value), bar))));
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
