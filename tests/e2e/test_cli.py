"""The command line as scripts see it: exit codes, what is printed where, and the job commands."""

import json
import time

import pytest
import yaml
from parts.certs import Authority

from e2e.events import numbered, produce
from e2e.landfall import merge, until

DONE, FAILED, USAGE, NOT_FOUND, NOT_IN_TIME = range(5)


def test_help_names_every_command(fleet):
    done = fleet.command("--help")
    assert done.returncode == DONE
    for word in ("dev", "run", "api", "worker", "job", "validate", "lag", "audit", "healthcheck", "completions", "config-reference"):
        assert word in done.stdout, word


# (arguments, exit code, words on stderr)
BAD_USES = {
    "an unknown command": (["lnad"], USAGE, ["lnad"]),
    "no config": (["run"], USAGE, ["--config"]),
    "a config that is not there": (["run", "--config", "nowhere.yaml"], USAGE, ["nowhere.yaml"]),
    "a job file that is not there": (["validate", "-f", "nowhere.yaml"], USAGE, ["nowhere.yaml"]),
    "an unknown shell": (["completions", "cmd.exe"], USAGE, ["cmd.exe"]),
    "an API that is not there": (["job", "list", "--api", "http://127.0.0.1:9"], FAILED, ["127.0.0.1:9"]),
    "an unknown until": (["job", "wait", "x", "--until", "tired"], USAGE, ["tired"]),
    "a bad duration": (["job", "wait", "x", "--timeout", "soon"], USAGE, ["soon"]),
}


@pytest.mark.parametrize("case", BAD_USES)
def test_a_bad_use_ends_with_its_code_and_words(fleet, case):
    arguments, code, words = BAD_USES[case]
    done = fleet.command(*arguments)
    assert done.returncode == code, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert "panicked" not in done.stderr


