"""What a run says in the end: JSON for programs, Markdown for people and for docs/evidence."""

import dataclasses
import datetime
import os
import subprocess

from parts import layout

from . import recovery
from .process_faults import SESSION_TIMEOUT_S

GOAL_S = SESSION_TIMEOUT_S + 5
_ROWS = 30


def as_json(result):
    told = dataclasses.asdict(result)
    told["counts"] = [{**count, "held": {name: list(held) for name, held in count["held"].items()}} for count in told["counts"]]
    return {"passed": not result.problems, **told}


def as_markdown(result, command):
    return "\n".join([
        "# Chaos on real binaries", "", *_head(result, command), "",
        "## Verdict", "", *_verdict(result), "",
        "## What was compared", "", *_jobs(result), "",
        "## Faults", "", *_faults(result), "",
        "## Recovery", "", *_recovery(result), "",
        "## What the processes held", "", *_held(result), "",
        "## What they said", "", *_logged(result), "",
    ])  # fmt: skip


def _head(result, command):
    at = datetime.datetime.fromtimestamp(result.began_s, datetime.UTC)
    return [
        f"- date: {at:%Y-%m-%d %H:%M} UTC, commit {_commit()}",
        f"- machine: {_machine()}",
        f"- command: `{command}`",
        f"- seed {result.seed}; {result.minutes:g} minutes of faults; {result.workers} workers and an API on three Kafka "
        f"brokers and versitygw behind a fault proxy; {result.rate} records/s on 12 partitions",
        "- stages: " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in result.seconds.items()),
    ]


def _verdict(result):
    if not result.problems:
        return ["Passed: nothing missing, nothing twice, nothing malformed among the data, no commit ahead of what was "
                "visible, no object changed, every kind of fault fired, nothing grew without bound."]  # fmt: skip
    return ["**Failed:**", "", *(f"- {problem}" for problem in result.problems)]


def _jobs(result):
    names = list(result.jobs)
    rows = [[what.replace("_", " "), *(_cell(result.jobs[name][what]) for name in names)] for what in result.jobs[names[0]]]
    return table(["", *names], rows)


def _faults(result):
    total = sum(result.faults.values())
    lines = [f"{total:,} faults, {result.process_faults:,} of them of processes; {result.spoilt_requests:,} requests spoilt, "
             f"{sum(result.answers_lost.values()):,} of them carried out with their answer lost.", ""]  # fmt: skip
    rows = [[kind, f"{count:,}", _cell(result.answers_lost.get(kind, ""))] for kind, count in sorted(result.faults.items())]
    return lines + table(["kind", "times", "answers lost"], rows)


def _recovery(result):
    quiet = result.quiet_recovery_s
    slowest = max((seconds for of_job in quiet.values() for seconds in of_job), default=None)
    met = "" if slowest is None else " Met." if slowest <= GOAL_S else " Not met."
    return [
        "From the SIGKILL of a worker until every partition shows a record in S3 that Kafka did not have at that moment; "
        f"the age of a file (3 s) is in it. Session time-out {SESSION_TIMEOUT_S} s; the goal in the calm is {GOAL_S} s.{met}",
        "",
        *(f"- in the calm, {name}: {recovery.summary(seconds)}" for name, seconds in quiet.items()),
        *(f"- among all other faults, {name}: {recovery.summary(seconds)}" for name, seconds in result.recovery_s.items()),
    ]


def _held(result):
    slots = sorted({name for count in result.counts for name in count.held})
    step = max(1, -(-len(result.counts) // _ROWS))
    rows = []
    for count in result.counts[::step]:
        held = [count.held.get(slot) for slot in slots]
        cells = ["" if at is None else f"{at[1] >> 20} MiB, {at[2]} (life {at[0]})" for at in held]
        rows.append([f"{(count.at_s - result.began_s) / 60:.1f}", *cells, _cell(count.open_uploads), _cell(count.old_uploads)])
    lines = ["Resident memory, open handles and the number of the process in its place; uploads of the bucket that are open, "
             "and those open for over a minute: left behind, for the bucket's lifecycle rule.", ""]  # fmt: skip
    return lines + table(["minute", *slots, "uploads", "left behind"], rows)


def _logged(result):
    if not result.logged:
        return ["No warning, no error, no recovery."]
    return table(["message", "times"], [[text.replace("|", "/"), f"{count:,}"] for text, count in result.logged.items()])


def _cell(value):
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def table(head, rows):
    return ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]


def _commit():
    words = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, cwd=layout.ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{models[0] if models else 'unknown processor'}, {os.cpu_count()} cores, {memory / 2**30:.0f} GiB"
