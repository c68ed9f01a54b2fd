"""What is started: three brokers, the S3 server behind the proxy, the API, the workers, two jobs, a producer."""

import contextlib

from confluent_kafka.admin import AdminClient, NewTopic
from e2e.landfall import Fleet, job
from parts import Kafka, VersityGw
from parts.faultproxy import FaultProxy
from parts.process import PartFailed

from .feed import QUIET, Feed
from .process_faults import DRAIN_TIMEOUT_S, SESSION_TIMEOUT_S, Slot

BUCKET, TOPIC, PARTITIONS = "lake", "bids", 12
MALFORMED_EVERY = 199
# What a process writes below the data to see whether the bucket can be relied on, and deletes; one that is killed in
# between leaves it. Readers pass over names with an underscore before them; the summary tells how many there are.
PROBE = "_landfall-probe/"
# One job for each protocol of consumer groups: (job, cluster entry, the group's type as the broker tells it).
JOBS = [("chaos-classic", "main", "CLASSIC"), ("chaos-next", "next", "CONSUMER")]
_BROKERS = {
    # KIP-848: the broker sets the session's time; its own smallest values are above what a test can wait for.
    "group.consumer.min.session.timeout.ms": 1000,
    "group.consumer.session.timeout.ms": SESSION_TIMEOUT_S * 1000,
    "group.consumer.min.heartbeat.interval.ms": 500,
    "group.consumer.heartbeat.interval.ms": 2000,
}
# With KIP-848 this is also how long the broker waits for a member to give partitions up. A member that missed the answer
# with its new assignment (a heartbeat that timed out) is not told again: it goes on, and the partitions that moved stand
# still until this time is over. The smallest value that the client takes, instead of five minutes.
_REBALANCE_TIMEOUT = {"max.poll.interval.ms": "45000"}
_READY_LIMIT_S = 60


class House(contextlib.ExitStack):
    """A context manager; leaving it ends everything that was started."""

    def __init__(self, workers, rate, seed, journal):
        super().__init__()
        self.workers_wanted, self.rate, self.seed, self.journal = workers, rate, seed, journal

    def __enter__(self):
        super().__enter__()
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def _start(self):
        self.kafka = self.enter_context(Kafka(nodes=3, properties=_BROKERS))
        self.s3 = self.enter_context(VersityGw())
        self.s3.make_bucket(BUCKET)
        self.client = self.s3.client()
        self.proxy = self.enter_context(FaultProxy(self.s3.port))
        self.admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap, **QUIET})
        self.admin.create_topics([NewTopic(TOPIC, PARTITIONS, 3)])[TOPIC].result(30)
        self.fleet = self.enter_context(Fleet(self.kafka, self.s3, BUCKET, endpoint=self.proxy.endpoint, config={
            "worker": {"memory": "256MiB", "drain_timeout": f"{DRAIN_TIMEOUT_S}s"},
            "clusters": {
                "main": {"properties": {"session.timeout.ms": str(SESSION_TIMEOUT_S * 1000)}},
                "next": {"bootstrap_servers": self.kafka.bootstrap, "group_protocol": "consumer",
                         "properties": {"topic.metadata.refresh.interval.ms": "2000", **_REBALANCE_TIMEOUT}},
            },
        }))  # fmt: skip
        self.api = Slot("api", self.fleet.api(), self.journal)
        self.workers = [
            Slot(f"worker {number}", self.fleet.worker(), self.journal) for number in range(1, self.workers_wanted + 1)
        ]
        for name, cluster, _ in JOBS:
            self.fleet.create(self._job(name, cluster))
        self.feed = Feed(self.kafka.bootstrap, TOPIC, PARTITIONS, self.rate, MALFORMED_EVERY, self.seed)
        self.feed.start()
        self.callback(self.feed.stop)
        self._wait_until_it_runs()

    @staticmethod
    def _job(name, cluster):
        # Records of several partitions share a file, and the wall clock is in its name: nothing here is deterministic.
        key = f"data/{name}/os={{field:device.os}}/minute={{wall_clock:%H%M}}/{{unique}}.{{ext}}"
        rotate = {"bytes": "1MiB", "age": "3s", "idle": "2s"}
        return job(name, TOPIC, BUCKET, source={"cluster": cluster}, sink={"key": key, "rotate": rotate})

    def _wait_until_it_runs(self):
        for name, _, kind in JOBS:
            self.fleet.wait(name, lambda status: len(self.covered(status)) == PARTITIONS, "landing", _READY_LIMIT_S)
            found = self.group_type(name)
            if found != kind:
                raise PartFailed(f"the group of {name} is of type {found}, not {kind}: the run would prove nothing of it")

    @staticmethod
    def covered(status):
        """Partitions that have landed something."""
        return [at for at in status["partitions"] if at["landed_offset"]]

    def group_type(self, name):
        return self.admin.describe_consumer_groups([group(name)])[group(name)].result(30).type.name

    def replicas_in_sync(self):
        topics = self.admin.list_topics(timeout=10).topics.values()
        return all(len(at.isrs) == 3 for topic in topics for at in topic.partitions.values())


def group(name):
    return f"landfall-{name}"


def prefixes(name):
    """Where a job's objects lie: data, dead letters."""
    return f"data/{name}/", f"_landfall-dlq/{name}/"
