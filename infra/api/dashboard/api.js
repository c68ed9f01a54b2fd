// Requests to the API: the token, problems, and signing in when one is asked for.

import { signIn } from "./sign_in.js";

const TOKEN = "landfall-token";

// For the tab alone: gone when it is closed, and never sent by itself as a cookie would be.
export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (value) => sessionStorage.setItem(TOKEN, value),
  clear: () => sessionStorage.removeItem(TOKEN),
};

let declined = false;

/** Lets the next request ask for a token again. */
export function askAgain() {
  declined = false;
}

/** An answer that is not a success, or none. `status` is 0 where nobody answered. */
export class Failure extends Error {
  constructor(status, title, detail, { errors = [], requestId = "" } = {}) {
    super(detail || title);
    Object.assign(this, { status, title, detail, errors, requestId });
  }

  static async of(response) {
    const requestId = response.headers.get("x-request-id") ?? "";
    const text = await response.text();
    let body = {};
    try {
      body = JSON.parse(text) ?? {};
    } catch {
      body = { detail: text.slice(0, 500) };
    }
    // Kafka Connect's errors are {error_code, message}, ours are RFC 9457 problems.
    const title = body.title ?? (body.error_code ? `error ${body.error_code}` : `the answer was ${response.status}`);
    const details = { errors: body.errors ?? [], requestId: body.request_id ?? requestId };
    return new Failure(response.status, title, body.detail ?? body.message ?? "", details);
  }
}

/** A fetch with the token; on 401 it asks for one and tries again until it is accepted or signing in is given up. */
export async function send(path, init = {}) {
  for (;;) {
    const sent = token.get();
    const headers = { ...init.headers, ...(sent ? { authorization: `Bearer ${sent}` } : {}) };
    let response;
    try {
      response = await fetch(path, { ...init, headers, cache: "no-store", credentials: "omit" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Failure(0, "the API does not answer", `${error.message}: is the process up, and the way to it open?`);
    }
    if (response.status !== 401) return response;
    const failure = await Failure.of(response);
    // Somebody else may have signed in while this request was under way.
    if (token.get() !== sent) continue;
    // Asked once: whoever said no is not asked again by the next request, but by the button on top.
    if (declined) throw failure;
    const given = await signIn(sent ? failure : null);
    declined = given === null;
    if (!declined) token.set(given);
    document.dispatchEvent(new CustomEvent("signed", { detail: { declined } }));
    if (declined) throw failure;
  }
}

/** A successful answer, or a Failure. */
async function answer(method, path, { body, type, etag, signal } = {}) {
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = type ?? "application/json";
  if (etag) headers["if-match"] = etag;
  const response = await send(path, { method, body, headers, signal });
  if (!response.ok) throw await Failure.of(response);
  return response;
}

/** The answer's JSON (null where it is empty), or a Failure. With `etag` only where the job is still that one. */
export async function request(method, path, options) {
  const text = await (await answer(method, path, options)).text();
  return text ? JSON.parse(text) : null;
}

export const get = (path, signal) => request("GET", path, { signal });

/** The answer's JSON and its ETag. */
export async function getTagged(path, signal) {
  const response = await answer("GET", path, { signal });
  return { value: await response.json(), etag: response.headers.get("etag") };
}

/** The answer as text, whatever its type. */
export async function getText(path, signal) {
  return (await answer("GET", path, { signal })).text();
}

/** `/v1/jobs/<name>` and what follows, with the name encoded. */
export const jobPath = (name, rest = "") => `/v1/jobs/${encodeURIComponent(name)}${rest}`;
