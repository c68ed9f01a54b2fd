"""Two versions in one group: an older worker that meets what a newer one wrote stops and says so; nothing is hurt."""

import json
import re

from e2e.events import numbered, produce
from e2e.landfall import entry_keys


def test_an_older_worker_that_meets_a_newer_entry_stops_the_job_and_goes_on_once_it_is_gone(
    kafka, s3, bucket, make_topic, fleet, new_job, verify
):
    topic = make_topic(partitions=2)
    fleet.api()
    fleet.worker()
    fleet.worker()
    job = new_job(topic)
    name = job["name"]
    fleet.create(job)
    produce(kafka.bootstrap, topic, numbered(400), partitions=2)
    status = fleet.wait_drained(name, records=400)
    fleet.wait(name, lambda status: status["uncompleted_entries"] == 0, "completed")
    # What a worker of the next version would append: the next place of the log, a format that this one does not know.
    last = entry_keys(s3, bucket)[-1]
    seq = int(re.search(r"(\d+)\.json$", last)[1])
    assert seq == fleet.status(name)["last_entry"]["seq"]
    entry = json.loads(s3.client().get_object(Bucket=bucket, Key=last)["Body"].read())
    newer = last.replace(f"{seq:020}.json", f"{seq + 1:020}.json")
    body = json.dumps({**entry, "format": entry["format"] + 1, "seq": seq + 1, "invented": True})
    s3.client().put_object(Bucket=bucket, Key=newer, Body=body.encode(), IfNoneMatch="*")
    produce(kafka.bootstrap, topic, numbered(400, 400), partitions=2)
    status = fleet.wait_state(name, "failed")
    assert status["failed"]["code"] == "bad_log", status["failed"]
    assert "a newer landfall wrote it; upgrade this process" in status["failed"]["message"]
    assert status["failed"]["message"].count(newer) == 1, "the message does not name the object"
    # As after the upgrade: every worker can read what is in the log.
    s3.client().delete_object(Bucket=bucket, Key=newer)
    fleet.action(name, "resume")
    fleet.wait_drained(name, records=800)
    verify(topic, name, bad=set()).assert_clean()
    audit = fleet.audit(name)
    assert audit.returncode == 0, audit.stdout + audit.stderr
