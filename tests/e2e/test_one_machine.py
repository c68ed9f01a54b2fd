"""`landfall run`: API and one worker in one process, a job by HTTP, objects in the bucket, killed and started again."""

import time

from e2e.events import numbered, produce
from e2e.landfall import landed


def test_a_job_by_http_lands_its_topic_and_survives_kill_nine(kafka, make_topic, fleet, new_job, verify):
    topic = make_topic(partitions=3)
    produce(kafka.bootstrap, topic, numbered(5_000), partitions=3)
    server = fleet.run()
    job = new_job(topic)
    name = job["name"]
    fleet.create(job)
    fleet.wait_drained(name, records=5_000)
    verify(topic, name, bad=set()).assert_clean()
    for first in range(5_000, 25_000, 5_000):
        produce(kafka.bootstrap, topic, numbered(5_000, first), partitions=3)
        time.sleep(first / 10_000)  # a different moment of the files' life each time
        server.kill()
        server = fleet.run()
    status = fleet.wait_drained(name, records=25_000)
    assert status["state"] == "running"
    assert status["delivery"]["mode"] == "exactly_once", status["delivery"]
    report = verify(topic, name, bad=set()).assert_clean()
    assert report.data_records == 25_000
    audit = fleet.audit(name)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def test_sigterm_lands_what_was_read_and_ends_cleanly(kafka, make_topic, fleet, new_job, verify):
    topic = make_topic()
    produce(kafka.bootstrap, topic, numbered(2_000))
    server = fleet.run()
    job = new_job(topic, sink={"rotate": {"bytes": "64MiB", "age": "10m", "idle": "5m"}})
    fleet.create(job)
    fleet.wait(job["name"], lambda status: position(status) >= 2_000, "reading")
    assert server.terminate(timeout_s=60) == 0
    report = verify(topic, job["name"], bad=set()).assert_clean()
    assert report.data_records == 2_000, "open files were landed before the end"


def test_the_smallest_job_of_the_contract_is_enough(kafka, make_topic, fleet, bucket, s3, fresh):
    topic = make_topic()
    produce(kafka.bootstrap, topic, numbered(10), timestamp=1_767_229_200_000)
    fleet.run()
    name = fresh("small")
    fleet.create({"name": name, "source": {"cluster": "main", "topics": [topic]}, "sink": {"bucket": bucket}})
    fleet.wait(name, lambda status: position(status) >= 10, "reading")
    fleet.action(name, "stop")  # lands the open files
    fleet.wait_state(name, "stopped")
    keys = [item["Key"] for item in s3.client().list_objects_v2(Bucket=bucket, Prefix=topic)["Contents"]]
    assert len(keys) == 1
    assert keys[0].startswith(f"{topic}/dt=2026-01-01/hour=01/{topic}+0+{0:020d}-")
    assert keys[0].endswith(".jsonl.zst")
    head = s3.client().head_object(Bucket=bucket, Key=keys[0])
    assert head["Metadata"]["landfall-job"]
    assert head["Metadata"]["landfall-records"] == "10"
    assert head["Metadata"]["landfall-token"]
    assert "ContentEncoding" not in head


def test_pause_keeps_and_resume_goes_on(kafka, make_topic, fleet, new_job, verify):
    topic = make_topic(partitions=2)
    produce(kafka.bootstrap, topic, numbered(500), partitions=2)
    fleet.run()
    job = new_job(topic)
    name = job["name"]
    fleet.create(job)
    fleet.wait_drained(name, records=500)
    fleet.action(name, "pause")
    fleet.wait_state(name, "paused")
    produce(kafka.bootstrap, topic, numbered(500, 500), partitions=2)
    time.sleep(3)
    assert landed(fleet.status(name)) == 500, "a paused job reads nothing"
    fleet.action(name, "resume")
    fleet.wait_drained(name, records=1_000)
    verify(topic, name, bad=set()).assert_clean()


def position(status):
    return sum(at["position"] or 0 for at in status["partitions"])
