"""Tasks as containers: podman's socket, which the emulator's ECS uses as Docker's, and what is seen through it.

The image, its storage and podman's settings are those of tests/image.sh. Everything in that storage is ours.
"""

import json
import os
import subprocess
import time

from parts import layout
from parts.process import PartFailed, Server

WORK = layout.ROOT / "target" / "image"
IMAGE = "localhost/landfall:latest"
_NAMED = "ministack-ecs-"


class Containers:
    """A context manager. The interface is that of agent.Agent."""

    def __init__(self, folder, api_port, services, tell):
        self.socket = folder / "podman.sock"
        self.tell = tell
        self.ports = {service: api_port for service in services}
        self.problems = []
        self.processes = {}
        self.env = {"CONTAINERS_CONF": WORK / "containers.conf", "CONTAINERS_STORAGE_CONF": WORK / "storage.conf"}

    def __enter__(self):
        if self._podman("image", "exists", IMAGE).returncode != 0:
            raise PartFailed(f"there is no image {IMAGE} in {WORK}/storage; `just image` makes it")
        self._remove()
        self.since = str(int(time.time()))
        self.server = Server("podman", ["podman", "system", "service", "-t", "0", self.docker_host], self.env).start()
        self.server.wait_until(self.socket.exists, 30)
        return self

    def __exit__(self, *_exc):
        self._remove()
        self.server.stop()

    @property
    def docker_host(self):
        return f"unix://{self.socket}"

    def count(self, command):
        """How many containers run `landfall COMMAND` now."""
        shown = self._podman("ps", "--filter", f"name={_NAMED}", "--format", "json").stdout
        return sum(1 for one in json.loads(shown or "[]") if (one.get("Command") or [""])[0] == command)

    @property
    def exit_codes(self):
        """Of every worker and API that ended, as podman heard it."""
        words = (
            "events",
            "--stream=false",
            "--since",
            self.since,
            "--filter",
            "event=died",
            "--format",
            "{{.ContainerExitCode}}",
        )
        return [int(line) for line in self._podman(*words).stdout.split() if line.isdigit()]

    def _remove(self):
        """What a run leaves, or one that was cut off has left."""
        left = self._podman("ps", "--all", "--quiet", "--filter", f"name={_NAMED}").stdout.split()
        if left:
            self._podman("rm", "--force", "--volumes", "--time", "5", *left)

    def _podman(self, *words):
        env = {**os.environ, **{key: str(value) for key, value in self.env.items()}}
        return subprocess.run(["podman", *words], env=env, capture_output=True, text=True, check=False, timeout=120)
