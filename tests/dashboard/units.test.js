// What the dashboard's pure modules say, without a browser.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

const module = (name) => import(join(import.meta.dirname, "../../infra/api/dashboard", name));
const { bytes, count, duration, rate } = await module("format.js");
const { hexDump, printable } = await module("raw.js");
const { EventParser } = await module("sse.js");
const { writeDocument } = await module("create_text.js");

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
