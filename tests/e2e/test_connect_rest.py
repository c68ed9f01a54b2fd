"""Kafka Connect's REST API at its own paths: compared with a real worker, and used by the clients that people have."""

import os

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from parts import Connect

from e2e.connect_rest import comparison, document, kafka_connect_py, kafka_ui, kcctl, terraform
from e2e.connect_rest.sides import Landfall, RealConnect
from e2e.events import numbered, produce
from e2e.landfall import Fleet

RUN = str(os.getpid())
# A sink's offsets are seen once they are committed; it begins at a topic's first record.
WORKER = {"offset.flush.interval.ms": 1000, "consumer.auto.offset.reset": "earliest"}


@pytest.fixture(scope="module")
def sides(kafka, s3):
    """A real worker and Landfall, with a topic of two partitions and six records in each."""
    topic, bucket = f"bids-connect-rest-{RUN}", f"lake-connect-rest-{RUN}"
    admin = AdminClient({"bootstrap.servers": kafka.internal_bootstrap})
    admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])[topic].result(timeout=30)
    produce(kafka.bootstrap, topic, numbered(12), partitions=2)
    s3.make_bucket(bucket)
    with Fleet(kafka, s3, bucket) as fleet, Connect(kafka, properties=WORKER) as connect:
        fleet.run()
        yield RealConnect(connect, topic, RUN), Landfall(fleet, topic, RUN)
    admin.delete_topics([topic])[topic].result(timeout=30)


@pytest.fixture(scope="module")
def asked(sides):
    return comparison.ask_all(sides)


def test_every_request_is_answered_as_kafka_connect_does(asked):
    told = comparison.complaints(asked)
    assert not told, "\n".join(told)


def test_the_document_tells_each_request_and_what_differs(asked):
    document.check(asked)


@pytest.mark.parametrize("client", [kcctl, kafka_ui, terraform, kafka_connect_py], ids=lambda one: one.__name__.split(".")[-1])
@pytest.mark.parametrize("server", [0, 1], ids=["connect", "landfall"])
def test_a_client_works(client, server, sides):
    """Against the real worker as well, so that the test asks what the client really may ask."""
    client.run(sides[server])
