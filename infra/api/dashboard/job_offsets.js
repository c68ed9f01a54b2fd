// Setting the offsets of a stopped job: where each partition stands, where it shall stand, what that means, and the move.

import { get, getTagged, jobPath } from "./api.js";
import { announce, el, setText } from "./dom.js";
import { count, plural } from "./format.js";
import { confirmMoves } from "./offsets_confirm.js";
import { placeOf, readMoves } from "./offsets_move.js";
import { panel } from "./panel.js";
import { table } from "./table.js";

// More are set by the API: so many fields help nobody.
const PARTITIONS_SHOWN = 500;

// What a status says of a stopped job once everything is landed.
const AT_REST = ["stopped", "failed", "finished"];

/** Why the offsets cannot be set now; null where they can. */
export function whyNot({ state, desired }) {
  if (desired === "deleted") return "The job is being deleted.";
  if (desired !== "stopped") {
    return `Offsets are set while nobody works on the job, and it is ${state}. Stop it first: what is open is landed then.`;
  }
  return AT_REST.includes(state) ? null : "The job is being stopped: its workers still land what is open.";
}

export function offsets(name, signal) {
  const typed = new Map();
  const wrong = new Map();
  let rows = [];
  let job = null;
  let etag = null;
  let read_for = null;

  const why = el("p", { class: "empty" }, "Asking the API.");
  const shown = table({
    caption: "Offsets to set", keyOf: placeOf, empty: "The log knows no partition of this job yet.",
    columns: [
      { head: "Partition", class: "name", text: placeOf },
      { head: "Start", class: "number", text: (row) => count(row.start_offset) },
      { head: "Landed", class: "number strong", text: (row) => count(row.landed_offset) },
      { head: "Committed", class: "number", text: (row) => count(row.committed_offset) },
      { head: "End", class: "number", text: (row) => count(row.end_offset) },
      { head: "New offset", class: "entry", update: entry },
    ],
  });
  const review = el("button", { type: "submit", class: "primary" }, "Review");
  const fill = (label, of) => el("button", { type: "button", click: () => fillAll(of) }, label);
  const form = el("form", { class: "offsets", hidden: true, submit },
    shown.root,
    el("div", { class: "buttons" }, review, fill("All to the end", (row) => row.end_offset),
      fill("All to the start", (row) => row.start_offset), fill("Clear", () => "")));
  const part = panel("Set offsets", { wide: true }, why, form);

  function entry(cell, row) {
    const place = placeOf(row);
    if (!cell.firstChild) {
      const text = el("p", { class: "wrong", id: `offset-wrong-${place}`, hidden: true });
      const input = el("input", {
        inputmode: "numeric", autocomplete: "off", spellcheck: "false", "aria-label": `New offset of ${place}`,
        "aria-describedby": text.id, placeholder: "stays", input: () => { typed.set(place, input.value); mark(new Map()); },
      });
      cell.append(input, text);
    }
    const [input, text] = cell.children;
    const said = wrong.get(place) ?? "";
    input.setAttribute("aria-invalid", String(said !== ""));
    text.hidden = said === "";
    setText(text, said);
  }

  function draw() {
    shown.show(rows.slice(0, PARTITIONS_SHOWN));
    part.note(rows.length > PARTITIONS_SHOWN
      ? `the first ${count(PARTITIONS_SHOWN)} of ${count(rows.length)}; the others by PUT ${jobPath(name, "/offsets")}` : plural(rows.length, "partition"));
  }

  /** `found`: what is wrong, by place. */
  function mark(found) {
    if (found.size === 0 && wrong.size === 0) return;
    wrong.clear();
    for (const [place, text] of found) wrong.set(place, text);
    draw();
    form.querySelector("input[aria-invalid=true]")?.focus();
  }

  function fillAll(of) {
    for (const input of form.querySelectorAll("td.entry input")) {
      const row = rows.find((one) => input.getAttribute("aria-label") === `New offset of ${placeOf(one)}`);
      input.value = of(row) ?? "";
      typed.set(placeOf(row), input.value);
    }
    mark(new Map());
  }

  async function read() {
    // The job first: a change between the two is found out by its ETag.
    const tagged = await getTagged(jobPath(name), signal);
    rows = (await get(jobPath(name, "/offsets"), signal)).offsets;
    [job, etag] = [tagged.value, tagged.etag];
    part.clear();
    draw();
  }

  function submit(event) {
    event.preventDefault();
    part.clear();
    const { moves, mistakes } = readMoves(rows, typed);
    mark(new Map(mistakes.map(({ row, text }) => [placeOf(row), text])));
    if (mistakes.length > 0) return;
    if (moves.length === 0) {
      announce("No offset is to be moved");
      part.fail({ status: 0, title: "no offset is to be moved", detail: "Write the next offset to land beside a partition.", errors: [] });
      return;
    }
    confirm(moves);
  }

  function confirm(moves) {
    confirmMoves({
      name, moves, job, etag,
      onFail: (failure) => refused(failure, moves),
      onSet(warnings) {
        typed.clear();
        for (const input of form.querySelectorAll("td.entry input")) input.value = "";
        why.textContent = ["The offsets are set.", warnings.join("; ")].join(" ");
        why.hidden = false;
        // The page then reads the status anew, and with it the offsets.
        read_for = "";
        document.dispatchEvent(new CustomEvent("acted", { detail: { name, action: "offsets" } }));
      },
    });
  }

  /** What the API says of `offsets[2].offset` is said at that partition. */
  function refused({ status, errors = [] }, moves) {
    if (status === 412) read().catch(part.fail);
    const found = errors.flatMap((error) => {
      const move = moves[Number(/^offsets\[(\d+)\]/.exec(error.field)?.[1])];
      return move ? [[placeOf(move.row), `${error.problem}; ${error.fix}`]] : [];
    });
    wrong.clear();
    for (const [place, text] of found) wrong.set(place, text);
    draw();
    return false;
  }

  return {
    root: part.root,
    show(status) {
      const reason = whyNot(status);
      form.hidden = reason !== null;
      if (reason !== null) {
        setText(why, reason);
        why.hidden = false;
        part.note("");
        read_for = null;
        return;
      }
      // Nothing of a stopped job moves but by a change of its record, and the end.
      const now = `${status.uid}/${status.config_version}/${status.last_entry?.seq}`;
      if (read_for === now) return;
      if (read_for === null) why.hidden = true;
      read_for = now;
      read().catch((failure) => {
        if (!signal.aborted) part.fail(failure);
      });
    },
  };
}
