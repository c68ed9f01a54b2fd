// One part of a job's page: a heading, how many there are, and the content.

import { el, setText, uniqueId } from "./dom.js";
import { problem } from "./problem.js";

export function panel(title, { wide = false } = {}, ...content) {
  const id = uniqueId("part");
  const note = el("span", { class: "note" });
  const trouble = el("div");
  return {
    root: el("section", { class: wide ? "panel wide" : "panel", "aria-labelledby": id },
      el("div", { class: "head" }, el("h2", { id }, title), note), trouble, content),
    note: (text) => setText(note, text),
    fail: (failure) => trouble.replaceChildren(problem(failure)),
    clear: () => trouble.replaceChildren(),
  };
}
