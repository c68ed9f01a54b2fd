"""What a job says of its objects is true of every one of them, on a server that has real keys: `just minio`."""

import pytest
from checker.objects import list_objects

from e2e.events import BROKEN, numbered, produce


def test_objects_and_letters_carry_what_the_job_says(kafka, s3, bucket, make_topic, fleet, new_job, verify):
    if s3.name != "minio":
        pytest.skip("versitygw has no keys and no storage classes: just minio")
    topic = make_topic()
    produce(kafka.bootstrap, topic, [*numbered(300), BROKEN[0]])
    fleet.run()
    sink = {
        "sse": {"type": "aws:kms", "kms_key_id": s3.kms_key},
        "storage_class": "REDUCED_REDUNDANCY",
        "tags": {"team": "ads", "cost center": "bids/1"},
    }
    job = new_job(topic, sink=sink)
    fleet.create(job)
    fleet.wait_drained(job["name"], records=300)
    verify(topic, job["name"], bad={(topic, 0, 300)}).assert_clean()
    client = s3.client()
    keys = [*list_objects(client, bucket, "data/"), *list_objects(client, bucket, f"_landfall-dlq/{job['name']}/")]
    assert len(keys) >= 2
    for key in keys:
        head = client.head_object(Bucket=bucket, Key=key)
        assert head["ServerSideEncryption"] == "aws:kms", key
        assert head["SSEKMSKeyId"].endswith(s3.kms_key), key
        assert head["StorageClass"] == "REDUCED_REDUNDANCY", key
        tags = client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == sink["tags"], key
