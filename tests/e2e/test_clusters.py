"""Other Kafkas: behind SASL_SSL with SCRAM and an own certificate authority; three brokers, one of them killed."""

import pytest
from checker import check, read_source
from parts import Kafka

from e2e.events import numbered, produce
from e2e.landfall import Fleet, answers


def test_scram_over_tls_with_an_own_authority(s3, bucket, make_topic, new_job):
    with Kafka(secure=True) as kafka, Fleet(kafka, s3, bucket) as fleet:
        topic = make_topic(partitions=2, cluster=kafka)
        produce(kafka.bootstrap, topic, numbered(1_000), partitions=2, properties=kafka.client_properties)
        fleet.run()
        job = new_job(topic)
        fleet.create(job)
        fleet.wait_drained(job["name"], records=1_000)
        source = read_source(kafka.bootstrap, [topic], properties=kafka.client_properties)
        check(source, s3.client(), bucket, data_prefix="data/").assert_clean()
        for server in fleet.servers:
            assert "scram-secret-of-the-test" not in server.log(), "a secret never appears in a log"


@pytest.mark.parametrize(("properties", "word"), [
    ({"sasl.password": "wrong"}, "authentication"),
    ({"ssl.ca.location": "/etc/ssl/certs/ca-certificates.crt"}, "certificate"),
])  # fmt: skip
def test_a_refused_connection_is_said_at_creation(s3, bucket, new_job, make_topic, properties, word):
    with Kafka(secure=True) as kafka, Fleet(kafka, s3, bucket, properties=properties) as fleet:
        fleet.run(wait=False)
        fleet.servers[0].wait_until(lambda: answers(f"{fleet.url}/livez"), 30)
        answer = fleet.request("POST", "/v1/jobs", json=new_job("some-topic"))
        assert answer.status_code >= 400, answer.text
        assert word in answer.text.lower(), answer.text
        assert "wrong" not in answer.text.replace("wrong credentials", ""), "the secret is not in the answer"


def test_a_killed_broker_of_three_costs_nothing(s3, bucket, make_topic, new_job):
    with Kafka(nodes=3) as kafka, Fleet(kafka, s3, bucket) as fleet:
        topic = make_topic(partitions=6, cluster=kafka)
        produce(kafka.bootstrap, topic, numbered(3_000), partitions=6)
        fleet.run()
        job = new_job(topic)
        fleet.create(job)
        fleet.wait_drained(job["name"], records=3_000)
        kafka.brokers[0].kill()
        produce(kafka.bootstrap, topic, numbered(3_000, 3_000), partitions=6)
        fleet.wait_drained(job["name"], records=6_000, timeout_s=150)
        source = read_source(kafka.bootstrap, [topic])
        assert source.records == 6_000
        check(source, s3.client(), bucket, data_prefix="data/").assert_clean()
