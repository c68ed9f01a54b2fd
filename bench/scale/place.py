"""Where a measurement takes place: Kafka, an S3 server, a bucket, topics."""

import contextlib
import itertools

from confluent_kafka.admin import AdminClient
from conftest import create_topic
from parts import Kafka, VersityGw

_numbers = itertools.count(1)


class Place:
    def __init__(self, kafka, s3):
        self.kafka, self.s3, self.bucket = kafka, s3, "lake"
        s3.make_bucket(self.bucket)
        self.admin = AdminClient({"bootstrap.servers": kafka.internal_bootstrap})

    def topic(self, partitions=1, name=None, **config):
        name = name or f"bids-{next(_numbers)}"
        create_topic(self.admin, name, partitions, self.kafka.nodes, config)
        return name

    def objects(self, prefix="data/"):
        """Key -> size of every object that is visible."""
        pages = self.s3.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return {found["Key"]: found["Size"] for page in pages for found in page.get("Contents", [])}


@contextlib.contextmanager
def place(kafka=None, s3=None):
    """One broker and versitygw, unless others are given."""
    with kafka or Kafka() as brokers, s3 or VersityGw() as server:
        yield Place(brokers, server)
