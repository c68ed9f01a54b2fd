// Lag of each job over the time this page was open; it is nowhere stored.

const SAMPLES = 900;
const samples = new Map();

/** Keeps what was seen at `at_ms`; a lag nobody knows is no sample. */
export function remember(name, at_ms, lag_records) {
  if (lag_records === null || lag_records === undefined) return;
  const list = samples.get(name) ?? [];
  if (list.length && at_ms <= list[list.length - 1].at_ms) return;
  list.push({ at_ms, value: lag_records });
  if (list.length > SAMPLES) list.shift();
  samples.set(name, list);
}

export const recall = (name) => samples.get(name) ?? [];

/** Forgets the jobs that are gone. */
export function keepOnly(names) {
  for (const name of samples.keys()) if (!names.has(name)) samples.delete(name);
}
