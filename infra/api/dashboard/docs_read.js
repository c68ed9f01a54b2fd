// Reading the OpenAPI document: references, examples by schema, and a request as a curl command. Nothing here draws.

const METHODS = ["get", "post", "put", "patch", "delete"];
const AT = "2026-01-31T12:00:00Z";

/** What a reference leads to, with what stands beside the reference laid over it. */
export function resolve(api, node) {
  let found = node ?? {};
  for (let steps = 0; found.$ref && steps < 16; steps += 1) {
    const { $ref, ...beside } = found;
    const target = $ref.replace(/^#\//, "").split("/").reduce((at, key) => at?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], api);
    found = { ...(target ?? {}), ...beside };
  }
  return found;
}

/** The last part of a reference: a schema's name. */
export const refName = (node) => node?.$ref?.split("/").at(-1) ?? null;

/** `[{tag, operations: [{method, path, operation}]}]`, tags and operations in the order of the document. */
export function byTag(api) {
  const tags = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((one) => item[one])) {
      const tag = item[method].tags?.[0] ?? "other";
      if (!tags.has(tag)) tags.set(tag, []);
      tags.get(tag).push({ method, path, operation: item[method] });
    }
  }
  // What most come for stands first.
  return [...tags].map(([tag, operations]) => ({ tag, operations })).sort((a, b) => b.operations.length - a.operations.length);
}

/** A schema's variants but null, or null where it has none. */
export function variants(schema) {
  const found = schema.oneOf ?? schema.anyOf;
  return found ? found.filter((one) => one.type !== "null") : null;
}

export const typesOf = (schema) => [schema.type ?? []].flat().filter((type) => type !== "null");

/** A value of the schema, by its examples where it has some. `above` are the names it lies in: a cycle ends there. */
export function exampleOf(api, node, above = []) {
  const name = refName(node);
  if (name && above.includes(name)) return null;
  const within = name ? [...above, name] : above;
  const schema = resolve(api, node);
  const given = [schema.examples?.[0], schema.example, schema.default, schema.const, schema.enum?.[0]].find((value) => value !== undefined);
  if (given !== undefined) return given;
  const choice = variants(schema)?.[0];
  if (choice) return exampleOf(api, choice, within);
  const [type] = typesOf(schema);
  if (type === "array") return schema.items ? [exampleOf(api, schema.items, within)] : [];
  if (type === "object" || schema.properties) {
    const value = {};
    for (const [key, property] of Object.entries(schema.properties ?? {})) value[key] = exampleOf(api, property, within);
    if (schema.additionalProperties?.type || schema.additionalProperties?.$ref) value.name = exampleOf(api, schema.additionalProperties, within);
    return value;
  }
  if (type === "integer" || type === "number") return schema.minimum ?? 0;
  if (type === "boolean") return false;
  return type === "string" ? (schema.format === "date-time" ? AT : "text") : null;
}

/** `[{name, value}]` of a media type: those of the document, or one made of its schema. */
export function examplesOf(api, content) {
  const named = Object.entries(content.examples ?? {}).map(([name, example]) => ({ name, value: resolve(api, example).value }));
  if (named.length > 0) return named;
  if (content.example !== undefined) return [{ name: "example", value: content.example }];
  return content.schema ? [{ name: "made of the schema", value: exampleOf(api, content.schema) }] : [];
}

export const asText = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** The request as a command for a POSIX shell, with `example` as its body. */
export function curl(api, { method, path, operation }, origin, example) {
  const parameters = (operation.parameters ?? []).map((one) => resolve(api, one));
  const valueOf = (parameter) => encodeURIComponent(exampleOf(api, parameter.schema));
  const filled = path.replaceAll(/\{(\w+)\}/g, (all, name) => {
    const parameter = parameters.find((one) => one.in === "path" && one.name === name);
    return parameter ? valueOf(parameter) : all;
  });
  const query = parameters.filter((one) => one.in === "query" && one.required).map((one) => `${one.name}=${valueOf(one)}`);
  const streams = Object.values(operation.responses).some((one) => resolve(api, one).content?.["text/event-stream"]);
  const words = ["curl", streams && "-N", method !== "get" && `-X ${method.toUpperCase()}`,
    quoted(origin + filled + (query.length ? `?${query.join("&")}` : ""))];
  const lines = [words.filter(Boolean).join(" ")];
  if ((operation.security ?? api.security ?? []).length > 0) lines.push("-H \"authorization: Bearer $LANDFALL_TOKEN\"");
  const type = Object.keys(resolve(api, operation.requestBody).content ?? {})[0];
  if (type) lines.push(`-H 'content-type: ${type}'`, `-d ${quoted(asText(example))}`);
  return lines.join(" \\\n  ");
}
