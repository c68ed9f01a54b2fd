// The table of workers: who is alive, and how much of its memory it uses.

import { el, svg } from "./dom.js";
import { bytes, count } from "./format.js";
import { table } from "./table.js";
import { ago } from "./time.js";

function share(worker) {
  return worker.memory_limit_bytes > 0 ? Math.min(1, worker.memory_used_bytes / worker.memory_limit_bytes) : 0;
}

function memory(worker) {
  const used = share(worker);
  return [
    svg("svg", { class: `bar ${used > 0.9 ? "full" : ""}`, viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { class: "rest", width: 100, height: 6 }), svg("rect", { class: "used", width: used * 100, height: 6 })),
    el("span", {}, `${bytes(worker.memory_used_bytes)} of ${bytes(worker.memory_limit_bytes)}`),
  ];
}

const COLUMNS = [
  { head: "Worker", class: "name", text: (worker) => worker.worker },
  {
    head: "State", text: (worker) => (worker.stale ? "silent" : "live"),
    draw: (worker) => el("span", { class: `badge ${worker.stale ? "bad" : "good"}` }, worker.stale ? "silent" : "live"),
  },
  { head: "Pool", text: (worker) => worker.pool },
  { head: "Memory", class: "memory", text: (worker) => `${worker.memory_used_bytes}/${worker.memory_limit_bytes}`, draw: memory },
  { head: "Jobs", class: "number", text: (worker) => count(worker.jobs) },
  { head: "Partitions", class: "number", text: (worker) => count(worker.partitions) },
  { head: "Last heartbeat", text: (worker) => worker.at, draw: (worker) => ago(worker.at) },
  { head: "Version", class: "minor", text: (worker) => worker.version },
];

export function workersTable() {
  return table({
    caption: "Workers", columns: COLUMNS, keyOf: (worker) => worker.worker,
    empty: "No worker is known: jobs are kept, and nothing is consumed until one starts.",
  });
}
