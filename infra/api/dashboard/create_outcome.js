// What a dry run or a creation came to, in full.

import { el } from "./dom.js";
import { count, plural } from "./format.js";
import { fieldError } from "./problem.js";
import { table } from "./table.js";

const ORIGINS_SHOWN = 200;

function warningsNode(warnings) {
  return warnings.length > 0 && el("div", { class: "banner warn" },
    el("strong", {}, plural(warnings.length, "warning")), el("ul", {}, warnings.map((warning) => el("li", {}, warning))));
}

function originsNode(origins, ends) {
  if (origins.length === 0) return false;
  const end_of = new Map((ends ?? []).map((end) => [`${end.cluster}/${end.topic}/${end.partition}`, end.end_offset]));
  const place = (row) => `${row.cluster}/${row.topic}/${row.partition}`;
  const columns = [
    { head: "Partition", class: "name", text: (row) => `${row.topic}/${row.partition}` },
    { head: "Cluster", text: (row) => row.cluster },
    { head: "Begins at", class: "number", text: (row) => count(row.start_offset) },
  ];
  if (ends) columns.push({ head: "Ends before", class: "number", text: (row) => count(end_of.get(place(row))) });
  const shown = table({ caption: "Where each partition would begin", columns, keyOf: place, empty: "" });
  shown.show(origins.slice(0, ORIGINS_SHOWN));
  const note = origins.length > ORIGINS_SHOWN && el("p", { class: "muted" }, `the first ${ORIGINS_SHOWN} of ${count(origins.length)}`);
  return el("div", {}, el("h2", {}, "Where each partition would begin"), note, shown.root);
}

/** The nodes for the answer of a dry run; `onPath` is called with the path of an error that is pressed. */
export function outcome({ valid, errors, warnings, origins, ends, spec }, onPath) {
  return [
    valid
      ? el("p", { class: "banner good" }, el("strong", {}, "This job can be created. "), "Cluster and bucket were asked.")
      : el("div", { class: "problem" }, el("p", { class: "title" }, `${plural(errors.length, "field")} to mend`),
        el("ul", { class: "field-errors" }, errors.map((error) => fieldError(error, onPath)))),
    warningsNode(warnings),
    originsNode(origins, ends),
    spec && el("details", {}, el("summary", {}, "With every default filled in"),
      el("pre", { tabindex: "0", "aria-label": "Document with every default" }, JSON.stringify(spec, null, 2))),
  ].filter(Boolean);
}

export function createdNode(name, warnings) {
  return [
    el("p", { class: "banner good" }, el("strong", {}, `The job ${name} is created. `),
      el("a", { href: `#/jobs/${encodeURIComponent(name)}` }, "Look at it")),
    warningsNode(warnings),
  ].filter(Boolean);
}
