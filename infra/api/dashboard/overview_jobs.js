// The table of jobs, and in which order it stands.

import { badge, stateWord } from "./badge.js";
import { draw, sparkline } from "./chart.js";
import { el } from "./dom.js";
import { bytes, count, duration, rate } from "./format.js";
import { recall } from "./history.js";
import { table } from "./table.js";
import { ago } from "./time.js";

const SORTS = {
  // What needs somebody first: failed, then degraded or waiting, then by lag.
  attention: (job) => [Number(job.failed !== null), Number(job.degraded || job.waiting_for !== null), job.lag_records ?? -1],
  name: (job) => [job.name],
  lag: (job) => [job.lag_records ?? -1, job.lag_seconds ?? -1],
  rate: (job) => [job.records_per_second],
  letters: (job) => [job.dead_letters],
};

/** Compares two jobs by one of the orders; equal ones by name. */
export function compare(sort, descending) {
  const key = SORTS[sort];
  const order = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
  return (one, other) => {
    const [a, b] = [key(one), key(other)];
    const first = a.map((value, index) => order(value, b[index])).find((result) => result !== 0) ?? 0;
    return (descending ? -first : first) || one.name.localeCompare(other.name);
  };
}

/** Why nothing is written, in a few words: failed, waiting, degraded, or what is next; the job's own page tells all. */
function why(job) {
  if (job.failed) return { tone: "bad", text: job.failed.message, since: job.failed.at };
  if (job.waiting_for) return { tone: "warn", text: `waiting for ${job.waiting_for.what}`, since: job.waiting_for.since };
  if (job.degraded) return { tone: "warn", text: "delivery is degraded", since: null };
  return { tone: "muted", text: job.reason ?? "", since: null };
}

const charts = new WeakMap();

function lagChart(cell, job) {
  if (!charts.has(cell)) {
    charts.set(cell, sparkline(120, 24));
    cell.append(charts.get(cell));
  }
  draw(charts.get(cell), recall(job.name), `lag of ${job.name} in records`);
}

const COLUMNS = [
  {
    head: "Job", class: "name", sort: "name", text: (job) => JSON.stringify([job.team, job.pool, job.connector, why(job)]),
    draw: (job) => {
      const reason = why(job);
      return [
        el("a", { href: `#/jobs/${encodeURIComponent(job.name)}` }, job.name),
        el("small", {}, `${job.team} · ${job.pool}${job.connector ? " · connector" : ""}`),
        // Where there is no room for the column, it stands here.
        reason && el("small", { class: `narrow reason ${reason.tone}` }, reason.text),
      ].filter(Boolean);
    },
  },
  { head: "State", text: (job) => stateWord(job.state, job.desired), draw: (job) => badge(job.state, job.desired) },
  { head: "Lag", class: "number", sort: "lag", text: (job) => count(job.lag_records) },
  { head: "Behind", class: "number", text: (job) => duration(job.lag_seconds) },
  { head: "Lag since this page is open", class: "chart", update: lagChart },
  { head: "Records/s", class: "number", sort: "rate", text: (job) => rate(job.records_per_second) },
  { head: "Bytes/s", class: "number minor", text: (job) => bytes(Math.round(job.bytes_per_second)) },
  { head: "Dead letters", class: "number", sort: "letters", text: (job) => count(job.dead_letters) },
  { head: "Open files", class: "number minor", text: (job) => count(job.open_files) },
  { head: "Workers", class: "number minor", text: (job) => count(job.workers) },
  {
    head: "Why", class: "why", sort: "attention", text: (job) => JSON.stringify(why(job)),
    draw: (job) => {
      const reason = why(job);
      return el("span", { class: `reason ${reason.tone}`, title: reason.text }, reason.since && [ago(reason.since), ": "], reason.text);
    },
  },
];

export function jobsTable(onSort) {
  return table({ caption: "Jobs", columns: COLUMNS, keyOf: (job) => job.name, onSort });
}
