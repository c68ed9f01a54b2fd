"""Hostile records between good neighbours: the good land, the bad are set aside with their bytes, nothing crashes."""

import base64

from confluent_kafka import Consumer, TopicPartition

from e2e.events import numbered, produce
from e2e.poison import COLLECTION, GOOD


def test_every_kind_of_poison_is_set_aside_and_its_neighbours_land(kafka, make_topic, fleet, new_job, verify):
    topic = make_topic()
    neighbours = numbered(len(COLLECTION) + 1)
    values = [neighbours[0]]
    reasons = {}
    for (_, value, reason), neighbour in zip(COLLECTION, neighbours[1:], strict=True):
        if reason is not GOOD:
            reasons[(topic, 0, len(values))] = reason if isinstance(reason, tuple) else (reason,)
        values += [value, neighbour]
    produce(kafka.bootstrap, topic, values)
    server = fleet.run()
    job = new_job(topic)
    job["dead_letter"] = {"max_ratio": 1}
    fleet.create(job)
    fleet.wait_drained(job["name"], records=len(values))
    assert server.is_running()
    report = verify(topic, job["name"], bad=set(reasons)).assert_clean()
    names = {(topic, 0, 2 * number + 1): name for number, (name, _, _) in enumerate(COLLECTION)}
    wrong = [
        f"{names[letter.position]}: {letter.reason}, expected {reasons[letter.position]}"
        for letter in report.letters
        if letter.reason not in reasons[letter.position]
    ]
    assert not wrong, "\n".join(wrong)
    status = fleet.status(job["name"])
    assert status["dead_letters"]["total"] == len(reasons)
    assert sum(status["dead_letters"]["by_reason"].values()) == len(reasons)


def test_a_record_over_the_limit_is_set_aside_as_too_large(kafka, make_topic, fleet, new_job, verify):
    topic = make_topic(max_message_bytes=8 * 1024 * 1024)
    big = b'{"id": "big", "text": "' + b"x" * 2_000_000 + b'"}'
    fits = b'{"id": "fits", "text": "' + b"x" * 900_000 + b'"}'
    options = {"message.max.bytes": 8 * 1024 * 1024}
    produce(kafka.bootstrap, topic, [*numbered(1), big, fits, *numbered(1, 1)], properties=options)
    fleet.run()
    job = new_job(topic, source={"max_record_bytes": "1MiB"})
    fleet.create(job)
    fleet.wait_drained(job["name"], records=4)
    report = verify(topic, job["name"], bad={(topic, 0, 1)}).assert_clean()
    assert report.by_reason == {"too_large": 1}


def test_null_values_are_skipped_where_the_job_says_so(kafka, make_topic, fleet, new_job, verify):
    topic = make_topic()
    produce(kafka.bootstrap, topic, [*numbered(3), None, *numbered(2, 3), None])
    fleet.run()
    job = new_job(topic, decode={"null_value": "skip"})
    fleet.create(job)
    fleet.wait_drained(job["name"], records=7)
    verify(topic, job["name"], bad={(topic, 0, 3), (topic, 0, 6)}, elsewhere={(topic, 0, 3), (topic, 0, 6)}).assert_clean()
    assert fleet.audit(job["name"]).returncode == 0


def test_a_letter_tells_all_of_its_record(kafka, make_topic, fleet, new_job, verify):
    topic = make_topic()
    headers = [("trace", b"\x00\x01"), ("trace", b"again"), ("none", None)]
    produce(kafka.bootstrap, topic, [(b"key \xff", b"{broken", headers)], timestamp=1_767_225_600_123)
    fleet.run()
    job = new_job(topic)
    fleet.create(job)
    fleet.wait_drained(job["name"], records=1)
    (letter,) = verify(topic, job["name"], bad={(topic, 0, 0)}).assert_clean().letters
    assert (letter.key, letter.value, list(letter.headers)) == (b"key \xff", b"{broken", headers)
    told = letter.document
    assert set(told) >= {"job", "cluster", "topic", "partition", "offset", "timestamp_ms", "key", "value", "headers",
                         "stage", "reason", "error", "at"}  # fmt: skip
    assert (told["job"], told["cluster"], told["timestamp_ms"]) == (job["name"], "main", 1_767_225_600_123)
    assert (told["stage"], told["reason"]) == ("decode", "malformed_json")
    assert base64.b64decode(told["value"]) == b"{broken"
    assert told["error"]
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": f"landfall-{job['name']}"})
    (committed,) = consumer.committed([TopicPartition(topic, 0)], timeout=30)
    consumer.close()
    assert committed.offset == 1, "the offset moves past a bad tail"
