// A dialog that asks before something is done, and stays open with what went wrong where it could not be done.

import { el, uniqueId } from "./dom.js";
import { problem } from "./problem.js";

/**
 * Opens it at once. `go` is the button that sends, `send` does the work and may throw a Failure; `onFail(failure)` may
 * show parts of it elsewhere.
 */
export function openDialog({ title, go, send, wide = false, onFail }, ...content) {
  const heading = uniqueId("dialog");
  const trouble = el("div");
  const submit = async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      await send();
      dialog.close();
    } catch (failure) {
      trouble.replaceChildren(problem(failure));
      go.disabled = false;
      if (!onFail?.(failure)) go.focus();
    }
  };
  const dialog = el("dialog", { class: wide && "wide", "aria-labelledby": heading, close: () => dialog.remove() },
    el("form", { submit },
      el("h2", { id: heading }, title), content, trouble,
      el("div", { class: "buttons" }, go, el("button", { type: "button", click: () => dialog.close() }, "Cancel"))));
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
