"""Instructions a record in the loops that every record goes through, counted by valgrind's callgrind and compared with
what is committed. Counts do not depend on how busy or fast the machine is; they do on the compiler, which is pinned.

    python3 bench/instructions.py              fails where a count is off by more than TOLERANCE
    python3 bench/instructions.py --write      writes bench/instructions.txt anew

Two runs of different lengths: their difference is the cost of the records alone. The binary is the development build:
the crates of these loops are optimised as in a release, and check for overflows.
"""

import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = ROOT / "target" / "debug" / "landfall-bench"
COMMITTED = ROOT / "bench" / "instructions.txt"
TOLERANCE = 0.05
SHORT, LONG = 2_000, 8_000
LOOPS = {
    "JSONL none": ["--compression", "none"],
    "JSONL none, name by field": ["--compression", "none", "--by-campaign"],
    "JSONL zstd": ["--compression", "zstd"],
    "JSONL gzip": ["--compression", "gzip"],
    "Parquet zstd": ["--format", "parquet"],
    "JSONL none, metrics of 120 B": ["--compression", "none", "--shape", "metric"],
}


def count(words, records):
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", str(BINARY), "hot",
                   *words, "--records", str(records)]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        found = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode != 0 or not found:
            sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3_000:]}")
        return int(found[1])


def per_record(words):
    return round((count(words, LONG) - count(words, SHORT)) / (LONG - SHORT))


def committed():
    lines = COMMITTED.read_text(encoding="utf-8").splitlines()
    return {name: int(number) for name, number in (line.rsplit("|", 1) for line in lines if "|" in line)}


def main():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        counted = dict(zip(LOOPS, pool.map(per_record, LOOPS.values()), strict=True))
    if "--write" in sys.argv:
        head = "Instructions a record, as bench/instructions.py counts them; --write writes them anew.\n\n"
        COMMITTED.write_text(head + "".join(f"{name}|{number}\n" for name, number in counted.items()), encoding="utf-8")
        return
    before, off = committed(), []
    for name, number in counted.items():
        change = number / before[name] - 1 if name in before else 1
        print(f"{name:32} {number:>8} instructions a record, committed {before.get(name, 0):>8}, {change:+.1%}")
        if abs(change) > TOLERANCE:
            off.append(name)
    if off:
        sys.exit(f"off by more than {TOLERANCE:.0%}: {', '.join(off)}. Wanted? python3 bench/instructions.py --write")


if __name__ == "__main__":
    main()
