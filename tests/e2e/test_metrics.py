"""The metrics of a running installation are those of docs/metrics.md, and what they say of a job is true."""

import re

import requests
from parts import layout

from e2e.events import numbered, produce


def documented():
    """Name -> labels, from the table."""
    table = {}
    for line in (layout.ROOT / "docs" / "metrics.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 4 and cells[0].startswith("`landfall_"):
            labels = set(re.findall(r"`(\w+)`", cells[2]))
            alone = cells[2].endswith("only") or cells[2] == "none"
            table[cells[0].strip("`")] = labels if alone else labels | {"job", "pool"}
    return table


def exposed(text):
    """Name -> labels, and (name, labels) -> value; a histogram's series are one name."""
    names, values = {}, {}
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    for line in text.splitlines():
        match = re.match(r"(landfall_\w+?)(?:\{(.*)\})? (\S+)$", line)
        if not match:
            continue
        name, labels, value = match.groups()
        labels = dict(re.findall(r'(\w+)="([^"]*)"', labels or ""))
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        if kinds.get(base) in ("histogram", "summary"):
            name = base
            labels.pop("le", None)
        names.setdefault(name, set()).update(labels)
        values[(name, tuple(sorted(labels.items())))] = float(value)
    return names, values


def test_the_metrics_are_the_documented_ones_and_true(kafka, make_topic, fleet, new_job):
    topic = make_topic()
    produce(kafka.bootstrap, topic, numbered(500))
    produce(kafka.bootstrap, topic, [b"no json", b"{"])
    fleet.run()
    job = new_job(topic)
    fleet.create(job)
    fleet.wait_drained(job["name"], records=502)
    names, values = exposed(requests.get(f"{fleet.url}/metrics", timeout=10).text)
    table = documented()
    # A recovery is not had at will.
    names.setdefault("landfall_recovery_total", table["landfall_recovery_total"])
    assert names == table

    def of(name, **labels):
        labels |= {"job": job["name"], "pool": "shared"}
        return values[(name, tuple(sorted(labels.items())))]

    assert of("landfall_records_consumed_total") == 502
    assert of("landfall_records_landed_total") == 500
    assert of("landfall_records_dead_lettered_total", reason="malformed_json") == 2
    assert of("landfall_lag_records") == 0 and of("landfall_lag_seconds") == 0
    assert of("landfall_lost_records") == 0
    limit, process = values[("landfall_memory_limit_bytes", ())], values[("landfall_memory_bytes", (("use", "process"),))]
    assert 0 < process < limit == 512 << 20


def test_lag_in_seconds_is_the_age_of_what_waits_and_letters_are_counted_after_the_end(
    kafka, make_topic, fleet, new_job
):
    topic = make_topic()
    produce(kafka.bootstrap, topic, numbered(20))
    produce(kafka.bootstrap, topic, [b"no json"])
    server = fleet.run()
    job = new_job(topic)
    name = job["name"]
    fleet.create(job)
    fleet.wait_drained(name, records=21)
    fleet.action(name, "pause")
    fleet.wait_state(name, "paused")
    produce(kafka.bootstrap, topic, numbered(10, 20))
    status = fleet.wait(name, lambda status: (status["lag"]["seconds"] or 0) > 5, "waiting for the lag to age")
    assert status["lag"]["records"] == 10
    assert not status["lag"]["seconds_estimated"], status["lag"]
    assert status["lag"]["seconds"] < 60, status["lag"]
    # What the log counts is told by whoever reads it: after a restart, and of a job that nobody runs.
    server.kill()
    fleet.run()
    fleet.action(name, "stop")
    fleet.wait_state(name, "stopped")
    assert fleet.status(name)["dead_letters"] == {"total": 1, "by_reason": {"malformed_json": 1}}
