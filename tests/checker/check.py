"""Compares a topic with what a bucket shows: nothing missing, nothing twice, nothing foreign, offsets never ahead.

From a shell:

    PYTHONPATH=tests python3 -m checker --bootstrap 127.0.0.1:9092 --topic bids --bucket lake \
        --endpoint http://127.0.0.1:9000 --dead-letters _landfall-dlq/bids/

Credentials come from the environment as for any AWS client. Exit code 0: all is well; 1: something is wrong.
"""

import bisect
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from . import objects
from .source import digest, respelt

_SHOWN_PER_KIND = 20


@dataclass
class Report:
    """`problems` is empty when every record of the source is in exactly one visible place."""

    source_records: int = 0
    data_records: int = 0
    dead_letters: int = 0
    data_objects: int = 0
    dead_letter_objects: int = 0
    by_reason: Counter = field(default_factory=Counter)
    problems: list = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    contents: dict = field(default_factory=dict)  # {key: {(topic, partition): sorted offsets}}
    letters: list = field(default_factory=list)

    def problem(self, kind, text):
        self.counts[kind] += 1
        if self.counts[kind] <= _SHOWN_PER_KIND:
            self.problems.append(f"{kind}: {text}")

    def assert_clean(self):
        assert not self.problems, f"{dict(self.counts)}\n" + "\n".join(self.problems)
        return self


def check(source, client, bucket, *, data_prefix="", dead_letters=None, ignore=("_landfall/",), samples=(),
          timeline=None, bad=None, elsewhere=frozenset(), identity=digest, row_identity=None):
    """Reads every object and compares.

    `dead_letters`: the prefix of the dead letters in S3, or None. `ignore`: prefixes that are the product's own.
    `bad`: where given, exactly the positions that must be set aside. `elsewhere`: positions set aside or skipped
    without an object in this bucket (a dead-letter topic, a declared skip).
    `samples`: of a Watch, each with its whole listing; `timeline`: of a long one, see timeline.py.
    `identity`: how a JSON line is told; `row_identity`: how a Parquet row is told.
    """
    report = Report(source_records=source.records)
    shown = objects.list_objects(client, bucket)
    taken = Counter(dict.fromkeys(elsewhere, 1))  # positions -> in how many places
    unclaimed = {mark: list(positions) for mark, positions in source.positions.items()}
    for key in sorted(shown):
        if key.startswith(tuple(ignore)):
            continue
        content = objects.fetch(client, bucket, key)
        if len(content) != shown[key].size:
            report.problem("size", f"{key} is listed with {shown[key].size} bytes and holds {len(content)}")
        try:
            if dead_letters is not None and key.startswith(dead_letters):
                _take_letters(report, source, key, content, taken)
            elif key.startswith(data_prefix):
                _take_data(report, source, key, content, taken, unclaimed, identity, row_identity)
            else:
                report.problem("foreign object", f"{key} is neither data nor a dead letter")
        except Exception as failure:  # noqa: BLE001 - an object that cannot be read is a finding
            report.problem("unreadable object", f"{key}: {failure!r}")
    _compare(report, source, taken, bad, elsewhere)
    if timeline is not None:
        samples = [*samples, timeline.last()]
        for kind, text in timeline.problems + timeline.committed_ahead(source, report.contents, elsewhere):
            report.problem(kind, text)
    _check_samples(report, source, shown, samples, elsewhere, ignore)
    return report


def _take_letters(report, source, key, content, taken):
    report.dead_letter_objects += 1
    held = defaultdict(list)
    for letter in objects.letters(key, content):
        report.dead_letters += 1
        report.by_reason[letter.reason] += 1
        report.letters.append(letter)
        taken[letter.position] += 1
        held[letter.position[:2]].append(letter.position[2])
        if letter.position in source.values and source.values[letter.position] != letter.value:
            report.problem("changed dead letter", f"{letter.position} in {key}: {letter.value!r:.200}")
    report.contents[key] = {partition: sorted(offsets) for partition, offsets in held.items()}


def _take_data(report, source, key, content, taken, unclaimed, identity, row_identity):
    report.data_objects += 1
    if key.endswith(".parquet"):
        marks = [row_identity(row) for row in objects.parquet_rows(content)]
    else:
        marks = [_mark(line, identity, source) for line in objects.lines(key, content)]
    report.data_records += len(marks)
    held = defaultdict(list)
    last = {}
    for mark in marks:
        places = source.positions.get(mark)
        if places is None:
            report.problem("foreign record", f"{key} holds a record that no topic has: {mark!r:.200}")
            continue
        if len(places) > 1:
            # Equal values in several places cannot be told apart: each landing takes the next one.
            left = unclaimed[mark]
            position = left.pop(0) if left else places[-1]
        else:
            position = places[0]
            partition = position[:2]
            if position[2] <= last.get(partition, -1):
                report.problem("order", f"{key}: {position} comes after offset {last[partition]}")
            last[partition] = position[2]
        taken[position] += 1
        held[position[:2]].append(position[2])
    report.contents[key] = {partition: sorted(offsets) for partition, offsets in held.items()}


def _mark(line, identity, source):
    """A line that no record has byte for byte may be one that came with raw newlines."""
    mark = identity(line)
    return mark if mark in source.positions else respelt(line) if respelt(line) in source.positions else mark


def _compare(report, source, taken, bad, elsewhere):
    letters = {letter.position for letter in report.letters} | set(elsewhere)
    for (topic, partition), offsets in source.offsets.items():
        for offset in sorted(offsets):
            times = taken.get((topic, partition, offset), 0)
            if times == 0:
                report.problem("missing", f"{topic}/{partition} offset {offset}")
            elif times > 1:
                report.problem("twice", f"{topic}/{partition} offset {offset} is in {times} places")
    for position in taken:
        if position[2] not in source.offsets.get(position[:2], ()):
            report.problem("foreign position", f"{position} is landed and no topic has it")
    if bad is None:
        return
    for position in sorted(bad - letters):
        report.problem("malformed and not set aside", f"{position}")
    for position in sorted(letters - bad):
        report.problem("set aside and not malformed", f"{position}")


def _check_samples(report, source, shown, samples, elsewhere, ignore):
    ordered = {partition: sorted(offsets) for partition, offsets in source.offsets.items()}
    for number, sample in enumerate(samples):
        for key, seen in sample.shown.items():
            if key.startswith(tuple(ignore)):
                continue
            if key not in shown:
                report.problem("vanished object", f"{key} was visible in sample {number}")
            elif shown[key] != seen:
                report.problem("changed object", f"{key} was {seen} and is {shown[key]}")
        for partition, committed in sample.committed.items():
            wanted = bisect.bisect_left(ordered.get(partition, ()), committed)
            held = (report.contents.get(key, {}).get(partition, ()) for key in sample.shown)
            visible = sum(bisect.bisect_left(offsets, committed) for offsets in held)
            visible += sum(1 for position in elsewhere if position[:2] == partition and position[2] < committed)
            if visible < wanted:
                report.problem(
                    "committed ahead",
                    f"sample {number}: {partition} is committed up to {committed}, {wanted} records lie below, "
                    f"{visible} of them were visible",
                )
