// Pause, resume, stop, restart, clone, delete: each says what it does before it does it.

import { jobPath, request } from "./api.js";
import { openClone } from "./clone.js";
import { openDialog } from "./dialog.js";
import { announce, el } from "./dom.js";

const ACTIONS = [
  {
    name: "pause", label: "Pause", states: ["running", "failed"],
    says: ["What is open is landed and committed, then the job stops consuming.",
      "Its workers stay in the consumer group, so resuming is quick. Lag grows meanwhile."],
  },
  {
    name: "resume", label: "Resume", states: ["paused", "stopped", "failed"],
    says: ["The job goes on where it stands: at the first record that has not landed.", "A failure is cleared."],
  },
  {
    name: "stop", label: "Stop", states: ["running", "paused", "failed"],
    says: ["What is open is landed and committed, then the job stops consuming and its workers leave the consumer group.",
      "Only a stopped job's offsets can be set. Resume starts it again."],
  },
  {
    name: "restart", label: "Restart", states: ["running", "paused", "failed"],
    says: ["Every worker of the job begins anew: it leaves the group, recovers from the log and goes on at the first record that has not landed.",
      "Nothing is lost and nothing lands twice. A failure is cleared."],
  },
  { name: "clone", label: "Clone", states: ["running", "paused", "stopped", "failed", "finished"], open: openClone },
  {
    name: "delete", label: "Delete", states: ["running", "paused", "stopped", "failed", "finished"], dangerous: true,
    says: ["What is open is landed, then the job is closed and gone from the list. This cannot be undone.",
      "Objects in the bucket, dead letters, the commit log and the offsets of the consumer group stay."],
  },
];

/** The row of buttons of the job `name`, and `show(state)`, which tells them what the job does. */
export function actions(name) {
  let state = null;
  const buttons = ACTIONS.map((action) => el("button", {
    type: "button", class: action.dangerous ? "danger" : "", "aria-haspopup": "dialog", "data-action": action.name, "aria-disabled": "true",
    click: () => {
      if (action.states.includes(state)) (action.open ?? confirm)(name, action);
      else announce(state ? `${action.label} does nothing: the job is ${state}` : "The job is not known yet");
    },
  }, action.label));
  return {
    root: el("div", { class: "buttons", role: "group", "aria-label": `Actions on ${name}` }, buttons),
    show(now) {
      state = now;
      // Disabled in name alone: a button that has the focus must not lose it when the state changes.
      ACTIONS.forEach((action, index) => {
        const possible = action.states.includes(state);
        if (possible) buttons[index].removeAttribute("aria-disabled");
        else buttons[index].setAttribute("aria-disabled", "true");
        buttons[index].title = possible ? "" : `not while the job is ${state}`;
      });
    },
  };
}

function confirm(name, action) {
  const typed = action.dangerous && el("input", {
    id: "typed", autocomplete: "off", spellcheck: "false", input: () => { go.disabled = typed.value !== name; },
  });
  const go = el("button", {
    type: "submit", class: action.dangerous ? "danger solid" : "primary", disabled: Boolean(action.dangerous),
  }, `${action.label} ${name}`);
  const send = async () => {
    if (action.name === "delete") await request("DELETE", jobPath(name));
    else await request("POST", jobPath(name, `/${action.name}`));
    announce(`${action.label} of ${name} is asked for`);
    document.dispatchEvent(new CustomEvent("acted", { detail: { name, action: action.name } }));
  };
  openDialog({ title: `${action.label} ${name}?`, go, send },
    action.says.map((line) => el("p", {}, line)),
    typed && [el("label", { for: "typed" }, "Type the job's name to go on: ", el("code", {}, name)), typed]);
  if (!typed) go.focus();
}
