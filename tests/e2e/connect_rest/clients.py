"""How the tests of clients ask: every answer has a status that the client takes for success."""

import time

from .sides import passes


class Client:
    """A client's base URL and what it does with answers."""

    def __init__(self, side, accept="application/json"):
        self.side, self.headers = side, {"Accept": accept}

    def ask(self, method, path, body=None, expect=200, headers=None, **options):
        """Asks; returns the JSON of the answer, or nothing where it has no body."""
        headers = {**self.headers, **(headers or {})}
        deadline = time.monotonic() + 30
        while True:
            answer = self.side.request(method, path, body, headers=headers, **options)
            # All of them repeat what is answered with 409, kcctl for half a minute.
            if not passes(answer) or expect == 409 or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


def typed(value, **kinds):
    """Every named field is there and of that type: what a client with declared types needs."""
    for field, kind in kinds.items():
        assert field in value and isinstance(value[field], kind), f"{field} is no {kind}: {value}"
    return value