# (what is changed in a good configuration, words on stderr)
BAD_CONFIGS = {
    "an unknown key": ({"wroker": {}}, ["wroker", "worker"]),
    "an unknown key inside": ({"worker": {"memroy": "1GiB"}}, ["memroy", "memory"]),
    "a bad size": ({"worker": {"memory": "lots"}}, ["worker.memory", "lots"]),
    "a bad address": ({"api": {"listen": "somewhere"}}, ["api.listen", "somewhere"]),
    "auto commit": ({"clusters": {"main": {"properties": {"enable.auto.commit": "true"}}}}, ["enable.auto.commit"]),
    "a librdkafka property that is none": ({"clusters": {"main": {"properties": {"sesion.timeout.ms": "1"}}}},
                                           ["sesion.timeout.ms"]),
    "a secret that is not there": ({"clusters": {"main": {"properties": {"sasl.password": "${env:NOT_SET_AT_ALL}"}}}},
                                   ["NOT_SET_AT_ALL"]),
    "no bootstrap servers": ({"clusters": {"main": {"bootstrap_servers": ""}}}, ["bootstrap_servers"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_CONFIGS)
def test_a_bad_configuration_ends_at_once_with_its_field(fleet, case):
    changes, words = BAD_CONFIGS[case]
    config = json.loads(json.dumps(fleet.config))
    merge(config, changes)
    path = fleet.write_config("bad.yaml", config)
    done = fleet.command("run", "--config", path, timeout_s=30)
    assert done.returncode == USAGE, done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


def test_validate_tells_fields_and_with_a_config_the_real_cluster_and_bucket(fleet, make_topic, new_job):
    job = new_job(make_topic())
    path = fleet.write_config("job.yaml", job)
    assert fleet.command("validate", "-f", path).returncode == DONE
    done = fleet.command("validate", "-f", path, "--config", fleet.config_path)
    assert done.returncode == DONE, done.stdout + done.stderr
    bad = fleet.write_config("bad.yaml", {**job, "snik": {}})
    done = fleet.command("validate", "-f", bad)
    assert done.returncode == USAGE
    assert "snik" in done.stdout + done.stderr and "sink" in done.stdout + done.stderr
    gone = fleet.write_config("gone.yaml", {**job, "source": {"cluster": "main", "topics": ["no-such-topic-at-all"]}})
    done = fleet.command("validate", "-f", gone, "--config", fleet.config_path)
    assert done.returncode in (FAILED, USAGE)
    assert "no-such-topic-at-all" in done.stdout + done.stderr


def test_the_job_commands_drive_a_job_through_its_life(kafka, make_topic, fleet, new_job, verify):
    topic = make_topic(partitions=2)
    produce(kafka.bootstrap, topic, numbered(200), partitions=2)
    fleet.run()
    job = new_job(topic)
    name = job["name"]
    path = fleet.folder / "job.json"
    path.write_text(json.dumps(job), encoding="utf-8")

    def run(*words, code=DONE):
        done = fleet.command("job", *words)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    run("create", "-f", path)
    run("create", "-f", path, code=FAILED)
    run("apply", "-f", path)
    run("wait", name, "--until", "drained", "--timeout", "60s")
    listed = json.loads(run("list", "--output", "json"))
    assert name in json.dumps(listed)
    assert name in run("list")
    told = yaml.safe_load(run("get", name, "--output", "yaml"))
    assert told.get("spec", told)["source"]["topics"] == [topic]
    status = json.loads(run("status", name, "--output", "json"))
    assert (status["name"], status["state"]) == (name, "running")
    lag = json.loads(fleet.command("lag", name, "--output", "json").stdout)
    assert lag["jobs"][0]["lag"]["records"] == 0
    run("pause", name)
    run("wait", name, "--until", "running", "--timeout", "2s", code=NOT_IN_TIME)
    run("resume", name)
    run("wait", name, "--until", "running", "--timeout", "30s")
    run("restart", name)
    run("stop", name)
    fleet.wait_state(name, "stopped")
    run("delete", name)
    for words in (["get", name], ["status", "nobody"], ["pause", "nobody"], ["delete", "nobody"]):
        deadline_run(run, words)
    report = verify(topic, name, bad=set()).assert_clean()
    assert report.data_records == 200


def deadline_run(run, words):
    """A deleted job is gone once its open files have landed: a moment later."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return run(*words, code=NOT_FOUND)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def test_audit_finds_a_planted_loss_and_a_planted_double(kafka, s3, bucket, make_topic, fleet, new_job):
    topic = make_topic()
    produce(kafka.bootstrap, topic, numbered(300))
    fleet.run()
    job = new_job(topic, sink={"rotate": {"records": 100, "age": "3s", "idle": "1s"}})
    fleet.create(job)
    fleet.wait_drained(job["name"], records=300)
    assert fleet.audit(job["name"]).returncode == DONE
    client = s3.client()
    keys = sorted(item["Key"] for item in client.list_objects_v2(Bucket=bucket, Prefix="data/")["Contents"])
    body = client.get_object(Bucket=bucket, Key=keys[0])["Body"].read()
    client.put_object(Bucket=bucket, Key=keys[1], Body=body)
    done = fleet.audit(job["name"])
    assert done.returncode == FAILED, done.stdout
    assert keys[1] in done.stdout + done.stderr
    client.delete_object(Bucket=bucket, Key=keys[1])
    assert fleet.audit(job["name"]).returncode == DONE, "a reader may delete what it has read"
    done = fleet.command("audit", job["name"], "--config", fleet.config_path, "--expect-all")
    assert done.returncode == FAILED, done.stdout
    assert keys[1] in done.stdout + done.stderr
    assert fleet.audit("nobody").returncode == NOT_FOUND


def test_healthcheck_is_zero_only_while_the_process_answers(fleet):
    for words in (["healthcheck"], ["healthcheck", "--ready"]):
        assert fleet.command(*words, "--config", fleet.config_path).returncode == FAILED
    fleet.run()
    for words in (["healthcheck"], ["healthcheck", "--ready"]):
        done = fleet.command(*words, "--config", fleet.config_path)
        assert done.returncode == DONE, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_printed(fleet, shell):
    done = fleet.command("completions", shell)
    assert done.returncode == DONE
    assert "landfall" in done.stdout and len(done.stdout) > 1_000


def test_the_config_reference_has_every_section(fleet):
    done = fleet.command("config-reference")
    assert done.returncode == DONE
    for word in ("api.listen", "worker.memory", "state.bucket", "clusters", "sink.rotate", "dead_letter.max_ratio"):
        assert word.rsplit(".", 1)[-1] in done.stdout, word


def test_commands_and_health_checks_reach_an_api_that_speaks_tls(fleet, tmp_path):
    authority = Authority(tmp_path)
    fleet.configure(api={"tls": {"certificate": str(tmp_path / "server.pem"), "key": str(tmp_path / "server.key")}})
    fleet.start("api", wait=False)
    config = ("--config", fleet.config_path)
    # A health check is of this machine, and takes any certificate.
    until(lambda: fleet.command("healthcheck", "--ready", *config).returncode == DONE, "the API is ready")
    trusted, address = {"SSL_CERT_FILE": str(authority.ca_pem)}, f"https://localhost:{fleet.api_port}"
    for where in config, ("--api", address):
        listed = fleet.command("job", "list", "--output", "json", *where, LANDFALL_API=None, **trusted)
        assert listed.returncode == DONE and json.loads(listed.stdout)["jobs"] == [], listed.stderr
    # Who sends a token does not.
    refused = fleet.command("job", "list", "--api", address)
    assert refused.returncode == FAILED and "certificate" in refused.stderr.lower(), refused.stderr
    assert fleet.command("healthcheck", "--url", f"http://localhost:{fleet.api_port}/livez").returncode == FAILED


CONNECTOR = {
    "connector.class": "io.confluent.connect.s3.S3SinkConnector", "tasks.max": 4, "topics": "bids", "flush.size": "1000",
    "s3.bucket.name": "lake", "s3.region": "us-east-1", "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
    "storage.class": "io.confluent.connect.s3.storage.S3Storage",
    "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
}  # fmt: skip


def test_a_connect_config_is_shown_as_the_job_it_becomes(fleet):
    document = json.dumps({"name": "bids", "config": CONNECTOR})
    shown = fleet.command("validate", "-f", "-", "--output", "json", stdin=document)
    assert shown.returncode == 0, shown.stderr
    job = json.loads(shown.stdout)
    assert job["source"] == {**job["source"], "cluster": "main", "group": "connect-bids", "start": "committed"}
    assert job["sink"]["key"] == "topics/{topic}/partition={partition}/{topic}+{partition}+{first_offset:10}.{ext}"
    assert "warning: source.start, source.group" in shown.stderr
    # Of a fleet whose configuration says so.
    fleet.config["connect"] = {"cluster": "main", "pool": "night", "team": "ads"}
    fleet.write_config("fleet.yaml", fleet.config)
    shown = fleet.command("validate", "-f", "-", "--output", "json", "--config", fleet.config_path, stdin=document)
    assert (shown.returncode, shown.stdout) != (0, ""), shown.stderr
    assert "bucket lake" in shown.stderr or "topic" in shown.stderr, shown.stderr


def test_a_connect_config_is_judged_as_the_api_judges_it(bucket, make_topic, fleet, fresh):
    config = {**CONNECTOR, "topics": make_topic(partitions=1), "s3.bucket.name": bucket}
    connector = {"name": fresh("connector"), "config": config}
    fleet.api()

    def judged(document):
        return fleet.command("validate", "-f", "-", "--output", "json", "--config", fleet.config_path, stdin=json.dumps(document))

    # Its group has committed nothing: a new connector may begin so, a job document with `start: committed` may not.
    shown = judged(connector)
    assert shown.returncode == DONE, shown.stderr
    assert "error" not in shown.stderr and "warning: source.start" in shown.stderr, shown.stderr
    refused = judged(json.loads(shown.stdout))
    assert refused.returncode == FAILED and "committed" in refused.stderr, refused.stderr
    for wrong, said in ({"name": "another"}, "doesn't match"), ({"flush.size": None}, '"flush.size" is null'):
        bad = {**connector, "config": {**config, **wrong}}
        refused, answer = judged(bad), fleet.request("POST", "/connectors", json=bad)
        assert refused.returncode == USAGE and said in refused.stderr, refused.stderr
        assert answer.status_code == 400 and said in answer.json()["message"], answer.text
    assert fleet.request("POST", "/connectors", json=connector).status_code == 201
    job = fleet.request("GET", f"/v1/jobs/{connector['name']}").json()["spec"]
    assert job == json.loads(shown.stdout)


def test_a_connect_config_that_cannot_be_a_job_is_refused_key_by_key(fleet):
    bad = {**CONNECTOR, "aws.secret.access.key": "hunter2", "transforms": "mask", "flush.sise": "7"}
    bad["transforms.mask.type"] = "org.apache.kafka.connect.transforms.MaskField$Value"
    refused = fleet.command("validate", "-f", "-", stdin=json.dumps({"name": "bids", "config": bad}))
    assert refused.returncode == 2
    for told in ("aws.secret.access.key: ", "flush.sise: ", "transforms.mask.type: "):
        assert told in refused.stderr, refused.stderr
    assert "hunter2" not in refused.stderr + refused.stdout


def test_plan_says_how_many_workers_and_why(kafka, make_topic, fleet, new_job):
    topic = make_topic(partitions=3)
    fleet.api()
    job = new_job(topic)
    fleet.create(job)
    produce(kafka.bootstrap, topic, numbered(300), partitions=3)
    fleet.wait(job["name"], lambda status: status["lag"]["records"] == 300, "300 behind")
    answer = json.loads(fleet.command("plan", "--output", "json").stdout)
    assert (answer["desired"], answer["alive"]) == (1, 0), answer
    assert "300 wait" in answer["because"], answer
    assert json.loads(fleet.command("plan", "--pool", "other", "--output", "json").stdout)["desired"] == 0
    limits = fleet.folder / "limits.yaml"
    limits.write_text("maxReplicaCount: 0\n", encoding="utf-8")
    assert json.loads(fleet.command("plan", "--limits", limits, "--output", "json").stdout)["desired"] == 0
    limits.write_text("lagTreshold: 5\n", encoding="utf-8")
    refused = fleet.command("plan", "--limits", limits)
    assert refused.returncode == 2 and "lagTreshold" in refused.stderr, refused.stderr
    fleet.worker()
    fleet.wait_drained(job["name"], records=300)
    told = fleet.command("plan").stdout
    assert told.startswith("pool shared: 1 workers wanted, 1 alive"), told
