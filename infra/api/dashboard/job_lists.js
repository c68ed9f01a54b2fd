// What is asked for beside the status: objects and history; and what the log declares as gaps.

import { get, jobPath } from "./api.js";
import { el } from "./dom.js";
import { bytes, count, plural, words } from "./format.js";
import { panel } from "./panel.js";
import { table } from "./table.js";
import { time } from "./time.js";

const OBJECTS_SHOWN = 20;

/** A panel with one table that is filled by asking. */
function askedPanel(title, options, columns, { keyOf, empty, ask }) {
  const shown = table({ caption: title, columns, keyOf, empty });
  const part = panel(title, options, shown.root);
  return {
    root: part.root,
    fail: part.fail,
    async refresh(signal) {
      const { rows, note } = await ask(signal);
      part.clear();
      shown.show(rows);
      part.note(note);
    },
  };
}

/** The console of AWS shows and downloads it, to those who may; other servers have no page for an object. */
function linked(object) {
  if (!object.url) return el("span", { title: `s3://${object.bucket}/${object.key}` }, object.key);
  return el("a", { href: object.url, target: "_blank", rel: "noopener noreferrer" }, object.key);
}

function ranges(object) {
  return object.partitions.map((range) => `${range.topic}/${range.partition} [${range.from_offset}, ${range.to_offset})`);
}

export function objects(name) {
  return askedPanel("Last objects", { wide: true }, [
    {
      head: "Key", class: "key", text: (object) => `${object.key} ${object.kind}`,
      draw: (object) => [linked(object), object.kind === "dead_letter" && el("span", { class: "badge warn" }, "dead letters")].filter(Boolean),
    },
    { head: "Size", class: "number", text: (object) => bytes(object.bytes) },
    { head: "Records", class: "number", text: (object) => count(object.records) },
    {
      head: "Visible", text: (object) => (object.visible ? "yes" : "not yet"),
      draw: (object) => (object.visible ? "yes" : el("span", { class: "badge warn" }, "not yet")),
    },
    { head: "Written", text: (object) => object.written_at, draw: (object) => time(object.written_at) },
    {
      head: "Offsets", class: "key", text: (object) => ranges(object).join(),
      draw: (object) => {
        const [first, ...more] = ranges(object);
        if (!first) return "";
        return more.length ? el("span", { title: more.join("\n") }, `${first} and ${count(more.length)} more`) : first;
      },
    },
  ], {
    keyOf: (object) => `${object.seq}/${object.key}`,
    empty: "Nothing is written yet.",
    async ask(signal) {
      const { objects: rows, next_cursor } = await get(jobPath(name, `/objects?limit=${OBJECTS_SHOWN}`), signal);
      return { rows, note: next_cursor ? `the latest ${count(rows.length)}` : plural(rows.length, "object") };
    },
  });
}

export function events(name) {
  return askedPanel("History", {}, [
    { head: "When", text: (event) => event.at, draw: (event) => time(event.at) },
    { head: "What", text: (event) => words(event.what) },
    { head: "By", text: (event) => event.by },
    { head: "Detail", class: "text", text: (event) => event.detail ?? "" },
  ], {
    keyOf: (event) => JSON.stringify(event),
    empty: "Nothing has happened to this job yet.",
    async ask(signal) {
      const { events: rows } = await get(jobPath(name, "/events"), signal);
      return { rows, note: plural(rows.length, "event") };
    },
  });
}

/** Hidden while there is none: most jobs never see one. */
export function gaps() {
  const shown = table({
    caption: "Gaps and losses", keyOf: (gap) => JSON.stringify(gap), empty: "No gap.",
    columns: [
      { head: "Partition", class: "name", text: (gap) => `${gap.cluster}/${gap.topic}/${gap.partition}` },
      { head: "From", class: "number", text: (gap) => count(gap.from_offset) },
      { head: "Up to (not in it)", class: "number", text: (gap) => count(gap.to_offset) },
      { head: "Offsets", class: "number", text: (gap) => count(gap.to_offset - gap.from_offset) },
    ],
  });
  const losses = el("p");
  const part = panel("Gaps and losses", {},
    el("p", { class: "muted" }, "Offsets that Kafka no longer had when the job came for them, as declared in the commit log."),
    shown.root, losses);
  return {
    root: part.root,
    show({ gaps: rows, lost_files, lost_records }) {
      part.root.hidden = rows.length === 0 && lost_files === 0 && lost_records === 0;
      part.note(plural(rows.length, "gap"));
      losses.textContent = lost_files || lost_records
        ? `${plural(lost_records, "record")} of ${plural(lost_files, "file")} are lost: their uploads were gone after Kafka had let them go.` : "";
      shown.show(rows);
    },
  };
}
