// How fresh the page is: "live", or since when it is not.

import { el } from "./dom.js";
import { localTime } from "./time.js";

const node = document.getElementById("link");
let said = "";

/** Shows what `follow` says of its connection. */
export function showLink({ state, since, failure }) {
  const text = {
    live: () => "live",
    reconnecting: () => `reconnecting since ${localTime(since)}, asking meanwhile`,
    away: () => `reconnecting since ${localTime(since)}: ${failure.message}`,
  }[state]();
  if (text === said) return;
  said = text;
  node.className = `link ${state}`;
  node.replaceChildren(el("span", { class: "dot", "aria-hidden": "true" }), text);
}

export function clearLink() {
  said = "";
  node.className = "link";
  node.replaceChildren();
}
