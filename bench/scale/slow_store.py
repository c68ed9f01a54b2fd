"""A backlog of 2 GB (a million records of 2 kB in 12 partitions, files without compression) and a way to the S3
server that is 60 ms long and carries 20 MB/s. The worker has 512 MiB and must hold back: what Kafka gives is several
times what S3 takes. A rebalance would mean that it had stopped serving its group."""

import time

from e2e.events import producer
from e2e.landfall import Fleet, job
from feed import fill
from figures import Metrics, cpu_s, peak_rss_mib, s3_requests, told
from parts.process import free_port
from place import place
from slow import SlowWay

TITLE = "A full topic and a slow S3"
RECORDS, RECORD_BYTES, PARTITIONS = 1_000_000, 2_000, 12
LATENCY_MS, BYTES_PER_S = 60, 20_000_000
LIMIT_MIB = 512


def measure():
    with place() as at, SlowWay(at.s3.port, LATENCY_MS, BYTES_PER_S) as way:
        topic = at.topic(PARTITIONS)
        writer = producer(at.kafka.bootstrap, {"compression.type": "zstd"})
        fill(writer, topic, PARTITIONS, RECORDS, RECORD_BYTES, distinct=50)
        with Fleet(at.kafka, at.s3, at.bucket, endpoint=way.endpoint) as fleet:
            row = land(at, fleet, topic)
    assert row["peak RSS, MiB"] < LIMIT_MIB and row["rebalances after the first"] == 0, row
    return {"rows": [row]}


def land(at, fleet, topic):
    fleet.api()
    port = free_port()
    worker = fleet.start("worker", port=port, LANDFALL_WORKER__LISTEN=f"127.0.0.1:{port}")
    rotate = {"bytes": "64MiB", "age": "2m", "idle": "5s"}
    started = time.monotonic()
    fleet.create(job("slow", topic, at.bucket, sink={"compression": "none", "rotate": rotate}))
    fleet.wait("slow", lambda _: rebalances(port) > 0, "assigned", 60)
    first = rebalances(port)
    fleet.wait_drained("slow", records=RECORDS, timeout_s=500)
    took_s, after = time.monotonic() - started, Metrics(port)
    sizes = at.objects()
    assert sum(sizes.values()) == RECORDS * (RECORD_BYTES + 1), "not every byte is in S3"
    audit = fleet.audit("slow")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    return {
        "GB in": round(RECORDS * RECORD_BYTES / 1e9, 1), "bytes in S3": sum(sizes.values()), "objects": len(sizes),
        "seconds to land": round(took_s, 1), "MB/s to S3": round(sum(sizes.values()) / took_s / 1e6, 1),
        "peak RSS, MiB": peak_rss_mib(worker.pid), "limit, MiB": LIMIT_MIB, "CPU, s": round(cpu_s(worker.pid), 1),
        "rebalances after the first": round(rebalances(port) - first), "requests": told(s3_requests(None, after)),
    }  # fmt: skip


def rebalances(port):
    return Metrics(port).sum("landfall_kafka_rebalances_total")
