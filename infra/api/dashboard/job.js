// The page of one job: first why nothing is written, then everything that is known, live.

import { actions } from "./actions.js";
import { get, jobPath } from "./api.js";
import { badge, stateWord } from "./badge.js";
import { announce, el } from "./dom.js";
import { remember } from "./history.js";
import { showBanners, showFacts, showReasons } from "./job_head.js";
import { ddl } from "./job_ddl.js";
import { documents } from "./job_documents.js";
import { letters } from "./job_letters.js";
import { events, gaps, objects } from "./job_lists.js";
import { offsets } from "./job_offsets.js";
import { errors, openFiles, partitions, workers } from "./job_tables.js";
import { follow } from "./live.js";
import { showLink } from "./link.js";

// What no stream tells of is asked for when the status shows that there is something new, and at this pace.
const ASK_MS = 15_000;

export function open(main, name) {
  const ended = new AbortController();
  const state = el("span", { id: "job-state" });
  const buttons = actions(name);
  const banners = el("div", { class: "banners" });
  const note = el("div");
  const reasons = el("ul", { class: "reasons" });
  const facts = el("dl", { class: "facts" });
  const live = { files: openFiles(), partitions: partitions(), errors: errors(), gaps: gaps(), workers: workers() };
  const asked = { objects: objects(name), letters: letters(name), events: events(name), documents: documents(name) };
  const move = offsets(name, ended.signal);
  let last = null;
  let asked_at = 0;

  main.append(
    el("p", { class: "crumb" }, el("a", { href: "#/" }, "Jobs"), " / "),
    el("div", { class: "title" }, el("h1", { "data-title": name }, name), state, buttons.root),
    banners, note,
    el("section", { class: "panel why", "aria-labelledby": "why" },
      el("h2", { id: "why" }, "Why is nothing written?"), reasons),
    facts,
    el("div", { class: "panels" },
      [live.files, live.partitions, asked.objects, asked.letters, live.errors, asked.events, live.gaps, live.workers,
        move, ddl(name, ended.signal), asked.documents].map((part) => part.root)));

  function refresh() {
    for (const part of Object.values(asked)) {
      part.refresh(ended.signal).catch((failure) => {
        if (!ended.signal.aborted) part.fail(failure);
      });
    }
    asked_at = Date.now();
  }

  function show(status) {
    const word = stateWord(status.state, status.desired);
    if (!last || stateWord(last.state, last.desired) !== word) {
      state.replaceChildren(badge(status.state, status.desired));
      if (last) announce(`${name} is ${word}`);
    }
    buttons.show(status.desired === "deleted" ? "deleting" : settled(status));
    remember(name, Date.now(), status.lag.records);
    showBanners(banners, status);
    showReasons(reasons, status);
    showFacts(facts, status);
    for (const part of Object.values(live)) part.show(status);
    move.show(status);
    const changed = last && (last.last_entry?.seq !== status.last_entry?.seq || last.state !== status.state
      || last.desired !== status.desired || last.config_version !== status.config_version);
    if (!last || changed || Date.now() - asked_at > ASK_MS) refresh();
    last = status;
  }

  const acted = (event) => {
    if (event.detail.name === name) get(jobPath(name, "/status"), ended.signal).then(show, () => {});
  };
  const cloned = ({ detail }) => {
    if (detail.name !== name) return;
    note.replaceChildren(el("div", { class: "banner good" }, el("strong", {}, `The job ${detail.copy} is created. `),
      el("a", { href: `#/jobs/${encodeURIComponent(detail.copy)}` }, "Look at it"), detail.warnings.map((text) => el("p", {}, text))));
  };
  document.addEventListener("acted", acted);
  document.addEventListener("cloned", cloned);
  const unfollow = follow({
    path: jobPath(name, "/status"),
    event: "status",
    onLink: showLink,
    onData: show,
    onGone() {
      const text = last ? `The job ${name} is deleted. Its objects and its log stay in the bucket.` : `There is no job ${name}.`;
      banners.replaceChildren(el("p", { class: "banner warn" }, text, " ", el("a", { href: "#/" }, "Back to the jobs")));
      buttons.show("deleted");
      state.replaceChildren(badge(last ? "deleted" : "not there"));
      showLink({ state: "live" });
      ended.abort();
    },
  });
  return () => {
    unfollow();
    ended.abort();
    document.removeEventListener("acted", acted);
    document.removeEventListener("cloned", cloned);
  };
}

/** What the record says, where that is more than what the workers do: actions are allowed by it. */
function settled(status) {
  if (status.failed) return "failed";
  if (status.finished_at) return "finished";
  return status.desired;
}
