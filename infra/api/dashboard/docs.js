// The page at /docs: the OpenAPI document of this very process, for people. It is read where it is served: nothing is
// asked of anybody else.

import { el, setText, uniqueId } from "./dom.js";
import { byTag } from "./docs_read.js";
import { anchorOf, operationNode } from "./docs_operation.js";
import { prose } from "./docs_schema.js";
import { plural } from "./format.js";
import { problem } from "./problem.js";
import { table } from "./table.js";

const main = document.getElementById("main");

function section(title, ...content) {
  const id = uniqueId("section");
  return el("section", { class: "tag", "aria-labelledby": id }, el("h2", { id }, title), content);
}

function problemTypes(kinds) {
  const shown = table({
    caption: "Problem types", keyOf: (kind) => kind.type, empty: "None is known.",
    columns: [
      { head: "Type", class: "name", text: (kind) => kind.type, draw: (kind) => el("code", {}, kind.type) },
      { head: "Status", class: "number", text: (kind) => kind.status },
      { head: "What happened", class: "text", text: (kind) => kind.title },
    ],
  });
  shown.show(kinds);
  const part = section("Problem types",
    el("p", {}, "Every answer that is no success is a problem document: branch on its ", el("code", {}, "type"),
      ", read ", el("code", {}, "detail"), " and ", el("code", {}, "errors"), ", and tell the operator the ", el("code", {}, "request_id"), "."), shown.root);
  part.id = "problem-types";
  return part;
}

/** Shows only operations that have every word in their method, path, or summary. */
function filter(tags) {
  const found = el("p", { class: "muted", role: "status" });
  const input = el("input", { id: "docs-filter", type: "search", autocomplete: "off", spellcheck: "false", input: () => apply() });
  function apply() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { root, rows } of tags) {
      for (const { text, node } of rows) node.hidden = !words.every((word) => text.includes(word));
      const here = rows.filter(({ node }) => !node.hidden).length;
      root.hidden = here === 0;
      count += here;
    }
    setText(found, plural(count, "operation"));
  }
  apply();
  return el("div", { class: "filters" }, el("label", { for: "docs-filter" }, "Filter"), input, found);
}

function openNamed() {
  const node = document.getElementById(decodeURI(location.hash.slice(1)));
  if (!node) return;
  if (node.tagName === "DETAILS") node.open = true;
  node.scrollIntoView();
}

async function open() {
  main.append(el("h1", {}, "API documentation"));
  let api;
  try {
    const response = await fetch("/openapi.json", { cache: "no-cache", credentials: "omit" });
    if (!response.ok) throw new Error(`/openapi.json answers ${response.status}`);
    api = await response.json();
  } catch (failure) {
    main.append(problem({ status: 0, title: "the document cannot be read", detail: failure.message, errors: [] }));
    return;
  }
  const tags = byTag(api).map(({ tag, operations }) => {
    const rows = operations.map((one) => ({
      text: `${one.method} ${one.path} ${one.operation.summary ?? ""}`.toLowerCase(), node: operationNode(api, one), anchor: anchorOf(one),
    }));
    return { root: section(tag, rows.map(({ node }) => node)), rows };
  });
  const schemes = Object.entries(api.components?.securitySchemes ?? {});
  main.append(
    el("p", {}, prose(api.info.description), ` Version ${api.info.version}, OpenAPI ${api.openapi}: `,
      el("a", { href: "/openapi.json" }, "openapi.json"), "."),
    el("p", {}, "Kafka Connect's REST API is served at its own paths: ", el("code", {}, "/connectors"), ", ", el("code", {}, "/connector-plugins"), "."),
    el("section", { "aria-label": "Authentication" },
      schemes.map(([name, scheme]) => el("p", {}, el("b", {}, `Authentication by ${name} token. `), prose(scheme.description)))),
    filter(tags), ...tags.map(({ root }) => root), problemTypes(api["x-problem-types"] ?? []));
  addEventListener("hashchange", openNamed);
  openNamed();
}

open();
