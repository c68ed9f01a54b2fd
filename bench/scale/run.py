"""What a worker costs at a size, on real Kafka and a real S3 server.

    .cache/venv/bin/python bench/scale/run.py start long_log      # each is a file beside this one
    .cache/venv/bin/python bench/scale/run.py --page docs/evidence/scale-2026-11-27.md

A measurement's figures are kept in target/scale/NAME.json until the next run of it; the page is made of what is there. The
binary is target/release/landfall where that is built, else the development build; LANDFALL_BIN names another.
"""

import argparse
import importlib
import json
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEPT = ROOT / "target" / "scale"
NAMES = ["start", "long_log", "many_jobs", "large_records", "rack", "slow_store", "many_workers", "large_file"]
sys.path.insert(0, str(ROOT / "tests"))
RELEASE = ROOT / "target" / "release" / "landfall"
if RELEASE.exists():
    os.environ.setdefault("LANDFALL_BIN", str(RELEASE))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--page", type=pathlib.Path, help="write the page, and the same as JSON beside it")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(NAMES)}")
    for name in arguments.names:
        measure(name)
    if arguments.page:
        import page

        page.write(arguments.page, {name: kept(name) for name in NAMES if kept_path(name).exists()})


def measure(name):
    from machine import load, machine

    module = importlib.import_module(name)
    facts, before, started = machine(), load(), time.monotonic()
    table = module.measure()
    result = {"title": module.TITLE, "what": " ".join(module.__doc__.split()), **facts, "load": [before, load()],
              "took_s": round(time.monotonic() - started), **table}  # fmt: skip
    KEPT.mkdir(parents=True, exist_ok=True)
    kept_path(name).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1), flush=True)


def kept_path(name):
    return KEPT / f"{name}.json"


def kept(name):
    return json.loads(kept_path(name).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
