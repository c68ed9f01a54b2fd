"""What a job does where records are gone, an offset was moved, or its object's name is taken: as its document says."""

import json
import time

import pytest
from checker.objects import fetch, lines, list_objects
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from e2e.events import numbered, produce

FIXED_NAME = "data/{topic}+{partition}+{first_offset}.{ext}"


def ids(s3, bucket):
    """The ids of all landed records, in order."""
    found = []
    for key in list_objects(s3.client(), bucket, "data/"):
        found += [json.loads(line)["id"] for line in lines(key, fetch(s3.client(), bucket, key))]
    return sorted(found)


def move_offset(kafka, group, topic, offset):
    """As an operator does it with Kafka's own tools: once the group is empty, and without metadata."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
    deadline = time.monotonic() + 60
    while True:
        try:
            consumer.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
            break
        except KafkaException as refused:  # somebody is in the group still
            assert refused.args[0].code() == KafkaError.UNKNOWN_MEMBER_ID and time.monotonic() < deadline, refused
            time.sleep(1)
    consumer.close()


@pytest.mark.parametrize(("policy", "missing"), [("stop", None), ("skip", range(100, 150)), ("ignore", range(0))])
def test_an_offset_that_was_moved_ahead_is_treated_as_the_job_says(
    kafka, s3, bucket, make_topic, fleet, new_job, policy, missing
):
    topic = make_topic()
    worker = fleet.run()
    job = new_job(topic, source={"on_offset_reset": policy})
    name = job["name"]
    fleet.create(job)
    produce(kafka.bootstrap, topic, numbered(100))
    fleet.wait_drained(name, records=100)
    worker.stop()
    produce(kafka.bootstrap, topic, numbered(100, 100))
    move_offset(kafka, f"landfall-{name}", topic, 150)
    fleet.run()
    if missing is None:
        status = fleet.wait_state(name, "failed")
        assert status["failed"]["code"] == "offset_reset", status["failed"]
        assert ids(s3, bucket) == list(range(100)), "nothing was passed over"
        return
    fleet.wait_drained(name, records=200)
    assert ids(s3, bucket) == [number for number in range(200) if number not in missing]
    audit = fleet.audit(name)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def test_records_that_are_gone_stop_a_job_that_wants_it_so(kafka, s3, bucket, make_topic, fleet, new_job):
    topic = make_topic()
    fleet.run()
    job = new_job(topic, source={"on_gap": "stop"})
    name = job["name"]
    fleet.create(job)
    produce(kafka.bootstrap, topic, numbered(100))
    fleet.wait_drained(name, records=100)
    fleet.action(name, "stop")
    fleet.wait_state(name, "stopped")
    produce(kafka.bootstrap, topic, numbered(100, 100))
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.delete_records([TopicPartition(topic, 0, 150)]).values():
        future.result(timeout=30)
    fleet.action(name, "resume")
    status = fleet.wait_state(name, "failed")
    assert status["failed"]["code"] == "gap", status["failed"]
    assert "source.on_gap" in status["failed"]["message"], status["failed"]
    assert ids(s3, bucket) == list(range(100)), "nothing after the gap landed"


@pytest.mark.parametrize("policy", ["fail", "overwrite"])
def test_a_name_that_is_taken_is_left_or_taken_over_as_the_job_says(
    kafka, s3, bucket, make_topic, fleet, new_job, policy
):
    topic = make_topic()
    key = f"data/{topic}+0+{0:020}.jsonl.zst"
    s3.client().put_object(Bucket=bucket, Key=key, Body=b"somebody else's")
    fleet.run()
    job = new_job(topic, sink={"key": FIXED_NAME, "on_existing_object": policy})
    name = job["name"]
    fleet.create(job)
    produce(kafka.bootstrap, topic, numbered(100))
    if policy == "fail":
        status = fleet.wait_state(name, "failed")
        assert status["failed"]["code"] == "existing_object", status["failed"]
        assert key in status["failed"]["message"], status["failed"]
        assert s3.client().get_object(Bucket=bucket, Key=key)["Body"].read() == b"somebody else's"
        return
    fleet.wait_drained(name, records=100)
    assert ids(s3, bucket) == list(range(100))
    audit = fleet.audit(name)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def test_records_are_skipped_by_their_headers_and_the_audit_counts_them(
    kafka, s3, bucket, make_topic, fleet, new_job, verify
):
    topic = make_topic()
    fleet.run()
    job = new_job(topic, decode={"skip_with_header": ["test"]})
    fleet.create(job)
    # Every third one, and among them some that are no JSON: filtered before they are read, they are no dead letters.
    marked = {number for number in range(300) if number % 3 == 0}
    values = [b"{broken" if number % 30 == 0 else value for number, value in enumerate(numbered(300))]
    headers = [[("test", b"1")] if number in marked else [("real", None)] for number in range(300)]
    produce(kafka.bootstrap, topic, [(None, value, own) for value, own in zip(values, headers)])
    fleet.wait_drained(job["name"], records=300)
    assert ids(s3, bucket) == sorted(set(range(300)) - marked)
    skipped = {(topic, 0, number) for number in marked}
    verify(topic, job["name"], bad=skipped, elsewhere=skipped).assert_clean()
    audit = fleet.command("audit", job["name"], "--config", fleet.config_path, "--output", "json")
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert json.loads(audit.stdout)["tally"]["skipped"] == {"filtered": 100}, audit.stdout
