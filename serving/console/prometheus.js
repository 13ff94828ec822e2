// The text format of /metrics, as far as the console needs it.

const LINE = /^(\w+)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** One sample a line: name, labels, value. */
export function parse(text) {
  return text.split("\n").map((line) => LINE.exec(line)).filter(Boolean).map(([, name, labels, value]) => (
    { name, labels: Object.fromEntries([...(labels ?? "").matchAll(LABEL)].map(([, key, content]) => [key, content])), value: Number(value) }));
}

/** The sum of a metric over all labels that pass. */
export function total(samples, name, passes = () => true) {
  return samples.filter((sample) => sample.name === name && passes(sample.labels)).reduce((sum, { value }) => sum + value, 0);
}

/** A quantile of a histogram, on a straight line within its bucket; null without samples. */
export function quantile(samples, name, share, passes = () => true) {
  const bounds = new Map();
  for (const { name: own, labels, value } of samples) {
    if (own === `${name}_bucket` && passes(labels)) bounds.set(labels.le, (bounds.get(labels.le) ?? 0) + value);
  }
  const buckets = [...bounds].map(([bound, n]) => [bound === "+Inf" ? Infinity : Number(bound), n]).sort((a, b) => a[0] - b[0]);
  const wanted = share * (buckets.at(-1)?.[1] ?? 0);
  if (wanted === 0) return null;
  let [lower, below] = [0, 0];
  for (const [bound, n] of buckets) {
    if (n >= wanted) return bound === Infinity ? lower : lower + ((bound - lower) * (wanted - below)) / (n - below);
    [lower, below] = [bound, n];
  }
  return lower;
}
