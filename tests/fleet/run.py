"""One run: the parts, the stack, a job with a backlog, and what became of it."""

import contextlib
import os
import pathlib
import subprocess
import time
from dataclasses import dataclass, field

import requests
from botocore.exceptions import ClientError
from checker import check, read_source
from confluent_kafka.admin import AdminClient, NewTopic
from e2e.events import numbered, produce
from parts import Kafka, layout
from parts.process import data_folder, free_port, remove_folder

from . import athena, calls, package, strip, synth
from .agent import Agent
from .containers import IMAGE, Containers
from .deploy import deploy
from .emulator import ACCOUNT, REGION, Emulator
from .recorder import Recorder
from .timeline import Timeline

BINARY = pathlib.Path(os.environ.get("LANDFALL_BIN", layout.ROOT / "target" / "debug" / "landfall"))
JOB, TOPIC, PARTITIONS = "bids", "bids", 6
WORKERS, API = "worker-shared", "api"
PROCESSES = ("worker", "api", "lag")


@dataclass
class Outcome:
    timeline: Timeline
    stripped: strip.Stripped
    records: int = 0
    report: object = None  # the checker's
    delivery: str = ""
    athena_rows: int = 0
    athena_ids: int = 0
    metric: list = field(default_factory=list)  # DesiredTasks as CloudWatch has it
    exit_codes: list = field(default_factory=list)
    compared: dict = field(default_factory=dict)  # process -> Compared
    calls: dict = field(default_factory=dict)  # process -> {Call: how often}
    denied: dict = field(default_factory=dict)
    requests: dict = field(default_factory=dict)
    unknown: list = field(default_factory=list)
    workers: list = field(default_factory=list)  # ids that the job's log names
    problems: list = field(default_factory=list)


