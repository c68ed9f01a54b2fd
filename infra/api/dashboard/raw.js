// Bytes as they are: as text with everything that does not print escaped, or in hexadecimal.

import { el } from "./dom.js";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0" };

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** How long the UTF-8 sequence at `at` would be by its first byte. */
function sequenceLength(first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

function character(bytes, at) {
  const length = sequenceLength(bytes[at]);
  try {
    return length ? { text: strict.decode(bytes.subarray(at, at + length)), length } : null;
  } catch {
    return null;
  }
}

function escape(text) {
  // Controls, formatting (also what turns the direction of writing) and every space but the plain one.
  if (!/[\p{C}\p{Z}]/u.test(text) || text === " ") return null;
  return NAMED[text] ?? `\\u{${text.codePointAt(0).toString(16)}}`;
}

/** `[{text, escaped}]`: runs of what prints, and of escapes. */
export function printable(bytes) {
  const runs = [];
  const add = (text, escaped) => {
    const last = runs.at(-1);
    if (last?.escaped === escaped) last.text += text;
    else runs.push({ text, escaped });
  };
  for (let at = 0; at < bytes.length;) {
    const found = character(bytes, at);
    const escaped = found ? escape(found.text) : `\\x${hex(bytes[at])}`;
    add(escaped ?? found.text, escaped !== null);
    at += found?.length ?? 1;
  }
  return runs;
}

const hex = (byte) => byte.toString(16).padStart(2, "0");

/** Sixteen bytes a line: offset, bytes, and what of them is ASCII. */
export function hexDump(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const ascii = row.map((byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : "."));
    lines.push(`${at.toString(16).padStart(6, "0")}  ${row.map(hex).join(" ").padEnd(47)}  ${ascii.join("")}`);
  }
  return lines.join("\n");
}

/** The nodes that show `bytes` one way or the other. */
export function rawNodes(bytes, asHex) {
  if (asHex) return [hexDump(bytes)];
  return printable(bytes).map(({ text, escaped }) => (escaped ? el("span", { class: "escape" }, text) : text));
}
