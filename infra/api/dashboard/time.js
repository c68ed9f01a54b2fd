// Points in time: local on the page, UTC in the title; those that are relative to now are kept true by one clock.

import { el, setText } from "./dom.js";
import { duration } from "./format.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const date = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });

/** The time of day, with the date in front where it is not today's. */
export function localTime(at) {
  const then = new Date(at);
  if (Number.isNaN(then.valueOf())) return String(at);
  const today = new Date().toDateString() === then.toDateString();
  return today ? clock.format(then) : `${date.format(then)}, ${clock.format(then)}`;
}

function element(at, properties, text) {
  const then = new Date(at);
  const utc = Number.isNaN(then.valueOf()) ? String(at) : then.toISOString();
  return el("time", { datetime: utc, title: `${utc.replace("T", " ").replace("Z", "")} UTC`, ...properties }, text);
}

export function time(at) {
  return at ? element(at, {}, localTime(at)) : el("span", { class: "muted" }, "never");
}

/** `12 s ago`, counting. */
export function ago(at) {
  return at ? element(at, { "data-clock": "ago" }, said("ago", at)) : el("span", { class: "muted" }, "never");
}

/** `in 34 s`, counting down. */
export function due(at) {
  return element(at, { "data-clock": "due" }, said("due", at));
}

function said(kind, at) {
  const seconds = Math.round((new Date(at).valueOf() - Date.now()) / 1000);
  if (kind === "ago") return seconds > -1 ? "just now" : `${duration(-seconds)} ago`;
  return seconds > 0 ? `in ${duration(seconds)}` : "due now";
}

export function startClock() {
  setInterval(() => {
    if (document.hidden) return;
    for (const node of document.querySelectorAll("time[data-clock]")) {
      setText(node, said(node.dataset.clock, node.dateTime));
    }
  }, 1000);
}
