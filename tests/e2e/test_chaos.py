"""Chaos on real binaries in its short form, and the rules by which a run is judged."""

import datetime
import time

import pytest
from chaos import flatness, recovery
from chaos.census import Count
from chaos.lanes import Journal, Lane, Struck, wait_until
from chaos.run import Run
from checker.objects import Shown

MIB = 1 << 20


def test_processes_die_and_answers_are_lost_for_three_minutes_and_every_record_lands_once(capsys):
    def told(text):
        with capsys.disabled():
            print(text, flush=True)

    result = Run(minutes=3, seed=7, workers=4, rate=600, told=told).carry_out()
    assert not result.problems, "\n".join(result.problems)
    # Every kind fired, or there would be a problem: what is left is that it was chaos at all.
    assert result.process_faults >= 15 and sum(result.answers_lost.values()) >= 20, (result.faults, result.answers_lost)
    assert result.jobs.keys() == {"chaos-classic", "chaos-next"}
    for job in result.jobs.values():
        assert job["landed"] + job["dead_letters"] == job["records"] > 50_000
        assert job["dead_letters"] == job["malformed"] > 0
        assert job["audit"] == "clean"


def counts(memory, name="worker 1"):
    """Counts 10 s apart of a worker, and of a first one that holds what it holds."""
    steady = {"worker 1": (1, 60 * MIB, 30)}
    return [Count(10.0 * n, {**steady, name: (1, memory(n), 30)}, 0, 0) for n in range(100)]


@pytest.mark.parametrize(("memory", "found"), [
    (lambda n: 60 * MIB, False),
    (lambda n: (60 + min(n, 15)) * MIB, False),  # warms up
    (lambda n: (200 if n % 10 == 3 else 60) * MIB, False),  # bursts
    (lambda n: (60 + 2 * n) * MIB, True),  # leaks
    (lambda n: (60 if n < 70 else 160) * MIB, True),  # does not come back from something
])  # fmt: skip
def test_memory_that_grows_is_found_and_bursts_are_not(memory, found):
    assert bool(flatness.judge_processes(counts(memory), "worker 1", [])) == found


@pytest.mark.parametrize(("memory", "found"), [
    (lambda n: (60 if n % 10 else 8) * MIB, False),  # a new life now and then ...
    (lambda n: (60 if n > 60 or n % 3 == 0 else 8) * MIB, False),  # ... or, at first, most of the time
    (lambda n: (60 + 2 * n if n % 10 else 8) * MIB, True),
])  # fmt: skip
def test_what_replaced_processes_hold_may_not_grow_from_life_to_life(memory, found):
    assert bool(flatness.judge_processes(counts(memory, "worker 2"), "worker 1", [["worker 2"]])) == found


def test_a_process_that_was_never_counted_is_a_finding():
    assert flatness.judge_processes(counts(lambda n: MIB), "worker 1", [["worker 2"]])


@pytest.mark.parametrize(("left_behind", "begun_in_the_calm", "found"), [
    (40, set(), False),
    (400, set(), True),  # more than ten faults explain
    (40, {"an-upload"}, True),  # no fault explains it
])  # fmt: skip
def test_uploads_are_left_behind_by_faults_only_and_not_without_bound(left_behind, begun_in_the_calm, found):
    assert bool(flatness.judge_uploads(left_behind, 10, begun_in_the_calm)) == found


def shown(at_s):
    return Shown("e", 1, datetime.datetime.fromtimestamp(at_s, datetime.UTC))


def test_recovery_is_told_by_the_slowest_partition_and_by_records_younger_than_the_kill():
    kill = Struck("worker SIGKILL", "worker 2", 100.0, 101.0, ends={("t", 0): 10, ("t", 1): 20})
    contents = {"old": {("t", 0): [8, 9]}, "a": {("t", 0): [10, 11], ("t", 1): [18, 19]}, "b": {("t", 1): [20]}}
    times = {"old": shown(99.0), "a": shown(103.0), "b": shown(107.5)}
    assert recovery.recovery_s(kill, recovery.landings(contents, times)) == 7.5
    del contents["b"]
    assert recovery.recovery_s(kill, recovery.landings(contents, times)) is None


class Dealt:
    """A fault that only says that it was dealt."""

    def __init__(self, kind, fails=False):
        self.kind, self.fails = kind, fails

    def strike(self, _rng):
        if self.fails:
            raise RuntimeError("it did not come back")
        return Struck(self.kind, "nothing", time.time(), time.time())


def deal(seed, faults, times):
    journal = Journal()
    lane = Lane("x", faults, 0.001, seed, journal)
    lane.start()
    assert wait_until(lambda: len(journal.struck) + len(journal.problems) >= times, 10)
    assert lane.end(10)
    lane.released.set()
    return journal


def test_a_lane_deals_every_kind_before_it_repeats_one_and_the_seed_fixes_the_order():
    faults = [Dealt(kind) for kind in "abcdef"]
    order = [struck.kind for struck in deal(3, faults, 12).struck[:12]]
    assert sorted(order[:6]) == sorted(order[6:]) == list("abcdef")
    assert order == [struck.kind for struck in deal(3, faults, 12).struck[:12]]
    assert order != [struck.kind for struck in deal(4, faults, 12).struck[:12]]


def test_a_fault_that_does_not_heal_is_a_problem():
    assert "did not come back" in deal(3, [Dealt("a", fails=True)], 1).problems[0]
