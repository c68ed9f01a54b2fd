// A job document: a small form that writes it, the text itself, a dry run against cluster and bucket, and creation.

import { request } from "./api.js";
import { announce, el, setText } from "./dom.js";
import { fieldsForm } from "./create_form.js";
import { createdNode, outcome } from "./create_outcome.js";
import { selectPath, writeDocument } from "./create_text.js";
import { problem } from "./problem.js";

// After the last key; the dry run asks the real cluster and bucket.
const SETTLE_MS = 900;

/** By its first character that is not a space. */
const contentType = (text) => (text.trimStart().startsWith("{") ? "application/json" : "application/yaml");

export function documentTab(signal) {
  const text = el("textarea", { id: "document", rows: 22, spellcheck: "false", autocapitalize: "off", input: () => edited() });
  const result = el("div", { class: "result", "aria-live": "polite" });
  const by_hand = el("p", { class: "muted", hidden: true }, "The document was changed by hand. ",
    el("button", { type: "button", class: "quiet", click: () => rewrite() }, "Write it anew from the form"));
  const form = fieldsForm(signal, () => {
    if (text.value === written) rewrite();
    else by_hand.hidden = false;
  });
  const validateButton = el("button", { type: "button", click: () => validate() }, "Validate");
  const createButton = el("button", { type: "submit", class: "primary" }, "Create job");
  let written = "";
  let timer = null;
  let validated = false;
  let latest = 0;

  function rewrite() {
    written = writeDocument(form.values());
    text.value = written;
    by_hand.hidden = true;
    later();
  }

  function edited() {
    by_hand.hidden = text.value === written;
    later();
  }

  /** Once a document was looked at, it is looked at again whenever it has changed. */
  function later() {
    clearTimeout(timer);
    if (validated) timer = setTimeout(validate, SETTLE_MS);
  }

  const toPath = (path) => selectPath(text, path) || form.focus(path);

  function show(errors, nodes) {
    form.showErrors(errors);
    text.setAttribute("aria-invalid", String(errors.length > 0));
    result.replaceChildren(...nodes);
  }

  /** The dry run's answer, or null where there is none or a newer one is under way. */
  async function validate() {
    clearTimeout(timer);
    validated = true;
    latest += 1;
    const mine = latest;
    setText(validateButton, "Validating");
    try {
      const body = text.value;
      const answer = await request("POST", "/v1/jobs/validate", { body, type: contentType(body), signal });
      if (mine !== latest) return null;
      show(answer.errors, outcome(answer, toPath));
      return answer;
    } catch (failure) {
      if (mine === latest && !signal.aborted) show(failure.errors ?? [], [problem(failure, toPath)]);
      return null;
    } finally {
      if (mine === latest) setText(validateButton, "Validate");
    }
  }

  async function create(event) {
    event.preventDefault();
    createButton.disabled = true;
    try {
      const body = text.value;
      const answer = await validate();
      if (!answer?.valid) return;
      const job = await request("POST", "/v1/jobs", { body, type: contentType(body), signal });
      show([], createdNode(job.name, job.warnings ?? []));
      announce(`The job ${job.name} is created`);
    } catch (failure) {
      if (!signal.aborted) show(failure.errors ?? [], [problem(failure, toPath)]);
    } finally {
      createButton.disabled = false;
    }
  }

  rewrite();
  return el("form", { class: "create", submit: create },
    el("div", {}, form.root,
      el("label", { for: "document" }, "Job document, YAML or JSON"), text, by_hand,
      el("div", { class: "buttons" }, validateButton, createButton)),
    result);
}
