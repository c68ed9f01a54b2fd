// What the status document lists: open files, partitions, errors, workers.

import { el } from "./dom.js";
import { bytes, count, plural, words } from "./format.js";
import { panel } from "./panel.js";
import { table } from "./table.js";
import { ago, due, time } from "./time.js";

const PARTITIONS_SHOWN = 200;

/** A panel with one table; `rows(status)` are its rows, `note(status)` what is said beside the heading. */
function tablePanel(title, options, columns, { keyOf, empty, rows, note }) {
  const shown = table({ caption: title, columns, keyOf, empty });
  const part = panel(title, options, shown.root);
  return {
    root: part.root,
    show(status) {
      shown.show(rows(status));
      part.note(note(status));
    },
  };
}

export function openFiles() {
  return tablePanel("Open files", { wide: true }, [
    { head: "Key", class: "key", text: (file) => file.key },
    { head: "Records", class: "number", text: (file) => count(file.records) },
    { head: "Size", class: "number", text: (file) => bytes(file.bytes) },
    { head: "Opened", text: (file) => file.opened_at, draw: (file) => ago(file.opened_at) },
    { head: "Closed by", text: (file) => words(file.next_trigger) },
    {
      head: "When", class: "due", text: (file) => file.due_at ?? "",
      draw: (file) => (file.due_at ? due(file.due_at) : el("span", { class: "muted" }, "as soon as it is full")),
    },
  ], {
    keyOf: (file) => file.key,
    empty: "No file is open: every consumed record is landed, or nothing was consumed.",
    // Soonest first; those that only fill up have no time.
    rows: (status) => [...status.open_files].sort((a, b) => (a.due_at ?? "9").localeCompare(b.due_at ?? "9")),
    note: (status) => (status.open_files_total > status.open_files.length
      ? `${count(status.open_files.length)} of ${count(status.open_files_total)}` : count(status.open_files_total)),
  });
}

export function partitions() {
  return tablePanel("Partitions", { wide: true }, [
    { head: "Partition", class: "name", text: (row) => `${row.topic}/${row.partition}`, draw: (row) => [
      el("span", {}, `${row.topic}/${row.partition}`), el("small", {}, row.cluster)] },
    { head: "Lag", class: "number strong", text: (row) => count(row.lag) },
    { head: "End", class: "number", text: (row) => count(row.end_offset) },
    { head: "Position", class: "number", text: (row) => count(row.position) },
    { head: "Landed", class: "number", text: (row) => count(row.landed_offset) },
    { head: "Committed", class: "number", text: (row) => count(row.committed_offset) },
    {
      head: "Worker", text: (row) => `${row.worker ?? "nobody"}${row.stale ? " (silent)" : ""}`,
      draw: (row) => (row.worker ? [row.worker, row.stale && el("span", { class: "badge bad" }, "silent")].filter(Boolean)
        : el("span", { class: "reason warn" }, "nobody")),
    },
  ], {
    keyOf: (row) => `${row.cluster}/${row.topic}/${row.partition}`,
    empty: "No partition is known yet.",
    rows: (status) => [...status.partitions]
      .sort((a, b) => (b.lag ?? -1) - (a.lag ?? -1) || a.topic.localeCompare(b.topic) || a.partition - b.partition)
      .slice(0, PARTITIONS_SHOWN),
    note: ({ partitions: all }) => (all.length > PARTITIONS_SHOWN
      ? `the ${PARTITIONS_SHOWN} with the most lag of ${count(all.length)}` : `${count(all.length)}, most lag first`),
  });
}

export function errors() {
  return tablePanel("Errors", {}, [
    { head: "When", text: (row) => row.at, draw: (row) => time(row.at) },
    { head: "Stage", text: (row) => row.stage },
    { head: "What", class: "text", text: (row) => row.message },
    {
      head: "Record", class: "key",
      text: (row) => (row.topic === null ? "" : `${row.topic}/${row.partition ?? "?"} @ ${row.offset ?? "?"}`),
    },
  ], {
    keyOf: (row) => JSON.stringify(row),
    empty: "No error since the workers began.",
    rows: (status) => status.errors.filter(unlike).reverse(),
    note: (status) => (status.errors.length ? `the latest ${count(status.errors.length)}` : ""),
  });
}

/** Two workers may tell the same error. */
function unlike(row, index, rows) {
  const said = JSON.stringify(row);
  return rows.findIndex((other) => JSON.stringify(other) === said) === index;
}

export function workers() {
  return tablePanel("Workers of this job", {}, [
    { head: "Worker", class: "name", text: (row) => row.worker },
    {
      head: "State", text: (row) => (row.stale ? "silent" : row.state),
      draw: (row) => el("span", { class: `badge ${row.stale ? "bad" : "calm"}` }, row.stale ? "silent" : words(row.state)),
    },
    { head: "Partitions", class: "number", text: (row) => count(row.partitions) },
    { head: "Works by version", class: "number", text: (row) => count(row.config_version) },
    { head: "Last heartbeat", text: (row) => row.at, draw: (row) => ago(row.at) },
  ], {
    keyOf: (row) => row.worker,
    empty: "No worker has this job: nothing is consumed until one of its pool takes it.",
    rows: (status) => status.workers,
    note: (status) => plural(status.workers.filter((row) => !row.stale).length, "live worker"),
  });
}
