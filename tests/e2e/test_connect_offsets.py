"""Offsets over Kafka Connect's REST API: what is read is what landed, and moving them moves what lands."""

import json
import os

import pytest

from e2e.connect_rest.clients import Client
from e2e.connect_rest.sides import Landfall
from e2e.connect_rest.steps_running import offsets
from e2e.events import numbered, produce
from e2e.landfall import keys_under, until

RECORDS = 100  # record n is in partition n % 2 at offset n // 2


@pytest.fixture
def lake(fleet, kafka, make_topic, s3, bucket):
    topic = make_topic(partitions=2)
    produce(kafka.bootstrap, topic, numbered(RECORDS), partitions=2)
    fleet.run()
    return Lake(Landfall(fleet, topic, str(os.getpid())), s3, bucket)


class Lake:
    """One connector and what it landed."""

    def __init__(self, side, s3, bucket):
        self.side, self.s3, self.bucket, self.client = side, s3, bucket, Client(side)
        self.name = side.name("sink")
        self.path = f"/connectors/{self.name}"

    def ask(self, method, path, body=None, expect=200):
        return self.client.ask(method, self.path + path, body, expect)

    def create(self, folder, **more):
        document = {"name": self.name, "config": self.side.config(folder), **more}
        self.client.ask("POST", "/connectors", document, expect=201)

    def stop(self):
        self.ask("PUT", "/stop", expect=204)
        self.side.until_state(self.name, "STOPPED", tasks=0)

    def alter(self, wanted):
        """Sets {partition: offset}; an offset that is None is reset."""
        moved = [{"partition": {"kafka_topic": self.side.topic, "kafka_partition": partition},
                  "offset": None if offset is None else {"kafka_offset": offset}}
                 for partition, offset in wanted.items()]  # fmt: skip
        self.ask("PATCH", "/offsets", {"offsets": moved})

    def into(self, folder):
        """From now on it lands in another folder, so that what lands again is told from what is there."""
        self.ask("PUT", "/config", self.side.config(folder))
        self.side.until_state(self.name, "STOPPED", tasks=0)

    def resume(self, records=RECORDS):
        """Runs until the offsets say that all of the topic landed."""
        self.ask("PUT", "/resume", expect=202)
        wanted = {0: records // 2, 1: records // 2}
        self.side.until(f"{self.path}/offsets", lambda found: offsets(found) == wanted, f"offsets {wanted}")

    def offsets(self):
        return offsets(self.ask("GET", "/offsets"))

    def ids(self, folder):
        """The ids of all records in the folder, sorted: one that landed twice is there twice."""
        client, found = self.s3.client(), []
        for key in keys_under(self.s3, self.bucket, f"{folder}/"):
            body = client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            found += [json.loads(line)["id"] for line in body.splitlines()]
        return sorted(found)


def of(records=RECORDS, **first):
    """The ids from offset p0 of partition 0 and p1 of partition 1 on."""
    return [number for number in range(records) if number // 2 >= first[f"p{number % 2}"]]


def test_offsets_are_those_of_what_landed(lake, kafka):
    lake.create("first")
    lake.resume()
    assert lake.ids("first") == of(p0=0, p1=0)
    produce(kafka.bootstrap, lake.side.topic, numbered(20, RECORDS), partitions=2)
    until(lambda: len(lake.ids("first")) == RECORDS + 20, "the records that came later")
    until(lambda: lake.offsets() == {0: 60, 1: 60}, "the offsets behind them")
    lake.stop()
    assert lake.offsets() == {0: 60, 1: 60}, "a stopped one keeps them"
    assert lake.ids("first") == of(RECORDS + 20, p0=0, p1=0)


def test_a_forward_offset_skips_what_lies_between(lake):
    lake.create("first", initial_state="STOPPED")
    lake.side.until_state(lake.name, "STOPPED", tasks=0)
    lake.alter({0: 20})
    assert lake.offsets() == {0: 20}
    lake.resume()
    assert lake.ids("first") == of(p0=20, p1=0)


def test_offsets_that_are_deleted_land_all_again(lake):
    lake.create("first")
    lake.resume()
    lake.stop()
    lake.ask("DELETE", "/offsets")
    assert lake.offsets() == {}
    lake.into("again")
    lake.resume()
    assert lake.ids("again") == of(p0=0, p1=0)
    assert lake.ids("first") == of(p0=0, p1=0), "what was there stays"


def test_an_offset_back_lands_again_from_there_and_null_from_the_start(lake):
    lake.create("first")
    lake.resume()
    lake.stop()
    lake.alter({1: 30})
    assert lake.offsets() == {0: 50, 1: 30}
    lake.into("again")
    lake.resume()
    assert lake.ids("again") == of(p0=50, p1=30)
    lake.stop()
    lake.alter({0: None})
    assert lake.offsets() == {1: 50}
    lake.into("once-more")
    lake.resume()
    assert lake.ids("once-more") == of(p0=0, p1=50)


def test_offsets_stay_where_they_are_while_it_runs(lake):
    lake.create("first")
    lake.resume()
    target = {"partition": {"kafka_topic": lake.side.topic, "kafka_partition": 0}, "offset": {"kafka_offset": 0}}
    lake.ask("PATCH", "/offsets", {"offsets": [target]}, expect=400)
    lake.ask("DELETE", "/offsets", expect=400)
    assert lake.offsets() == {0: 50, 1: 50} and lake.ids("first") == of(p0=0, p1=0)
