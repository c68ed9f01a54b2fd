"""What the processes said in their logs: recoveries and errors by message, for the summary; a panic is a finding."""

import json
from collections import Counter

_RECOVERIES = ("recovery: ",)


def count(path, panicked):
    """Counts recoveries, warnings and errors by message. `panicked(text)` is called for each panic."""
    found = Counter()
    if not path.exists():
        return found
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if "panicked at" in line:
                panicked(line.strip()[:300])
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            message = entry.get("message", "")
            if "client" in entry:  # librdkafka's own words, with addresses and times in them
                message = f"librdkafka {entry.get('facility', 'error')}"
            if message.startswith(_RECOVERIES) or entry.get("level") in ("WARN", "ERROR"):
                found[f"{entry.get('level')}: {message[:120]}"] += 1
    return found
