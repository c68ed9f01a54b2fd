"""The floor of every Kafka Connect sink, as a stage of the bench: Connect with its own FileStreamSink and bytes that it does
not read, to one local file; no compression, no S3, no check.

    target/release/landfall-bench all --peer "python3 bench/peer_connect.py"

A peer is any command that lands the topic LANDFALL_BENCH_TOPIC (LANDFALL_BENCH_RECORDS records; brokers in
LANDFALL_TEST_KAFKA_BOOTSTRAP, an S3 server in LANDFALL_TEST_S3_*), sees that all of them arrived, and prints as its last
line {"name", "records", "input_bytes": 0, "wall_ms", "cpu_ms", "peak_rss_bytes"}, with CPU time of its own processes.
"""

import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from parts import Connect  # noqa: E402

WITHIN_S = 900
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_ms(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1_000 // TICKS_PER_S


def peak_rss_bytes(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1_024


def lines_of(path):
    if not path.exists():
        return 0
    with open(path, "rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))


def main():
    topic, records = os.environ["LANDFALL_BENCH_TOPIC"], int(os.environ["LANDFALL_BENCH_RECORDS"])
    out = pathlib.Path(f"/tmp/{topic}-connect.out")
    connector = {
        "name": f"peer-{topic}",
        "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
        "tasks.max": 1,
        "topics": topic,
        "file": out,
        # What its documentation advises for throughput.
        "consumer.override.max.poll.records": 5_000,
        "consumer.override.auto.offset.reset": "earliest",
    }
    properties = {"connector.client.config.override.policy": "All", "offset.flush.interval.ms": 10_000}
    started = time.monotonic()
    try:
        with Connect(os.environ["LANDFALL_TEST_KAFKA_BOOTSTRAP"], standalone=connector, properties=properties) as connect:
            pid = connect.server.pid
            while lines_of(out) < records:
                if time.monotonic() > started + WITHIN_S:
                    sys.exit(f"{lines_of(out)} of {records} records within {WITHIN_S} s")
                time.sleep(0.5)
            wall_ms = round((time.monotonic() - started) * 1_000)
            report = {"name": "Connect + FileStreamSink, bytes unread", "records": records, "input_bytes": 0, "wall_ms": wall_ms,
                      "cpu_ms": cpu_ms(pid), "peak_rss_bytes": peak_rss_bytes(pid)}  # fmt: skip
        if lines_of(out) != records:
            sys.exit(f"{lines_of(out)} lines for {records} records")
        print(json.dumps(report))
    finally:
        out.unlink(missing_ok=True)


main()
