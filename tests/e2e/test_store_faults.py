"""A store that misbehaves: the job waits, says what for, loses and doubles nothing, and goes on by itself."""

import time

import pytest
import requests
from parts.faultproxy import FaultProxy

from e2e.events import Feed, numbered, produce
from e2e.landfall import Fleet


@pytest.fixture
def proxied(kafka, s3, bucket):
    """A fleet whose S3 endpoint is a fault proxy in front of the real server. Yields (proxy, fleet)."""
    with FaultProxy(s3.port) as proxy, Fleet(kafka, s3, bucket, endpoint=proxy.endpoint) as fleet:
        yield proxy, fleet


def waiting(word):
    return lambda status: status["waiting_for"] is not None and word in status["waiting_for"]["what"]


def alarms(fleet, name):
    """The sum of landfall_alarms of the job, as /metrics has it."""
    lines = requests.get(f"{fleet.url}/metrics", timeout=10).text.splitlines()
    ours = [line for line in lines if line.startswith("landfall_alarms{") and f'job="{name}"' in line]
    assert ours
    return sum(float(line.rsplit(" ", 1)[1]) for line in ours)


@pytest.mark.parametrize(("kind", "code"), [("slow_down", "SlowDown"), ("access_denied", "AccessDenied")])
def test_a_refusal_is_waited_out_and_said(kafka, make_topic, proxied, new_job, verify, kind, code):
    proxy, fleet = proxied
    topic = make_topic(partitions=3)
    fleet.run()
    job = new_job(topic)
    name = job["name"]
    fleet.create(job)
    produce(kafka.bootstrap, topic, numbered(1_000), partitions=3)
    fleet.wait_drained(name, records=1_000)
    refused = proxy.fault(kind, method="(PUT|POST)", path="/data/")
    produce(kafka.bootstrap, topic, numbered(1_000, 1_000), partitions=3)
    fleet.wait(name, waiting(code), f"saying that it waits for {code}")
    time.sleep(8)  # longer than the session timeout: the membership must hold
    # Only what somebody must mend is an alarm.
    assert (alarms(fleet, name) > 0) == (code == "AccessDenied")
    refused.clear()
    status = fleet.wait_drained(name, records=2_000, timeout_s=120)
    assert status["waiting_for"] is None
    assert alarms(fleet, name) == 0
    assert refused.fired > 3
    verify(topic, name, bad=set()).assert_clean()


@pytest.mark.parametrize(("method", "path", "query"), [
    ("PUT", "/_landfall/.*/log/", ""),  # the append of an entry
    ("POST", "/data/", "uploadId="),  # the completion of an object
    ("PUT", "/data/", "partNumber="),  # a part
    ("POST", "/data/", "uploads"),  # the start of an upload
])  # fmt: skip
def test_lost_answers_lose_and_double_nothing(kafka, make_topic, proxied, new_job, verify, method, path, query):
    proxy, fleet = proxied
    topic = make_topic(partitions=2)
    fleet.run()
    job = new_job(topic)
    fleet.create(job)
    produce(kafka.bootstrap, topic, numbered(500), partitions=2)
    fleet.wait_drained(job["name"], records=500)
    lost = proxy.fault("lose_answer", method=method, path=path, query=query, times=3)
    for first in range(500, 1_500, 250):
        produce(kafka.bootstrap, topic, numbered(250, first), partitions=2)
        time.sleep(1)
    fleet.wait_drained(job["name"], records=1_500, timeout_s=120)
    assert lost.fired >= 1, "the fault never fired: the test proves nothing"
    verify(topic, job["name"], bad=set()).assert_clean()
    audit = fleet.audit(job["name"])
    assert audit.returncode == 0, audit.stdout + audit.stderr


