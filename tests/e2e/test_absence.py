"""Offsets without a record: aborted transactions, control records, compaction, deleted records, a topic re-created."""

import time

from checker import check, read_source
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from conftest import create_topic
from e2e.events import numbered, produce
from e2e.landfall import landed


def transactional(kafka, fresh):
    writer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": fresh("tx"), "linger.ms": 5})
    writer.init_transactions(60)
    return writer


def transaction(writer, topic, values, commit, partition=0):
    writer.begin_transaction()
    for value in values:
        writer.produce(topic, value, partition=partition)
    if commit:
        writer.commit_transaction(60)
    else:
        writer.flush(60)  # aborted records are in the log, not only in the producer
        writer.abort_transaction(60)


def end_offsets(kafka, topic, partitions=1):
    source = read_source(kafka.bootstrap, [topic])
    return sum(source.end[(topic, partition)] for partition in range(partitions))


def test_aborted_transactions_never_land_and_control_records_do_not_stall(kafka, fresh, make_topic, fleet, new_job, verify):
    topic = make_topic()
    writer = transactional(kafka, fresh)
    transaction(writer, topic, numbered(50), commit=True)
    transaction(writer, topic, numbered(50, 1_000), commit=False)
    transaction(writer, topic, numbered(50, 50), commit=True)  # a control record at the tail
    fleet.run()
    job = new_job(topic)
    fleet.create(job)
    end = end_offsets(kafka, topic)
    assert end == 153, "three control records"
    fleet.wait_drained(job["name"], records=end)
    transaction(writer, topic, numbered(20, 2_000), commit=False)  # nothing but an abort at the tail
    fleet.wait_drained(job["name"], records=end_offsets(kafka, topic))
    report = verify(topic, job["name"], bad=set()).assert_clean()
    assert report.data_records == 100
    audit = fleet.audit(job["name"])
    assert audit.returncode == 0, audit.stdout + audit.stderr


def test_an_open_transaction_is_waited_for_and_lands_when_it_commits(kafka, fresh, make_topic, fleet, new_job, verify):
    topic = make_topic()
    writer = transactional(kafka, fresh)
    produce(kafka.bootstrap, topic, numbered(10))
    writer.begin_transaction()
    for value in numbered(10, 10):
        writer.produce(topic, value, partition=0)
    writer.flush(30)
    produce(kafka.bootstrap, topic, numbered(10, 20))  # behind the open transaction
    fleet.run()
    job = new_job(topic)
    fleet.create(job)
    fleet.wait(job["name"], lambda status: landed(status) >= 10, "landed up to the open transaction")
    time.sleep(3)
    assert landed(fleet.status(job["name"])) == 10
    writer.commit_transaction(30)
    fleet.wait_drained(job["name"], records=31)
    assert verify(topic, job["name"], bad=set()).assert_clean().data_records == 30


def test_compaction_gaps_do_not_stall(kafka, make_topic, fleet, new_job, verify):
    topic = make_topic(cleanup_policy="compact", segment_ms=200, min_cleanable_dirty_ratio=0.01, max_compaction_lag_ms=200,
                       delete_retention_ms=100, min_compaction_lag_ms=0)  # fmt: skip
    for round_number in range(6):
        values = [(b"key-%d" % (number % 5), value, None) for number, value in enumerate(numbered(100, round_number * 100))]
        produce(kafka.bootstrap, topic, values)
        time.sleep(0.4)  # the next write rolls the segment
    deadline = time.monotonic() + 60
    while read_source(kafka.bootstrap, [topic]).records > 300:
        assert time.monotonic() < deadline, "the broker did not compact the topic"
        produce(kafka.bootstrap, topic, [(b"key-0", numbered(1)[0], None)])
        time.sleep(1)
    time.sleep(2)
    fleet.run()
    job = new_job(topic)
    fleet.create(job)
    end = end_offsets(kafka, topic)
    fleet.wait_drained(job["name"], records=end)
    # The cleaner goes on while we read: what is left now is a part of what was landed.
    report = verify(topic, job["name"], bad=set())
    assert not set(report.counts) & {"missing", "twice", "order", "changed object"}, report.problems
    assert 5 <= report.data_records < end
    assert fleet.audit(job["name"]).returncode == 0


def test_deleted_records_are_a_declared_gap(kafka, s3, bucket, make_topic, fleet, new_job):
    topic = make_topic()
    produce(kafka.bootstrap, topic, numbered(100))
    fleet.run()
    job = new_job(topic)
    name = job["name"]
    fleet.create(job)
    fleet.wait_drained(name, records=100)
    fleet.action(name, "stop")
    fleet.wait_state(name, "stopped")
    produce(kafka.bootstrap, topic, numbered(100, 100))
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.delete_records([TopicPartition(topic, 0, 150)]).values():
        future.result(timeout=30)
    fleet.action(name, "resume")
    status = fleet.wait_drained(name, records=200)
    assert status["gaps"], "the job says what it could not read"
    source = read_source(kafka.bootstrap, [topic])
    assert source.records == 50
    report = check(source, s3.client(), bucket, data_prefix="data/", dead_letters=f"_landfall-dlq/{name}/")
    assert not set(report.counts) & {"missing", "twice"}, report.problems
    assert report.data_records == 150


def test_a_topic_recreated_under_a_running_job_stops_it(kafka, make_topic, fleet, new_job):
    topic = make_topic()
    produce(kafka.bootstrap, topic, numbered(100))
    fleet.run()
    job = new_job(topic)
    fleet.create(job)
    fleet.wait_drained(job["name"], records=100)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_topics([topic])[topic].result(timeout=30)
    time.sleep(2)
    create_topic(admin, topic, 1, 1, {})
    produce(kafka.bootstrap, topic, numbered(500))
    status = fleet.wait_state(job["name"], "failed", timeout_s=90)
    told = str([status["failed"], status["errors"]])
    assert topic in told and "re-created" in told, told
