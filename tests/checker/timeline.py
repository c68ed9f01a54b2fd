"""What a long watch keeps: when each object was first seen, not every listing.

A `Timeline` takes samples like a list does. A listing that lost or changed an object is told at once; for the committed
offsets it is enough to know in which sample an object was first seen, since what is visible only grows: a commit of
sample n is ahead when a record below it lies in an object that was first seen after sample n.
"""

import bisect
import math
from itertools import accumulate

from .watch import Sample

_SHOWN_PER_KIND = 20


class Timeline:
    """`ignore`: prefixes that are not looked at. `samples` counts; `shown` is {key: Shown} of all objects, `committed`
    {partition: offset} as of the last sample; `problems` are (kind, text) found while watching.
    """

    def __init__(self, ignore=()):
        self.ignore = tuple(ignore)
        self.samples = 0
        self.shown = {}
        self.committed = {}
        self.problems = []
        self._vanished = set()
        self._first = {}  # {key: number of the sample that showed it first}
        self._commits = {}  # {partition: [(number of the sample, offset)]}, where they moved

    def append(self, sample):
        shown = {key: seen for key, seen in sample.shown.items() if not key.startswith(self.ignore)}
        for key, seen in self.shown.items():
            now = shown.get(key)
            if now is None and key not in self._vanished:
                self._vanished.add(key)
                self._tell("vanished object", f"{key} is not listed in sample {self.samples}")
            elif now is not None and now != seen:
                self._tell("changed object", f"{key} was {seen} and is {now} in sample {self.samples}")
        for key in shown.keys() - self.shown.keys():
            self._first[key] = self.samples
        self.shown |= shown
        self.committed |= sample.committed
        for partition, committed in sample.committed.items():
            moves = self._commits.setdefault(partition, [])
            if not moves or moves[-1][1] != committed:
                moves.append((self.samples, committed))
        self.samples += 1

    def last(self):
        """All that was seen, as one sample: what it shows must still be there at the end."""
        return Sample({}, self.shown)

    def committed_ahead(self, source, contents, elsewhere=frozenset()):
        """(kind, text) for each commit that was ahead of what was visible.

        `contents`: {key: {partition: offsets}}; `elsewhere`: positions that need no object.
        """
        held = {}
        for key, partitions in contents.items():
            for partition, offsets in partitions.items():
                seen_in = held.setdefault(partition, {})
                for offset in offsets:
                    seen_in[offset] = min(self._first.get(key, math.inf), seen_in.get(offset, math.inf))
        found = []
        for partition, moves in sorted(self._commits.items()):
            offsets = sorted(at for at in source.offsets.get(partition, ()) if (*partition, at) not in elsewhere)
            first = [held.get(partition, {}).get(offset, math.inf) for offset in offsets]
            # The sample in which everything up to an offset was visible.
            all_visible = list(accumulate(first, max))
            for number, committed in moves:
                below = bisect.bisect_left(offsets, committed)
                if below and all_visible[below - 1] > number:
                    offset = next(at for at, seen in zip(offsets, first) if seen > number)
                    text = f"sample {number}: {partition} is committed up to {committed}, offset {offset} was not visible"
                    found.append(("committed ahead", text))
        return found

    def _tell(self, kind, text):
        if sum(1 for known, _ in self.problems if known == kind) < _SHOWN_PER_KIND:
            self.problems.append((kind, text))
