// A schema as a tree of its properties; what a reference leads to is drawn where it stands, once it is unfolded.

import { el } from "./dom.js";
import { refName, resolve, typesOf, variants } from "./docs_read.js";

/** Text in which what stands between backticks is code. */
export function prose(text) {
  // Links of Rust's documentation have brackets around the code.
  const parts = String(text ?? "").replaceAll(/\[(`[^`]+`)\]/g, "$1").split("`");
  return parts.map((part, index) => (index % 2 ? el("code", {}, part) : part)).filter((part) => part !== "");
}

/** The type in a few words: `string or null, date-time`. */
function typeText(api, node) {
  const name = refName(node);
  const schema = resolve(api, node);
  const nullable = [schema.type ?? []].flat().includes("null") || (schema.oneOf ?? []).some((one) => one.type === "null");
  const choices = variants(schema);
  let text = name && (schema.properties || schema.enum) ? name : typesOf(schema).join(" or ") || "anything";
  if (choices) text = choices.map((one) => typeText(api, one)).join(" or ");
  if (typesOf(schema)[0] === "array") text = `list of ${schema.items ? typeText(api, schema.items) : "anything"}`;
  const values = schema.additionalProperties;
  if (values && values !== true && !schema.properties) text = `map of ${typeText(api, values)}`;
  return nullable ? `${text} or null` : text;
}

function bounds(schema) {
  return [schema.format, schema.minimum !== undefined && `at least ${schema.minimum}`,
    schema.maximum !== undefined && `at most ${schema.maximum}`].filter(Boolean).join(", ");
}

/** Schemas that are worth unfolding below `node`: objects, also as items, values or variants. */
function inner(api, node) {
  const schema = resolve(api, node);
  if (schema.properties) return [node];
  const below = [schema.items, ...(variants(schema) ?? []), schema.additionalProperties];
  return below.filter((one) => one && one !== true).flatMap((one) => inner(api, one));
}

function property(api, name, node, required) {
  const schema = resolve(api, node);
  const about = schema.description ?? variants(schema)?.find((one) => one.description)?.description;
  return el("li", { class: "property" },
    el("p", {}, name && [el("code", { class: "property-name" }, name), " "],
      el("span", { class: "muted" }, [typeText(api, node), bounds(schema)].filter(Boolean).join(", ")),
      required && [" ", el("span", { class: "needed" }, "required")]),
    about && el("p", { class: "about" }, prose(about)),
    schema.enum && el("p", { class: "about" }, "One of ", schema.enum.map((value, at) => [at > 0 && ", ", el("code", {}, String(value))]).flat()),
    inner(api, node).map((one) => unfolded(api, one)));
}

function unfolded(api, node) {
  const details = el("details", {}, el("summary", {}, refName(node) ?? "its fields"));
  // Drawn when it is looked at: a schema may lead back to itself.
  details.addEventListener("toggle", () => {
    if (details.children.length === 1) details.append(schemaNode(api, node));
  });
  return details;
}

/** The whole of a schema. */
export function schemaNode(api, node) {
  const schema = resolve(api, node);
  if (!schema.properties) return el("ul", { class: "schema" }, property(api, null, node, false));
  const needed = schema.required ?? [];
  return el("ul", { class: "schema" },
    Object.entries(schema.properties).map(([name, one]) => property(api, name, one, needed.includes(name))));
}

/** A parameter as a property of its own. */
export function parameterNode(api, parameter) {
  const { name, schema, description, required } = parameter;
  return property(api, name, { ...resolve(api, schema), ...(description ? { description } : {}) }, required);
}
