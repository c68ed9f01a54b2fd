// Dead letters: how many by reason, and the records themselves, byte by byte.

import { get, jobPath } from "./api.js";
import { el, keyed } from "./dom.js";
import { bytes as size, count, plural } from "./format.js";
import { panel } from "./panel.js";
import { fromBase64, rawNodes } from "./raw.js";
import { time } from "./time.js";

const LETTERS_SHOWN = 20;
// A record may have 16 MiB: more than a page should lay out unasked.
const BYTES_SHOWN = 2_048;

export function letters(name) {
  let reason = null;
  let cursor = null;
  let more_asked = false;
  let rows = [];
  const reasons = el("div", { class: "chips", role: "group", "aria-label": "Reasons" });
  const list = el("div", { class: "letters" });
  const more = el("button", { type: "button", class: "quiet", click: () => askMore() }, "Older letters");
  const empty = el("p", { class: "empty" }, "Asking the API.");
  const part = panel("Dead letters", { wide: true }, reasons, list, empty, more);
  let signal = null;

  function ask(from) {
    const query = new URLSearchParams({ limit: LETTERS_SHOWN });
    if (reason) query.set("reason", reason);
    if (from) query.set("cursor", from);
    return get(jobPath(name, `/dead-letters?${query}`), signal);
  }

  function show({ total, by_reason, next_cursor }) {
    part.clear();
    cursor = next_cursor;
    more.hidden = !cursor;
    empty.textContent = total ? "No letter of this reason." : "Every record so far could be landed.";
    empty.hidden = rows.length > 0;
    part.note(plural(total, "record"));
    const choices = Object.entries(by_reason).sort((a, b) => b[1] - a[1]);
    keyed(reasons, choices, ([key]) => key,
      ([key]) => el("button", { type: "button", class: "chip", click: () => choose(key) }),
      (chip, [key, number]) => {
        chip.setAttribute("aria-pressed", String(key === reason));
        const text = `${key} ${count(number)}`;
        if (chip.textContent !== text) chip.replaceChildren(key, " ", el("b", {}, count(number)));
      });
    keyed(list, rows, (letter) => `${letter.object}/${letter.topic}/${letter.partition}/${letter.offset}`, letterNode);
  }

  async function first() {
    const answer = await ask(null);
    rows = answer.letters;
    more_asked = false;
    show(answer);
  }

  async function askMore() {
    try {
      const answer = await ask(cursor);
      more_asked = true;
      rows = [...rows, ...answer.letters];
      show(answer);
    } catch (failure) {
      part.fail(failure);
    }
  }

  function choose(key) {
    reason = reason === key ? null : key;
    first().catch(part.fail);
  }

  return {
    root: part.root,
    fail: part.fail,
    async refresh(until) {
      signal = until;
      // Who reads older letters must not lose them to newer ones.
      if (!more_asked) await first();
    },
  };
}

function letterNode(letter) {
  const details = el("details", { class: "letter" },
    el("summary", {}, el("span", { class: "reason warn" }, letter.reason), " ",
      el("code", {}, `${letter.topic}/${letter.partition} @ ${letter.offset}`), " ", el("span", {}, letter.error)));
  // Most are never unfolded.
  details.addEventListener("toggle", () => {
    if (details.children.length === 1) details.append(body(letter));
  });
  return details;
}

function body(letter) {
  const fields = [["value", letter.value], ["key", letter.key]].concat(letter.headers.map(([field, value]) => [`header ${field}`, value]));
  return el("div", { class: "letter-body" },
    el("p", { class: "muted" }, `stage ${letter.stage}, set aside at `, time(letter.at), letter.timestamp_ms !== null && [
      ", record of ", time(letter.timestamp_ms)], ", in ", el("code", {}, letter.object)),
    fields.map(([field, value]) => raw(field, value)));
}

function raw(field, value) {
  if (value === null) return el("p", { class: "raw" }, el("b", {}, field), " ", el("span", { class: "muted" }, "null"));
  const all = fromBase64(value);
  let hex = false;
  let whole = all.length <= BYTES_SHOWN;
  const pre = el("pre", { tabindex: "0", "aria-label": `bytes of the ${field}` });
  const toggle = el("button", { type: "button", class: "quiet", "aria-pressed": "false", click: () => { hex = !hex; show(); } }, "Hex");
  const rest = el("button", { type: "button", class: "quiet", click: () => { whole = true; show(); } }, "Show all");
  function show() {
    pre.replaceChildren(...rawNodes(whole ? all : all.subarray(0, BYTES_SHOWN), hex));
    pre.className = hex ? "hex" : "";
    toggle.setAttribute("aria-pressed", String(hex));
    rest.hidden = whole;
  }
  show();
  return el("div", { class: "raw" },
    el("p", {}, el("b", {}, field), " ", el("span", { class: "muted" }, size(all.length)), " ", toggle, rest), pre);
}