@pytest.mark.parametrize("kind", ["internal_error", "reset"])
def test_a_storm_of_errors_lands_everything_once(kafka, make_topic, proxied, new_job, verify, kind):
    proxy, fleet = proxied
    topic = make_topic(partitions=4)
    feed = Feed(kafka.bootstrap, topic, 4, 20_000, rate=4_000, malformed_every=1_000)
    fleet.run()
    job = new_job(topic)
    fleet.create(job)
    storm = proxy.fault(kind, path="/(data|_landfall)", share=0.6)
    feed.start()
    feed.join(timeout=120)
    time.sleep(3)
    storm.clear()
    fleet.wait_drained(job["name"], records=20_000, timeout_s=150)
    assert storm.fired >= 5, "too few requests met the storm: the test proves nothing"
    verify(topic, job["name"], bad=feed.bad_positions).assert_clean()


def test_a_bucket_that_vanishes_is_waited_for_and_work_goes_on_by_itself(kafka, s3, bucket, make_topic, fresh, new_job):
    state = fresh("state")[:60]
    s3.make_bucket(state)
    topic = make_topic()
    with Fleet(kafka, s3, bucket, config={"state": {"bucket": state}}) as fleet:
        fleet.run()
        job = new_job(topic)
        name = job["name"]
        fleet.create(job)
        produce(kafka.bootstrap, topic, numbered(200))
        fleet.wait_drained(name, records=200)
        real, hidden = s3.folder / "objects" / bucket, s3.folder / f"{bucket}-hidden"
        real.rename(hidden)
        produce(kafka.bootstrap, topic, numbered(200, 200))
        fleet.wait(name, waiting("NoSuchBucket"), "saying that the bucket is gone")
        assert fleet.status(name)["state"] == "running", "it waits; it does not fail"
        hidden.rename(real)
        fleet.wait_drained(name, records=400, timeout_s=120)
        assert fleet.audit(name).returncode == 0


def test_a_bucket_that_is_away_while_the_only_worker_restarts_is_waited_for(
    kafka, s3, bucket, make_topic, fresh, new_job
):
    state = fresh("state")[:60]
    s3.make_bucket(state)
    topic = make_topic()
    with Fleet(kafka, s3, bucket, config={"state": {"bucket": state}}) as fleet:
        worker = fleet.run()
        job = new_job(topic)
        name = job["name"]
        fleet.create(job)
        produce(kafka.bootstrap, topic, numbered(200))
        fleet.wait_drained(name, records=200)
        worker.kill()
        real, hidden = s3.folder / "objects" / bucket, s3.folder / f"{bucket}-hidden"
        real.rename(hidden)
        produce(kafka.bootstrap, topic, numbered(200, 200))
        fleet.run()
        fleet.wait(name, waiting("NoSuchBucket"), "saying that the bucket is gone")
        assert fleet.status(name)["failed"] is None, "it served before: it is waited for"
        hidden.rename(real)
        fleet.wait_drained(name, records=400, timeout_s=120)
        assert fleet.audit(name).returncode == 0


def test_a_server_that_dies_and_comes_back_costs_nothing(kafka, s3, bucket, make_topic, fleet, new_job, verify):
    topic = make_topic(partitions=3)
    feed = Feed(kafka.bootstrap, topic, 3, 30_000, rate=3_000, malformed_every=5_000)
    fleet.run()
    job = new_job(topic)
    fleet.create(job)
    feed.start()
    for _ in range(3):
        time.sleep(2.5)
        s3.kill()
        time.sleep(1)
        s3.restart()
    feed.join(timeout=120)
    fleet.wait_drained(job["name"], records=30_000, timeout_s=150)
    verify(topic, job["name"], bad=feed.bad_positions).assert_clean()


def test_a_wrong_bucket_at_first_contact_fails_with_its_code(make_topic, fleet, new_job):
    fleet.run()
    job = new_job(make_topic(), sink={"bucket": "no-such-bucket-anywhere"})
    started = time.monotonic()
    answer = fleet.request("POST", "/v1/jobs", json=job)
    if answer.ok:
        status = fleet.wait_state(job["name"], "failed", timeout_s=30)
        told = str([status["failed"], status["errors"]])
    else:
        told = answer.text
    assert "NoSuchBucket" in told, told
    assert time.monotonic() - started < 30
