"""The page that a run leaves under docs/evidence/: one section for the short form, one for containers."""

import datetime
import os
import platform
import re
import subprocess

from parts import layout

from .timeline import Timeline, line

_HEAD = """# A whole fleet on one machine

What was emulated and what was real: [scaling.md](../scaling.md#a-whole-fleet-on-one-machine).
"""
TITLES = {
    False: ("Without containers", "just fleet-short --evidence",
            "the tasks of ECS are processes that an agent of the tests starts and ends, each in its role"),
    True: ("With containers", "just fleet --evidence",
           "the tasks of ECS are containers of the image, which the emulator starts and ends through podman"),
}  # fmt: skip


def write(outcome, containers):
    """Writes the section of today's page; the other one stays. Returns the path."""
    path = layout.ROOT / "docs" / "evidence" / f"fleet-{datetime.date.today()}.md"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    sections = {mode: _section_of(before, TITLES[mode][0]) for mode in TITLES} | {
        containers: section(outcome, containers)
    }
    path.write_text("\n".join([_HEAD, *(part for part in sections.values() if part)]), encoding="utf-8")
    return path


def _section_of(page, title):
    found = re.search(rf"^## {title}\n.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return found[0].rstrip("\n") + "\n" if found else ""


def section(outcome, containers):
    title, command, tasks = TITLES[containers]
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
    return "\n".join(
        [
            f"## {title}",
            "",
            f"{datetime.date.today()}, commit {_commit()}, {machine}, by `{command}`. Here {tasks}.",
            "The Lambda runs by the template's own rule, once a minute, and sets the service itself (`actuator: ecs`).",
            "",
            *(f"- {told}" for told in summary(outcome)),
            "",
            "Seconds since the start of the parts; the service's desired count, running workers, records behind:",
            "",
            "```",
            Timeline.HEAD,
            *(line(row) for row in outcome.timeline.rows),
            "```",
            "",
            "What the processes asked of AWS, in rights:",
            "",
            "| process | right | requests |",
            "|---|---|---|",
            *rights(outcome),
            "",
            "What was left out of the template, or changed in it:",
            "",
            *(f"- {told}" for told in outcome.stripped.told()),
            "",
        ]
    )


def _commit():
    words = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, cwd=layout.ROOT, capture_output=True, text=True, check=False).stdout.strip()


def summary(outcome):
    desired, running = outcome.timeline.most()
    report = outcome.report
    return [
        f"{outcome.records} records; {report.data_records} landed in {report.data_objects} objects, "
        f"{report.dead_letters} set aside; the checker found {len(report.problems)} problems; "
        f"delivery `{outcome.delivery}`",
        f"workers: up to {desired} asked for and {running} running, none at the end; exit codes {outcome.exit_codes}",
        f"DesiredTasks as CloudWatch's emulation has it, a value a minute: {[int(value) for value in outcome.metric]}",
        f"Athena's emulation counts {outcome.athena_rows} rows with {outcome.athena_ids} ids by `landfall ddl`",
        *(_about_calls(outcome, process) for process in outcome.compared),
    ]


def _about_calls(outcome, process):
    told = outcome.compared[process].told()
    fine = "each allowed by its role, each right of the role called or explained"
    return f"{process}: {outcome.requests[process]} requests, {'; '.join(told) or fine}"


def rights(outcome):
    for name, made in outcome.calls.items():
        times = {}
        for call, number in made.items():
            times[call.action] = times.get(call.action, 0) + number
        for action, number in sorted(times.items()):
            yield f"| {name} | `{action}` | {number} |"
