"""The timeline on data made by hand: it must pass what is right and find a commit, a change and a loss."""

from types import SimpleNamespace

from checker import Timeline
from checker.objects import Shown
from checker.watch import Sample

AT = ("bids", 0)
A, B = Shown("a", 1), Shown("b", 2)
CONTENTS = {"a": {AT: [0, 1, 2]}, "b": {AT: [3, 5]}}
SOURCE = SimpleNamespace(offsets={AT: {0, 1, 2, 3, 5}})


def kinds(timeline, **options):
    return [kind for kind, _ in timeline.problems + timeline.committed_ahead(SOURCE, CONTENTS, **options)]


def timeline(*samples):
    taken = Timeline()
    for committed, shown in samples:
        taken.append(Sample(committed, shown))
    return taken


def test_commits_that_follow_what_is_visible_are_no_problem():
    assert kinds(timeline(({}, {}), ({AT: 3}, {"a": A}), ({AT: 6}, {"a": A, "b": B}))) == []


def test_a_commit_ahead_is_found_although_everything_is_visible_in_the_end():
    found = timeline(({AT: 4}, {"a": A}), ({AT: 4}, {"a": A, "b": B}))
    assert kinds(found) == ["committed ahead"]
    assert "offset 3 was not visible" in found.committed_ahead(SOURCE, CONTENTS)[0][1]


def test_a_commit_that_goes_back_and_forth_is_looked_at_each_time():
    assert kinds(timeline(({AT: 3}, {"a": A}), ({AT: 6}, {"a": A}), ({AT: 3}, {"a": A}))) == ["committed ahead"]


def test_an_object_that_no_sample_shows_is_not_taken_as_visible():
    assert kinds(timeline(({AT: 6}, {"a": A}))) == ["committed ahead"]


def test_a_position_that_lies_elsewhere_needs_no_object():
    assert kinds(timeline(({AT: 4}, {"a": A})), elsewhere={(*AT, 3)}) == []


def test_a_changed_and_a_vanished_object_are_found():
    assert kinds(timeline(({}, {"a": A}), ({}, {"a": B}))) == ["changed object"]
    assert kinds(timeline(({}, {"a": A}), ({}, {}), ({}, {}))) == ["vanished object"], "once for each object"


def test_what_is_ignored_may_come_and_go():
    taken = Timeline(ignore=("a",))
    for shown in ({"a": A, "b": B}, {"b": B}):
        taken.append(Sample({}, shown))
    assert taken.problems == [] and taken.shown == {"b": B}
