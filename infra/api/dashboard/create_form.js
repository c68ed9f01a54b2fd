// The small form beside the document: the fields most jobs need, each with what is wrong about it.

import { get } from "./api.js";
import { el, setText } from "./dom.js";

const FIELDS = [
  { name: "name", label: "Name", path: "name", value: "my-job", hint: "lower-case letters, digits, - _ and ." },
  { name: "cluster", label: "Cluster", path: "source.cluster", value: "main", known: (spec) => [spec.source?.cluster] },
  { name: "topics", label: "Topics", path: "source.topics", value: "my-topic", hint: "separated by commas", known: (spec) => spec.source?.topics ?? [] },
  { name: "bucket", label: "Bucket", path: "sink.bucket", value: "lake", known: (spec) => [spec.sink?.bucket] },
  { name: "format", label: "Format", path: "sink.format", choices: ["", "jsonl", "parquet"], none: "jsonl (default)" },
  { name: "compression", label: "Compression", path: "sink.compression", choices: ["", "zstd", "gzip", "snappy", "lz4", "none"], none: "zstd (default)" },
];
// Where the names that jobs use already are taken from.
const JOBS_LOOKED_AT = 50;

const covers = (path, field) => field === path || field.startsWith(`${path}[`) || field.startsWith(`${path}.`);

export function fieldsForm(signal, onChange) {
  const parts = FIELDS.map((field) => {
    const id = `field-${field.name}`;
    const wrong = el("p", { class: "wrong", id: `${id}-wrong`, hidden: true });
    const input = field.choices
      ? el("select", { id, "aria-describedby": wrong.id, change: onChange },
        field.choices.map((choice) => el("option", { value: choice }, choice || field.none)))
      : el("input", {
        id, value: field.value, autocomplete: "off", spellcheck: "false", "aria-describedby": wrong.id, input: onChange,
        list: field.known && `${id}-known`,
      });
    const known = field.known && el("datalist", { id: `${id}-known` });
    const root = el("div", { class: "field" },
      el("label", { for: id }, field.label, field.hint && el("small", {}, field.hint)), input, known, wrong);
    return { field, input, wrong, known, root };
  });

  // Only a help: without it the names are typed.
  get(`/v1/jobs?limit=${JOBS_LOOKED_AT}`, signal).then(({ jobs }) => {
    for (const { field, known } of parts) {
      if (!known) continue;
      const names = new Set(jobs.flatMap((job) => field.known(job.spec)).filter(Boolean));
      known.replaceChildren(...[...names].sort().map((name) => el("option", { value: name })));
    }
  }).catch(() => {});

  return {
    root: el("div", { class: "fields" }, parts.map((part) => part.root)),
    values: () => Object.fromEntries(parts.map(({ field, input }) => [field.name, input.value.trim()])),
    showErrors(errors) {
      for (const { field, input, wrong } of parts) {
        const mine = errors.filter((error) => covers(field.path, error.field));
        wrong.hidden = mine.length === 0;
        input.setAttribute("aria-invalid", String(mine.length > 0));
        setText(wrong, mine.map((error) => [error.problem, error.fix].filter(Boolean).join(": ")).join("; "));
      }
    },
    /** True where the form has a field for the path. */
    focus(path) {
      const part = parts.find(({ field }) => covers(field.path, path));
      part?.input.focus();
      return Boolean(part);
    },
  };
}
