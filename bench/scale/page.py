"""The figures as a page, and as JSON beside it."""

import json

_HEAD = """# Scale

`just scale NAME...` on real Kafka 4.3.1 and a real S3 server (versitygw, or what the text says) on the machine of the
worker: it has what they leave it of two cores. One run each. Memory is the worker's resident size as the kernel counts it.
"""


def write(path, results):
    path.write_text("\n".join([_HEAD, *(_section(result) for result in results.values())]), encoding="utf-8")
    path.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _section(result):
    lines = [
        f"## {result['title']}\n",
        result["what"] + "\n",
        f"{result['at']} · commit {result['commit']} · {result['binary']} · {result['processor']}, {result['cores']} cores, "
        f"{result['memory_gib']} GiB · Linux {result['kernel']} · load before {result['load'][0]}, after {result['load'][1]}\n",
    ]
    columns = list(result["rows"][0])
    lines += [_row(columns), _row(["---"] + ["---:"] * (len(columns) - 1))]
    lines += [_row(row.get(column, "") for column in columns) for row in result["rows"]]
    for note in result.get("notes", []):
        lines.append("\n" + note)
    return "\n".join(lines) + "\n"


def _row(cells):
    return "| " + " | ".join(f"{cell:,}" if isinstance(cell, (int, float)) else str(cell) for cell in cells) + " |"
