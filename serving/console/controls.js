// What can be asked of a list: free text, length, filter, discovery, diversity, and what happens to seen items.

import { card, field, h, put } from "./dom.js";
import { number } from "./format.js";

const SEEN = [["", "As trained"], ["keep", "Keep them"], ["demote", "Put them last"], ["exclude", "Leave them out"]];

/** The keys of /v1/recommend that were changed. */
export function policyOf({ query, filters, discovery, diversity, seen }) {
  const change = {};
  const policy = {
    ...(discovery !== null && { discovery }), ...(diversity !== null && { diversity }), ...(seen && { seen }),
  };
  const filter = filterOf(filters);
  if (query.trim()) change.context = { query: query.trim() };
  if (Object.keys(policy).length > 0) change.policy = policy;
  if (Object.keys(filter).length > 0) change.filter = filter;
  return change;
}

/** Conditions on one column join: several values are any of them, bounds all hold. */
function filterOf(rows) {
  const filter = {};
  for (const { column, value, low, high } of rows) {
    if (column.kind === "number" || column.kind === "time") {
      const upTo = column.kind === "time" ? { lt: high && dayAfter(high) } : { lte: high }; // a day has its evening too
      const bounds = { ...(low !== null && { gte: low }), ...(high !== null && upTo) };
      if (Object.keys(bounds).length > 0) filter[column.name] = { ...filter[column.name], ...bounds };
    } else if (value !== null) {
      filter[column.name] = [...(filter[column.name] ?? []), value];
    }
  }
  return filter;
}

/** The day after one such as 2026-11-28: where that one ends, in UTC as all times are. */
function dayAfter(date) {
  const next = new Date(date);
  next.setUTCDate(next.getUTCDate() + 1);
  return next.toISOString().slice(0, 10);
}

/** A card that writes into `asked` and calls `changed`. */
export function controls(columns, asked, changed) {
  const set = (name, read) => (event) => { asked[name] = read(event.target); changed(); };
  const filters = h("div", { class: "filters" });
  const dial = (name, label) => {
    const output = h("output", {}, "as trained");
    const slider = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0, oninput: (event) => {
      asked[name] = event.target.valueAsNumber;
      output.textContent = asked[name].toFixed(2);
      changed();
    } });
    const labelled = field(label, slider);
    labelled.querySelector("label").append(" ", output);
    return labelled;
  };
  const lengths = [5, 10, 20, 50].map((n) => h("option", { value: n }, n));
  const seen = SEEN.map(([value, name]) => h("option", { value }, name));
  const length = h("select", { onchange: set("n", (select) => Number(select.value)) }, lengths);
  length.value = asked.n;

  const addFilter = h("button", { type: "button", class: "quiet", onclick: () => {
    filters.append(filterRow(columns, asked, changed));
    filters.lastElementChild.querySelector("select").focus();
  } }, "Add a filter");
  return card("Change the list",
    field("Looking for", h("input", { type: "search", placeholder: "Free text", oninput: set("query", (input) => input.value) })),
    h("fieldset", {}, h("legend", {}, "Filter"), filters, addFilter),
    h("div", { class: "pair" }, dial("discovery", "Discovery"), dial("diversity", "Diversity")),
    h("div", { class: "pair" },
      field("Seen items", h("select", { onchange: set("seen", (select) => select.value) }, seen)), field("Length", length)));
}

function filterRow(columns, asked, changed) {
  const row = {};
  const value = h("span", { class: "condition" });
  const choose = h("select", { "aria-label": "Column", onchange: () => pick(choose.value) },
    columns.map(({ name }) => h("option", { value: name }, name)));
  const remove = h("button", { type: "button", class: "remove", "aria-label": "Remove this filter", onclick: () => {
    asked.filters.splice(asked.filters.indexOf(row), 1);
    element.remove();
    changed();
  } }, "×");
  const element = h("div", { class: "filter" }, choose, value, remove);

  function pick(name) {
    const column = columns.find((known) => known.name === name);
    Object.assign(row, { column, value: null, low: null, high: null });
    put(value, ...condition(column, (part) => { Object.assign(row, part); changed(); }));
    changed();
  }

  asked.filters.push(row);
  choose.value = (columns.find(({ name }) => name === "category") ?? columns[0]).name;
  pick(choose.value);
  return element;
}

/** The controls of one condition. */
function condition({ name, kind, values, low, high }, set) {
  if (kind === "number" || kind === "time") {
    const type = kind === "time" ? "date" : "number";
    const read = (input) => (input.value === "" ? null : kind === "time" ? input.value : input.valueAsNumber);
    return [["low", "from", low], ["high", "to", high]].map(([side, word, bound]) => h("input", {
      type, step: "any", "aria-label": `${name} ${word}`, placeholder: kind === "number" ? `${word} ${number(bound)}` : word,
      oninput: (event) => set({ [side]: read(event.target) }) }));
  }
  if (kind === "flag") values = [true, false].map((value) => ({ value, n: null }));
  if (values.length === 0) {
    return [h("input", { type: "text", "aria-label": name, placeholder: "is exactly",
      onchange: (event) => set({ value: event.target.value || null }) })];
  }
  const options = values.map(({ value, n }, index) => h("option", { value: index }, n === null ? `${value ? "yes" : "no"}` : `${value} (${n})`));
  return [h("select", { "aria-label": name, onchange: (event) => set({ value: values[event.target.value]?.value ?? null }) },
    h("option", { value: "" }, "any"), options)];
}
