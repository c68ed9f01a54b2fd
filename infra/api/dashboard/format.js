// Numbers, sizes and durations as people read them. Units are in the names; null and undefined are "not known".

const UNKNOWN = "not known";
const THIN = "\u202f";
const missing = (value) => value === null || value === undefined || Number.isNaN(value);

/** A whole number with thin separators. */
export function count(value) {
  if (missing(value)) return UNKNOWN;
  return String(Math.trunc(value)).replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
}

function short(value) {
  if (value >= 100) return count(Math.round(value));
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Bytes in KiB, MiB, ... */
export function bytes(value) {
  if (missing(value)) return UNKNOWN;
  let left = value;
  for (const unit of ["B", "KiB", "MiB", "GiB", "TiB"]) {
    if (left < 1024 || unit === "TiB") return `${unit === "B" ? count(left) : short(left)}${THIN}${unit}`;
    left /= 1024;
  }
  return UNKNOWN;
}

/** Records a second. */
export function rate(value) {
  if (missing(value)) return UNKNOWN;
  return value > 0 && value < 10 ? value.toFixed(1) : count(Math.round(value));
}

/** A duration, in its two largest units. */
export function duration(seconds) {
  if (missing(seconds)) return UNKNOWN;
  const total = Math.max(0, seconds);
  if (total < 10 && !Number.isInteger(total)) return `${total.toFixed(1)}${THIN}s`;
  const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  let left = Math.round(total);
  const said = [];
  for (const [unit, size] of parts) {
    const whole = Math.floor(left / size);
    left -= whole * size;
    if (whole > 0 && said.length < 2) said.push(`${whole}${THIN}${unit}`);
    else if (said.length) break;
  }
  return said.join(" ") || `0${THIN}s`;
}

/** `snake_case` as words. */
export function words(name) {
  return String(name ?? UNKNOWN).replaceAll("_", " ");
}

export function plural(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}
