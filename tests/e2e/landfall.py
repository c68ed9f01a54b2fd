"""Drives the built `landfall` binary as its users do: a configuration file, processes, HTTP, signals, exit codes."""

import copy
import json
import os
import pathlib
import re
import subprocess
import time

import requests
import yaml
from parts import layout
from parts.process import PartFailed, Server, data_folder, free_port, remove_folder

BINARY = pathlib.Path(os.environ.get("LANDFALL_BIN", layout.ROOT / "target" / "debug" / "landfall"))
READY_TIMEOUT_S = 30
# Small and quick, so that a test sees many files within seconds.
QUICK_ROTATION = {"bytes": "1MiB", "age": "2s", "idle": "1s"}


class Fleet:
    """One installation: configuration, API, workers. A context manager that stops every process it started."""

    def __init__(self, kafka, s3, bucket, *, endpoint=None, properties=None, config=None):
        self.folder = data_folder("fleet")
        self.s3, self.bucket = s3, bucket
        self.api_port = free_port()
        self.servers = []
        self.token = None
        self.config = {
            "api": {"listen": f"127.0.0.1:{self.api_port}", "auth": {"mode": "none"}},
            "worker": {"memory": "512MiB", "listen": f"127.0.0.1:{free_port()}"},
            "state": {"bucket": bucket, "prefix": "_landfall/"},
            "s3": {"region": s3.region, "endpoint": endpoint or s3.endpoint, "force_path_style": True},
            "clusters": {
                "main": {
                    "bootstrap_servers": kafka.bootstrap,
                    "properties": {
                        "session.timeout.ms": "6000",
                        "topic.metadata.refresh.interval.ms": "2000",
                        **kafka.client_properties,
                        **(properties or {}),
                    },
                }
            },
        }
        merge(self.config, config or {})
        self.config_path = self.write_config("fleet.yaml", self.config)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        for server in self.servers:
            server.stop()
        remove_folder(self.folder)

    # processes

    def write_config(self, name, config):
        path = self.folder / name
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return path

    def env(self, **more):
        return {
            "AWS_ACCESS_KEY_ID": self.s3.access_key,
            "AWS_SECRET_ACCESS_KEY": self.s3.secret_key,
            "AWS_EC2_METADATA_DISABLED": "true",
            "LANDFALL_API": self.url,
            "NO_COLOR": "1",
            **more,
        }

    def configure(self, **changes):
        """Folds changes into the configuration of what is started from here on."""
        merge(self.config, changes)
        self.config_path = self.write_config("fleet.yaml", self.config)

    def start(self, command, *words, wait=True, port=None, **env):
        """Starts `landfall COMMAND --config F WORDS`; waits for its /readyz."""
        if not BINARY.exists():
            raise PartFailed(f"{BINARY} does not exist; build it: cargo build --workspace")
        server = Server(f"landfall-{command}", [BINARY, command, "--config", self.config_path, *words], self.env(**env))
        self.servers.append(server.start())
        server.port = port or self.api_port
        if wait:
            server.wait_until(lambda: answers(f"http://127.0.0.1:{server.port}/readyz"), READY_TIMEOUT_S)
        return server

    def run(self, **options):
        """API and one worker in one process."""
        return self.start("run", **options)

    def api(self, **options):
        return self.start("api", **options)

    def worker(self, **options):
        port = free_port()
        return self.start("worker", port=port, LANDFALL_WORKER__LISTEN=f"127.0.0.1:{port}", **options)

    def command(self, *words, timeout_s=120, stdin=None, **env):
        """Runs a one-off command; returns the finished process with its text."""
        return subprocess.run(
            [str(BINARY), *(str(word) for word in words)],
            env={name: value for name, value in {**os.environ, **self.env(**env)}.items() if value is not None}, input=stdin, capture_output=True, text=True, check=False,
            timeout=timeout_s, cwd=self.folder,
        )  # fmt: skip

    def audit(self, name):
        """`landfall audit`: its exit code is 0 when the bucket is complete."""
        return self.command("audit", name, "--config", self.config_path)

    # HTTP

    @property
    def url(self):
        return f"http://127.0.0.1:{self.api_port}"

    def request(self, method, path, **options):
        headers = {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **options.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=30, **options)

    def create(self, job):
        answer = self.request("POST", "/v1/jobs", json=job)
        assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
        return answer

    def action(self, name, verb):
        answer = self.request("POST", f"/v1/jobs/{name}/{verb}")
        assert answer.ok, f"{verb} {name}: {answer.status_code} {answer.text}"
        return answer

    def status(self, name):
        answer = self.request("GET", f"/v1/jobs/{name}/status")
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        return answer.json()

    def wait(self, name, condition, what, timeout_s=90):
        """Polls the status until `condition(status)` is true; returns that status."""
        deadline = time.monotonic() + timeout_s
        status = None
        while time.monotonic() < deadline:
            try:
                status = self.status(name)
                if condition(status):
                    return status
                if status["failed"] and what != "failed":
                    break  # it stopped itself: it will not get there
            except requests.RequestException:
                pass  # the API may be restarting
            time.sleep(0.3)
        told = json.dumps(status)
        logs = "\n".join(server.tail(6) for server in self.servers)
        raise AssertionError(f"{name} was not {what} within {timeout_s} s; its status:\n{told:.4000}\n{logs}")

    def wait_drained(self, name, records=None, timeout_s=90):
        """Until nothing consumed is unlanded and lag is 0; with `records`, until so many offsets are accounted for.

        A count is needed where the job may not have seen the topic's new end: drained is said of what it knows.
        """

        def drained(status):
            return status["drained"] and (records is None or landed(status) >= records)

        return self.wait(name, drained, "drained", timeout_s)

    def wait_state(self, name, state, timeout_s=60):
        return self.wait(name, lambda status: status["state"] == state, state, timeout_s)


def landed(status):
    """The sum of the landed offsets: records accounted for where every partition starts at 0."""
    return sum(at["landed_offset"] or 0 for at in status["partitions"])


def until(condition, what, timeout_s=90):
    """Waits until `condition()` is true; returns how many seconds that took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() < started + timeout_s, f"not within {timeout_s} s: {what}"
        time.sleep(0.1)
    return time.monotonic() - started


def keys_under(s3, bucket, prefix):
    pages = s3.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [found["Key"] for page in pages for found in page.get("Contents", [])]


def entry_keys(s3, bucket):
    """The keys of all log entries in the state of a fleet, in order."""
    return [key for key in keys_under(s3, bucket, "_landfall/") if re.search(r"/log/\d+/\d+\.json$", key)]


def job(name, topics, bucket, **changes):
    """A job document with quick rotation; `changes` are merged in: job(..., sink={"format": "parquet"})."""
    document = {
        "name": name,
        "source": {"cluster": "main", "topics": topics if isinstance(topics, list) else [topics]},
        "sink": {"bucket": bucket, "key": "data/{topic}+{partition}+{first_offset}-{unique}.{ext}",
                 "rotate": dict(QUICK_ROTATION)},
    }  # fmt: skip
    merge(document, copy.deepcopy(changes))
    return document


def merge(into, changes):
    """Folds nested mappings into one another; None removes."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        elif value is None:
            into.pop(key, None)
        else:
            into[key] = value


def answers(url):
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False
