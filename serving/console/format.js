// Numbers, times and items as people read them.

const PERCENT = new Intl.NumberFormat(undefined, { style: "percent", maximumSignificantDigits: 2 });
const NUMBER = new Intl.NumberFormat();
const SIGNED = new Intl.NumberFormat(undefined, { signDisplay: "exceptZero", minimumFractionDigits: 2, maximumFractionDigits: 2 });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const MISSING = "–";

const known = (value) => value !== null && value !== undefined && !Number.isNaN(value);

export const percent = (share) => (known(share) ? PERCENT.format(share) : MISSING);
export const number = (value) => (known(value) ? NUMBER.format(value) : MISSING);
export const signed = (value) => (known(value) ? SIGNED.format(value) : MISSING);
export const figure = (value) => (known(value) ? value.toFixed(3).replace("-", "−").replace(/^(−?)0\./, "$1.") : MISSING);
export const day = (time) => (time ? DAY.format(new Date(time)) : MISSING);
export const moment = (time) => (time ? MOMENT.format(new Date(time)) : MISSING);
export const count = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

const brief = (value) => (value < 10 ? Number(value.toPrecision(2)) : Math.round(value));

/** Seconds, in the unit that suits them. */
export function seconds(value) {
  if (!known(value)) return MISSING;
  return value < 1 ? `${brief(value * 1000)} ms` : `${brief(value)} s`;
}

/** What to call an item: its title, or its id where the catalogue does not know it. */
export const titleOf = (briefs, id) => briefs.get(id)?.title || id;

/** Category, brand and price in one line. */
export function about(item) {
  if (!item) return "not in the catalogue";
  const price = item.price === null ? null : item.price.toFixed(2);
  const hidden = item.available === false ? "not available" : null;
  return [item.category, item.brand, price, hidden].filter(Boolean).join(" · ");
}
