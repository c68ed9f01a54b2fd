// A Kafka Connect sink config, as it is: checked key by key and as the job it becomes, then posted as a connector. Nothing
// is created before its warnings were on the page: where the job differs from the connector, and which keys say nothing.

import { request } from "./api.js";
import { announce, el, setText } from "./dom.js";
import { createdNode, outcome } from "./create_outcome.js";
import { selectPath } from "./create_text.js";
import { plural } from "./format.js";
import { problem } from "./problem.js";

const CREATE = "Create connector";

const EXAMPLE = `{
  "name": "my-connector",
  "config": {
    "connector.class": "io.confluent.connect.s3.S3SinkConnector",
    "topics": "my-topic",
    "s3.bucket.name": "lake",
    "flush.size": "1000",
    "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
    "storage.class": "io.confluent.connect.s3.storage.S3Storage",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter.schemas.enable": "false"
  }
}
`;

/** `{name, config}` from either form of a config; throws what is wrong with it. */
export function readConnector(text) {
  const wrong = (detail) => Object.assign(new Error(detail), { status: 0, title: "this is no connector config", detail, errors: [], requestId: "" });
  let given;
  try {
    given = JSON.parse(text);
  } catch (error) {
    throw wrong(`the text is not JSON: ${error.message}`);
  }
  if (given === null || typeof given !== "object" || Array.isArray(given)) throw wrong("write a JSON object: a config, or a name with a config");
  const nested = given.config !== null && typeof given.config === "object" && !Array.isArray(given.config);
  const config = nested ? given.config : given;
  const name = given.name ?? config.name;
  if (!name) throw wrong("the connector has no name: add \"name\"");
  if (!config["connector.class"]) throw wrong("the config has no connector.class: add the class of the S3 sink");
  return { ...(nested ? given : {}), name, config };
}

export function connectorTab(signal) {
  const text = el("textarea", {
    id: "connector", rows: 22, spellcheck: "false", autocapitalize: "off", input: () => setText(createButton, CREATE),
  }, EXAMPLE);
  const result = el("div", { class: "result", "aria-live": "polite" });
  const createButton = el("button", { type: "submit", class: "primary" }, CREATE);
  // The text whose warnings are on the page.
  let told = null;

  // Keys hold dots, so the path is one key.
  function toKey(name) {
    const at = text.value.indexOf(`"${name}"`);
    if (at < 0) return selectPath(text, "config");
    text.focus();
    text.setSelectionRange(at + 1, at + 1 + name.length);
    return true;
  }

  function fail(failure) {
    if (!signal.aborted) result.replaceChildren(problem(failure));
  }

  /** The dry run's answer, which is then on the page. */
  async function check() {
    const checked = text.value;
    const { name, config } = readConnector(checked);
    const answer = await request("POST", "/v1/jobs/validate", { body: JSON.stringify({ name, config }), signal });
    text.setAttribute("aria-invalid", String(!answer.valid));
    result.replaceChildren(...outcome(answer, toKey));
    told = checked;
    return answer;
  }

  async function create(event) {
    event.preventDefault();
    createButton.disabled = true;
    try {
      const unread = told !== text.value;
      const { valid, warnings } = await check();
      if (!valid) return;
      if (unread && warnings.length > 0) {
        setText(createButton, `Create with ${plural(warnings.length, "warning")}`);
        announce(`${plural(warnings.length, "warning")}: read them, then create`);
        return;
      }
      const made = await request("POST", "/connectors", { body: JSON.stringify(readConnector(text.value)), signal });
      result.replaceChildren(...createdNode(made.name, warnings));
      setText(createButton, CREATE);
      announce(`The connector ${made.name} is created`);
    } catch (failure) {
      fail(failure);
    } finally {
      createButton.disabled = false;
      createButton.focus();
    }
  }

  return el("form", { class: "create", submit: create },
    el("div", {},
      el("p", { class: "muted" }, "Confluent's and Aiven's S3 sink configs are taken as they are: a name with a config, or the bare map."),
      el("label", { for: "connector" }, "Connector config, JSON"), text,
      el("div", { class: "buttons" },
        el("button", { type: "button", click: () => check().catch(fail) }, "Validate"), createButton)),
    result);
}
