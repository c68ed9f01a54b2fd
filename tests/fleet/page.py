"""The page that a run leaves under docs/evidence/."""

import datetime
import os
import platform
import subprocess

from parts import layout

from .timeline import Timeline, line


def write(outcome, title, words):
    """Writes docs/evidence/fleet-DATE.md; returns its path."""
    path = layout.ROOT / "docs" / "evidence" / f"fleet-{datetime.date.today()}.md"
    path.write_text(text(outcome, title, words), encoding="utf-8")
    return path


def text(outcome, title, words):
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=layout.ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
    rows = "\n".join(line(row) for row in outcome.timeline.rows)
    left_out = "\n".join(f"- {told}" for told in outcome.stripped.told())
    return "\n".join(
        [
            f"# {title}",
            "",
            f"{datetime.date.today()}, commit {commit}, {machine}. Made by `just fleet {words}`.".replace(" `.", "`."),
            "",
            "## What came of it",
            "",
            *(f"- {told}" for told in summary(outcome)),
            "",
            "## Timeline",
            "",
            "Seconds since the parts were asked to start; the service's desired count, processes or containers, records behind.",
            "",
            "```",
            Timeline.HEAD,
            rows,
            "```",
            "",
            "## What the processes asked of AWS",
            "",
            "| process | right | requests |",
            "|---|---|---|",
            *rights(outcome),
            "",
            "## What was left out of the template, or changed in it",
            "",
            left_out,
            "",
        ]
    )


def summary(outcome):
    desired, running = outcome.timeline.most()
    report = outcome.report
    return [
        f"{outcome.records} records; {report.data_records} landed in {report.data_objects} objects, "
        f"{report.dead_letters} set aside; the checker found {len(report.problems)} problems; delivery `{outcome.delivery}`",
        f"workers: none, up to {desired} asked for and {running} running, none again; exit codes {outcome.exit_codes}",
        f"DesiredTasks as CloudWatch's emulation has it, a value a minute: {[int(value) for value in outcome.metric]}",
        f"Athena's emulation counts {outcome.athena_rows} rows with {outcome.athena_ids} ids in the table of `landfall ddl`",
        *(f"{name}: {outcome.requests[name]} requests, " + (", ".join(compared.told()) or "each allowed by its role, "
          "each right called or explained") for name, compared in outcome.compared.items()),
    ]  # fmt: skip


def rights(outcome):
    for name, made in outcome.calls.items():
        times = {}
        for call, number in made.items():
            times[call.action] = times.get(call.action, 0) + number
        for action, number in sorted(times.items()):
            yield f"| {name} | `{action}` | {number} |"
