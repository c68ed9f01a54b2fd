"""How long it takes from the SIGKILL of a worker until its partitions land again: pure, from what the bucket shows.

Measured for every partition of the job, not only for those of the killed worker (which ones these were only the product
could say): the time until an object is visible that holds a record which Kafka did not have yet at the moment of the kill.
The slowest partition counts. So it holds the session time-out, the rebalance, the recovery from the log, the whole age of
a file and its completion.
"""

import bisect
from statistics import median


def landings(contents, shown):
    """{partition: [(time the object became visible, its highest offset)], by time}."""
    found = {}
    for key in contents.keys() & shown.keys():
        for partition, offsets in contents[key].items():
            found.setdefault(partition, []).append((shown[key].modified.timestamp(), offsets[-1]))
    return {partition: sorted(landed) for partition, landed in found.items()}


def recovery_s(kill, landed):
    """Seconds until every partition landed a record that is younger than the kill; None where one never did."""
    slowest = 0.0
    for partition, end in kill.ends.items():
        times = landed.get(partition, [])
        after = bisect.bisect_left(times, (kill.at_s,))
        # `end` is exclusive: the first offset that was not there yet.
        at_s = next((at_s for at_s, highest in times[after:] if highest >= end), None)
        if at_s is None:
            return None
        slowest = max(slowest, at_s - kill.at_s)
    return slowest


def summary(seconds):
    """Minimum, median and maximum, for people."""
    if not seconds:
        return "none measured"
    return f"min {min(seconds):.1f} s, median {median(seconds):.1f} s, max {max(seconds):.1f} s of {len(seconds)}"
