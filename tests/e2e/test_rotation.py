"""When files close: by age and idleness on partitions that get nothing more, by size, and each by itself."""

import json
import random
import time

from checker.objects import fetch, lines, list_objects
from confluent_kafka import Producer

from e2e.events import event, numbered, produce

HOUR_MS = 3_600_000
NOON_MS = 1_767_268_800_000  # 2026-01-01T12:00Z


def test_a_file_on_an_idle_partition_closes_by_itself(kafka, make_topic, fleet, new_job, verify):
    topic = make_topic(partitions=4)
    produce(kafka.bootstrap, topic, numbered(1), partition=2)
    fleet.run()
    job = new_job(topic, sink={"rotate": {"bytes": "64MiB", "age": "1h", "idle": "2s"}})
    fleet.create(job)
    fleet.wait_drained(job["name"], records=1)
    assert verify(topic, job["name"], bad=set()).assert_clean().data_objects == 1


def test_a_file_closes_by_age_while_records_keep_coming(kafka, make_topic, fleet, new_job, s3, bucket):
    topic = make_topic()
    fleet.run()
    job = new_job(topic, sink={"rotate": {"bytes": "64MiB", "age": "2s", "idle": "1h"}})
    fleet.create(job)
    for number in range(40):  # never idle for long
        produce(kafka.bootstrap, topic, numbered(1, number))
        if number > 5 and list_objects(s3.client(), bucket, "data/"):
            return
        time.sleep(0.25)
    raise AssertionError("no file closed by its age within 10 s")


def test_records_bound_a_file(kafka, make_topic, fleet, new_job, s3, bucket, verify):
    topic = make_topic()
    produce(kafka.bootstrap, topic, numbered(1_000))
    fleet.run()
    job = new_job(topic, sink={"rotate": {"records": 100, "age": "5s", "idle": "2s"}})
    fleet.create(job)
    fleet.wait_drained(job["name"], records=1_000)
    report = verify(topic, job["name"], bad=set()).assert_clean()
    assert report.data_objects == 10
    for key in list_objects(s3.client(), bucket, "data/"):
        assert len(lines(key, fetch(s3.client(), bucket, key))) == 100


def test_bytes_bound_a_file(kafka, make_topic, fleet, new_job, s3, bucket, verify):
    topic = make_topic()
    rng = random.Random(5)
    produce(kafka.bootstrap, topic, [event(number, rng) for number in range(4_000)])
    fleet.run()
    sink = {"compression": "none", "rotate": {"bytes": "128KiB", "age": "30s", "idle": "3s"}}
    job = new_job(topic, sink=sink)
    fleet.create(job)
    fleet.wait_drained(job["name"], records=4_000)
    report = verify(topic, job["name"], bad=set()).assert_clean()
    sizes = [len(fetch(s3.client(), bucket, key)) for key in list_objects(s3.client(), bucket, "data/")]
    assert report.data_objects == len(sizes) >= 6
    # A file is closed by the record that reaches the size; only the last one is smaller.
    assert sum(size < 128 << 10 for size in sizes) <= 1
    assert max(sizes) < 192 << 10, sizes


def test_every_stretch_of_event_time_has_files_of_its_own(kafka, make_topic, fleet, new_job, s3, bucket, verify):
    topic = make_topic()
    writer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number, value in enumerate(numbered(400)):
        writer.produce(topic, value, partition=0, timestamp=NOON_MS + number * HOUR_MS // 100)
    assert writer.flush(30) == 0
    fleet.run()
    # The key does not tell the hour.
    key = "data/{topic}+{partition}+{first_offset}-{unique}.{ext}"
    job = new_job(topic, sink={"key": key, "rotate": {"event_time": "1h", "age": "1m", "idle": "2s"}})
    fleet.create(job)
    fleet.wait_drained(job["name"], records=400)
    verify(topic, job["name"], bad=set()).assert_clean()
    held = [
        sorted(json.loads(line)["id"] for line in lines(key, fetch(s3.client(), bucket, key)))
        for key in list_objects(s3.client(), bucket, "data/")
    ]
    assert sorted(held) == [list(range(first, first + 100)) for first in (0, 100, 200, 300)]


def test_a_late_event_goes_to_its_own_hour_and_closes_nobody_elses_file(kafka, make_topic, fleet, new_job, s3, bucket, verify):
    topic = make_topic()
    writer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number, value in enumerate(numbered(300)):
        late = number % 100 == 99
        writer.produce(topic, value, partition=0, timestamp=NOON_MS + number - (5 * HOUR_MS if late else 0))
    assert writer.flush(30) == 0
    fleet.run()
    key = "data/dt={timestamp:%Y-%m-%d}/hour={timestamp:%H}/{topic}+{partition}+{first_offset}-{unique}.{ext}"
    job = new_job(topic, sink={"key": key, "rotate": {"bytes": "64MiB", "age": "1m", "idle": "2s"}})
    fleet.create(job)
    fleet.wait_drained(job["name"], records=300)
    verify(topic, job["name"], bad=set()).assert_clean()
    by_hour = {}
    for key in list_objects(s3.client(), bucket, "data/"):
        hour = key.split("/")[2]
        by_hour.setdefault(hour, []).append([json.loads(line)["id"] for line in lines(key, fetch(s3.client(), bucket, key))])
    assert set(by_hour) == {"hour=12", "hour=07"}
    assert by_hour["hour=07"] == [[99, 199, 299]], "the late events share one file of their own"
    assert len(by_hour["hour=12"]) == 1, "a late event does not close the current hour's file"


def test_the_status_says_why_nothing_is_written_yet(kafka, make_topic, fleet, new_job):
    topic = make_topic()
    produce(kafka.bootstrap, topic, numbered(7))
    fleet.run()
    job = new_job(topic, sink={"rotate": {"bytes": "64MiB", "age": "30m", "idle": "20m"}})
    fleet.create(job)
    status = fleet.wait(job["name"], lambda told: told["open_files"] and told["open_files"][0]["records"] == 7, "holding a file")
    (file,) = status["open_files"]
    assert file["next_trigger"] in ("idle", "age")
    assert file["due_at"] > file["opened_at"]
    assert not status["drained"]
    assert status["lag"]["records"] == 0, "records waiting in an open file are not lag"
