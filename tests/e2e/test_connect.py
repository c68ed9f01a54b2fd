"""Those who come from Kafka Connect: the job begins where the connector's group stands."""

import json
import pathlib

import requests
from parts import Connect

from e2e.events import numbered, produce
from e2e.landfall import until

RECORDS = 1_000


def test_a_job_takes_over_from_a_connector_that_stopped(kafka, s3, bucket, make_topic, fleet, fresh):
    topic, name = make_topic(partitions=3), fresh("taken")
    with Connect(kafka) as connect:
        out = pathlib.Path(connect.folder) / "landed-by-connect"
        connector = {
            "name": name,
            "config": {
                "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "tasks.max": "2",
                "topics": topic, "file": str(out), "consumer.override.auto.offset.reset": "earliest",
                "value.converter": "org.apache.kafka.connect.storage.StringConverter",
            },
        }  # fmt: skip
        created = requests.post(f"{connect.url}/connectors", json=connector, timeout=60)
        assert created.status_code == 201, created.text
        produce(kafka.bootstrap, topic, numbered(RECORDS), partitions=3)
        until(lambda: out.exists() and out.read_bytes().count(b"\n") >= RECORDS, "what Connect lands")
        # A stopped connector has committed what it wrote.
        stopped = requests.put(f"{connect.url}/connectors/{name}/stop", timeout=60)
        assert stopped.ok, stopped.text
        url = f"{connect.url}/connectors/{name}/status"
        until(lambda: requests.get(url, timeout=30).json()["connector"]["state"] == "STOPPED", "the connector stopped")
        landed_before = [json.loads(line)["id"] for line in out.read_bytes().splitlines()]
    produce(kafka.bootstrap, topic, numbered(RECORDS, RECORDS), partitions=3)

    config = {
        "connector.class": "io.confluent.connect.s3.S3SinkConnector", "tasks.max": "2", "topics": topic,
        "flush.size": "100", "rotate.schedule.interval.ms": "2000", "timezone": "UTC", "s3.bucket.name": bucket,
        "s3.region": s3.region, "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
        "storage.class": "io.confluent.connect.s3.storage.S3Storage",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "false",
    }  # fmt: skip
    shown = fleet.command("validate", "-f", "-", "--output", "json", stdin=json.dumps({"name": name, "config": config}))
    assert shown.returncode == 0, shown.stderr
    fleet.run()
    fleet.create(json.loads(shown.stdout))
    fleet.wait(name, lambda status: status["lag"]["records"] == 0 and status["partitions"], "consumed")
    fleet.wait_drained(name, timeout_s=120)

    client, landed_after, offsets = s3.client(), [], {}
    for found in client.list_objects_v2(Bucket=bucket, Prefix="topics/")["Contents"]:
        key = found["Key"]
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        landed_after += [json.loads(line)["id"] for line in body.splitlines()]
        # topics/<topic>/partition=<p>/<topic>+<p>+<first offset, 10 digits>.json
        folder, file = key.removeprefix(f"topics/{topic}/").split("/")
        partition, first = file.removeprefix(f"{topic}+").removesuffix(".json").split("+")
        assert (folder, len(first)) == (f"partition={partition}", 10), key
        offsets.setdefault(partition, []).append(int(first))
    assert sorted(landed_before + landed_after) == list(range(2 * RECORDS)), "the union has each record once"
    assert sorted(landed_after) == list(range(RECORDS, 2 * RECORDS)), "nothing of Connect's was landed again"
    assert all(min(firsts) > 300 for firsts in offsets.values()), offsets
