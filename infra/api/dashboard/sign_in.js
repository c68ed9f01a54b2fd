// The dialog that asks for a token. One at a time: whoever needs it meanwhile waits for the same answer.

import { el } from "./dom.js";
import { problem } from "./problem.js";

let asked = null;

/** The token that was typed, or null where signing in was given up. `failure` tells why the last one was refused. */
export function signIn(failure) {
  asked ??= ask(failure).finally(() => {
    asked = null;
  });
  return asked;
}

function ask(failure) {
  return new Promise((resolve) => {
    const input = el("input", { type: "password", id: "token", autocomplete: "off", required: true, spellcheck: "false" });
    const submit = (event) => {
      event.preventDefault();
      const given = input.value.trim();
      if (given) finish(given);
    };
    const dialog = el("dialog", { "aria-labelledby": "sign-in-title", close: () => finish(null) },
      el("form", { submit },
        el("h2", { id: "sign-in-title" }, "Sign in"),
        el("p", {}, "This API wants a bearer token. It is kept in this tab alone and forgotten when the tab is closed."),
        failure && problem(failure),
        el("label", { for: "token" }, "Token"), input,
        el("div", { class: "buttons" },
          el("button", { type: "submit", class: "primary" }, "Sign in"),
          el("button", { type: "button", click: () => dialog.close() }, "Cancel"))));
    let finished = false;
    const finish = (given) => {
      if (finished) return;
      finished = true;
      if (dialog.open) dialog.close();
      dialog.remove();
      resolve(given);
    };
    document.body.append(dialog);
    dialog.showModal();
  });
}
