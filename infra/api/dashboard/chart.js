// A sparkline: one line over time, from zero, with breaks where nothing was seen.

import { svg } from "./dom.js";
import { count, duration } from "./format.js";

// Samples come every two seconds; over a longer silence no line is drawn, as nobody knows.
const BREAK_MS = 20_000;

/** An empty chart of so many pixels; it stretches to its box. */
export function sparkline(width, height) {
  return svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img" },
    svg("path", { class: "area" }), svg("path", { class: "line", "vector-effect": "non-scaling-stroke" }));
}

/** Draws `samples` of `{at_ms, value}`; `what` names the value in the text for those who do not see it. */
export function draw(chart, samples, what) {
  const { width, height } = chart.viewBox.baseVal;
  const [area, line] = chart.children;
  const values = samples.map((sample) => sample.value);
  const top = Math.max(1, ...values);
  const first = samples[0]?.at_ms ?? 0;
  const span = Math.max(1, (samples.at(-1)?.at_ms ?? 0) - first);
  const point = ({ at_ms, value }) =>
    [((at_ms - first) / span) * width, height - 1.5 - (value / top) * (height - 3)].map((n) => n.toFixed(1));
  let lines = "";
  let areas = "";
  for (const run of runs(samples)) {
    const points = run.map(point);
    const path = points.map(([x, y], index) => `${index ? "L" : "M"}${x} ${y}`).join("");
    lines += path;
    areas += `${path}L${points.at(-1)[0]} ${height}L${points[0][0]} ${height}Z`;
  }
  line.setAttribute("d", lines);
  area.setAttribute("d", areas);
  chart.setAttribute("aria-label", samples.length
    ? `${what} over ${duration(span / 1000)}: now ${count(values.at(-1))}, at most ${count(Math.max(...values))}`
    : `${what}: not known yet`);
}

function runs(samples) {
  const all = [];
  samples.forEach((sample, index) => {
    if (index === 0 || sample.at_ms - samples[index - 1].at_ms > BREAK_MS) all.push([]);
    all.at(-1).push(sample);
  });
  return all.filter((run) => run.length > 1);
}
