"""The main promise, on real parts: nothing missing, nothing twice, offsets never ahead, whatever happens to workers."""

import time

from checker import Watch
from parts.process import Server

from e2e.events import Feed
from e2e.landfall import landed

RECORDS = 1_000_000
PARTITIONS = 12
SESSION_TIMEOUT_S = 6


def test_a_million_records_land_once_through_a_rebalance_a_kill_and_a_freeze(kafka, s3, bucket, make_topic, fleet, new_job, verify):
    topic = make_topic(partitions=PARTITIONS)
    feed = Feed(kafka.bootstrap, topic, PARTITIONS, RECORDS, rate=25_000, malformed_every=12_345)
    # Several partitions share a file and the wall clock is in the key: what no deterministic scheme survives.
    job = new_job(topic, sink={"key": "data/site={field:site}/minute={wall_clock:%H%M}/{unique}.{ext}", "on_missing_field": "__null__"})
    job["dead_letter"] = {"max_ratio": 0.5}
    name = job["name"]
    fleet.api()
    first, second = fleet.worker(), fleet.worker()
    fleet.create(job)
    feed.start()

    def until_landed(share):
        fleet.wait(name, lambda status: landed(status) >= share * RECORDS, f"{share:.0%} landed", timeout_s=180)

    with Watch(kafka.bootstrap, f"landfall-{name}", s3.client(), bucket, interval_s=2) as watch:
        until_landed(0.10)
        third = fleet.worker()  # a rebalance
        until_landed(0.25)
        first.kill()
        until_landed(0.35)
        freeze(second)
        fleet.worker()  # in the place of the killed one
        feed.join(timeout=300)
        assert not feed.failures and not feed.is_alive(), feed.failures[:3]
        fleet.wait_drained(name, records=RECORDS, timeout_s=180)
        wait_committed(watch, topic, RECORDS)
    assert third.is_running() and second.is_running()
    assert len(watch.samples) > 5
    report = verify(topic, name, samples=watch.samples, bad=feed.bad_positions).assert_clean()
    assert report.source_records == RECORDS
    assert report.dead_letters == len(feed.bad_positions) == RECORDS // 12_345
    audit = fleet.audit(name)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def freeze(worker: Server):
    """SIGSTOP until the group has given its partitions away, then SIGCONT: a zombie that believes it owns them."""
    worker.pause()
    time.sleep(SESSION_TIMEOUT_S + 6)
    worker.resume()


def wait_committed(watch, topic, records, timeout_s=60):
    """Offsets follow what is visible: in the end the group's commits reach the end of every partition."""
    deadline = time.monotonic() + timeout_s
    while (found := sum(watch.sample().committed.values())) < records:
        assert time.monotonic() < deadline, f"{topic}: {found} of {records} offsets are committed"
        time.sleep(0.5)
