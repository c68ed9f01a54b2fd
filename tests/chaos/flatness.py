"""Whether what is held stays bounded: pure, from counts to a verdict.

Memory and handles. The first fifth of the run is warm-up and left out; of the rest, the second half is compared with the
first. For the worker that lives as long as the run it is the medians that are compared: a median does not see bursts (a
storm fills buffers, and they empty again), while whatever grows with the run's length grows in it. Places whose processes
are replaced all the time hold little while a new one starts, so that a median tells how often they were struck; for all of
one kind together it is the ninth decile. A quarter and a fixed slack on top are what processes differ by from one life to
the next. The rule knows no clock: an hour shows a leak that two minutes cannot, and passes no other judgement.

Uploads. A process that is killed leaves the uploads of its open files behind for the bucket's lifecycle rule, and so does
a CreateMultipartUpload whose answer is lost: how many depends on what it had in hand. So they are bounded by the faults,
and those that were begun while nothing was struck must all be gone once everything has landed: not one may be left.
"""

from statistics import median, quantiles

WARM_UP = 0.2
MEMORY_SLACK_BYTES = 24 << 20
HANDLES_SLACK = 64  # the connections of a burst of requests
UPLOADS_SLACK = 12
UPLOADS_PER_FAULT = 16


def halves(counts):
    """The counts of both halves of the run after the warm-up, by time."""
    if not counts:
        return [], []
    first, last = counts[0].at_s, counts[-1].at_s
    begin = first + WARM_UP * (last - first)
    middle = (begin + last) / 2
    return [c for c in counts if begin <= c.at_s < middle], [c for c in counts if c.at_s >= middle]


def ninth_decile(values):
    return quantiles(values, n=10, method="inclusive")[-1]


def growth(before, after, slack, measure):
    """None, or in words how the measure of two lists of numbers grew. Too short a list is a finding too."""
    if len(before) < 2 or len(after) < 2:
        return f"counted {len(before)} and {len(after)} times: too few to tell"
    was, is_now = measure(before), measure(after)
    return f"grew from {was:.0f} to {is_now:.0f}" if is_now > 1.25 * was + slack else None


def judge_processes(counts, lasting, replaced):
    """`lasting`: a place whose process lives as long as the run; `replaced`: lists of places. A list of problems."""
    before, after = halves(counts)
    found = []
    for slots, measure in [([lasting], median), *((slots, ninth_decile) for slots in replaced)]:
        for what, at, slack in [("resident bytes", 1, MEMORY_SLACK_BYTES), ("open handles", 2, HANDLES_SLACK)]:
            values = [[c.held[slot][at] for c in half for slot in slots if slot in c.held] for half in (before, after)]
            grown = growth(*values, slack, measure)
            if grown:
                found.append(f"{', '.join(slots)}: {what} {grown}")
    return found


def judge_uploads(left_behind, faults, begun_in_the_calm):
    """`left_behind`: open in the end, after `faults` that leave uploads; a list of problems."""
    found = []
    most = UPLOADS_PER_FAULT * faults + UPLOADS_SLACK
    if left_behind > most:
        found.append(f"{left_behind} leftover uploads from {faults} faults: more than what a worker has in hand at once each")
    if begun_in_the_calm:
        found.append(f"{len(begun_in_the_calm)} uploads were begun in the calm and left open: {sorted(begun_in_the_calm)[:3]}")
    return found
