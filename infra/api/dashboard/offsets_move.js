// Setting offsets: which partitions move, and what that means, in words. Offsets are the next one to land.

import { count, plural } from "./format.js";

const WHOLE = /^\d{1,15}$/;

export const placeOf = (row) => `${row.topic}/${row.partition}`;

/**
 * `{moves, mistakes}` of the rows of `GET offsets` and what was typed for them, by `placeOf`. An empty field stays. A
 * move is `{row, from, to}`, a mistake `{row, text}`.
 */
export function readMoves(rows, typed) {
  const moves = [];
  const mistakes = [];
  for (const row of rows) {
    const text = (typed.get(placeOf(row)) ?? "").replaceAll(/[\s_]/g, "");
    if (text === "") continue;
    const to = Number(text);
    if (!WHOLE.test(text)) mistakes.push({ row, text: "is no offset: write a whole number from 0 on" });
    else if (row.landed_offset === null) mistakes.push({ row, text: "cannot be moved now: where it stands is not known" });
    else if (row.end_offset !== null && to > row.end_offset) {
      mistakes.push({ row, text: `is beyond the end: write ${row.end_offset} at most` });
    } else if (to !== row.landed_offset) moves.push({ row, from: row.landed_offset, to });
  }
  return { moves, mistakes };
}

/** True where the moves need a new generation of the job: one of them goes back. */
export const goesBack = (moves) => moves.some(({ from, to }) => to < from);

/** One sentence a partition. */
export function moveLine({ row, from, to }, again) {
  const way = `${placeOf(row)} goes ${to < from ? "back" : "forward"} from ${count(from)} to ${count(to)}: `;
  if (to < from) return `${way}${plural(from - to, "record")} land${from - to === 1 ? "s" : ""} again.`;
  const skipped = plural(to - from, "record");
  return again ? `${way}the new generation begins behind ${skipped} that never land.` : `${way}${skipped} will never land.`;
}

/** What all of it comes to; `job` as `GET /v1/jobs/{name}` has it. */
export function consequences(moves, job) {
  const over = (kind) => moves.filter(({ from, to }) => (to < from) === (kind === "back"));
  const sum = (list) => list.reduce((total, { from, to }) => total + Math.abs(to - from), 0);
  const skipped = sum(over("forward"));
  if (!goesBack(moves)) {
    return [`Forward is a declared skip: ${plural(skipped, "record")} ${skipped === 1 ? "is" : "are"} written down as skipped in the commit log and never land.`,
      "The job and its objects stay as they are."];
  }
  const lines = [
    `Back is a new generation of the job, number ${job.generation + 1}, with a commit log of its own. The present log is closed for good.`,
    `${plural(sum(over("back")), "record")} land again, in new objects. Old objects stay: who reads both has these records twice.`,
  ];
  if (!job.spec.sink.key.includes("{unique}")) {
    lines.push(job.spec.sink.on_existing_object === "overwrite"
      ? "The key template has no {unique}: a new object with the key of an old one takes its place."
      : "The key template has no {unique}: the job stops where a new object would get the key of an old one.");
  }
  if (skipped > 0) lines.push(`${plural(skipped, "record")} before the new places never land.`);
  return lines;
}
