"""Asks both servers every request, side by side, and tells what differs."""

from concurrent.futures import ThreadPoolExecutor

import requests

from .answers import compare
from .differences import DIFFERENCES, EVERYWHERE
from .steps import STEPS


def ask_all(sides, steps=STEPS):
    """[(step, Connect's answer, Landfall's answer)]; the two servers are asked at the same time."""
    with ThreadPoolExecutor(len(sides)) as threads:
        asked = [threads.submit(_ask, side, steps) for side in sides]
        return list(zip(steps, *(answers.result() for answers in asked), strict=True))


def _ask(side, steps):
    seen = []
    for step in steps:
        try:
            seen.append(step.ask(side))
        except (AssertionError, requests.RequestException) as failed:
            # A later request may still be right; the comparison shows this one.
            seen.append({"failed": str(failed)})
    return seen


def complaints(asked, wanted=DIFFERENCES):
    """A line for each difference that is not wanted, each wanted one that did not occur, each check that failed."""
    told, by_step = [], {(entry.endpoint, entry.what): entry for entry in wanted}
    unused = dict(by_step)
    for step, there, here in asked:
        key = (step.endpoint, step.what)
        told += [f"{key}: {answer['failed']}" for answer in (there, here) if "failed" in answer]
        if "failed" in there or "failed" in here:
            continue
        unused.pop(key, None)
        allowed = by_step[key].places if key in by_step else {}
        found = compare(there, here)
        found = {place: pair for place, pair in found.items() if place in allowed or EVERYWHERE.get(place) != pair}
        told += [f"{key}: {place}: Connect {there}, Landfall {here}"
                 for place, (there, here) in found.items() if allowed.get(place) != (there, here)]  # fmt: skip
        told += [f"{key}: {place} does not differ so any more" for place in allowed if place not in found]
    return told + [f"{key}: no such request differs" for key in unused]
