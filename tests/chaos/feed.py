"""The producer: a steady rate of events over all partitions for as long as the run lasts, some of them malformed."""

import random
import threading
import time

from e2e.events import BROKEN, event, producer

# Brokers die on purpose here: the clients need not say so.
QUIET = {"log_level": 2}
_TICK_S = 0.05
_FLUSH_LIMIT_S = 120


class Feed(threading.Thread):
    """`bad` are the positions of malformed records; `ends` {partition: offset behind the last acknowledged record}."""

    def __init__(self, bootstrap, topic, partitions, rate, malformed_every, seed):
        super().__init__(daemon=True, name="feed")
        self.topic, self.partitions, self.rate, self.malformed_every = topic, partitions, rate, malformed_every
        self.rng = random.Random(f"{seed}/feed")
        self.writer = producer(bootstrap, QUIET)
        self.ended = threading.Event()
        self.written = 0
        self.acknowledged = 0
        self.ends = {}
        self.bad = set()
        self.failures = []

    def run(self):
        began = time.monotonic()
        while not self.ended.wait(_TICK_S):
            # As many as the rate asks for by now; after a wait for brokers the rest comes in one go, but a second's worth
            # at a time.
            due = min(int((time.monotonic() - began) * self.rate) - self.written, self.rate)
            for _ in range(due):
                self._write()
            self._take_in(0)
        until = time.monotonic() + _FLUSH_LIMIT_S
        while len(self.writer) and time.monotonic() < until:
            self._take_in(1)
        if len(self.writer):
            self.failures.append(f"the producer did not get rid of its records within {_FLUSH_LIMIT_S} s")
        if self.acknowledged != self.written and not self.failures:
            self.failures.append(f"{self.acknowledged} answers to {self.written} records")

    def stop(self):
        """Ends it and waits until everything is acknowledged."""
        self.ended.set()
        self.join(_FLUSH_LIMIT_S + 30)
        if self.is_alive():
            self.failures.append("the producer did not end")

    def _write(self):
        number = self.written
        broken = number % self.malformed_every == self.malformed_every - 1
        content = BROKEN[number // self.malformed_every % len(BROKEN)] if broken else event(number, self.rng)

        def delivered(error, message):
            if error:
                self.failures.append(str(error))
                return
            self.acknowledged += 1
            at = (message.topic(), message.partition())
            self.ends[at] = max(self.ends.get(at, 0), message.offset() + 1)
            if broken:
                self.bad.add((*at, message.offset()))

        while True:
            try:
                self.writer.produce(self.topic, content, partition=self.rng.randrange(self.partitions), on_delivery=delivered)
                break
            except BufferError:
                self._take_in(0.1)
        self.written += 1

    def _take_in(self, timeout_s):
        try:
            self.writer.poll(timeout_s)
        except SystemError:
            # confluent-kafka was seen to raise it without a cause while brokers died. Whether an answer was lost by it, the
            # count at the end tells.
            pass
