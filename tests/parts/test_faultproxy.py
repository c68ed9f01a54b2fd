"""The fault proxy in front of a real server, driven by boto3: each kind does what it says, and nothing else breaks."""

import botocore.exceptions
import pytest
from parts.faultproxy import FaultProxy
from parts.process import free_port


@pytest.fixture
def proxied(s3, bucket):
    """Yields (proxy, a client through it that tries once, a client past it, bucket)."""
    with FaultProxy(s3.port) as proxy:
        yield proxy, s3.client(proxy.endpoint, attempts=1), s3.client(), bucket


def test_without_faults_everything_passes_unchanged(proxied):
    _, client, direct, bucket = proxied
    body = bytes(range(256)) * 4_000
    client.put_object(Bucket=bucket, Key="a/ü b.bin", Body=body, Metadata={"landfall-token": "t"})
    assert client.get_object(Bucket=bucket, Key="a/ü b.bin")["Body"].read() == body
    assert client.head_object(Bucket=bucket, Key="a/ü b.bin")["ContentLength"] == len(body)
    assert client.head_object(Bucket=bucket, Key="a/ü b.bin")["Metadata"] == {"landfall-token": "t"}
    upload = client.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    part = client.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=1, Body=body)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    client.complete_multipart_upload(Bucket=bucket, Key="big", UploadId=upload, MultipartUpload=parts)
    assert {item["Key"] for item in direct.list_objects_v2(Bucket=bucket)["Contents"]} == {"a/ü b.bin", "big"}
    client.delete_object(Bucket=bucket, Key="big")
    with pytest.raises(botocore.exceptions.ClientError):
        client.head_object(Bucket=bucket, Key="big")


@pytest.mark.parametrize(("kind", "code"), [("slow_down", "SlowDown"), ("internal_error", "InternalError")])
def test_an_error_is_answered_and_the_server_never_sees_the_request(proxied, kind, code):
    proxy, client, direct, bucket = proxied
    fault = proxy.fault(kind, method="PUT", path="/spoilt")
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        client.put_object(Bucket=bucket, Key="spoilt", Body=b"x")
    assert refused.value.response["Error"]["Code"] == code
    client.put_object(Bucket=bucket, Key="fine", Body=b"x")
    assert [item["Key"] for item in direct.list_objects_v2(Bucket=bucket)["Contents"]] == ["fine"]
    assert fault.fired >= 1
    fault.clear()
    client.put_object(Bucket=bucket, Key="spoilt", Body=b"x")


def test_a_lost_answer_leaves_the_work_done(proxied):
    proxy, client, direct, bucket = proxied
    fault = proxy.fault("lose_answer", method="PUT", path="/lost")
    with pytest.raises(botocore.exceptions.BotoCoreError):
        client.put_object(Bucket=bucket, Key="lost", Body=b"done")
    assert fault.fired >= 1
    assert fault.answers_lost == fault.fired
    assert direct.get_object(Bucket=bucket, Key="lost")["Body"].read() == b"done"


def test_a_reset_leaves_the_work_undone(proxied):
    proxy, client, direct, bucket = proxied
    fault = proxy.fault("reset", method="PUT", path="/cut")
    with pytest.raises(botocore.exceptions.BotoCoreError):
        client.put_object(Bucket=bucket, Key="cut", Body=b"x")
    assert fault.fired >= 1
    assert "Contents" not in direct.list_objects_v2(Bucket=bucket)


def test_a_bounded_fault_fires_so_often_and_no_more(s3, proxied):
    proxy, _, _, bucket = proxied
    fault = proxy.fault("slow_down", method="GET", times=2)
    s3.client(proxy.endpoint, attempts=4).list_objects_v2(Bucket=bucket)
    assert fault.fired == 2


def test_an_answer_that_the_server_never_gave_is_not_counted_as_lost(s3):
    with FaultProxy(free_port()) as proxy:  # nobody listens behind it
        fault = proxy.fault("lose_answer", method="GET")
        with pytest.raises(botocore.exceptions.BotoCoreError):
            s3.client(proxy.endpoint, attempts=1).list_buckets()
        assert (fault.fired, fault.answers_lost) == (1, 0)


def test_a_cleared_fault_is_forgotten(s3):
    with FaultProxy(s3.port) as proxy:
        for _ in range(3):
            proxy.fault("slow_down").clear()
        kept = proxy.fault("delay")
        assert proxy.faults == [kept]
