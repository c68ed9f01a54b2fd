"""Idle jobs in one worker of 512 MiB: each has a topic of one partition that has landed and gets nothing more. A
minute is watched once all is quiet. Requests to Kafka are those in the broker's own request log, of the worker's
clients. Then one more job with 500,000 records in 12 partitions lands beside them; its row has the time of it all,
from its creation to drained."""

import os
import time

from brokers import TellingKafka
from e2e.events import numbered, produce, producer
from e2e.landfall import Fleet, job
from feed import fill
from figures import Metrics, cpu_s, forget_peak, peak_rss_mib, rss_mib, s3_requests, threads, told
from parts.process import free_port
from place import place

TITLE = "Idle jobs in one worker"
COUNTS = [int(count) for count in os.environ.get("SCALE_JOBS", "0,100,300").split(",")]
WINDOW_S = 60
BUSY_RECORDS, BUSY_BYTES, BUSY_PARTITIONS = 500_000, 650, 12


def measure():
    rows = []
    with place(kafka=TellingKafka()) as at, Fleet(at.kafka, at.s3, at.bucket) as fleet:
        fleet.api()
        port = free_port()
        worker = fleet.start("worker", port=port, LANDFALL_WORKER__LISTEN=f"127.0.0.1:{port}")
        jobs = []
        for count in COUNTS:
            while len(jobs) < count:
                jobs.append(idle_job(at, fleet, len(jobs)))
            for name in jobs:
                fleet.wait_drained(name, records=10, timeout_s=300)
            quiet(port)
            rows.append(watched(at, worker, port, count))
        rows.append(busy(at, fleet, worker, port, len(jobs)))
    peak = max(row["peak RSS, MiB"] for row in rows)
    return {"rows": rows, "notes": [f"The limit of 512 MiB was {'kept' if peak < 512 else 'broken'}: {peak} MiB at most."]}


def idle_job(at, fleet, number):
    name = f"idle-{number}"
    topic = at.topic(name=name)
    produce(at.kafka.bootstrap, topic, numbered(10))
    document = job(name, topic, at.bucket)
    while True:
        answer = fleet.request("POST", "/v1/jobs", json=document)
        if answer.status_code != 429:
            assert answer.status_code == 201, answer.text
            return name
        time.sleep(1)


def quiet(port):
    """Until no entry was appended for half a minute: what the last files left to say is said."""
    seen, since = None, time.monotonic()
    while time.monotonic() < since + 30:
        appends = Metrics(port).sum("landfall_commit_appends_total")
        if appends != seen:
            seen, since = appends, time.monotonic()
        time.sleep(2)


def watched(at, worker, port, count):
    forget_peak(worker.pid)
    marks, before, cpu = at.kafka.marks(), Metrics(port), cpu_s(worker.pid)
    time.sleep(WINDOW_S)
    used, after = cpu_s(worker.pid) - cpu, Metrics(port)
    counts, _ = at.kafka.requests("landfall", marks)[0]
    return {
        "jobs": f"{count} idle", "RSS, MiB": rss_mib(worker.pid), "peak RSS, MiB": peak_rss_mib(worker.pid),
        "threads": threads(worker.pid), "CPU, s a minute": round(used, 2), "requests to S3 a minute": told(s3_requests(before, after)),
        "requests to Kafka a minute": told(dict(sorted(counts.items()))), "seconds to land": "",
    }  # fmt: skip


def busy(at, fleet, worker, port, count):
    topic = at.topic(BUSY_PARTITIONS)
    fill(producer(at.kafka.bootstrap), topic, BUSY_PARTITIONS, BUSY_RECORDS, BUSY_BYTES)
    forget_peak(worker.pid)
    before, cpu, started = Metrics(port), cpu_s(worker.pid), time.monotonic()
    fleet.create(job("busy", topic, at.bucket, sink={"rotate": {"bytes": "64MiB", "age": "10s", "idle": "2s"}}))
    fleet.wait_drained("busy", records=BUSY_RECORDS, timeout_s=300)
    took_s, after = time.monotonic() - started, Metrics(port)
    landed = after.sum("landfall_records_landed_total", job="busy")
    assert landed == BUSY_RECORDS, landed
    return {
        "jobs": f"{count} idle, one busy", "RSS, MiB": rss_mib(worker.pid), "peak RSS, MiB": peak_rss_mib(worker.pid),
        "threads": threads(worker.pid), "CPU, s a minute": f"{cpu_s(worker.pid) - cpu:.1f} in all",
        "requests to S3 a minute": told(s3_requests(before, after)) + " in all",
        "requests to Kafka a minute": "", "seconds to land": round(took_s, 1),
    }  # fmt: skip
