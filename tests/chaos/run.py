"""One run: start, strike, calm down, drain, compare. What it found is a Result; only an empty `problems` is a success."""

import contextlib
import random
import time
from dataclasses import dataclass, field

import requests
from checker import Timeline, Watch
from confluent_kafka import KafkaException

from .census import Census, open_uploads
from .feed import QUIET
from .house import BUCKET, JOBS, PARTITIONS, PROBE, TOPIC, House, group, prefixes
from .judge import QUIET_KILL, WORKER_KILL, Judge
from .lanes import Journal, Lane, wait_until
from .process_faults import DrainWorker, FreezeWorker, KillBroker, KillProcess, KillStore, KillStoreInComplete
from .store_faults import request_faults

# A server that is killed in a Complete may leave an upload that it denies for ever: a worker waits for the grace of 300 s
# before it rebuilds such a file, and a short run has no such time.
MINUTES_FOR_KILLS_IN_COMPLETE = 10
_LANE_END_LIMIT_S = 240
_CALM_LIMIT_S = 240
# The grace, a second one for a rebuild that met the last fault, and time to read again.
_DRAIN_LIMIT_S = 900


@dataclass
class Result:
    seed: int
    minutes: float
    workers: int
    rate: int
    began_s: float
    problems: list = field(default_factory=list)
    seconds: dict = field(default_factory=dict)  # of each stage
    faults: dict = field(default_factory=dict)
    answers_lost: dict = field(default_factory=dict)
    struck: list = field(default_factory=list)  # each fault, in the order of their ends
    spoilt_requests: int = 0
    process_faults: int = 0
    jobs: dict = field(default_factory=dict)
    counts: list = field(default_factory=list)
    recovery_s: dict = field(default_factory=dict)  # by job: among other faults
    quiet_recovery_s: dict = field(default_factory=dict)  # by job
    logged: dict = field(default_factory=dict)


