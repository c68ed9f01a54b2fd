"""The run from a shell; exit code 0 where nothing was found, 1 where something was."""

import argparse
import datetime
import json
import pathlib
import random
import shlex
import sys

from parts import layout
from parts.process import PartFailed

from . import report
from .run import Run

_SHORTEST_MINUTES = 2


def main(words=None):
    arguments = _parse(words)
    seed = random.SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    command = shlex.join(["python", "-m", "chaos", "--minutes", f"{arguments.minutes:g}", "--seed", str(seed), "--workers",
                          str(arguments.workers), "--rate", str(arguments.rate)])  # fmt: skip
    tell(f"seed {seed}; again: PYTHONPATH=tests .cache/venv/bin/{command}")
    try:
        result = Run(arguments.minutes, seed, arguments.workers, arguments.rate, tell).carry_out()
    except PartFailed as failure:
        tell(f"chaos: {failure}")
        return 1
    text = report.as_markdown(result, f"PYTHONPATH=tests {command}")
    told = json.dumps(report.as_json(result), indent=1)
    layout.LOGS.mkdir(parents=True, exist_ok=True)
    (layout.LOGS / "chaos.json").write_text(told + "\n", encoding="utf-8")
    (layout.LOGS / "chaos.md").write_text(text, encoding="utf-8")
    tell(text)
    tell(f"also in {layout.LOGS / 'chaos.md'} and chaos.json")
    if arguments.evidence:
        tell(f"written: {write_evidence(result, text)}")
    return 1 if result.problems else 0


def _parse(words):
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=3, help="how long faults strike; start, drain and check come on top")
    parser.add_argument("--seed", type=int, help="of the kinds, pauses and records; left out: by chance, and printed")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--rate", type=int, default=600, help="records a second")
    parser.add_argument("--evidence", action="store_true", help="write the summary to docs/evidence as well")
    arguments = parser.parse_args(words)
    if arguments.minutes < _SHORTEST_MINUTES:
        parser.error(f"--minutes {arguments.minutes:g} is too short for every kind of fault; give {_SHORTEST_MINUTES} or more")
    if arguments.workers < 2:
        parser.error("--workers must be 2 or more: the first one is never killed")
    if arguments.rate < 1:
        parser.error("--rate must be 1 or more")
    return arguments


def write_evidence(result, text):
    folder = layout.ROOT / "docs" / "evidence"
    folder.mkdir(exist_ok=True)
    date = datetime.datetime.fromtimestamp(result.began_s, datetime.UTC)
    path = pathlib.Path(folder / f"chaos-{date:%Y-%m-%d}.md")
    path.write_text(text, encoding="utf-8")
    return path.relative_to(layout.ROOT)


def tell(text):
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
