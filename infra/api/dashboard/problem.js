// A problem as the API told it: title, detail, each field with value, problem and fix, and the request's id.

import { el } from "./dom.js";

/** One mistake of a document: the path, what stands there, what is wrong and how to mend it. */
export function fieldError({ field, value, problem: wrong, fix }, onPath) {
  const path = onPath
    ? el("button", { type: "button", class: "path", click: () => onPath(field) }, field)
    : el("code", {}, field);
  return el("li", { class: "field-error" },
    path, value !== undefined && value !== null && el("code", { class: "value" }, value),
    el("span", { class: "wrong" }, wrong), fix && el("span", { class: "fix" }, fix));
}

/** The whole problem; `onPath` is called with a field's path when it is pressed. */
export function problem(failure, onPath) {
  if (failure.status === undefined) failure = { status: 0, title: "this page failed", detail: String(failure), errors: [] };
  const { status, title, detail, errors, requestId } = failure;
  return el("div", { class: "problem", role: "alert" },
    el("p", { class: "title" }, status ? `${title} (${status})` : title),
    detail && el("p", {}, detail),
    errors.length > 0 && el("ul", { class: "field-errors" }, errors.map((error) => fieldError(error, onPath))),
    requestId && el("p", { class: "muted" }, "Request ", el("code", {}, requestId)));
}