class Run:
    """A context manager that has everything up; `go()` is the run itself."""

    def __init__(self, records=60_000, max_workers=3, containers=False, show=print, change=lambda template: None):
        self.records, self.max_workers, self.containers = records, max_workers, containers
        self.show, self.change = show, change
        # The emulator gives containers credentials of nobody, so that roles can only hold where tasks are processes.
        self.auth = not containers
        self.stack = contextlib.ExitStack()
        self.buckets = {}

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.folder = data_folder("fleet")
            stack.callback(remove_folder, self.folder)
            self.timeline = Timeline(self.show)
            self.kafka = stack.enter_context(Kafka(secure=True))
            self.tasks = self._tasks()
            if self.containers:
                stack.enter_context(self.tasks)
            self.emulator = Emulator(docker_host=self.tasks.docker_host, auth=self.auth)
            recorders = {name: Recorder(self.emulator.port, name, self.buckets) for name in PROCESSES}
            self.recorders = {name: stack.enter_context(recorder) for name, recorder in recorders.items()}
            self.emulator.functions_endpoint = self.recorders["lag"].endpoint
            stack.enter_context(self.emulator)
            self.timeline.tell("Kafka (SASL_SSL) and the emulator of AWS are up")
            self._deploy()
            if not self.containers:
                stack.enter_context(self.tasks)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_exc):
        self.stack.close()

    # the stack

    def _deploy(self):
        s3 = self.emulator.client("s3")
        s3.create_bucket(Bucket="assets")
        self.binary = package.stripped(BINARY, self.folder)
        s3.put_object(Bucket="assets", Key="lag.zip", Body=package.zip_of(self.binary))
        user = self.kafka.client_properties
        secret = self.emulator.client("secretsmanager").create_secret(
            Name="landfall/kafka",
            SecretString='{"username": "%s", "password": "%s"}' % (user["sasl.username"], user["sasl.password"]),
        )["ARN"]
        settings = synth.fleet_yaml(REGION, self.kafka, secret, self.max_workers)
        self.template = synth.synthesize(settings, self.folder)
        self.change(self.template)
        self.timeline.tell(f"the template is synthesized: {len(self.template['Resources'])} resources")
        (self.folder / "function.yaml").write_text("{}\n", encoding="utf-8")
        endpoints = {f"{name}_endpoint": recorder.endpoint for name, recorder in self.recorders.items()}
        place = strip.Place(
            **endpoints,
            zip_bucket="assets",
            zip_key="lag.zip",
            config_file=str(self.folder / "function.yaml"),
            agent_arn=self.emulator.make_agent() if self.auth else None,
            **(
                {"image": IMAGE, "api_listen": f"127.0.0.1:{self.api_port}", "first_task": True}
                if self.containers
                else {}
            ),
        )
        self.stripped = strip.strip(self.template, place)
        self.made = deploy(self.emulator, self.stripped.template, synth.NAME)
        self.bucket = self.made[calls.data_bucket(self.template)]
        self.buckets[self.bucket] = calls.BUCKET
        self.cluster = self.made[strip.only(self.template, "AWS::ECS::Cluster")[0]]
        left_out = len(self.stripped.removed)
        self.timeline.tell(
            f"the stack is deployed: {len(self.made)} resources, {left_out} left out; the rule's minute begins"
        )

    def _tasks(self):
        """What runs the tasks of ECS: containers, or processes where there are none."""
        services = [API, WORKERS]
        if self.containers:
            self.api_port = free_port()
            return Containers(self.folder, self.api_port, services, self.timeline.tell)
        return Agent(self, services, self.folder)

    def credentials(self, role_arn):
        """A session of the task's role: what the task may do is what the role may do."""
        if not self.auth:
            return {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}
        session = self.emulator.session(role_arn)
        return {
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
            "AWS_REGION": REGION,
        }

    # the run

    def go(self):
        self._until(lambda: self._answers("/readyz"), "the API is ready", 60)
        if self.containers:
            self._until(lambda: self._desired() == 0, "the Lambda has taken ECS's first task back", 240)
        admin = AdminClient({"bootstrap.servers": self.kafka.internal_bootstrap})
        admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(timeout=30)
        produce(self.kafka.internal_bootstrap, TOPIC, numbered(self.records), partitions=PARTITIONS)
        self.timeline.tell(f"{self.records} records are in Kafka")
        answer = self._request("POST", "/v1/jobs", json=self._job())
        assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
        self.timeline.tell(f"the job {JOB} is created through the API")
        self._until(lambda: self._desired() > 0, "the Lambda asked for workers", 150)
        self._until(lambda: self._landed() >= self.records and self.status()["drained"], "everything has landed", 120)
        self._until(lambda: self._desired() == 0, "the Lambda asked for none", 180)
        self._until(lambda: self._running() == 0, "no worker runs", 60)
        return self._outcome()

    def _job(self):
        return {
            "name": JOB,
            "source": {"cluster": "main", "topics": [TOPIC]},
            "sink": {"bucket": self.bucket, "rotate": {"bytes": "1MiB", "age": "2s", "idle": "1s"}},
        }

    def _outcome(self):
        outcome = Outcome(self.timeline, self.stripped, self.records)
        outcome.delivery = self.status()["delivery"]["mode"]
        source = read_source(self.kafka.internal_bootstrap, [TOPIC], keep_values=True)
        s3 = self.emulator.client("s3")
        outcome.report = check(
            source, s3, self.bucket, data_prefix=f"{TOPIC}/", dead_letters=f"_landfall-dlq/{JOB}/", bad=set()
        )
        self.timeline.tell(
            f"the checker: {outcome.report.data_records} records in {outcome.report.data_objects} objects"
        )
        outcome.athena_rows, outcome.athena_ids = self._ask_athena()
        self.timeline.tell(f"Athena's emulation counts {outcome.athena_rows} rows, {outcome.athena_ids} ids")
        outcome.metric = self._metric()
        outcome.exit_codes = self.tasks.exit_codes
        outcome.problems = list(self.tasks.problems)
        denials = calls.denials_of(self.template)
        for name, recorder in self.recorders.items():
            allowed = calls.statements_of(self.template, name)
            outcome.compared[name] = calls.compare(name, allowed, denials, recorder.made)
            outcome.calls[name], outcome.denied[name] = dict(recorder.made), dict(recorder.denied)
            outcome.requests[name] = recorder.requests
            outcome.unknown += recorder.unknown
        return outcome

    def _ask_athena(self):
        statement = self.command("ddl", JOB, "--columns", "id: int64, text: string")
        database = synth.NAME
        athena.query(self.emulator, statement.replace("\\'", "''"), database)
        ((rows, ids),) = athena.query(self.emulator, f"SELECT count(*), count(DISTINCT id) FROM {JOB}", database)
        return int(rows), int(ids)

    def command(self, *words):
        env = {**os.environ, "LANDFALL_API": self.url, "LANDFALL_TOKEN": synth.TOKEN, "NO_COLOR": "1"}
        done = subprocess.run([self.binary, *words], env=env, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"landfall {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def _metric(self):
        """The DesiredTasks that the Lambda published, in order."""
        now = time.time()
        answer = self.emulator.client("cloudwatch").get_metric_statistics(
            Namespace="Landfall", MetricName="DesiredTasks", StartTime=now - 3600, EndTime=now + 60, Period=1,
            Dimensions=[{"Name": "Fleet", "Value": synth.NAME}, {"Name": "Pool", "Value": "shared"}],
            Statistics=["Maximum"],
        )  # fmt: skip
        return [point["Maximum"] for point in sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])]

    # looking

    @property
    def url(self):
        return f"http://127.0.0.1:{self.tasks.ports.get(API, 1)}"

    def _request(self, method, path, **options):
        return requests.request(
            method, self.url + path, headers={"Authorization": f"Bearer {synth.TOKEN}"}, timeout=30, **options
        )

    def _answers(self, path):
        try:
            return self._request("GET", path).status_code == 200
        except requests.RequestException:
            return False

    def status(self):
        answer = self._request("GET", f"/v1/jobs/{JOB}/status")
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        return answer.json()

    def _landed(self):
        return sum(at["landed_offset"] or 0 for at in self.status()["partitions"])

    def _lag(self):
        try:
            return sum(at["lag"] or 0 for at in self.status()["partitions"])
        except (AssertionError, requests.RequestException):
            return None

    def _service(self):
        return self.emulator.client("ecs").describe_services(cluster=self.cluster, services=[WORKERS])["services"][0]

    def _desired(self):
        return self._service()["desiredCount"]

    def _running(self):
        return self.tasks.count("worker")

    def _until(self, condition, what, timeout_s):
        deadline = time.monotonic() + timeout_s
        while True:
            self.timeline.see(self._desired(), self._running(), self._lag())
            if condition():
                # What it saw may be newer than the sample.
                self.timeline.see(self._desired(), self._running(), self._lag())
                self.timeline.tell(what)
                return
            assert not self.tasks.problems and not self._refused(), self.trouble()
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}\n{self.trouble()}"
            time.sleep(0.3)

    def _refused(self):
        """What the emulator denied and nobody wanted to be denied: a run need not go on to be known as bad."""
        return [
            f"denied {name}: {call.action} on {call.on}"
            for name, recorder in self.recorders.items()
            for call in list(recorder.denied)
            if not calls.asked_to_be_denied(call)
        ]

    def trouble(self):
        """What is known when a run gets no further."""
        servers = [*self.tasks.processes.values(), self.emulator.servers[0]]
        told = [*self.tasks.problems, *self._refused(), *self._function_log()]
        return "\n".join([*told, *(server.tail(12) for server in servers)])

    def _function_log(self):
        logs = self.emulator.client("logs")
        try:
            events = logs.filter_log_events(logGroupName=f"/landfall/{synth.NAME}/lag", limit=50)["events"]
        except ClientError as problem:
            return [repr(problem)]
        return [event["message"].rstrip() for event in events[-20:]]


__all__ = ["ACCOUNT", "Outcome", "Run"]
