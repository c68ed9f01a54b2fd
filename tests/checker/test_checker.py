"""The checker on data made by hand: it must pass what is right and find every kind of wrong."""

import base64
import gzip
import json

import pytest
import zstandard
from checker import Watch, check, read_source
from checker.watch import Sample, committed_offsets
from confluent_kafka import Consumer, Producer, TopicPartition

RECORDS = 20
BAD = {4, 13}


def value(number):
    return b'{"id": %d, "broken' % number if number in BAD else json.dumps({"id": number, "price": 1.50}).encode()


def dead_letter(topic, number, content=None):
    return json.dumps(
        {"job": "by-hand", "cluster": "main", "topic": topic, "partition": 0, "offset": number, "timestamp_ms": 0,
         "key": None, "value": base64.b64encode(content or value(number)).decode(), "headers": [["h", None]],
         "stage": "decode", "reason": "malformed_json", "error": "by hand", "at": "2026-01-01T00:00:00Z"}
    ).encode()  # fmt: skip


@pytest.fixture
def landed(kafka, s3, bucket, make_topic):
    """A topic of 20 records, two of them malformed, landed by hand without a fault. Returns (topic, put)."""
    topic = make_topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number in range(RECORDS):
        producer.produce(topic, value(number), partition=0)
    assert producer.flush(30) == 0

    def put(key, lines):
        body = b"".join(line + b"\n" for line in lines)
        if key.endswith(".gz"):
            body = gzip.compress(body[:40]) + gzip.compress(body[40:])
        if key.endswith(".zst"):
            body = zstandard.compress(body[:40]) + zstandard.compress(body[40:])
        s3.client().put_object(Bucket=bucket, Key=key, Body=body)

    put("data/a.jsonl", [value(number) for number in range(0, 7) if number not in BAD])
    put("data/b.jsonl.gz", [value(number) for number in range(7, 12)])
    put("data/c.jsonl.zst", [value(number) for number in range(12, RECORDS) if number not in BAD])
    put("letters/d.jsonl", [dead_letter(topic, number) for number in sorted(BAD)])
    put("_landfall/log/0.json", [b"{}"])
    return topic, put


@pytest.fixture
def verdict(kafka, s3, bucket, landed):
    """Checks as the landed topic stands now."""
    topic, _ = landed

    def run(**options):
        source = read_source(kafka.bootstrap, [topic], keep_values=True)
        bad = {(topic, 0, number) for number in BAD}
        options = {"data_prefix": "data/", "dead_letters": "letters/", "bad": bad, **options}
        return check(source, s3.client(), bucket, **options)

    return run


def test_a_complete_landing_has_no_problem(verdict):
    report = verdict().assert_clean()
    assert (report.source_records, report.data_records, report.dead_letters) == (20, 18, 2)
    assert report.by_reason == {"malformed_json": 2}


@pytest.mark.parametrize(
    ("kind", "key", "numbers"),
    [
        ("missing", "data/b.jsonl.gz", [7, 8, 10, 11]),
        ("twice", "data/e.jsonl", [0]),
        ("twice", "data/b.jsonl.gz", [7, 8, 9, 10, 11, 11]),
        ("order", "data/b.jsonl.gz", [7, 9, 8, 10, 11]),
        ("foreign record", "data/e.jsonl", [99]),
        ("foreign object", "other/e.jsonl", [0]),
        ("unreadable object", "data/e.jsonl", []),
    ],
)
def test_each_kind_of_wrong_data_is_found(verdict, landed, kind, key, numbers):
    _, put = landed
    put(key, [value(number) for number in numbers] or [b""])
    assert kind in verdict().counts


def test_a_malformed_record_among_the_data_is_found(verdict, landed):
    topic, put = landed
    put("data/a.jsonl", [value(number) for number in range(0, 7)])
    put("letters/d.jsonl", [dead_letter(topic, 13)])
    assert set(verdict().counts) == {"malformed and not set aside"}


def test_a_good_record_set_aside_is_found(verdict, landed):
    topic, put = landed
    put("data/b.jsonl.gz", [value(number) for number in range(8, 12)])
    put("letters/e.jsonl", [dead_letter(topic, 7)])
    assert set(verdict().counts) == {"set aside and not malformed"}


def test_a_dead_letter_with_other_bytes_is_found(verdict, landed):
    topic, put = landed
    put("letters/d.jsonl", [dead_letter(topic, 4), dead_letter(topic, 13, b"mended")])
    assert set(verdict().counts) == {"changed dead letter"}


def test_a_committed_offset_ahead_of_what_is_visible_is_found(kafka, s3, bucket, landed, verdict):
    topic, _ = landed
    watch = Watch(kafka.bootstrap, f"group-{topic}", s3.client(), bucket)
    before = watch.sample()
    assert before.committed == {}, "a group without commits has none"
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": f"group-{topic}"})
    consumer.commit(offsets=[TopicPartition(topic, 0, 12)], asynchronous=False)
    consumer.close()
    assert committed_offsets(watch.admin, f"group-{topic}") == {(topic, 0): 12}
    after = watch.sample()
    verdict(samples=[before, after]).assert_clean()
    too_early = Sample(after.committed, {key: shown for key, shown in after.shown.items() if "b.jsonl" not in key})
    assert set(verdict(samples=[too_early]).counts) == {"committed ahead"}


def test_a_changed_and_a_vanished_object_are_found(kafka, s3, bucket, landed, verdict):
    topic, put = landed
    watch = Watch(kafka.bootstrap, f"group-{topic}", s3.client(), bucket)
    put("letters/gone.jsonl", [dead_letter(topic, 4)])
    before = watch.sample()
    s3.client().delete_object(Bucket=bucket, Key="letters/gone.jsonl")
    put("data/a.jsonl", [value(number).replace(b" ", b"") for number in range(0, 7) if number not in BAD])
    counts = verdict(samples=[before]).counts
    assert counts["changed object"] == 1
    assert counts["vanished object"] == 1


def test_equal_values_are_counted_and_a_raw_newline_is_told_by_its_json(kafka, s3, bucket, make_topic):
    topic = make_topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    for content in [b'{"same": 1}', b'{"same": 1}', b'{"id":\r\n 1.50}', b'{"id": "\xe2\x80\xa8"}']:
        producer.produce(topic, content, partition=0)
    assert producer.flush(30) == 0
    body = b'{"same": 1}\n{"same": 1}\n{"id":   1.50}\n{"id": "\xe2\x80\xa8"}\n'
    s3.client().put_object(Bucket=bucket, Key="a.jsonl", Body=body)
    source = read_source(kafka.bootstrap, [topic])
    assert check(source, s3.client(), bucket).assert_clean().data_records == 4
    s3.client().put_object(Bucket=bucket, Key="a.jsonl", Body=body.replace(b"1.50", b"1.5"))
    assert set(check(source, s3.client(), bucket).counts) == {"foreign record", "missing"}
