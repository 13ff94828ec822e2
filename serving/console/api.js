// Calls to the API beside this page. The key, if one is needed, lives in this tab only.

const ROOT = new URL("..", document.baseURI);
const KEY = "recsys.key";
const TRIES = 3;
const MOST_SECONDS = 5; // longer than this nobody is kept waiting for another try

/** An answer that is an error: RFC 9457. */
export class Problem extends Error {
  constructor(status, title, detail, errors = []) {
    super(detail);
    Object.assign(this, { status, title, errors });
  }
}

export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/** GET something: JSON, or text where the answer is none. */
export const get = (path, options = {}) => call("GET", path, options);

/** POST a body as JSON. */
export const post = (path, body, options = {}) => call("POST", path, { ...options, body });

async function call(method, path, { body, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (key.get()) headers.Authorization = `Bearer ${key.get()}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  for (let attempt = 1; ; attempt += 1) {
    const response = await send(new URL(path, ROOT), { method, headers, body: body && JSON.stringify(body), signal });
    const json = /json/.test(response.headers.get("Content-Type") ?? "");
    const answer = json ? await response.json() : await response.text();
    if (response.ok) return answer;
    const wait = Number(response.headers.get("Retry-After") || Infinity);
    if (![429, 503].includes(response.status) || attempt === TRIES || wait > MOST_SECONDS) {
      if (response.status === 401) document.dispatchEvent(new CustomEvent("key-needed"));
      throw new Problem(response.status, answer.title ?? response.statusText, answer.detail ?? "", answer.errors);
    }
    await new Promise((resolve) => { setTimeout(resolve, wait * 1000); });
  }
}

async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server does not answer", "Is it running? This page asks again when you do.");
  }
}

/** A list to look at, of one version: not kept as one that somebody saw. Needs the scope `admin`. */
export const listOf = (version, body, signal) => post(`v1/models/${encodeURIComponent(version)}/recommend`, body, { signal });

/** The served version's list, to look at where the key may; else the one that is kept as shown. */
export async function servedList(body, signal) {
  const { model_version: version } = await get("readyz", { signal });
  try {
    return await listOf(version, body, signal);
  } catch (error) {
    if (error.status !== 403) throw error;
    return post("v1/recommend", body, { signal });
  }
}

const AT_ONCE = 50;
const briefs = new Map();

/** What is shown of items, by id; those that the catalogue lacks are not in it. */
export async function itemsById(ids) {
  const missing = [...new Set(ids)].filter((id) => !briefs.has(id));
  for (let start = 0; start < missing.length; start += AT_ONCE) {
    const asked = missing.slice(start, start + AT_ONCE).map((id) => `id=${encodeURIComponent(id)}`);
    remember((await get(`v1/items?n=1&${asked.join("&")}`)).items);
  }
  return briefs;
}

/** Items by words of their titles. */
export async function itemsTitled(text, signal) {
  const found = (await get(`v1/items?n=12&q=${encodeURIComponent(text)}`, { signal })).items;
  remember(found);
  return found;
}

/** Forget what was read of items: another view may ask at another time. */
export function forgetItems() {
  briefs.clear();
}

function remember(items) {
  for (const item of items) briefs.set(item.item_id, item);
}
