"""Fixtures for every test here: one Kafka broker and one versitygw for the whole run, fresh names for each test."""

import itertools
import os
import re

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from parts import Kafka, Minio, VersityGw

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def kafka():
    with Kafka() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def s3():
    """versitygw; with LANDFALL_TEST_S3=minio the second opinion."""
    with (Minio if os.environ.get("LANDFALL_TEST_S3") == "minio" else VersityGw)() as server:
        yield server


@pytest.fixture
def fresh(request):
    """Names that no other test uses: fresh("bids") is something like "bids-poison-7"."""
    test = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower().removeprefix("test_")).strip("-")[:24].strip("-")

    def name(stem):
        return f"{stem}-{test}-{next(_numbers)}-{os.getpid()}"

    return name


@pytest.fixture
def bucket(s3, fresh):
    """A fresh bucket."""
    name = fresh("lake")[:60]
    s3.make_bucket(name)
    return name


@pytest.fixture
def make_topic(kafka, fresh):
    """make_topic(partitions=1, **config) creates a topic and returns its name; all are deleted at the end."""
    made = []

    def make(partitions=1, name=None, cluster=None, **config):
        owner = cluster or kafka
        admin = AdminClient({"bootstrap.servers": owner.internal_bootstrap})
        name = name or fresh("bids")
        create_topic(admin, name, partitions, owner.nodes, config)
        made.append((admin, name))
        return name

    yield make
    for admin, name in made:
        for future in admin.delete_topics([name]).values():
            try:
                future.exception(timeout=10)  # a test may have deleted it itself
            except TimeoutError:
                pass  # or stopped the cluster it was on


def create_topic(admin, name, partitions, replication, config):
    settings = {key.replace("_", "."): str(value) for key, value in config.items()}
    topic = NewTopic(name, num_partitions=partitions, replication_factor=replication, config=settings)
    admin.create_topics([topic])[name].result(timeout=30)
