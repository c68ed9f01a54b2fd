// Following a document: by its event stream while that holds, else by asking, and saying which of the two it is.

import { Failure, get, send } from "./api.js";
import { readEvents } from "./sse.js";

// The server sends every two seconds: a stream that is silent for so long is dead, whatever the socket says.
const SILENCE_MS = 15_000;
const RETRY_MS = [1_000, 2_000, 5_000];

const pause = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
});

/**
 * Calls `onData` with each new document and `onLink` with `{state: "live" | "reconnecting" | "away", since, failure}`.
 * `event` is the name of the events that carry the document; `onGone` is called when there is no such thing any more.
 * Gives a function that ends it. A hidden tab holds no connection: browsers allow six to an origin, over all tabs.
 */
export function follow({ path, event, onData, onLink, onGone = () => {} }) {
  const ended = new AbortController();
  let since = null;
  let attempt = 0;
  let current = null;

  const lost = (failure) => {
    since ??= Date.now();
    onLink({ state: failure ? "away" : "reconnecting", since, failure });
  };
  const gone = () => {
    ended.abort();
    onGone();
  };

  async function stream() {
    const response = await send(`${path}/stream`, { headers: { accept: "text/event-stream" }, signal: current.signal });
    if (!response.ok) throw await Failure.of(response);
    const watched = current;
    let timer = setTimeout(() => watched.abort(), SILENCE_MS);
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => watched.abort(), SILENCE_MS);
    };
    try {
      await readEvents(response, ({ name, data }) => {
        if (ended.signal.aborted) return;
        if (name === "gone") return gone();
        if (name !== event) return;
        since = null;
        attempt = 0;
        onLink({ state: "live" });
        onData(JSON.parse(data));
      }, heard);
    } finally {
      clearTimeout(timer);
    }
  }

  async function poll() {
    try {
      onData(await get(path, ended.signal));
      lost(null);
    } catch (failure) {
      if (ended.signal.aborted) return;
      if (failure.status === 404) gone();
      else lost(failure);
    }
  }

  async function run() {
    while (!ended.signal.aborted) {
      if (document.hidden) {
        await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
        continue;
      }
      current = new AbortController();
      try {
        await stream();
      } catch {
        // Whatever it was, asking tells it better: it fails for the same reason or the stream alone is away.
      }
      if (ended.signal.aborted) return;
      if (document.hidden) continue;
      lost(null);
      await poll();
      if (ended.signal.aborted) return;
      await pause(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)], ended.signal);
      attempt += 1;
    }
  }

  const hide = () => { if (document.hidden) current?.abort(); };
  document.addEventListener("visibilitychange", hide);
  ended.signal.addEventListener("abort", () => {
    document.removeEventListener("visibilitychange", hide);
    current?.abort();
  });
  run();
  return () => ended.abort();
}
