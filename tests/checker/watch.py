"""Watches a running job from outside: committed offsets and listings, sampled for the checker.

In each sample the committed offsets are read *before* the objects are listed: what is visible only grows, so
whatever was committed at the first moment must be visible at the second.
"""

import threading
import time
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from .objects import list_objects


@dataclass(frozen=True)
class Sample:
    committed: dict  # {(topic, partition): offset, exclusive}
    shown: dict  # {key: Shown}


def committed_offsets(admin, group):
    """{(topic, partition): committed offset, exclusive}; partitions without a commit are left out."""
    request = [ConsumerGroupTopicPartitions(group)]
    found = admin.list_consumer_group_offsets(request)[group].result(timeout=30)
    return {(at.topic, at.partition): at.offset for at in found.topic_partitions if at.offset >= 0}


class GroupReader:
    """What a group has committed for these partitions, asked by a consumer of the group that never joins it.

    For clusters whose brokers go and come: librdkafka's admin client ends the whole process when it asks a broker that is
    the group's coordinator no more (a null pointer in its answer to NOT_COORDINATOR).
    """

    def __init__(self, bootstrap, group, partitions, properties=None):
        settings = {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, **(properties or {})}
        self.consumer = Consumer(settings)
        self.partitions = [TopicPartition(topic, partition) for topic, partition in partitions]

    def committed(self):
        """As `committed_offsets`."""
        found = self.consumer.committed(self.partitions, timeout=5)
        for at in found:
            if at.error is not None:
                raise KafkaException(at.error)
        return {(at.topic, at.partition): at.offset for at in found if at.offset >= 0}


class Watch:
    """A context manager that samples in a thread until it is left. An error in the thread is raised at the end.

    `partitions`: whose commits are read, by a GroupReader; left out: of all, by the admin client. `prefixes`: what is
    listed; `samples`: where the samples go, a list or a Timeline; `patient`: brokers or the store may be away, a sample
    that failed is counted in `missed` and the next one is taken.
    """

    def __init__(self, bootstrap, group, client, bucket, interval_s=1.0, properties=None, *,
                 partitions=None, prefixes=("",), samples=None, patient=False):
        self.admin = AdminClient({"bootstrap.servers": bootstrap, **(properties or {})})
        self.reader = GroupReader(bootstrap, group, partitions, properties) if partitions else None
        self.group, self.client, self.bucket, self.interval_s = group, client, bucket, interval_s
        self.prefixes, self.patient = prefixes, patient
        self.samples = [] if samples is None else samples
        self.missed = 0
        self.listing_s = 0.0  # how long the last listing took
        self.failure = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exc):
        self._ended.set()
        self._thread.join(timeout=60)
        if self.failure is not None:
            raise self.failure

    def committed(self):
        return self.reader.committed() if self.reader else committed_offsets(self.admin, self.group)

    def sample(self):
        committed = self.committed()
        began, shown = time.monotonic(), {}
        for prefix in self.prefixes:
            shown |= list_objects(self.client, self.bucket, prefix)
        self.listing_s = time.monotonic() - began
        return Sample(committed, shown)

    def _take(self):
        try:
            sample = self.sample()
        except (BotoCoreError, ClientError, KafkaException, TimeoutError):
            if not self.patient:
                raise
            self.missed += 1
            return
        self.samples.append(sample)

    def _run(self):
        try:
            while not self._ended.is_set():
                self._take()
                # At most a tenth of the time is spent on listing, however much there is to list.
                self._ended.wait(max(self.interval_s, 9 * self.listing_s))
        except Exception as failure:  # noqa: BLE001 - handed to the test
            self.failure = failure
