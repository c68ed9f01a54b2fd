// The text of a job document: written from the form, and searched for a path.

const PLAIN = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const WORDS = /^(true|false|null|yes|no|on|off|y|n)$/i;

/** A YAML scalar; JSON's strings are YAML's too. */
function scalar(text) {
  return PLAIN.test(text) && !WORDS.test(text) ? text : JSON.stringify(text);
}

/** The smallest job document with these values; what is empty is left to its default. */
export function writeDocument({ name, cluster, topics, bucket, format, compression }) {
  const names = topics.split(",").map((topic) => topic.trim()).filter(Boolean);
  const lines = [
    `name: ${scalar(name)}`,
    "source:",
    `  cluster: ${scalar(cluster)}`,
    `  topics: [${names.map(scalar).join(", ")}]`,
    "sink:",
    `  bucket: ${scalar(bucket)}`,
  ];
  if (format) lines.push(`  format: ${scalar(format)}`);
  if (compression) lines.push(`  compression: ${scalar(compression)}`);
  return `${lines.join("\n")}\n`;
}

/** Selects the key of a dotted path, or of the nearest one above it that is there; false where none is. */
export function selectPath(area, path) {
  const keys = path.replaceAll(/\[\d+\]/g, "").split(".");
  let from = 0;
  let found = null;
  for (const key of keys) {
    const quoted = key.replaceAll(/[^A-Za-z0-9_]/g, "\\$&");
    const match = new RegExp(`(^|[\\s{,])"?(${quoted})"?\\s*:`, "m").exec(area.value.slice(from));
    if (!match) break;
    const start = from + match.index + match[0].indexOf(match[2], match[1].length);
    found = [start, start + key.length];
    from = start + key.length;
  }
  if (!found) return false;
  area.focus();
  area.setSelectionRange(...found);
  return true;
}
