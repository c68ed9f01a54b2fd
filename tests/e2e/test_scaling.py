"""`landfall run --scale processes`: workers of this machine come and go by the same decision as tasks of a service."""

import json
import os
import pathlib
import signal

from e2e.events import numbered, produce
from e2e.landfall import until

# Seconds instead of minutes, and a worker that is stated to be slow, so that a test sees it all.
QUICK_SCALING = {
    "max_workers": 3,
    "polling_interval_seconds": 1,
    "worker_records_per_second": 50,
    "start_delay_seconds": 4,
    "target_drain_seconds": 12,
    "target_lag_seconds": 2,
    "scale_in_stabilization_seconds": 5,
    "drain_stabilization_seconds": 3,
    "cooldown_period_seconds": 6,
    "sample_stale_after_seconds": 30,
}


def workers_of(server):
    """Process ids of the workers that a scaler has started and that still run."""
    tasks = pathlib.Path(f"/proc/{server.pid}/task").glob("*/children")
    return sorted({int(pid) for task in tasks for pid in task.read_text().split()})


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_workers_follow_the_lag_from_none_to_several_and_back_to_none(kafka, make_topic, fleet, new_job, verify):
    fleet.configure(pools={"shared": {"scaling": QUICK_SCALING}})
    topic = make_topic(partitions=6)
    server = fleet.start("run", "--scale", "processes")
    records = 60_000
    produce(kafka.bootstrap, topic, numbered(records), partitions=6)
    assert workers_of(server) == [], "there is nothing to do"
    job = new_job(topic)
    name = job["name"]
    fleet.create(job)
    until(lambda: len(workers_of(server)) >= 2, "several workers for a backlog", 30)
    fleet.wait_drained(name, records=records)
    until(lambda: workers_of(server) == [], "no worker once all has landed and it was quiet", 60)
    status = fleet.wait(name, lambda status: any("is at zero" in why for why in status["reasons"]), "at zero", 30)
    assert status["drained"], status
    # A little is a reason to wake, too; and what is said about it is what `plan` says.
    produce(kafka.bootstrap, topic, numbered(1_000, first=records), partitions=6)
    until(lambda: workers_of(server), "a worker for what is new", 30)
    told = fleet.command("plan", "--as-scaler", fleet.config_path)
    assert told.returncode == 0 and "workers wanted" in told.stdout, told.stderr
    fleet.wait_drained(name, records=records + 1_000)
    verify(topic, name, bad=set()).assert_clean()
    until(lambda: workers_of(server) == [], "no worker once more", 60)

    def decided():
        """What `plan` says now, and what the scaler said last."""
        now = json.loads(fleet.command("plan", "--as-scaler", fleet.config_path, "--output", "json").stdout)
        key = f"{fleet.config['state']['prefix']}scaling/shared.json"
        kept = json.loads(fleet.s3.client().get_object(Bucket=fleet.bucket, Key=key)["Body"].read())
        return [(said["desired"], said["because"]) for said in (now, kept)]

    until(lambda: len(set(decided())) == 1, "the same number for the same reason", 60)
    assert decided()[0][0] == 0
    # The job's history says how its pool followed it.
    events = fleet.request("GET", f"/v1/jobs/{name}/events").json()["events"]
    scaled = [event["detail"] for event in events if event["what"] == "scaled"]
    assert any(detail.startswith("pool shared, 0 to ") for detail in scaled), events
    assert scaled[0].split(":")[0].endswith(" to 0"), scaled


def test_a_worker_that_dies_is_replaced_and_none_outlives_its_scaler(kafka, make_topic, fleet, new_job, verify):
    fleet.configure(pools={"shared": {"scaling": {**QUICK_SCALING, "min_workers": 2, "max_workers": 2}}})
    topic = make_topic(partitions=4)
    server = fleet.start("run", "--scale", "processes")
    until(lambda: len(workers_of(server)) == 2, "two workers", 30)
    job = new_job(topic)
    fleet.create(job)
    produce(kafka.bootstrap, topic, numbered(20_000), partitions=4)
    before = workers_of(server)
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(workers_of(server)) == 2 and before[0] not in workers_of(server), "a worker in its place", 30)
    fleet.wait_drained(job["name"], records=20_000)
    orphans = workers_of(server)
    server.kill()
    until(lambda: not any(alive(pid) for pid in orphans), "the end of workers whose scaler was killed", 60)
    verify(topic, job["name"], bad=set()).assert_clean()