class Run:
    """`told`: prints a line of progress."""

    def __init__(self, minutes, seed, workers, rate, told):
        self.result = Result(seed, minutes, workers, rate, time.time())
        self.journal = Journal()
        self.told = told
        self._stage_began = time.monotonic()

    def carry_out(self):
        result = self.result
        lanes = []
        with House(result.workers, result.rate, result.seed, self.journal) as house:
            self.house = house
            self._stage("start")
            lanes = self._lanes()
            watches = {name: self._watch(name) for name, _, _ in JOBS}
            census = Census([house.api, *house.workers], house.client, BUCKET, min(60.0, result.minutes))
            try:
                census.start()
                for watch in watches.values():
                    watch.__enter__()
                self._strike(lanes, watches)
                self._kill_in_the_calm()
                uploads_before_calm = self._leave_alone()
                self._drain(watches)
            finally:
                census.stop()
            census.counts.append(census.take())
            for watch in watches.values():
                watch.__exit__()
                watch.samples.append(watch.sample())  # all is drained: this one shows everything
            Judge(house, self.journal, result).judge(lanes, census, watches, uploads_before_calm)
            self._stage("check")
        for lane in lanes:
            lane.released.set()
        result.problems = self.journal.problems
        return result

    def _lanes(self):
        house, journal, seed = self.house, self.journal, self.result.seed
        if self.result.minutes < MINUTES_FOR_KILLS_IN_COMPLETE:
            store = [KillStore(house.s3, spared=house.proxy)]
        else:
            store = [KillStore(house.s3), KillStore(house.s3), KillStoreInComplete(house.s3, house.proxy)]
        lanes = [
            # The first worker lives as long as the run, so that its memory tells something; it is frozen all the same.
            Lane("worker 1", [FreezeWorker(house.workers[0])], 40, seed, journal),
            Lane("broker", [KillBroker(house.kafka, house.replicas_in_sync)], 25, seed, journal),
            Lane("api", [KillProcess("API SIGKILL", house.api, house.feed)], 20, seed, journal),
            Lane("s3", store, 25, seed, journal),
            Lane("requests", request_faults(house.proxy), 1.5, seed, journal),
        ]
        for slot in house.workers[1:]:
            faults = [KillProcess(WORKER_KILL, slot, house.feed), FreezeWorker(slot), DrainWorker(slot)]
            lanes.append(Lane(slot.name, faults, 12, seed, journal))
        return lanes

    def _watch(self, name):
        house = self.house
        return Watch(house.kafka.bootstrap, group(name), house.s3.client(), BUCKET, properties=QUIET,
                     partitions=[(TOPIC, number) for number in range(PARTITIONS)], prefixes=prefixes(name),
                     samples=Timeline(ignore=[prefixes(name)[0] + PROBE]), patient=True)  # fmt: skip

    def _strike(self, lanes, watches):
        for lane in lanes:
            lane.start()
        deadline = time.monotonic() + 60 * self.result.minutes
        while (left_s := deadline - time.monotonic()) > 0:
            time.sleep(min(10, left_s))
            self._tell(watches)
        for lane in lanes:
            lane.ending.set()
        for lane in lanes:
            if not lane.end(_LANE_END_LIMIT_S):
                self.journal.problem(f"{lane.name} did not end within {_LANE_END_LIMIT_S} s: a fault does not heal")
        self._stage("faults")

    def _kill_in_the_calm(self):
        """Kills with nothing else going on: what a recovery costs by itself."""
        kills = 5 if self.result.minutes >= MINUTES_FOR_KILLS_IN_COMPLETE else 1
        self._wait_for_calm()
        for number in range(kills):
            slot = self.house.workers[1 + number % (len(self.house.workers) - 1)]
            # Its place stays empty until the rest has recovered: a new worker is a rebalance more.
            kill = KillProcess(QUIET_KILL, slot, self.house.feed, away_s=(16, 16))
            self.journal.add(kill.strike(random.Random(self.result.seed)))
            time.sleep(5)
        self._stage("kills in the calm")

    def _leave_alone(self):
        """Some time with records and without faults; answers the ids of the uploads that were open before."""
        before = {upload["UploadId"] for upload in open_uploads(self.house.client, BUCKET)}
        time.sleep(60 if self.result.minutes >= MINUTES_FOR_KILLS_IN_COMPLETE else 15)
        self._stage("left alone")
        return before

    def _wait_for_calm(self):
        limit = 2 * self.result.rate

        def calm():
            for name, _, _ in JOBS:
                try:
                    status = self.house.fleet.status(name)
                except (requests.RequestException, AssertionError):
                    return False
                lag = status["lag"]["records"]
                if lag is None or lag > limit or status["waiting_for"]:
                    return False
            return True

        if not wait_until(calm, _CALM_LIMIT_S, step_s=0.5):
            self.journal.problem(f"not calm within {_CALM_LIMIT_S} s of the last fault: a lag over {limit} records, or a wait")

    def _drain(self, watches):
        house = self.house
        house.feed.stop()
        for failure in house.feed.failures[:5]:
            self.journal.problem(f"producer: {failure}")
        ends = dict(house.feed.ends)
        for name, _, _ in JOBS:
            reader, at = watches[name], {}

            def reached(reader=reader, at=at):
                with contextlib.suppress(KafkaException):  # the coordinator may still be moving
                    at.update(reader.committed())
                return all(at.get(partition, 0) >= end for partition, end in ends.items())

            if not wait_until(reached, _DRAIN_LIMIT_S, step_s=1):
                behind = {f"{p[0]}/{p[1]}": (at.get(p), end) for p, end in ends.items() if at.get(p, 0) < end}
                self.journal.problem(f"{name} was not drained within {_DRAIN_LIMIT_S} s: (committed, end) {behind}")
        self._stage("drain")

    def _tell(self, watches):
        told = [f"{name} {sum(watch.samples.committed.values()):,}" for name, watch in watches.items()]
        counts = self.journal.counts()
        lost = sum(self.journal.answers_lost().values())
        self.told(f"{time.time() - self.result.began_s:5.0f} s  written {self.house.feed.written:,}  "
                  f"landed and committed {', '.join(told)}  faults {sum(counts.values())}  answers lost {lost}  "
                  f"problems {len(self.journal.problems)}")

    def _stage(self, name):
        now = time.monotonic()
        self.result.seconds[name] = round(now - self._stage_began, 1)
        self._stage_began = now
        self.told(f"{time.time() - self.result.began_s:5.0f} s  {name}: done in {self.result.seconds[name]:.0f} s")
