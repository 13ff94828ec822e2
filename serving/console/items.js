// Items: what one is, and what is like it, by what it says and by who wanted it.

import { get, itemsById } from "./api.js";
import { share } from "./bars.js";
import { card, h, loading, nothing, problem, put } from "./dom.js";
import { about, day, number, titleOf } from "./format.js";
import { itemPicker } from "./picker.js";

const NEIGHBOURS = 10;
const KINDS = [
  ["text", "Alike by what they say", "The texts mean something similar."],
  ["collaborative", "Alike by who wanted them", "The same people chose them, or one after the other."],
];

/** `#/items` asks for one, `#/items/i1` shows it. */
export async function show(container, [id], signal) {
  document.title = "Items · recsys console";
  const find = itemPicker("Find an item", (chosen) => { location.hash = `#/items/${encodeURIComponent(chosen)}`; });
  if (!id) {
    await showDoor(container, find, signal);
    return;
  }
  container.append(loading());
  const path = `v1/items/${encodeURIComponent(id)}`;
  const [{ item }, ...sides] = await Promise.all([get(path, { signal }), ...KINDS.map(([by]) => neighbours(path, by, signal))]);
  document.title = `${item.title} · recsys console`;
  const seen = sides.map((side) => new Set((side.items ?? []).map((item) => item.item_id)));
  const both = new Set([...seen[0]].filter((other) => seen[1].has(other)));
  const briefs = await itemsById(sides.flatMap((side) => (side.items ?? []).map((item) => item.item_id)));
  put(container, h("div", { class: "finder" }, find), h("div", { class: "columns item" }, facts(item),
    ...KINDS.map(([by, title, meaning], index) => column(by, title, meaning, sides[index], briefs, both))));
}

async function showDoor(container, find, signal) {
  const some = h("ul", { class: "chips", "aria-label": "Some items" }, loading(2));
  container.append(h("div", { class: "door" }, h("h1", {}, "Which item?"),
    h("p", {}, "Find an item by its title, and see what is like it: by text, and by what people do."), find, some));
  container.querySelector("input").focus();
  const { items } = await get("v1/items?n=8", { signal });
  put(some, ...items.map((item) => h("li", {}, h("a", { href: `#/items/${encodeURIComponent(item.item_id)}` }, item.title ?? item.item_id))));
}

/** A version trained without text has no such neighbours: that is said in their place. */
async function neighbours(path, by, signal) {
  try {
    return await get(`${path}/similar?n=${NEIGHBOURS}&by=${by}`, { signal });
  } catch (error) {
    if (error.name === "AbortError" || error.status === 404) throw error;
    return { error };
  }
}

function facts(item) {
  const { item_id: id, title, description, ...columns } = item;
  const rows = Object.entries({ id, ...columns }).filter(([, value]) => value !== null && value !== "");
  return h("section", { class: "card", "aria-label": "The item" }, h("h1", {}, title ?? id),
    description && h("p", { class: "description" }, description),
    h("dl", { class: "facts" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, written(name, value))))));
}

function written(name, value) {
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return number(value);
  return ["created_at", "available_until"].includes(name) ? day(value) : String(value);
}

function column(by, title, meaning, { items = [], error }, briefs, both) {
  const most = Math.max(0, ...items.map((item) => item.score));
  const rows = items.map((item) => h("li", { "data-id": item.item_id }, h("span", { class: "rank" }, item.rank),
    h("div", { class: "what" },
      h("a", { class: "title", href: `#/items/${encodeURIComponent(item.item_id)}` }, titleOf(briefs, item.item_id)),
      h("span", { class: "meta" }, about(briefs.get(item.item_id)), both.has(item.item_id) && h("b", { class: "both" }, "in both")),
      share(item.score, most, by))));
  const empty = error ? problem(error) : nothing("Nobody has done enough with it yet.");
  return card(title, h("p", { class: "note" }, meaning), rows.length > 0 ? h("ol", { class: "slim near", "data-by": by }, rows) : empty);
}
