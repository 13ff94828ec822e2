// A text box with suggestions: the combobox of the ARIA Authoring Practices, with the list as a popup.

import { get, itemsTitled } from "./api.js";
import { h, newId, put } from "./dom.js";
import { about, count } from "./format.js";

const PAUSE = 120; // milliseconds without a key until suggestions are asked for

/** A box to find a user with. */
export function userPicker(choose, value = "") {
  const search = async (text, asked) =>
    (await get(`v1/users?n=12&q=${encodeURIComponent(text)}`, { signal: asked })).users.map((user) => (
      { value: user.user_id, title: user.user_id, note: count(user.n_events, "event") }));
  return picker({ label: "Find a user", placeholder: "User id", search, choose, free: true, value });
}

/** A box to find an item with. */
export function itemPicker(label, choose, clears = false) {
  const search = async (text, asked) => (await itemsTitled(text, asked)).map((item) => (
    { value: item.item_id, title: item.title ?? item.item_id, note: about(item) }));
  return picker({ label, placeholder: label, search, choose, clears });
}

/**
 * @param {object} options
 * @param {string} options.label accessible name
 * @param {string} options.placeholder
 * @param {(text: string, signal: AbortSignal) => Promise<{value: string, title: string, note: string}[]>} options.search
 * @param {(value: string) => void} options.choose
 * @param {boolean} [options.free] whether Enter takes what was typed although it is no suggestion
 * @param {boolean} [options.clears] whether the box is empty after a choice
 * @param {string} [options.value]
 */
function picker({ label, placeholder, search, choose, free = false, clears = false, value = "" }) {
  const listId = newId("options");
  const list = h("ul", { id: listId, role: "listbox", "aria-label": label, hidden: true });
  const input = h("input", {
    type: "text", role: "combobox", "aria-label": label, "aria-autocomplete": "list", "aria-expanded": "false",
    "aria-controls": listId, autocomplete: "off", autocapitalize: "off", spellcheck: "false", placeholder, value,
    oninput: () => ask(PAUSE), onclick: () => list.hidden && ask(0), onblur: close, onkeydown: press,
  });
  let timer = 0;
  let asking = new AbortController();
  let active = -1;

  function ask(pause) {
    clearTimeout(timer);
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    timer = setTimeout(async () => {
      try {
        show(await search(input.value, signal));
      } catch (error) {
        if (error.name !== "AbortError") close(); // suggestions are a convenience: what is chosen says what is wrong
      }
    }, pause);
  }

  function show(options) {
    if (document.activeElement !== input) return;
    put(list, ...options.map((option) => h("li",
      { id: newId("option"), role: "option", "aria-selected": "false", "data-value": option.value,
        onpointerdown: (event) => event.preventDefault(), // the box keeps the focus
        onclick: () => take(option.value) },
      h("span", { class: "name" }, option.title), h("span", { class: "note" }, option.note))));
    list.hidden = options.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    activate(-1);
  }

  function activate(index) {
    active = index;
    for (const [number, option] of [...list.children].entries()) {
      option.setAttribute("aria-selected", String(number === index));
      if (number === index) option.scrollIntoView({ block: "nearest" });
    }
    if (index < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", list.children[index].id);
  }

  function press(event) {
    const n = list.hidden ? 0 : list.children.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (n === 0) ask(0);
      else activate(event.key === "ArrowDown" ? (active + 1) % n : (active + n - (active < 0 ? 0 : 1)) % n);
    } else if (event.key === "Escape") {
      close();
    } else if (event.key === "Enter") {
      event.preventDefault();
      const option = list.children[active] ?? (free ? null : n > 0 && list.children[0]);
      if (option) take(option.dataset.value);
      else if (free && input.value.trim()) take(input.value.trim());
    }
  }

  function take(chosen) {
    input.value = clears ? "" : chosen;
    close();
    choose(chosen);
  }

  function close() {
    clearTimeout(timer);
    asking.abort();
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  return h("div", { class: "picker" }, input, list);
}
