"""PyPI's kafka-connect-py: the real command line, every command. Its source is in the Python environment."""

import contextlib
import io
import json

from kafka_connect.cli import cli


def run(side):
    """info, create, list, get, config, status, tasks, pause, resume, restart, update, topics, plugins, delete."""
    name = side.name("py")
    kc = Cli(side.url)
    assert set(kc.json("info")) == {"version", "commit", "kafka_cluster_id"}
    assert side.plugin in [plugin["class"] for plugin in kc.json("list-plugins")]

    created = kc.json("create", "--config-data", json.dumps({"name": name, "config": side.config("py")}))
    assert (created["name"], created["type"]) == (name, "sink")
    side.until_state(name, "RUNNING", tasks=1)
    assert name in kc.json("list") and name in kc.json("list", "--expand", "info", "--pattern", name)
    assert name in kc.json("list", "--state", "RUNNING") and name not in kc.json("list", "--state", "PAUSED")
    assert kc.json("get", name)["config"] == kc.json("config", name) == {"name": name, **side.config("py")}
    assert kc.json("status", name)["connector"]["state"] == "RUNNING"
    assert [task["id"] for task in kc.json("list-tasks", name)] == [{"connector": name, "task": 0}]
    assert kc.json("task-status", name, "0")["state"] == "RUNNING"

    assert kc("pause", name) == ""
    side.until_state(name, "PAUSED", tasks=1)
    assert kc("resume", "--all", "--pattern", name, "--state", "PAUSED") == ""
    side.until_state(name, "RUNNING", tasks=1)
    assert kc.json("restart", name)["name"] == name
    assert kc.json("restart", name, "--include-tasks")["name"] == name
    side.until_state(name, "RUNNING", tasks=1)
    assert kc.json("restart-task", name, "0") is None

    changed = side.config("py", **{"errors.tolerance": "all"})
    assert kc.json("update", name, "--config-data", json.dumps(changed))["config"] == {"name": name, **changed}
    assert list(kc.json("list-topics", name)) == [name]
    assert "404" in kc("status", "no-such-connector") and "409" in kc("create", "--config-data", json.dumps(
        {"name": name, "config": changed}))  # fmt: skip

    assert kc("delete", name) == ""
    assert name not in kc.json("list")


class Cli:
    """The command `kafka-connect` with its own handling of errors, in this process: a start takes it a second."""

    def __init__(self, url):
        self.url = url

    def __call__(self, *words):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            cli(["--url", self.url, *words], standalone_mode=False)
        assert "Oops" not in printed.getvalue(), f"{words}: {printed.getvalue()}"
        return printed.getvalue().strip()

    def json(self, *words):
        text = self(*words)
        try:
            return json.loads(text)
        except ValueError:
            raise AssertionError(f"{words} printed no JSON: {text}") from None
