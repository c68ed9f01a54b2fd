"""The rights that a run asked for, kept in calls.json, one of each kind: a policy is held against them without one."""

import json
import pathlib
import re

from .calls import Call

FILE = pathlib.Path(__file__).parent / "calls.json"


def kinds(made):
    """Of many calls, one of each kind: the same but for what differs from run to run."""
    return sorted({Call(call.action, _same(call.on), _context(call)) for call in made}, key=str)


def _context(call):
    return tuple((key, _same(value)) for key, value in call.context)


def _same(text):
    """Times, ids and numbers as zeros, so that two runs write the same file."""
    text = re.sub(r"dt=[\d-]+/hour=\d+", "dt=2026-01-01/hour=00", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda found: re.sub("[0-9a-f]", "0", found[0]), text)
    text = re.sub(r"(?<=[^0-9a-z])[0-9a-f]{6,}", lambda found: "0" * len(found[0]), text)
    text = re.sub(r"0{32}-\d+", "0" * 32 + "-0", text)
    return re.sub(r"\+\d\+", "+0+", text)


def write(calls_of_processes):
    told = {
        process: [[call.action, call.on, dict(call.context)] for call in kinds(made)]
        for process, made in sorted(calls_of_processes.items())
    }
    texts = []
    for process, made in told.items():
        texts.append(f' "{process}": [\n' + ",\n".join(f"  {json.dumps(one)}" for one in made) + "\n ]")
    FILE.write_text("{\n" + ",\n".join(texts) + "\n}\n", encoding="utf-8")


def read():
    """{process: [Call]}"""
    told = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        process: [Call(action, on, tuple(context.items())) for action, on, context in made]
        for process, made in told.items()
    }
