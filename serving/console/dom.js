// Elements, made one by one. Text only ever becomes a text node: nothing that a server says is read as HTML.

/** Make an element: `h("button", { class: "primary", onclick: save }, "Save")`. Empty children are left out. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...present(children));
  return element;
}

/** Put children in place of those that an element has. As in `h`, empty ones are left out: the DOM would write "false". */
export function put(element, ...children) {
  element.replaceChildren(...present(children));
}

const present = (children) => children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);

let ids = 0;

/** An id that no other element has: for labels. */
export function newId(name) {
  ids += 1;
  return `${name}-${ids}`;
}

/** A label and its control, tied together. */
export function field(label, control, hint = null) {
  control.id ||= newId("field");
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, hint && h("small", {}, hint));
}

/** A card with a heading. */
export function card(title, ...children) {
  const id = newId("card");
  return h("section", { class: "card", "aria-labelledby": id }, h("h2", { id }, title), ...children);
}

/** Say something to screen readers. */
export function announce(message) {
  document.getElementById("announce").textContent = message;
}

/** What went wrong, in place of what was asked for. */
export function problem(error) {
  const more = (error.errors ?? []).map((fault) => h("li", {}, `${fault.loc.slice(1).join(".")}: ${fault.msg}`));
  return h("div", { class: "problem", role: "alert" }, h("strong", {}, error.title ?? "It did not work"), " ",
    error.message, more.length > 0 && h("ul", {}, more));
}

/** Grey lines while something is on its way. */
export function loading(lines = 5) {
  const rows = Array.from({ length: lines }, () => h("div", { class: "bone" }));
  return h("div", { class: "loading", role: "status", "aria-label": "Loading" }, rows);
}

/** A line that says that there is nothing, and why. */
export function nothing(...text) {
  return h("p", { class: "nothing" }, ...text);
}
