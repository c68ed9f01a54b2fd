// The list of jobs: what is wrong and far behind first, live.

import { keepOnly, remember } from "./history.js";
import { announce, el, setText } from "./dom.js";
import { bytes, count, plural, rate } from "./format.js";
import { stateWord } from "./badge.js";
import { compare, jobsTable } from "./overview_jobs.js";
import { workersTable } from "./overview_workers.js";
import { follow } from "./live.js";
import { showLink } from "./link.js";

const STATES = ["running", "paused", "stopped", "failed", "finished", "deleting"];

export function open(main, query) {
  let overview = null;
  let sort = "attention";
  let descending = true;

  const text = el("input", {
    type: "search", id: "filter", placeholder: "name, team or pool", value: query.get("q"), input: () => filterChanged(),
  });
  const state = el("select", { id: "state", change: () => filterChanged() },
    el("option", { value: "" }, "any state"), el("option", { value: "waiting" }, "waiting"),
    STATES.map((name) => el("option", { value: name }, name)));
  state.value = query.get("state") ?? "";
  const shown = el("p", { class: "muted", id: "shown" });
  const facts = el("dl", { class: "facts" });
  const jobs = jobsTable((by) => {
    descending = by === sort ? !descending : by !== "name";
    sort = by;
    show();
  });
  const workers = workersTable();

  main.append(
    el("h1", { "data-title": "Jobs" }, "Jobs"), facts,
    el("form", { class: "filters", role: "search", submit: (event) => event.preventDefault() },
      el("label", { for: "filter" }, "Filter"), text, el("label", { for: "state" }, "State"), state, shown),
    jobs.root, el("h2", {}, "Workers"), workers.root);

  function filterChanged() {
    const wanted = new URLSearchParams();
    if (text.value) wanted.set("q", text.value);
    if (state.value) wanted.set("state", state.value);
    // The address can be kept and sent; it is no step to go back to.
    history.replaceState(null, "", wanted.size ? `#/?${wanted}` : "#/");
    show();
  }

  function matches(job) {
    const needle = text.value.trim().toLowerCase();
    const found = [job.name, job.team, job.pool].some((field) => String(field).toLowerCase().includes(needle));
    const wanted = state.value === "waiting" ? job.waiting_for !== null : !state.value || job.state === state.value;
    return found && wanted;
  }

  function show() {
    if (!overview) return;
    const found = overview.jobs.filter(matches).sort(compare(sort, descending));
    jobs.show(found, overview.jobs.length ? "No job matches the filter." : "There is no job yet. Create one.");
    jobs.markSort(sort, descending);
    workers.show(overview.workers);
    const more = overview.more_jobs > 0 ? `; ${count(overview.more_jobs)} more are not listed` : "";
    setText(shown, `${count(found.length)} of ${plural(overview.jobs.length, "job")}${more}`);
    showFacts(facts, overview);
  }

  return follow({
    path: "/v1/overview",
    event: "overview",
    onLink: showLink,
    onData(next) {
      if (overview) announceChanges(overview.jobs, next.jobs);
      overview = next;
      const at_ms = new Date(next.at).valueOf();
      for (const job of next.jobs) remember(job.name, at_ms, job.lag_records);
      keepOnly(new Set(next.jobs.map((job) => job.name)));
      show();
    },
  });
}

function announceChanges(before, after) {
  const states = new Map(before.map((job) => [job.name, stateWord(job.state, job.desired)]));
  const changes = after
    .map((job) => [job.name, stateWord(job.state, job.desired)])
    .filter(([name, word]) => states.has(name) && states.get(name) !== word);
  if (changes.length) announce(changes.slice(0, 3).map(([name, word]) => `${name} is ${word}`).join(", "));
}

function showFacts(facts, { jobs, workers }) {
  const sum = (field) => jobs.reduce((total, job) => total + (job[field] ?? 0), 0);
  const live = workers.filter((worker) => !worker.stale).length;
  const failed = jobs.filter((job) => job.failed !== null).length;
  const values = [
    ["Jobs", count(jobs.length), failed ? `${count(failed)} failed` : "none failed", failed ? "bad" : ""],
    ["Waiting", count(jobs.filter((job) => job.waiting_for !== null).length), "for something outside", ""],
    ["Lag", count(sum("lag_records")), "records", ""],
    ["Throughput", rate(sum("records_per_second")), `records/s, ${bytes(sum("bytes_per_second"))}/s`, ""],
    ["Dead letters", count(sum("dead_letters")), "records", ""],
    ["Workers", count(live), live === workers.length ? "live" : `live, ${count(workers.length - live)} silent`, ""],
  ];
  if (facts.children.length === 0) {
    facts.append(...values.map(([name]) => el("div", {}, el("dt", {}, name), el("dd", {}, el("b"), " ", el("span")))));
  }
  values.forEach(([, value, unit, tone], index) => {
    const [number, words] = facts.children[index].lastChild.children;
    setText(number, value);
    setText(words, unit);
    facts.children[index].className = tone;
  });
}
