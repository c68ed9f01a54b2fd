"""What a killed worker leaves behind, and how soon others have it done. Times are printed (`-s`), not judged: they are the
machine's. What they were, and on which machine, is in docs/evidence/."""

import json
import time

import pytest
from parts.faultproxy import FaultProxy

from e2e.events import Feed, produce
from e2e.landfall import Fleet, entry_keys, keys_under, until

FILES = 1_000


@pytest.fixture
def proxied(kafka, s3, bucket):
    with FaultProxy(s3.port) as proxy, Fleet(kafka, s3, bucket, endpoint=proxy.endpoint) as fleet:
        yield proxy, fleet


def appended_files(s3, bucket):
    """Files that the log names, whether they are visible or not."""
    bodies = (s3.client().get_object(Bucket=bucket, Key=key)["Body"].read() for key in entry_keys(s3, bucket))
    return sum(len(json.loads(body).get("files", [])) for body in bodies)


def test_a_thousand_files_of_a_killed_worker_are_rolled_forward(
    kafka, s3, bucket, make_topic, proxied, new_job, verify
):
    proxy, fleet = proxied
    topic = make_topic(partitions=4)
    fleet.api()
    first = fleet.worker()
    job = new_job(topic, sink={"key": "data/{field:group}/{topic}+{partition}+{first_offset}-{unique}.{ext}"})
    name = job["name"]
    fleet.create(job)
    # Objects of the job, not of the worker's probe.
    refused = proxy.fault("slow_down", method="POST", path="/data/[0-9]+/", query="uploadId=")
    records = (json.dumps({"group": number % FILES, "id": number}).encode() for number in range(5 * FILES))
    # One partition has all records of a group: as many files as groups.
    produce(kafka.bootstrap, topic, records, partitions=4)
    until(lambda: appended_files(s3, bucket) >= FILES, f"{FILES} files in the log", 120)
    first.kill()
    assert refused.fired > 0
    assert keys_under(s3, bucket, "data/") == [], "they were visible before the kill: the test proves nothing"
    refused.clear()
    fleet.worker()
    until(lambda: keys_under(s3, bucket, "data/"), "the first file", 60)
    took_s = until(lambda: len(keys_under(s3, bucket, "data/")) >= FILES, "all files", 120)
    print(f"rolled forward {FILES} files in {took_s:.1f} s after the first")
    fleet.wait_drained(name, records=5 * FILES)
    verify(topic, name, bad=set()).assert_clean()


def test_the_partitions_of_a_killed_worker_land_elsewhere(kafka, make_topic, fleet, new_job, verify):
    partitions = 6
    topic = make_topic(partitions=partitions)
    fleet.api()
    workers = [fleet.worker(), fleet.worker()]
    job = new_job(topic)
    name = job["name"]
    fleet.create(job)
    feed = Feed(kafka.bootstrap, topic, partitions, 60_000, rate=1_000, malformed_every=1_000)
    feed.start()

    def positions():
        return {at["partition"]: (at["worker"], at["landed_offset"] or 0) for at in fleet.status(name)["partitions"]}

    def shared():
        found = positions()
        return len(found) == partitions and len({w for w, at in found.values() if w and at > 0}) == 2

    until(shared, "both workers landing", 60)
    before = positions()
    workers[0].kill()
    killed_at = time.monotonic()
    # Where each stood when it was last heard of; all of them must move on.
    until(lambda: all(at > before[p][1] for p, (_, at) in positions().items()), "every partition landing again", 90)
    print(f"every partition landed again {time.monotonic() - killed_at:.1f} s after the kill; session timeout 6 s")
    feed.join(timeout=180)
    fleet.wait_drained(name, records=60_000, timeout_s=150)
    verify(topic, name, bad=feed.bad_positions).assert_clean()
