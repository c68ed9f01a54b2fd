// The top of a job's page: banners, the answer in words, and the figures with the lag's chart.

import { draw, sparkline } from "./chart.js";
import { el, keyed, setText } from "./dom.js";
import { bytes, count, duration, plural, rate, words } from "./format.js";
import { recall } from "./history.js";
import { ago } from "./time.js";

/** What nobody may overlook: a failure, degraded delivery, declared losses, a wait. */
export function showBanners(node, status) {
  const banners = [];
  if (status.failed) {
    banners.push({ tone: "bad", title: "The job stopped itself", at: status.failed.at, lines: [`${status.failed.code}: ${status.failed.message}`] });
  }
  if (status.delivery.degraded_because.length) {
    banners.push({ tone: "bad", title: `Delivery is degraded: ${words(status.delivery.mode)}`, lines: status.delivery.degraded_because });
  }
  if (status.lost_files > 0 || status.lost_records > 0) {
    banners.push({
      tone: "bad", title: "Records are lost, and declared as such in the commit log",
      lines: [`${plural(status.lost_records, "record")} of ${plural(status.lost_files, "file")}`],
    });
  }
  if (status.waiting_for) {
    banners.push({ tone: "warn", title: `Waiting for ${status.waiting_for.what}`, at: status.waiting_for.since, lines: [] });
  }
  keyed(node, banners, (banner) => JSON.stringify(banner), ({ tone, title, at, lines }) =>
    el("div", { class: `banner ${tone}` }, el("strong", {}, title), at && [" ", ago(at)],
      lines.map((line) => el("p", {}, line))));
}

/** The sentences of the API, as they are. */
export function showReasons(node, status) {
  keyed(node, (status.reasons ?? []).map((text, index) => ({ text, index })), ({ index }) => index,
    () => el("li"), (item, { text }) => setText(item, text));
}

let chart = null;

export function showFacts(node, status) {
  const { lag, throughput } = status;
  const values = [
    ["Lag", count(lag.records), lag.unknown_partitions
      ? `records; ${plural(lag.unknown_partitions, "partition")} not known` : "records"],
    ["Behind", duration(lag.seconds), lag.seconds_estimated ? "estimated from the rate" : "age of the oldest record"],
    ["Records", rate(throughput.records_per_second), "a second"],
    ["Bytes", bytes(Math.round(throughput.bytes_per_second)), "a second"],
    ["Open files", count(status.open_files_total), status.drained ? "all is landed" : "waiting to be closed"],
    ["Dead letters", count(status.dead_letters.total), "records"],
    ["Delivery", words(status.delivery.mode), status.delivery.degraded_because.length ? "degraded" : "holds"],
    ["Last entry", status.last_entry ? count(status.last_entry.seq) : "none", "of the commit log"],
  ];
  if (node.children.length === 0) {
    chart = sparkline(320, 48);
    node.append(...values.map(([name]) => el("div", {}, el("dt", {}, name), el("dd", {}, el("b"), " ", el("span")))),
      el("div", { class: "wide" }, el("dt", {}, "Lag since this page is open"), el("dd", {}, chart)));
  }
  values.forEach(([, value, unit], index) => {
    const [number, note] = node.children[index].lastChild.children;
    setText(number, value);
    if (index === values.length - 1 && status.last_entry) {
      if (note.dataset.at !== status.last_entry.at) note.replaceChildren(ago(status.last_entry.at));
      note.dataset.at = status.last_entry.at;
    } else setText(note, unit);
  });
  draw(chart, recall(status.name), `lag of ${status.name} in records`);
}
