// What a job does, as a word with a mark; the colour only repeats the word.

import { el } from "./dom.js";

const TONES = {
  running: "good", paused: "warn", stopped: "calm", failed: "bad", finished: "calm", deleting: "warn", deleted: "calm",
};
// What is asked for and what its state is called once that is so.
const REACHED = { running: "running", paused: "paused", stopped: "stopped", deleted: "deleted" };
const UNDER_WAY = { running: "starting", paused: "pausing", stopped: "stopping", deleted: "deleting" };

/** The word for what a job does: its state, or what it is on its way to. */
export function stateWord(state, desired) {
  const settled = ["failed", "finished", "deleting"].includes(state);
  return settled || !desired || REACHED[desired] === state ? state : UNDER_WAY[desired] ?? state;
}

export function badge(state, desired) {
  const tone = TONES[state] ?? "calm";
  return el("span", { class: `badge ${tone}` }, stateWord(state, desired));
}
