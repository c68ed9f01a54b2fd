"""From exec to the first /readyz that answers 200, ten starts of `landfall worker` with one job in its pool. The
process asks every five milliseconds; the figure has that in it. "Assigned" is when Kafka's group has given it the
job's partition and the log is read."""

import time

import requests
from e2e.events import numbered, produce
from e2e.landfall import Fleet, answers, job
from figures import cpu_s, rss_mib
from place import place
from parts.process import free_port

TITLE = "Start to ready"
STARTS = 10
POLL_S = 0.005


def measure():
    ready_ms, assigned_ms, cpu, rss = [], [], [], []
    with place() as at, Fleet(at.kafka, at.s3, at.bucket) as fleet:
        topic = at.topic()
        produce(at.kafka.bootstrap, topic, numbered(1_000))
        fleet.api()
        document = job("start", topic, at.bucket)
        fleet.create(document)
        for _ in range(STARTS):
            port = free_port()
            started = time.monotonic()
            worker = fleet.start("worker", wait=False, port=port, LANDFALL_WORKER__LISTEN=f"127.0.0.1:{port}")
            ready_ms.append(_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), started))
            cpu.append(cpu_s(worker.pid))
            assigned_ms.append(_until(lambda: _consuming(port), started))
            rss.append(rss_mib(worker.pid))
            assert worker.terminate() == 0
        fleet.worker()
        fleet.wait_drained("start", records=1_000)
    return {
        "rows": [
            {"what": "exec to ready, ms", **_spread(ready_ms)},
            {"what": "exec to the job's partition read, ms", **_spread(assigned_ms)},
            {"what": "CPU until ready, ms", **_spread([round(1_000 * each) for each in cpu])},
            {"what": "resident once assigned, MiB", **_spread(rss)},
        ]
    }


def _consuming(port):
    """The worker has told the job's end of its partition: it was assigned and its log is read."""
    try:
        text = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=2).text
    except requests.RequestException:
        return False
    return "landfall_kafka_rebalances_total{" in text and any(
        line.startswith("landfall_kafka_rebalances_total{") and float(line.split()[-1]) > 0 for line in text.splitlines()
    )


def _until(condition, started):
    while not condition():
        assert time.monotonic() < started + 30, "not ready within 30 s"
        time.sleep(POLL_S)
    return round(1_000 * (time.monotonic() - started))


def _spread(values):
    ordered = sorted(values)
    return {"least": ordered[0], "median": ordered[len(ordered) // 2], "most": ordered[-1]}
