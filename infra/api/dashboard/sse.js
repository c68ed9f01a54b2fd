// Server-sent events, read from a fetch: EventSource cannot send a header, and the token goes as one.

/** Splits text that comes in pieces into events; `push` gives those that are complete. */
export class EventParser {
  #rest = "";
  #name = "";
  #data = [];

  push(text) {
    const events = [];
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line, events);
    return events;
  }

  #line(line, events) {
    if (line === "") {
      if (this.#data.length) events.push({ name: this.#name || "message", data: this.#data.join("\n") });
      this.#name = "";
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#name = value;
    if (field === "data") this.#data.push(value);
  }
}

/** Calls `onEvent` for each event of the answer; `onBytes` whenever anything came, comments too. */
export async function readEvents(response, onEvent, onBytes) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onBytes();
    for (const event of parser.push(value)) onEvent(event);
  }
}
