// What the dashboard's pure modules say, without a browser.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

const module = (name) => import(join(import.meta.dirname, "../../infra/api/dashboard", name));
const { bytes, count, duration, rate } = await module("format.js");
const { hexDump, printable } = await module("raw.js");
const { EventParser } = await module("sse.js");
const { writeDocument } = await module("create_text.js");
const { consequences, goesBack, moveLine, readMoves } = await module("offsets_move.js");
const { curl, exampleOf, resolve } = await module("docs_read.js");

const shown = (list) => printable(Uint8Array.from(list)).map(({ text, escaped }) => (escaped ? `<${text}>` : text)).join("");

test("numbers, sizes and durations are written as people read them", () => {
  assert.equal(count(1234567), "1\u202f234\u202f567");
  assert.equal(count(null), "not known");
  assert.equal(bytes(1023), "1\u202f023\u202fB");
  assert.equal(bytes(1536), "1.50\u202fKiB");
  assert.equal(bytes(134217728), "128\u202fMiB");
  assert.equal(rate(0), "0");
  assert.equal(rate(0.25), "0.3");
  assert.equal(rate(250000.4), "250\u202f000");
  assert.equal(duration(0), "0\u202fs");
  assert.equal(duration(34), "34\u202fs");
  assert.equal(duration(3600), "1\u202fh");
  assert.equal(duration(3661), "1\u202fh 1\u202fmin");
  assert.equal(duration(86400 * 3 + 60), "3\u202fd");
});

test("what does not print is escaped, whatever stands around it", () => {
  assert.equal(shown(Buffer.from("a\u00e9\u20ac\u{1f600}")), "a\u00e9\u20ac\u{1f600}");
  assert.equal(shown([0x61, 0xfc, 0x62]), "a<\\xfc>b");
  assert.equal(shown([0xe2, 0x82]), "<\\xe2\\x82>", "a sequence that is cut off");
  assert.equal(shown([0xc0, 0x80, 0xed, 0xa0, 0x80]), "<\\xc0\\x80\\xed\\xa0\\x80>", "overlong forms and surrogates");
  assert.equal(shown(Buffer.from("\ufeff{\n\t\0\u202e}")), "<\\u{feff}>{<\\n\\t\\0\\u{202e}>}");
  assert.equal(hexDump(Uint8Array.from([0, 0x41, 0xff])), `000000  00 41 ff${" ".repeat(39)}  .A.`);
});

test("events are read from pieces of any size, with any end of line", () => {
  const text = ": beat\r\nevent: overview\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\ndata:x\n\nevent: none\n\n";
  for (const size of [1, 2, 3, 7, text.length]) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)));
    assert.deepEqual(events, [{ name: "overview", data: "{\"a\":\n1}" }, { name: "message", data: "x" }], `pieces of ${size}`);
  }
});

test("a document that was written from the form is YAML, whatever was typed", () => {
  const written = writeDocument({ name: "no", cluster: "a: b", topics: " one, 2 ,", bucket: "#x", format: "", compression: "none" });
  assert.equal(written, "name: \"no\"\nsource:\n  cluster: \"a: b\"\n  topics: [one, \"2\"]\nsink:\n  bucket: \"#x\"\n  compression: none\n");
});

const row = (partition, landed_offset, end_offset = 1_000) => ({ topic: "bids", partition, start_offset: 0, landed_offset, end_offset });
const job = (key, on_existing_object = "fail") => ({ generation: 3, spec: { sink: { key, on_existing_object } } });
const plain = (lines) => [lines].flat().join("\n").replaceAll("\u202f", "");

test("what was typed for a partition is a move, a mistake, or nothing", () => {
  const rows = [row(0, 100), row(1, 100), row(2, 100), row(3, null), row(4, 100), row(5, 100)];
  const typed = new Map([["bids/0", " 1 50 "], ["bids/1", ""], ["bids/2", "1001"], ["bids/3", "5"], ["bids/4", "-1"], ["bids/5", "100"]]);
  const { moves, mistakes } = readMoves(rows, typed);
  assert.deepEqual(moves.map(({ row: { partition }, from, to }) => [partition, from, to]), [[0, 100, 150]]);
  assert.deepEqual(mistakes.map(({ row: { partition }, text }) => [partition, text.split(":")[0]]),
    [[2, "is beyond the end"], [3, "cannot be moved now"], [4, "is no offset"]]);
});

test("forward is told as a skip, back as a new generation, and both together as a new generation that leaves records out", () => {
  const forward = [{ row: row(0, 100), from: 100, to: 1_300 }, { row: row(1, 5), from: 5, to: 6 }];
  assert.equal(goesBack(forward), false);
  assert.match(plain(consequences(forward, job("{unique}"))), /declared skip: 1201 records are written down as skipped .* never land\./);
  assert.equal(plain(moveLine(forward[1], false)), "bids/1 goes forward from 5 to 6: 1 record will never land.");
  const both = [...forward, { row: row(2, 50), from: 50, to: 20 }];
  assert.equal(goesBack(both), true);
  const told = plain(consequences(both, job("{unique}")));
  assert.match(told, /new generation of the job, number 4/);
  assert.match(told, /30 records land again, in new objects\. Old objects stay/);
  assert.match(told, /1201 records before the new places never land/);
  assert.equal(plain(moveLine(both[2], true)), "bids/2 goes back from 50 to 20: 30 records land again.");
  assert.match(plain(moveLine(both[0], true)), /the new generation begins behind 1200 records that never land/);
});

test("a key template that may give the key of an old object again is told of", () => {
  const back = [{ row: row(0, 50), from: 50, to: 20 }];
  assert.doesNotMatch(plain(consequences(back, job("{topic}+{first_offset}-{unique}"))), /key template/);
  assert.match(plain(consequences(back, job("{topic}+{first_offset}"))), /the job stops where a new object would get the key of an old one/);
  assert.match(plain(consequences(back, job("{topic}+{first_offset}", "overwrite"))), /takes its place/);
});

test("an example is made of a schema, through references, and ends where a schema leads back to itself", () => {
  const api = { components: { schemas: {
    Node: { type: "object", properties: { name: { type: "string" }, at: { type: ["string", "null"], format: "date-time" }, next: { oneOf: [{ type: "null" }, { $ref: "#/components/schemas/Node" }] }, counts: { type: "object", additionalProperties: { type: "integer", minimum: 2 } } } },
    List: { type: "array", items: { $ref: "#/components/schemas/Node" } },
  } } };
  assert.deepEqual(exampleOf(api, { $ref: "#/components/schemas/List" }),
    [{ name: "text", at: "2026-01-31T12:00:00Z", next: null, counts: { name: 2 } }]);
  assert.equal(resolve(api, { $ref: "#/components/schemas/Node", description: "laid over" }).description, "laid over");
});

test("a curl command quotes what a shell would read otherwise", () => {
  const operation = { parameters: [{ in: "path", name: "name", schema: { type: "string", examples: ["a b"] } }], security: [], responses: {},
    requestBody: { content: { "application/json": {} } } };
  assert.equal(curl({}, { method: "put", path: "/x/{name}", operation }, "http://h", { it: "it's" }),
    "curl -X PUT 'http://h/x/a%20b' \\\n  -H 'content-type: application/json' \\\n  -d '{\n  \"it\": \"it'\\''s\"\n}'");
});
