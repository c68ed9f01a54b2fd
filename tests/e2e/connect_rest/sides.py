"""The two servers: a real Kafka Connect worker and Landfall, and what differs between them by design."""

import pathlib
import time

import requests

TIMEOUT_S = 100  # Connect itself gives up after 90
REMOVED = object()  # in Config: the key is left out


def passes(answer):
    """Whether the same request may work soon. While tasks move, Connect says 409, and from some paths 500."""
    return answer.status_code == 409 or (answer.status_code == 500 and "rebalance" in answer.text)


class Config(dict):
    """A connector's config: the side's own, with these keys changed."""


class Side:
    """One server. Names differ from side to side, as both read the same topics with the group `connect-<name>`."""

    label = ""
    # Of a connector that was created paused, or paused when it was stopped.
    tasks_before_resume = 0

    def __init__(self, url, topic, run):
        self.url, self.topic, self.run = url, topic, run

    def name(self, stem):
        return f"{self.label}-{stem}-{self.run}"

    def config(self, stem, **changes):
        """A valid config for the connector `stem`, which the server also reads back as it was written."""
        config = {**self._config(stem), "topics": self.topic, "tasks.max": "1"} | changes
        return {key: value for key, value in config.items() if value is not REMOVED}

    def request(self, method, path, body=None, **options):
        if body is not None:
            options["json"] = body
        return requests.request(method, self.url + path, timeout=TIMEOUT_S, **options)

    def get(self, path):
        answer = self.request("GET", path)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def until(self, path, condition, what, timeout_s=60):
        """Asks for `path` until `condition(JSON)` holds; returns that JSON. 404 passes: Connect settles."""
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self.request("GET", path)
            if answer.status_code == 200 and condition(answer.json()):
                return answer.json()
            assert answer.status_code in (200, 404) or passes(answer), f"GET {path}: {answer.status_code} {answer.text}"
            assert time.monotonic() < deadline, f"{self.label}: not within {timeout_s} s: {what}; last: {answer.text}"
            time.sleep(0.2)

    def until_state(self, name, state, tasks=None):
        """Waits for the connector's state, and for so many tasks in the same state where `tasks` is given."""

        def reached(status):
            states = [task["state"] for task in status["tasks"]]
            return status["connector"]["state"] == state and (tasks is None or states == [state] * tasks)

        return self.until(f"/connectors/{name}/status", reached, f"{name} is {state}, tasks: {tasks}")

    def create(self, stem, **changes):
        """Creates a connector and waits until it runs; returns its name."""
        name = self.name(stem)
        answer = self.request("POST", "/connectors", {"name": name, "config": self.config(stem, **changes)})
        assert answer.status_code == 201, answer.text
        self.until_state(name, "RUNNING", tasks=1)
        return name


class RealConnect(Side):
    """Kafka Connect 4.3.1 with its file sink."""

    label = "connect"
    plugin = "org.apache.kafka.connect.file.FileStreamSinkConnector"

    def __init__(self, connect, topic, run):
        super().__init__(connect.url, topic, run)
        self.folder = pathlib.Path(connect.folder)

    def _config(self, stem):
        return {
            "connector.class": self.plugin,
            "file": str(self.folder / stem),
            "value.converter": "org.apache.kafka.connect.storage.StringConverter",
        }


class Landfall(Side):
    """Landfall, with a config as Confluent's S3 sink takes it."""

    label = "landfall"
    plugin = "io.confluent.connect.s3.S3SinkConnector"
    tasks_before_resume = 1  # a paused job is in its group

    def __init__(self, fleet, topic, run):
        super().__init__(fleet.url, topic, run)
        self.bucket, self.region = fleet.bucket, fleet.s3.region

    def _config(self, stem):
        return {
            "connector.class": self.plugin,
            "s3.bucket.name": self.bucket,
            "s3.region": self.region,
            "topics.dir": stem,
            "flush.size": "1000",
            "rotate.schedule.interval.ms": "1000",
            "timezone": "UTC",
            "storage.class": "io.confluent.connect.s3.storage.S3Storage",
            "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "false",
        }
