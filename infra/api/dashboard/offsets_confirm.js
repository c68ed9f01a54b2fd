// The dialog before offsets are set: it says in words what the moves mean, and sends them.

import { jobPath, request } from "./api.js";
import { openDialog } from "./dialog.js";
import { announce, el } from "./dom.js";
import { plural } from "./format.js";
import { consequences, goesBack, moveLine } from "./offsets_move.js";

// Moves that are told one by one.
const LINES_SHOWN = 20;

/**
 * `job` and `etag` are what the words are of: where the job was changed since then, nothing is moved. `onSet(warnings)`
 * follows a success, `onFail(failure)` a refusal, which the dialog shows by itself.
 */
export function confirmMoves({ name, moves, job, etag, onSet, onFail }) {
  const back = goesBack(moves);
  const left = moves.length - LINES_SHOWN;
  const go = el("button", { type: "submit", class: back ? "danger solid" : "primary" },
    back ? "Begin a new generation" : "Skip forward");
  const send = async () => {
    const offsets = moves.map(({ row, to }) => ({ topic: row.topic, partition: row.partition, offset: to }));
    const { warnings = [] } = await request("PUT", jobPath(name, "/offsets"), { body: JSON.stringify({ offsets }), etag });
    announce([`The offsets of ${name} are set`, ...warnings].join(". "));
    onSet(warnings);
  };
  openDialog({ title: `Set offsets of ${name}?`, go, send, wide: true, onFail },
    consequences(moves, job).map((line) => el("p", {}, line)),
    el("ul", { class: "moves" }, moves.slice(0, LINES_SHOWN).map((move) => el("li", {}, moveLine(move, back))),
      left > 0 && el("li", {}, `and ${plural(left, "partition")} more`)),
    el("p", { class: "muted" }, "Records are counted by their offsets: transactions and compaction leave fewer."));
  go.focus();
}
