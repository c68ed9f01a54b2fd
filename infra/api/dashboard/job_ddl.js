// The table of the job's objects: a statement for Athena, or the TableInput for Glue.

import { getText, jobPath } from "./api.js";
import { copyButton } from "./copy.js";
import { el } from "./dom.js";
import { panel } from "./panel.js";

const KINDS = [["athena", "Athena"], ["glue", "Glue"]];
const FIELDS = [
  { name: "columns", label: "Columns", hint: "of JSON lines", placeholder: "id: int64, geo: struct<country: string>" },
  { name: "since", label: "Since", hint: "RFC 3339, or a date", placeholder: "2026-01-31" },
  { name: "database", label: "Database" },
  { name: "table", label: "Table" },
];

export function ddl(name, signal) {
  let kind = "athena";
  let asked = 0;
  const inputs = FIELDS.map((field) => {
    const id = `ddl-${field.name}`;
    const input = el("input", { id, autocomplete: "off", spellcheck: "false", placeholder: field.placeholder });
    return { field, input, root: el("div", { class: "field" }, el("label", { for: id }, field.label, field.hint && el("small", {}, field.hint)), input) };
  });
  const pre = el("pre", { tabindex: "0", "aria-label": "Table" });
  const kinds = KINDS.map(([value, label]) => el("button", {
    type: "button", "aria-pressed": String(value === kind), click: () => { kind = value; ask(); },
  }, label));
  const result = el("div", { hidden: true }, el("div", { class: "copyable" }, copyButton(pre, "the table"), pre));
  const form = el("form", { submit: (event) => { event.preventDefault(); ask(); } },
    el("div", { class: "fields" }, inputs.map((one) => one.root)),
    el("div", { class: "buttons" },
      el("div", { class: "buttons", role: "group", "aria-label": "Table for" }, kinds),
      el("button", { type: "submit" }, "Write the table")));
  const details = el("details", {}, el("summary", {}, "CREATE EXTERNAL TABLE, or Glue's TableInput"), form, result);
  // Most visits do not need it.
  details.addEventListener("toggle", () => {
    if (details.open && asked === 0) ask();
  });
  const part = panel("Table for Athena and Glue", { wide: true }, details);

  async function ask() {
    asked += 1;
    const mine = asked;
    kinds.forEach((button, index) => button.setAttribute("aria-pressed", String(KINDS[index][0] === kind)));
    const query = new URLSearchParams({ as: kind });
    for (const { field, input } of inputs) if (input.value.trim()) query.set(field.name, input.value.trim());
    try {
      const text = await getText(jobPath(name, `/ddl?${query}`), signal);
      if (mine !== asked) return;
      part.clear();
      mark([]);
      pre.textContent = kind === "glue" ? JSON.stringify(JSON.parse(text), null, 2) : text;
      result.hidden = false;
    } catch (failure) {
      if (mine !== asked || signal.aborted) return;
      part.fail(failure);
      mark(failure.errors ?? []);
      result.hidden = true;
    }
  }

  function mark(errors) {
    for (const { field, input } of inputs) {
      input.setAttribute("aria-invalid", String(errors.some((error) => error.field.split(/[.[]/)[0] === field.name)));
    }
  }

  return { root: part.root };
}
