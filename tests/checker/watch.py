"""Watches a running job from outside: committed offsets and listings, sampled for the checker.

In each sample the committed offsets are read *before* the objects are listed: what is visible only grows, so
whatever was committed at the first moment must be visible at the second.
"""

import threading
from dataclasses import dataclass

from confluent_kafka import ConsumerGroupTopicPartitions
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


class Watch:
    """A context manager that samples in a thread until it is left. An error in the thread is raised at the end."""

    def __init__(self, bootstrap, group, client, bucket, interval_s=1.0, properties=None):
        self.admin = AdminClient({"bootstrap.servers": bootstrap, **(properties or {})})
        self.group, self.client, self.bucket, self.interval_s = group, client, bucket, interval_s
        self.samples = []
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

    def sample(self):
        committed = committed_offsets(self.admin, self.group)
        return Sample(committed, list_objects(self.client, self.bucket))

    def _run(self):
        try:
            while not self._ended.is_set():
                self.samples.append(self.sample())
                self._ended.wait(self.interval_s)
        except Exception as failure:  # noqa: BLE001 - handed to the test
            self.failure = failure
