"""Where a job begins, where it ends, and what it picks up on the way."""

import json

import pytest
from checker import check, read_source
from checker.objects import fetch, lines, list_objects
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from e2e.events import numbered, produce

BASE_MS = 1_767_225_600_000


@pytest.fixture
def landed_ids(s3, bucket):
    """The ids of all landed records, in order."""

    def read():
        found = []
        for key in list_objects(s3.client(), bucket, "data/"):
            found += [json.loads(line)["id"] for line in lines(key, fetch(s3.client(), bucket, key))]
        return sorted(found)

    return read


@pytest.mark.parametrize(("start", "first"), [
    ("earliest", 0),
    ("latest", 100),
    ({"timestamp": "2026-01-01T00:00:00.060Z"}, 60),
    ({"offsets": {"TOPIC": {"0": 42}}}, 42),
])  # fmt: skip
def test_each_start_reads_from_its_place(kafka, make_topic, fleet, new_job, landed_ids, start, first):
    topic = make_topic()
    write_with_timestamps(kafka, topic, 100)
    fleet.run()
    start = json.loads(json.dumps(start).replace("TOPIC", topic))
    job = new_job(topic, source={"start": start})
    fleet.create(job)
    produce(kafka.bootstrap, topic, numbered(20, 100), timestamp=BASE_MS + 1_000)
    fleet.wait_drained(job["name"], records=120)
    assert landed_ids() == list(range(first, 120))


def write_with_timestamps(kafka, topic, count):
    writer = Producer({"bootstrap.servers": kafka.bootstrap})
    for number, value in enumerate(numbered(count)):
        writer.produce(topic, value, partition=0, timestamp=BASE_MS + number)
    assert writer.flush(30) == 0


def test_latest_means_the_same_after_a_crash(kafka, make_topic, fleet, new_job, landed_ids):
    topic = make_topic()
    produce(kafka.bootstrap, topic, numbered(50))
    server = fleet.run()
    job = new_job(topic, source={"start": "latest"})
    fleet.create(job)
    server.kill()
    produce(kafka.bootstrap, topic, numbered(50, 50))  # while nobody is there
    fleet.run()
    fleet.wait_drained(job["name"], records=100)
    assert landed_ids() == list(range(50, 100))


def commit(kafka, group, topic, offset):
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
    consumer.close()


def test_committed_takes_over_where_the_group_stood(kafka, make_topic, fleet, new_job, landed_ids):
    topic = make_topic()
    produce(kafka.bootstrap, topic, numbered(100))
    fleet.run()
    job = new_job(topic, source={"start": "committed"})
    commit(kafka, f"landfall-{job['name']}", topic, 70)
    fleet.create(job)
    fleet.wait_drained(job["name"], records=100)
    assert landed_ids() == list(range(70, 100))


def test_a_group_with_commits_and_no_start_is_refused_with_words(kafka, make_topic, fleet, new_job):
    topic = make_topic()
    produce(kafka.bootstrap, topic, numbered(10))
    fleet.run()
    job = new_job(topic)
    commit(kafka, f"landfall-{job['name']}", topic, 5)
    answer = fleet.request("POST", "/v1/jobs", json=job)
    assert answer.status_code in (409, 422), answer.text
    assert "committed" in answer.text and "source.start" in answer.text


def test_stop_end_finishes_and_leaves_later_records_alone(kafka, make_topic, fleet, new_job, landed_ids):
    topic = make_topic(partitions=3)
    produce(kafka.bootstrap, topic, numbered(90), partitions=3)
    fleet.run()
    job = new_job(topic, source={"stop": "end"})
    fleet.create(job)
    produce(kafka.bootstrap, topic, numbered(30, 90), partitions=3)
    fleet.wait_state(job["name"], "finished")
    assert landed_ids() == list(range(90))
    assert fleet.audit(job["name"]).returncode == 0


def test_new_partitions_are_picked_up_from_their_beginning(kafka, make_topic, fleet, new_job, landed_ids):
    topic = make_topic(partitions=1)
    produce(kafka.bootstrap, topic, numbered(50))
    fleet.run()
    job = new_job(topic)
    fleet.create(job)
    fleet.wait_drained(job["name"], records=50)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})  # kept: its answers end with it
    admin.create_partitions([NewPartitions(topic, 3)])[topic].result(30)
    produce(kafka.bootstrap, topic, numbered(50, 50), partition=1)
    produce(kafka.bootstrap, topic, numbered(50, 100), partition=2)
    fleet.wait_drained(job["name"], records=150)
    assert landed_ids() == list(range(150))


def test_topics_by_regex_include_one_created_later(kafka, s3, bucket, make_topic, fleet, new_job, fresh, landed_ids):
    stem = fresh("rx")
    make_topic(name=f"{stem}.one")
    make_topic(name=f"other-{stem}.one")
    produce(kafka.bootstrap, f"{stem}.one", numbered(20))
    produce(kafka.bootstrap, f"other-{stem}.one", numbered(20, 900))
    fleet.run()
    job = new_job([], source={"topics": None, "topics_regex": f"^{stem}[.].*"})
    fleet.create(job)
    fleet.wait_drained(job["name"], records=20)
    make_topic(name=f"{stem}.two")
    produce(kafka.bootstrap, f"{stem}.two", numbered(20, 20))
    fleet.wait_drained(job["name"], records=40)
    assert landed_ids() == list(range(40))
    source = read_source(kafka.bootstrap, [f"{stem}.one", f"{stem}.two"])
    check(source, s3.client(), bucket, data_prefix="data/").assert_clean()
