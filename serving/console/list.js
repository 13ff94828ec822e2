// A ranked list: ranks, how far they moved, why, and how likely.

import { h, put } from "./dom.js";
import { GROUPS, contributions, probability, scaleOf } from "./bars.js";
import { about, percent, signed, titleOf } from "./format.js";

const STILL = window.matchMedia("(prefers-reduced-motion: reduce)");

/** Ranks by item id. */
export const ranksOf = (items) => new Map(items.map((item) => [item.item_id, item.rank]));

/** How an item stands beside another list: `up 3`, `down 2`, `new`, or nothing where it has not moved. */
export function movement(item, before, absent = "new") {
  if (!before) return null;
  const was = before.get(item.item_id);
  if (was === undefined) return { kind: "new", sign: absent, text: absent };
  const steps = was - item.rank;
  if (steps === 0) return null;
  return steps > 0
    ? { kind: "up", sign: `▲ ${steps}`, text: `up ${steps}` }
    : { kind: "down", sign: `▼ ${-steps}`, text: `down ${-steps}` };
}

/** The mark of a movement; `absent` is what is said of an item that the other list lacks. */
export function moveMark(item, before, absent = "new") {
  const moved = movement(item, before, absent);
  return moved && h("span", { class: `move ${moved.kind}`, title: moved.text },
    h("span", { "aria-hidden": "true" }, moved.sign), h("span", { class: "hidden" }, moved.text));
}

/**
 * Show items in an `<ol>`; rows that were there already glide to their new positions.
 *
 * @param {HTMLOListElement} list
 * @param {object[]} items of an answer
 * @param {object} options
 * @param {Map} options.briefs what is known of items
 * @param {Map | null} options.before ranks to compare with
 * @param {((id: string) => void) | null} options.add what the plus of a row does; none without it
 */
export function showList(list, items, { briefs, before = null, add = null }) {
  const tops = new Map([...list.children].map((row) => [row.dataset.id, row.getBoundingClientRect().top]));
  const opened = new Set([...list.querySelectorAll("details[open]")].map((more) => more.closest("li").dataset.id));
  const scale = scaleOf(items);
  const most = Math.max(0, ...items.map((item) => item.p_click ?? 0));
  put(list, ...items.map((item) => row(item, { briefs, before, add, scale, most, open: opened.has(item.item_id) })));
  if (tops.size > 0 && !STILL.matches) glide(list, tops);
}

function row(item, { briefs, before, add, scale, most, open }) {
  const title = titleOf(briefs, item.item_id);
  const { explanation } = item;
  return h("li", { "data-id": item.item_id },
    h("div", { class: "place" }, h("span", { class: "rank" }, item.rank), moveMark(item, before)),
    h("div", { class: "what" },
      h("a", { class: "title", href: `#/items/${encodeURIComponent(item.item_id)}` }, title),
      h("span", { class: "meta" }, about(briefs.get(item.item_id)))),
    h("div", { class: "why" }, explanation && contributions(explanation, scale),
      h("ul", { class: "sources", "aria-label": "Proposed by" }, item.sources.map((source) => h("li", {}, source)))),
    probability(item.p_click, most),
    add && h("button", { class: "add", type: "button", title: "Add to the history", "aria-label": `Add ${title} to the history`,
      onclick: () => add(item.item_id) }, "+"),
    details(item, open));
}

function details(item, open) {
  const { explanation } = item;
  const parts = explanation ? GROUPS.map(([key, name]) => [name, signed(explanation[key])]) : [];
  const facts = [["Score", signed(item.score)], ["Click", percent(item.p_click)], ["Purchase", percent(item.p_purchase)],
    ["Id", item.item_id]];
  const [first = "why", ...further] = explanation?.reasons ?? [];
  return h("details", { class: "more", open }, h("summary", {}, first),
    h("ul", { class: "reasons" }, further.map((reason) => h("li", {}, reason))),
    h("dl", {}, [...parts, ...facts].map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
}

function glide(list, tops) {
  for (const element of list.children) {
    const before = tops.get(element.dataset.id);
    const distance = before === undefined ? null : before - element.getBoundingClientRect().top;
    const frames = distance === null ? [{ opacity: 0 }, { opacity: 1 }] : [{ transform: `translateY(${distance}px)` }, { transform: "none" }];
    if (distance !== 0) element.animate(frames, { duration: 300, easing: "ease-out" });
  }
}
