"""Workers on one job and its one log, every request to S3 60 ms late. A topic of 100 partitions gets two records a
second in each; a file is open for 30 seconds, so that every worker has something to append about that often. "File to
log" is from a file's last record to the moment its entry was there, by the server's clock: waiting for one's turn is
in it. Requests are all that a worker makes: it also reads the jobs every second and tells its heartbeat."""

import json
import os
import threading
import time

from e2e.events import producer
from e2e.landfall import Fleet, job
from figures import Metrics, cpu_s, quantile, rss_mib
from parts.process import free_port
from place import place
from slow import SlowWay

TITLE = "Many workers on one log"
COUNTS = [int(count) for count in os.environ.get("SCALE_WORKERS", "20,50,100").split(",")]
PARTITIONS, LATENCY_MS, OPEN_S, WINDOW_S = 100, 60, 30, 180
TICK_S = 0.5


def measure():
    rows = []
    with place() as at, SlowWay(at.s3.port, LATENCY_MS) as way:
        for count in COUNTS:
            name, topic = f"workers-{count}", at.topic(PARTITIONS)
            config = {"state": {"prefix": f"_{name}/"}, "worker": {"memory": "128MiB"}}
            fleet = Fleet(at.kafka, at.s3, at.bucket, endpoint=way.endpoint, config=config)
            with Feed(at.kafka.bootstrap, topic) as feed, fleet:
                rows.append(run(at, fleet, name, topic, count, feed))
    return {"rows": rows}


class Feed(threading.Thread):
    """A record in every partition, every half second, until the block is left."""

    def __init__(self, bootstrap, topic):
        super().__init__(daemon=True)
        self.writer, self.topic, self.ended, self.written = producer(bootstrap), topic, threading.Event(), 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_exc):
        self.stop()

    def stop(self):
        self.ended.set()
        self.join()
        assert self.writer.flush(60) == 0

    def run(self):
        while not self.ended.wait(TICK_S):
            for partition in range(PARTITIONS):
                self.writer.produce(self.topic, b'{"id":%d}' % self.written, partition=partition)
                self.written += 1
            self.writer.poll(0)


def run(at, fleet, name, topic, count, feed):
    fleet.api()
    rotate = {"bytes": "64MiB", "age": f"{OPEN_S}s", "idle": "never"}
    fleet.create(job(name, topic, at.bucket, max_workers=count, sink={"rotate": rotate}))
    workers = {}
    for _ in range(count):
        port = free_port()
        workers[port] = fleet.start("worker", wait=False, port=port, LANDFALL_WORKER__LISTEN=f"127.0.0.1:{port}")
    spread = min(count, PARTITIONS)
    fleet.wait(name, lambda status: owners(status) >= spread, f"on {spread} workers", 300)
    time.sleep(2 * OPEN_S)  # each has opened and appended its first files
    before, cpu = readings(workers), sum(cpu_s(worker.pid) for worker in workers.values())
    since = time.time()
    time.sleep(WINDOW_S)
    after, used = readings(workers), sum(cpu_s(worker.pid) for worker in workers.values()) - cpu
    seen = entries(at, f"_{name}/", since, since + WINDOW_S)
    rss = [rss_mib(worker.pid) for worker in workers.values()]
    feed.stop()
    fleet.wait_drained(name, records=feed.written, timeout_s=200)
    return row(count, seen, before, after, used, rss, feed.written)


def row(count, seen, before, after, used, rss, written):
    late = [late_s for entry in seen for late_s in entry]
    outcomes = difference(before, after, "landfall_commit_appends_total", "outcome")
    operations = difference(before, after, "landfall_s3_requests_total", "operation")
    return {
        "workers": count, "entries a second": round(len(seen) / WINDOW_S, 2), "files an entry": round(len(late) / len(seen), 1),
        "file to log p50, s": round(quantile(late, 0.5), 1), "p99, s": round(quantile(late, 0.99), 1),
        "most, s": round(max(late), 1),
        "tries an entry": round(sum(outcomes.values()) / outcomes["created"], 2),
        "requests a second": round(sum(operations.values()) / WINDOW_S, 1),
        **{f"{name} a second": round(operations.get(of, 0) / WINDOW_S, 1)
           for name, of in (("PUT", "PutObject"), ("GET", "GetObject"), ("LIST", "ListObjectsV2"))},
        "RSS a worker, MiB": f"{min(rss)} to {max(rss)}",
        "CPU, s a worker and minute": round(used * 60 / WINDOW_S / count, 2),
        "records landed": written,
    }  # fmt: skip


def owners(status):
    return len({at["worker"] for at in status["partitions"] if at["worker"]})


def readings(workers):
    return [Metrics(port) for port in workers]


def difference(before, after, name, label):
    """Over all workers, by the values of a label."""
    sums = {}
    for old, new in zip(before, after, strict=True):
        earlier = old.by(name, label)
        for key, value in new.by(name, label).items():
            sums[key] = sums.get(key, 0) + value - earlier.get(key, 0)
    return sums


def entries(at, prefix, since, until):
    """Of the log's entries with files that appeared in a stretch of time: how late each of their files was, seconds."""
    late = []
    for path in (at.s3.folder / "objects" / at.bucket / prefix).glob("*/log/0/*.json"):
        there = path.stat().st_mtime
        files = json.loads(path.read_bytes()).get("files", [])
        if since <= there < until and files:
            late.append([there - file["max_timestamp_ms"] / 1_000 for file in files])
    return late
