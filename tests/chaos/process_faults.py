"""Faults of processes: killed, frozen, drained, and started again on the same ports and data."""

import signal
import time
from dataclasses import dataclass, field

from parts.process import PartFailed

from .lanes import Struck, wait_until

SESSION_TIMEOUT_S = 6
DRAIN_TIMEOUT_S = 15
# The worker gives itself some seconds more to write its last heartbeat and end its connections.
_DRAIN_LIMIT_S = DRAIN_TIMEOUT_S + 30
_ALL_REPLICAS_LIMIT_S = 90
# Longer than the server takes for a Complete of a small file on a busy machine.
_COMPLETE_LIMIT_S = 1.0


@dataclass
class KillProcess:
    """SIGKILL of a worker or the API, and a new one in its place after a while."""

    kind: str
    slot: object
    feed: object
    away_s: tuple = (0.5, 4.0)

    def strike(self, rng):
        at_s, ends = time.time(), dict(self.feed.ends)
        self.slot.kill()
        time.sleep(rng.uniform(*self.away_s))
        self.slot.launch()
        return Struck(self.kind, self.slot.name, at_s, time.time(), ends=ends)


@dataclass
class FreezeWorker:
    """SIGSTOP until the group has given its partitions away, then SIGCONT: a zombie that believes it owns them."""

    slot: object
    kind: str = "worker SIGSTOP"

    def strike(self, rng):
        at_s = time.time()
        self.slot.server.pause()
        time.sleep(SESSION_TIMEOUT_S + rng.uniform(1.5, 4.0))
        self.slot.server.resume()
        return Struck(self.kind, self.slot.name, at_s, time.time())


@dataclass
class DrainWorker:
    """SIGTERM: it lands what it can and ends with 0, whatever the store does meanwhile; then a new one."""

    slot: object
    kind: str = "worker SIGTERM"

    def strike(self, rng):
        at_s = time.time()
        code = self.slot.drain(_DRAIN_LIMIT_S)
        if code != 0:
            raise PartFailed(f"{self.slot.name} ended with code {code} after SIGTERM; {self.slot.server.tail(8)}")
        time.sleep(rng.uniform(0.2, 2.0))
        self.slot.launch()
        return Struck(self.kind, self.slot.name, at_s, time.time())


@dataclass
class KillBroker:
    """SIGKILL of one of three brokers, once all replicas are in sync: never more than one is missing."""

    kafka: object
    replicas_in_sync: object  # () -> bool
    kind: str = "broker SIGKILL"

    def strike(self, rng):
        index, away_s = rng.randrange(len(self.kafka.brokers)), rng.uniform(1.0, 8.0)
        if not wait_until(self.replicas_in_sync, _ALL_REPLICAS_LIMIT_S, step_s=0.5):
            raise PartFailed(f"the replicas were not in sync within {_ALL_REPLICAS_LIMIT_S} s")
        at_s = time.time()
        self.kafka.brokers[index].kill()
        time.sleep(away_s)
        self.kafka.restart(index)
        return Struck(self.kind, f"broker {index + 1}", at_s, time.time())


@dataclass
class KillStore:
    """SIGKILL of the S3 server at any moment; it comes back with the same data.

    `spared`: the proxy, where no CompleteMultipartUpload is to be hit: none reaches the server for a moment before.
    """

    s3: object
    spared: object = None
    kind: str = "S3 server SIGKILL"

    def strike(self, rng):
        held = self.spared.fault("reset", method="POST", query="uploadId=") if self.spared else None
        if held:
            time.sleep(_COMPLETE_LIMIT_S)
        at_s = time.time()
        self.s3.kill()
        if held:
            held.clear()
        time.sleep(rng.uniform(0.2, 2.5))
        self.s3.restart()
        return Struck(self.kind, "s3", at_s, time.time())


@dataclass
class KillStoreInComplete:
    """SIGKILL of the S3 server while it works on a CompleteMultipartUpload.

    The proxy says when one is on its way; the server takes some milliseconds for it. It counts where the request got no
    answer.
    """

    s3: object
    proxy: object
    kind: str = "S3 server SIGKILL in Complete"

    def strike(self, rng):
        notice = self.proxy.fault("lose_answer", method="POST", query="uploadId=", times=1)
        try:
            if not wait_until(lambda: notice.fired, 10, step_s=0.0002):
                return None
            time.sleep(rng.uniform(0.0, 0.003))
            at_s = time.time()
            self.s3.server.signal(signal.SIGKILL)
            time.sleep(rng.uniform(0.2, 2.5))
            self.s3.restart()
        finally:
            notice.clear()
        # Where the server was quicker, it was killed at any other moment.
        kind = KillStore.kind if notice.answers_lost else self.kind
        return Struck(kind, "s3", at_s, time.time(), answers_lost=notice.answers_lost)


@dataclass
class Slot:
    """The place of one process: the same port, configuration and log, whichever process is in it."""

    name: str
    server: object
    journal: object
    wanted: bool = True
    lives: int = field(default=1)

    def launch(self):
        self.server.start()
        self.lives += 1
        self.wanted = True

    def kill(self):
        self._must_run()
        self.server.kill()

    def drain(self, limit_s):
        self._must_run()
        return self.server.terminate(limit_s)

    def _must_run(self):
        self.wanted = False
        self.tell_if_ended(wanted=True)

    def tell_if_ended(self, wanted=None):
        """A process that ended although nobody ended it is a finding."""
        if (self.wanted if wanted is None else wanted) and not self.server.is_running():
            self.wanted = False
            code = self.server.process.poll()
            self.journal.problem(f"{self.name} ended by itself with code {code}; {self.server.tail(8)}")
