// One operation: what it takes, what it answers, which problems it may have, and how it is asked by curl.

import { copyButton } from "./copy.js";
import { el, uniqueId } from "./dom.js";
import { asText, curl, examplesOf, refName, resolve } from "./docs_read.js";
import { parameterNode, prose, schemaNode } from "./docs_schema.js";

const PROBLEM = "application/problem+json";

export const anchorOf = ({ method, path }) => `${method}-${path}`;

function copyable(text, what) {
  const pre = el("pre", { tabindex: "0", "aria-label": what }, text);
  return el("div", { class: "copyable" }, copyButton(pre, what), pre);
}

function part(title, ...content) {
  const id = uniqueId("docs");
  // A group and no region: there is one of the same name in each operation.
  return el("div", { class: "part", role: "group", "aria-labelledby": id }, el("h4", { id }, title), content);
}

function parameters(api, operation) {
  const all = (operation.parameters ?? []).map((one) => resolve(api, one));
  const places = [["path", "Path parameters"], ["query", "Query parameters"], ["header", "Request headers"]];
  return places.map(([place, title]) => {
    const mine = all.filter((one) => one.in === place);
    return mine.length > 0 && part(title, el("ul", { class: "schema" }, mine.map((one) => parameterNode(api, one))));
  });
}

function contentNode(api, type, content, of) {
  return el("div", { class: "content" },
    el("p", {}, el("code", {}, type), refName(content.schema) && [" ", el("span", { class: "muted" }, refName(content.schema))]),
    content.schema && schemaNode(api, content.schema),
    examplesOf(api, content).map(({ name, value }) => el("details", {}, el("summary", {}, `Example: ${name}`),
      copyable(asText(value), `example of ${of}, ${name}`))));
}

function body(api, operation, of) {
  const given = resolve(api, operation.requestBody);
  const types = Object.entries(given.content ?? {});
  if (types.length === 0) return null;
  const [[type, content], ...others] = types;
  return part("Request body", given.description && el("p", {}, prose(given.description)),
    contentNode(api, type, content, of), others.length > 0 && el("p", { class: "muted" }, "Also as ", others.map(([other]) => el("code", {}, other))));
}

function answers(api, operation, of) {
  const all = Object.entries(operation.responses).map(([status, one]) => ({ status, response: resolve(api, one) }));
  const good = all.filter(({ response }) => !response.content?.[PROBLEM]);
  return part("Answers", good.map(({ status, response }) => el("div", { class: "answer" },
    el("p", {}, el("b", {}, status), " ", prose(response.description)),
    Object.keys(response.headers ?? {}).length > 0 && el("p", { class: "muted" }, "Headers: ",
      Object.keys(response.headers).map((header, at) => [at > 0 && ", ", el("code", {}, header)]).flat()),
    Object.entries(response.content ?? {}).map(([type, content]) => contentNode(api, type, content, `answer ${status} of ${of}`)))));
}

/** Each status of a problem with the types that it may have. */
function problems(api, operation) {
  const known = api["x-problem-types"] ?? [];
  const all = Object.entries(operation.responses).map(([status, one]) => ({ status, response: resolve(api, one) }));
  const bad = all.filter(({ response }) => response.content?.[PROBLEM]);
  if (bad.length === 0) return null;
  return part("Problems",
    el("p", { class: "muted" }, "As ", el("code", {}, PROBLEM), ", RFC 9457. What a type means for you: ", el("a", { href: "#problem-types" }, "problem types"), "."),
    el("ul", { class: "schema" }, bad.map(({ status, response }) => el("li", { class: "property" },
      el("p", {}, el("b", {}, status), " ", known.filter((one) => String(one.status) === status).map(({ type }, at) => [at > 0 && ", ", el("code", {}, type)]).flat()),
      response.description && el("p", { class: "about" }, prose(response.description))))));
}

function command(api, one, of) {
  const content = Object.values(resolve(api, one.operation.requestBody).content ?? {})[0];
  const examples = content ? examplesOf(api, content) : [{ name: null }];
  return part("curl", examples.map(({ name, value }) => [
    name && examples.length > 1 && el("p", { class: "muted" }, name),
    copyable(curl(api, one, location.origin, value), examples.length > 1 ? `curl of ${of}, ${name}` : `curl of ${of}`)]).flat());
}

/** Folded until it is looked at. */
export function operationNode(api, one) {
  const { method, path, operation } = one;
  const of = `${method.toUpperCase()} ${path}`;
  const details = el("details", { class: "panel operation", id: anchorOf(one) },
    el("summary", {}, el("h3", {}, el("span", { class: `method ${method}` }, method.toUpperCase()), " ", el("code", {}, path)),
      operation.summary && el("span", { class: "muted" }, prose(operation.summary))));
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    history.replaceState(null, "", `#${encodeURI(anchorOf(one))}`);
    if (details.children.length > 1) return;
    details.append(el("div", { class: "operation-body" },
      operation.description && el("p", {}, prose(operation.description)),
      command(api, one, of), parameters(api, operation), body(api, operation, of), answers(api, operation, of), problems(api, operation)));
  });
  return details;
}
