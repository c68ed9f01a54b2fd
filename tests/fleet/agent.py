"""Plays the agent of ECS where there are no containers: each task of the emulator is a process of the binary here.

A task is told what its definition says: command, variables, secrets, and the address that tells it its ARN. What is not
the definition's, as two processes of one machine cannot have the same: ports, scratch, the empty configuration. SIGTERM
ends it as ECS would; its exit code is looked at.
"""

import contextlib
import http.server
import json
import threading
import time

from parts.process import Server, free_port

_STOP_TIMEOUT_S = 60


class Agent:
    """A context manager; runs what the services of a cluster want, from a thread."""

    docker_host = None

    def __init__(self, run, services, folder):
        self.run, self.services, self.folder = run, services, folder
        self.tell = run.timeline.tell
        self.processes = {}  # task ARN -> Server
        self.stopping = {}  # task ARN -> (Server, when it is killed)
        self.ports = {}  # service -> port of its last task
        self.exit_codes = []
        self.problems = []
        self._ended = threading.Event()

    def __enter__(self):
        self.ecs, self.secrets = self.run.emulator.client("ecs"), self.run.emulator.client("secretsmanager")
        self.cluster = self.run.cluster
        (self.folder / "empty.yaml").write_text("{}\n", encoding="utf-8")
        self.metadata = _Metadata()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_exc):
        self._ended.set()
        self._thread.join(timeout=30)
        for server in [*self.processes.values(), *(server for server, _ in self.stopping.values())]:
            server.stop()
        self.metadata.close()

    def count(self, command):
        """How many processes run `landfall COMMAND` now."""
        return sum(1 for _, server in self._all() if server.command[1] == command and server.is_running())

    def _all(self):
        return [*self.processes.items(), *((arn, server) for arn, (server, _) in list(self.stopping.items()))]

    def _loop(self):
        while not self._ended.wait(0.5):
            try:
                self._turn()
            except Exception as failure:  # noqa: BLE001 - nobody else would hear of it
                self.problems.append(repr(failure))

    def _turn(self):
        wanted = {}
        for service in self.services:
            arns = self.ecs.list_tasks(cluster=self.cluster, serviceName=service, desiredStatus="RUNNING")["taskArns"]
            if arns:
                tasks = self.ecs.describe_tasks(cluster=self.cluster, tasks=arns)["tasks"]
                wanted |= {task["taskArn"]: (service, task) for task in tasks if task["lastStatus"] == "RUNNING"}
        for arn in set(self.processes) - set(wanted):
            server = self.processes.pop(arn)
            self.stopping[arn] = (server, time.monotonic() + _STOP_TIMEOUT_S)
            server.process.terminate()
            self.tell(f"SIGTERM to {_short(arn)} of {server.service}")
        for arn in set(wanted) - set(self.processes):
            self.processes[arn] = self._start(arn, *wanted[arn])
        self._look_after()

    def _look_after(self):
        for arn, (server, deadline) in list(self.stopping.items()):
            if not server.is_running():
                del self.stopping[arn]
                self.exit_codes.append(server.process.returncode)
                self.tell(f"{_short(arn)} of {server.service} ended with code {server.process.returncode}")
            elif time.monotonic() > deadline:
                self.problems.append(f"{arn} did not end within {_STOP_TIMEOUT_S} s of SIGTERM; {server.tail()}")
                server.kill()
        for arn, server in self.processes.items():
            if not server.is_running() and not server.mourned:
                server.mourned = True
                self.problems.append(f"{arn} ended by itself with {server.process.returncode}; {server.tail()}")

    def _start(self, arn, service, task):
        definition = self.ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"]
        (container,) = definition["containerDefinitions"]
        scratch = self.folder / f"scratch-{_short(arn)}"
        scratch.mkdir()
        port = free_port()
        listen = f"127.0.0.1:{port}"
        env = {item["name"]: item["value"] for item in container.get("environment", [])}
        env |= {item["name"]: self._secret(item["valueFrom"]) for item in container.get("secrets", [])}
        env |= {"LANDFALL_CONFIG": self.folder / "empty.yaml", "ECS_CONTAINER_METADATA_URI_V4": self.metadata.of(arn)}
        env |= self.run.credentials(definition.get("taskRoleArn", ""))
        if container["command"][0] == "worker":
            env |= {"LANDFALL_WORKER__LISTEN": listen, "LANDFALL_WORKER__SCRATCH__DIR": scratch}
        else:
            env |= {"LANDFALL_API__LISTEN": listen}
        server = Server(f"landfall-{service}", [self.run.binary, *container["command"]], env).start()
        server.service, server.mourned = service, False
        self.ports[service] = port
        self.tell(f"{_short(arn)} of {service} started")
        return server

    def _secret(self, value_from):
        """ARN:KEY:: of a task definition. The ARN has seven parts."""
        parts = value_from.split(":")
        text = self.secrets.get_secret_value(SecretId=":".join(parts[:7]))["SecretString"]
        return json.loads(text)[parts[7]] if len(parts) > 7 and parts[7] else text


class _Metadata:
    """Tells a task its ARN, at the address that ECS gives it."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), _Answer)
        self.server.arns = {}
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, arn):
        self.server.arns[_short(arn)] = arn
        return f"http://127.0.0.1:{self.server.server_address[1]}/v4/{_short(arn)}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        short = self.path.removeprefix("/v4/").split("/")[0]
        arn = self.server.arns.get(short)
        content = json.dumps({"TaskARN": arn, "AvailabilityZone": "us-east-1a"}).encode()
        with contextlib.suppress(OSError):
            self.send_response(200 if arn else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_arguments):
        """Quiet: the process says what it could not find."""


def _short(arn):
    return arn.rsplit("/", 1)[-1][:8]
