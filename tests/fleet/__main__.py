"""A whole fleet on one machine, its timeline printed: see docs/scaling.md."""

import argparse
import sys

from . import page, recorded
from .judge import problems
from .run import Run


def main():
    parser = argparse.ArgumentParser(prog="python3 -m fleet", description=__doc__)
    parser.add_argument("--records", type=int, help="60,000; with containers 150,000")
    parser.add_argument("--workers", type=int, help="the most that the pool may have: 3; with containers 4")
    parser.add_argument("--containers", action="store_true", help="tasks are containers of the image of `just image`")
    parser.add_argument("--evidence", action="store_true", help="write docs/evidence/fleet-DATE.md")
    parser.add_argument(
        "--calls", action="store_true", help="write tests/fleet/calls.json: what the processes asked for"
    )
    arguments = parser.parse_args()
    records = arguments.records or (150_000 if arguments.containers else 60_000)
    workers = arguments.workers or (4 if arguments.containers else 3)
    with Run(records, workers, arguments.containers) as run:
        outcome = run.go()
    for told in page.summary(outcome):
        print(told)
    if arguments.calls:
        recorded.write(outcome.calls)
    if arguments.evidence:
        print(page.write(outcome, arguments.containers))
    wrong = problems(outcome)
    for problem in wrong:
        print(f"wrong: {problem}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
