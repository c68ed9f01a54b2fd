// A copy of a job: its name and its start, each with what the API says is wrong about it.

import { get, jobPath, request } from "./api.js";
import { openDialog } from "./dialog.js";
import { announce, el, setShown, setText, uniqueId } from "./dom.js";
import { placeOf } from "./offsets_move.js";
import { problem } from "./problem.js";

const STARTS = [
  ["earliest", "Earliest: the first records that Kafka has"],
  ["latest", "Latest: only what comes from now on"],
  ["timestamp", "Timestamp: the first record at or after a time"],
  ["offsets", "Offsets: one for each partition"],
];

/** An input with its label and the place for what is wrong about it; `covers(path)` says which errors are its own. */
function field(label, covers, input, hint) {
  const wrong = el("p", { class: "wrong", id: uniqueId("wrong"), hidden: true });
  input.id = uniqueId("clone");
  input.setAttribute("aria-describedby", wrong.id);
  return {
    input, covers,
    root: el("div", { class: "field" }, el("label", { for: input.id }, label, hint && el("small", {}, hint)), input, wrong),
    show(errors) {
      setShown(wrong, errors.length > 0);
      input.setAttribute("aria-invalid", String(errors.length > 0));
      setText(wrong, errors.map((error) => [error.problem, error.fix].filter(Boolean).join(": ")).join("; "));
    },
  };
}

const text = (properties) => el("input", { autocomplete: "off", spellcheck: "false", ...properties });

/** Opens the dialog for a copy of the job `of`. */
export function openClone(of) {
  const name = field("Name of the copy", (path) => path === "name", text({ value: `${of}-copy`, required: true }), "a-z, 0-9 and -");
  // A time that is none is a start that is none, to the API.
  const of_time = (path) => start.input.value === "timestamp" && path.startsWith("source.start");
  const start = field("Start", (path) => path === "source.start" && !of_time(path),
    el("select", { change: () => change() }, STARTS.map(([value, label]) => el("option", { value }, label))));
  const at = field("Time", of_time, text({ placeholder: "2026-01-31T12:00:00Z" }), "RFC 3339");
  const list = el("div", { class: "fields", hidden: true });
  let partitions = null;

  async function change() {
    const kind = start.input.value;
    setShown(at.root, kind === "timestamp");
    setShown(list, kind === "offsets");
    if (kind !== "offsets" || partitions) return;
    partitions = [];
    list.replaceChildren(el("p", { class: "empty" }, "Asking where the job stands."));
    try {
      partitions = (await get(jobPath(of, "/offsets"))).offsets.map((row) => ({
        row, ...field(placeOf(row), (path) => path === `source.start.offsets.${row.topic}.${row.partition}`,
          text({ inputmode: "numeric", value: row.landed_offset ?? row.start_offset })),
      }));
      list.replaceChildren(el("p", { class: "muted all" }, "As it stands now: each partition goes on where this job has landed."),
        ...partitions.map((one) => one.root));
    } catch (failure) {
      partitions = null;
      list.replaceChildren(problem(failure));
    }
  }

  function wanted() {
    if (start.input.value === "timestamp") return { timestamp: at.input.value.trim() };
    if (start.input.value !== "offsets") return start.input.value;
    const offsets = {};
    for (const { row, input } of partitions ?? []) {
      const typed = input.value.trim();
      // What is no number goes as it is, for the API to say so.
      (offsets[row.topic] ??= {})[row.partition] = /^\d{1,15}$/.test(typed) ? Number(typed) : typed;
    }
    return { offsets };
  }

  function onFail({ errors = [] }) {
    const fields = [name, start, at, ...(partitions ?? [])];
    for (const one of fields) one.show(errors.filter((error) => one.covers(error.field)));
    const first = fields.find((one) => one.input.getAttribute("aria-invalid") === "true");
    first?.input.focus();
    return Boolean(first);
  }

  const go = el("button", { type: "submit", class: "primary" }, `Clone ${of}`);
  const send = async () => {
    const body = JSON.stringify({ name: name.input.value.trim(), start: wanted() });
    const job = await request("POST", jobPath(of, "/clone"), { body });
    const warnings = job.warnings ?? [];
    announce([`The job ${job.name} is created`, ...warnings].join(". "));
    document.dispatchEvent(new CustomEvent("cloned", { detail: { name: of, copy: job.name, warnings } }));
  };
  setShown(at.root, false);
  openDialog({ title: `Clone ${of}?`, go, send, wide: true, onFail },
    el("p", {}, "The copy has the same document and a consumer group of its own. It lands the records from its start on once more, beside what this job lands."),
    name.root, start.root, at.root, list);
  name.input.select();
}
