// A button that copies a text.

import { announce, el } from "./dom.js";

const SAID_MS = 2_000;

/** `source` is the element whose text is copied; where no clipboard is to be had it is selected instead. */
export function copyButton(source, what) {
  let timer = null;
  const label = (text) => {
    button.textContent = text;
    button.setAttribute("aria-label", `${text} ${what}`);
  };
  const say = (text) => {
    label(text);
    announce(text === "Copied" ? `${what} is copied` : `${what} is selected: copy it with the keyboard`);
    clearTimeout(timer);
    timer = setTimeout(() => label("Copy"), SAID_MS);
  };
  const button = el("button", {
    type: "button", class: "quiet copy",
    async click() {
      try {
        // Only there by https or on this machine.
        await navigator.clipboard.writeText(source.textContent);
        say("Copied");
      } catch {
        getSelection().selectAllChildren(source);
        say("Selected");
      }
    },
  });
  label("Copy");
  return button;
}
