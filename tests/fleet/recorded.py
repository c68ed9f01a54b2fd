"""The rights that a run asked for, kept in calls.json, one of each kind: a policy is held against them without one."""

import json
import pathlib
import re

from .calls import Call

FILE = pathlib.Path(__file__).parent / "calls.json"


def kinds(made):
    """Of many calls, one of each kind: the same but for numbers, ids and what a job is called."""
    found = {}
    for call in sorted(made, key=lambda call: (call.action, call.on, call.context)):
        found.setdefault((call.action, shape(call.on), shape(str(call.context))), call)
    return list(found.values())


def shape(text):
    return re.sub(r"[0-9a-f]{6,}|\d+|[0-9A-Za-z]{16,}", "N", text)


def write(calls_of_processes):
    told = {
        process: [[call.action, call.on, dict(call.context)] for call in kinds(made)]
        for process, made in sorted(calls_of_processes.items())
    }
    lines = ",\n".join(
        f' "{process}": [\n' + ",\n".join(f"  {json.dumps(one)}" for one in made) + "\n ]"
        for process, made in told.items()
    )
    FILE.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def read():
    """{process: [Call]}"""
    told = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        process: [Call(action, on, tuple(context.items())) for action, on, context in made]
        for process, made in told.items()
    }
