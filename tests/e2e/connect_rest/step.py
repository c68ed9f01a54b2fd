"""One request of the comparison, and how it is asked."""

import dataclasses
import re
import time
from collections.abc import Callable

from . import answers
from .sides import Config, passes


@dataclasses.dataclass(frozen=True)
class Step:
    """A request with its name. In paths and bodies `{stem}` stands for the side's name of that connector.

    `body` is JSON, where a Config stands for the side's own config with changes; `raw` is sent as it is, as JSON.
    Clients repeat what is answered with 409, for half a minute as kcctl does; so does a step, unless it `conflicts`.
    `before(side)` waits for what the request presupposes; `after(side, answer)` checks values beyond the shape.
    """

    what: str
    method: str
    path: str
    body: object = None
    raw: str | None = None
    headers: dict | None = None
    before: Callable | None = None
    after: Callable | None = None
    conflicts: bool = False

    @property
    def endpoint(self):
        """The endpoint as Kafka's documentation writes it."""
        path = re.sub(r"/connectors/[^/?]*[{%][^/?]*", "/connectors/{name}", self.path.split("?")[0])
        path = re.sub(r"/connector-plugins/[^/?]+", "/connector-plugins/{plugin}", path)
        path = re.sub(r"/tasks/[^/]+", "/tasks/{task}", path)
        path = re.sub(r"/admin/loggers/[^/]+", "/admin/loggers/{logger}", path)
        return f"{self.method} {path.rstrip('/') or '/'}"

    def ask(self, side):
        """Asks the side; returns what clients see of the answer."""
        if self.before is not None:
            self.before(side)
        options = {"headers": dict(self.headers or {})}
        if self.raw is not None:
            options["headers"].setdefault("Content-Type", "application/json")
            options["data"] = self.raw
        body = None if self.body is None else resolve(side, self.body)
        deadline = time.monotonic() + 30
        while True:
            answer = side.request(self.method, resolve(side, self.path), body, **options)
            if not passes(answer) or self.conflicts or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        if self.after is not None:
            self.after(side, answer)
        return answers.seen(side, answer)


def resolve(side, value):
    """The value with the side's own names and configs."""
    if isinstance(value, Config):
        changes = {key: resolve(side, item) for key, item in value.items()}
        return side.config(changes.pop("stem", "any"), **changes)
    if isinstance(value, dict):
        return {key: resolve(side, item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(side, item) for item in value]
    if isinstance(value, str):
        known = {"topic": side.topic, "plugin": side.plugin, "short": side.plugin.rsplit(".", 1)[1]}
        return re.sub(r"\{([a-z-]+)\}", lambda found: known.get(found[1]) or side.name(found[1]), value)
    return value


def state(stem, wanted, tasks=None):
    """For `before`: waits until the connector is in the state, with so many tasks in it."""
    return lambda side: side.until_state(side.name(stem), wanted, tasks)


def never_resumed(stem):
    """For `before`: it is paused, and was not running before."""
    return lambda side: side.until_state(side.name(stem), "PAUSED", side.tasks_before_resume)


def exactly(make):
    """For `after`: the answer is exactly the JSON that `make(side)` returns."""

    def check(side, answer):
        assert answer.json() == make(side), f"{side.label}: {answer.text}"

    return check
