"""Dead letters to a topic, and the ratio that keeps a misconfigured topic from becoming one."""

import random
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from e2e.events import numbered, produce
from e2e.landfall import landed

CONNECT_HEADERS = {
    "__connect.errors.topic", "__connect.errors.partition", "__connect.errors.offset", "__connect.errors.connector.name",
    "__connect.errors.task.id", "__connect.errors.stage", "__connect.errors.class.name",
    "__connect.errors.exception.class.name", "__connect.errors.exception.message", "__connect.errors.exception.stacktrace",
}  # fmt: skip
OWN_HEADERS = {"landfall.source", "landfall.reason", "landfall.stage", "landfall.timestamp"}


def noise(size_bytes):
    """Bytes that no compression makes smaller."""
    return random.Random(1).randbytes(size_bytes)


def read_messages(bootstrap, topic, count, timeout_s=30):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "letters-reader", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    found = []
    deadline = time.monotonic() + timeout_s
    while len(found) < count and time.monotonic() < deadline:
        found += [message for message in consumer.consume(1_000, timeout=0.5) if message.error() is None]
    found += [message for message in consumer.consume(1_000, timeout=1) if message.error() is None]
    consumer.close()
    return found


def test_a_dead_letter_topic_gets_the_record_and_its_headers(kafka, make_topic, fleet, new_job, verify):
    topic, letters = make_topic(partitions=2), make_topic(partitions=2)
    original = [("a", b"\x00\xff"), ("a", b"twice"), ("empty", None)]
    produce(kafka.bootstrap, topic, numbered(10), partition=1)
    produce(kafka.bootstrap, topic, [(b"\xffkey", b'{"id": 1, "cut', original)], partition=1, timestamp=1_767_225_600_123)
    fleet.run()
    job = new_job(topic)
    job["dead_letter"] = {"topic": letters, "s3": False}
    name = job["name"]
    fleet.create(job)
    fleet.wait_drained(name, records=11)
    (message,) = read_messages(kafka.bootstrap, letters, 1)
    assert (message.key(), message.value()) == (b"\xffkey", b'{"id": 1, "cut')
    assert message.partition() == 1, "the partition is kept where the topic has it"
    assert message.timestamp()[1] == 1_767_225_600_123
    headers = message.headers()
    assert headers[:3] == original, "the original headers come first, as they were"
    added = dict(headers[3:])
    assert set(added) >= CONNECT_HEADERS | OWN_HEADERS, sorted((CONNECT_HEADERS | OWN_HEADERS) - set(added))
    assert added["__connect.errors.topic"] == topic.encode()
    assert added["__connect.errors.partition"] == b"1"
    assert added["__connect.errors.offset"] == b"10"
    assert added["__connect.errors.connector.name"] == name.encode()
    assert added["landfall.source"] == f"main/{topic}/1/10".encode()
    assert added["landfall.reason"] == b"malformed_json"
    assert added["landfall.stage"] == b"decode"
    position = {(topic, 1, 10)}
    verify(topic, name, dead_letters=None, bad=position, elsewhere=position).assert_clean()


def test_a_topic_does_not_switch_the_letters_in_s3_off(kafka, make_topic, fleet, new_job, verify):
    topic, letters = make_topic(), make_topic()
    produce(kafka.bootstrap, topic, [*numbered(5), b"broken", b"{"])
    fleet.run()
    job = new_job(topic)
    job["dead_letter"] = {"topic": letters, "s3": f"_landfall-dlq/{job['name']}/"}
    fleet.create(job)
    fleet.wait_drained(job["name"], records=7)
    verify(topic, job["name"], bad={(topic, 0, 5), (topic, 0, 6)}).assert_clean()
    assert len(read_messages(kafka.bootstrap, letters, 2)) == 2


