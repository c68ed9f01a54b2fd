"""When which fault strikes: one thread for each thing that can be struck, all drawn from one seed.

A lane shuffles its kinds like a deck and deals it to the end before it shuffles again, so that a short run meets every
kind too. The order of kinds and the lengths of pauses follow from the seed; what the processes are doing at that moment
does not, and is the point.
"""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Struck:
    """One fault that happened. Times are seconds since the epoch; `requests` is how many it spoilt."""

    kind: str
    target: str
    at_s: float
    until_s: float
    requests: int = 0
    answers_lost: int = 0
    ends: dict = field(default_factory=dict)  # of a kill: what was in Kafka at that moment


class Journal:
    """Everything that was struck, in the order of its end, and what went wrong with the harness or a process."""

    def __init__(self):
        self._lock = threading.Lock()
        self.struck = []
        self.problems = []

    def add(self, struck):
        with self._lock:
            self.struck.append(struck)

    def problem(self, text):
        with self._lock:
            self.problems.append(text)

    def counts(self):
        with self._lock:
            return Counter(struck.kind for struck in self.struck)

    def answers_lost(self):
        lost = Counter()
        with self._lock:
            for struck in self.struck:
                if struck.answers_lost:
                    lost[struck.kind] += struck.answers_lost
        return lost


class Lane(threading.Thread):
    """Deals `faults` one after the other, about `gap_s` apart, until it is ended.

    A fault is an object with a `kind` and `strike(rng)`, which answers a Struck, or None where it could not happen.
    """

    def __init__(self, name, faults, gap_s, seed, journal):
        super().__init__(daemon=True, name=f"lane-{name}")
        self.faults, self.gap_s, self.journal = faults, gap_s, journal
        self.rng = random.Random(f"{seed}/{name}")
        self.ending, self.ended, self.released = threading.Event(), threading.Event(), threading.Event()

    def run(self):
        deck = []
        while not self.ending.wait(self.rng.uniform(0.5, 1.5) * self.gap_s):
            if not deck:
                deck = self.rng.sample(self.faults, len(self.faults))
            fault = deck.pop()
            try:
                struck = fault.strike(self.rng)
            except Exception as failure:  # noqa: BLE001 - a finding: something did not come back
                self.journal.problem(f"{self.name}, {fault.kind}: {failure!r}")
                continue
            if struck is not None:
                self.journal.add(struck)
        self.ended.set()
        # A process dies with the thread that started it (PR_SET_PDEATHSIG), so the thread stays for as long as they.
        self.released.wait()

    def end(self, timeout_s):
        """No more faults; waits for the one at work. False where it did not end."""
        self.ending.set()
        return self.ended.wait(timeout_s)


def wait_until(condition, limit_s, step_s=0.02):
    """Whether `condition()` became true in time."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True