def test_nothing_but_garbage_makes_progress_when_the_ratio_is_one(kafka, make_topic, fleet, new_job, verify):
    topic = make_topic(partitions=2)
    produce(kafka.bootstrap, topic, [b"garbage %d" % number for number in range(5_000)], partitions=2)
    fleet.run()
    job = new_job(topic)
    job["dead_letter"] = {"max_ratio": 1}
    fleet.create(job)
    status = fleet.wait_drained(job["name"], records=5_000)
    assert status["dead_letters"]["total"] == 5_000
    report = verify(topic, job["name"]).assert_clean()
    assert (report.data_records, report.dead_letters) == (0, 5_000)


def test_a_misconfigured_topic_stops_the_job_and_loses_nothing(kafka, make_topic, fleet, new_job, verify):
    topic = make_topic()
    good = numbered(1_000)
    produce(kafka.bootstrap, topic, good + [b"garbage %d" % number for number in range(20_000)])
    fleet.run()
    job = new_job(topic)
    job["dead_letter"] = {"max_ratio": 0.05}
    name = job["name"]
    fleet.create(job)
    status = fleet.wait_state(name, "failed")
    assert "max_ratio" in str(status), status["errors"]
    assert landed(status) < 21_000, "the topic is not set aside as a whole"
    report = verify(topic, name)
    assert set(report.counts) <= {"missing"}, report.problems
    # Told that the topic is what it is, the job goes on where it stopped, and everything is there once.
    answer = fleet.request("PUT", f"/v1/jobs/{name}", json={**job, "dead_letter": {"max_ratio": 1}})
    assert answer.ok, answer.text
    fleet.action(name, "resume")
    fleet.wait_drained(name, records=21_000, timeout_s=120)
    report = verify(topic, name, bad={(topic, 0, number) for number in range(1_000, 21_000)}).assert_clean()
    assert report.data_records == 1_000


def test_a_letter_too_large_for_its_topic_holds_nothing_up_while_s3_has_it(
    kafka, make_topic, fleet, new_job, verify
):
    topic, letters = make_topic(), make_topic(max_message_bytes=20_000)
    produce(kafka.bootstrap, topic, [*numbered(5), b"broken", noise(50_000), b"{"])
    fleet.run()
    job = new_job(topic)
    job["dead_letter"] = {"topic": letters, "max_ratio": 1}
    name = job["name"]
    fleet.create(job)
    status = fleet.wait_drained(name, records=8)
    assert status["dead_letters"]["total"] == 3
    assert any(f"main/{topic}/0/6 is too large" in error["message"] for error in status["errors"]), status["errors"]
    verify(topic, name, bad={(topic, 0, number) for number in (5, 6, 7)}).assert_clean()
    assert len(read_messages(kafka.bootstrap, letters, 2)) == 2, "its neighbours, once each"


def test_where_the_topic_is_the_only_place_a_letter_too_large_for_it_stops_the_job(
    kafka, make_topic, fleet, new_job, verify
):
    topic, letters = make_topic(), make_topic(max_message_bytes=20_000)
    produce(kafka.bootstrap, topic, [*numbered(5), noise(50_000), *numbered(5, 6)])
    fleet.run()
    job = new_job(topic)
    job["dead_letter"] = {"topic": letters, "s3": False, "max_ratio": 1}
    name = job["name"]
    fleet.create(job)
    status = fleet.wait_state(name, "failed")
    assert status["failed"]["code"] == "letter_too_large", status["failed"]
    assert f"main/{topic}/0/5" in status["failed"]["message"] and "max.message.bytes" in status["failed"]["message"]
    # With room in S3 the job goes on where it stopped.
    del job["dead_letter"]["s3"]
    assert fleet.request("PUT", f"/v1/jobs/{name}", json=job).ok
    fleet.action(name, "resume")
    fleet.wait_drained(name, records=11)
    verify(topic, name, bad={(topic, 0, 5)}).assert_clean()


def test_a_dead_letter_topic_that_does_not_exist_is_found_at_creation(make_topic, fleet, new_job):
    fleet.run()
    job = new_job(make_topic())
    job["dead_letter"] = {"topic": "no-such-topic-anywhere"}
    answer = fleet.request("POST", "/v1/jobs", json=job)
    assert answer.status_code in (400, 422), answer.text
    assert "dead_letter.topic" in answer.text and "no-such-topic-anywhere" in answer.text
