"""The roles of the template allow what a run was seen to ask for, and no more without a reason."""

import copy
from dataclasses import replace

import pytest

from fleet import recorded
from fleet.calls import (
    BUCKET,
    UNCALLED,
    Call,
    Statement,
    Unknown,
    calls_of,
    compare,
    denials_of,
    forbidden,
    role_of,
    statements_of,
)
from fleet.test_strip import EXAMPLES, golden

PROCESSES = ["worker", "api", "lag"]
ARN = f"arn:aws:s3:::{BUCKET}"


@pytest.fixture(scope="module")
def template():
    """The example that the recorded run was made with, but for Kafka and the actuator."""
    return golden("minimal")


def judged(template, process):
    return compare(process, statements_of(template, process), denials_of(template), seen(process)).told()


def seen(process):
    """What was recorded, but for ECS: here Application Auto Scaling acts, and in the recorded run the Lambda."""
    secret = next(on for said in statements_of(golden("minimal"), "lag") for on in said.resources if ":secret:" in on)
    made = [call for call in recorded.read()[process] if not call.action.startswith("ecs:")]
    return [replace(call, on=secret) if call.action.startswith("secretsmanager:") else call for call in made]


def edited(template, process, edit):
    """The template with a change of the statements of a role."""
    other = copy.deepcopy(template)
    role = role_of(other, process)
    for made in other["Resources"].values():
        if made["Type"] == "AWS::IAM::Policy" and {"Ref": role} in made["Properties"]["Roles"]:
            edit(made["Properties"]["PolicyDocument"]["Statement"])
    return other


@pytest.mark.parametrize("process", PROCESSES)
def test_what_a_run_asked_for_is_allowed_and_what_is_allowed_was_asked_for(template, process):
    assert judged(template, process) == []


@pytest.mark.parametrize("process", PROCESSES)
def test_a_role_without_put_object_is_too_narrow(template, process):
    def narrow(statements):
        for statement in statements:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            statement["Action"] = [action for action in actions if action != "s3:PutObject"]

    assert any("not allowed: s3:PutObject" in told for told in judged(edited(template, process, narrow), process))


@pytest.mark.parametrize("action", ["s3:DeleteObject", "s3:PutBucketPolicy", "s3:*", "*", "s3:GetObjectAcl"])
@pytest.mark.parametrize("process", PROCESSES)
def test_a_right_that_nobody_calls_is_too_wide(template, process, action):
    def widen(statements):
        bucket = {"Fn::GetAtt": [next(iter(data_buckets(template))), "Arn"]}
        statements.append(
            {"Effect": "Allow", "Action": action, "Resource": [bucket, {"Fn::Join": ["", [bucket, "/*"]]}]}
        )

    wide = edited(template, process, widen)
    # A pattern that covers what is called is told apart by what nobody may do.
    assert judged(wide, process) or forbidden(statements_of(wide, process))


def data_buckets(template):
    return [name for name, made in template["Resources"].items()
            if made["Type"] == "AWS::S3::Bucket" and "DataBucket" in name]  # fmt: skip


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("example", EXAMPLES)
def test_nobody_may_delete_the_log_or_its_protection(example, process):
    assert forbidden(statements_of(golden(example), process)) == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_write_of_the_log_carried_its_precondition(example):
    denials = denials_of(golden(example))
    written = [call for made in recorded.read().values() for call in made if call.action == "s3:PutObject"]
    log = [call for call in written if "/log/" in call.on and "/probe/" not in call.on]
    assert log, "no entry of the log was written"
    for call in log:
        assert not any(denial.applies(call) for denial in denials)
        assert any(denial.applies(Call(call.action, call.on)) for denial in denials), "without one it would be denied"


def test_the_list_of_what_is_not_called_names_nothing_that_is_not_allowed(template):
    for process, action, on in UNCALLED:
        rights = {
            (one, where)
            for said in statements_of(template, process)
            for one in said.actions
            for where in said.resources
        }
        assert (action, on) in rights, "it was taken off the role: take it off the list"


ONCE = {"if-none-match": "*"}
REQUESTS = [
    ("GET", "/b?list-type=2&prefix=x%2F", {}, [Call("s3:ListBucket", "arn:aws:s3:::b", (("s3:prefix", "x/"),))]),
    ("HEAD", "/b/k", {}, [Call("s3:GetObject", "arn:aws:s3:::b/k")]),
    ("PUT", "/b/k%20l", ONCE, [Call("s3:PutObject", "arn:aws:s3:::b/k l", (("s3:if-none-match", "given"),))]),
    ("PUT", "/b/k?partNumber=1&uploadId=u", {}, [Call("s3:PutObject", "arn:aws:s3:::b/k")]),
    ("POST", "/b/k?uploads", {}, [Call("s3:PutObject", "arn:aws:s3:::b/k")]),
    ("POST", "/b/k?uploadId=u", {}, [Call("s3:PutObject", "arn:aws:s3:::b/k")]),
    ("GET", "/b/k?uploadId=u", {}, [Call("s3:ListMultipartUploadParts", "arn:aws:s3:::b/k")]),
    ("DELETE", "/b/k?uploadId=u", {}, [Call("s3:AbortMultipartUpload", "arn:aws:s3:::b/k")]),
    ("DELETE", "/b/k?x-id=DeleteObject", {}, [Call("s3:DeleteObject", "arn:aws:s3:::b/k")]),
    ("GET", "/b?lifecycle", {}, [Call("s3:GetLifecycleConfiguration", "arn:aws:s3:::b")]),
    ("GET", "/b?uploads", {}, [Call("s3:ListBucketMultipartUploads", "arn:aws:s3:::b")]),
]  # fmt: skip


@pytest.mark.parametrize(("method", "target", "headers", "needed"), REQUESTS)
def test_requests_of_s3_and_the_rights_that_they_need(method, target, headers, needed):
    assert calls_of(method, target, headers) == needed


def test_a_request_that_is_not_known_is_an_error_and_not_overlooked():
    for method, target in (("PUT", "/b?policy"), ("GET", "/b/k?acl"), ("PATCH", "/b/k")):
        with pytest.raises(Unknown):
            calls_of(method, target, {})
    with pytest.raises(Unknown):
        calls_of("POST", "/", {"x-amz-target": "AmazonSQS.SendMessage"})


def test_requests_of_other_services():
    body = b'{"cluster": "c", "service": "w", "desiredCount": 2}'
    update = {"x-amz-target": "AmazonEC2ContainerServiceV20141113.UpdateService"}
    assert calls_of("POST", "/", update, body) == [Call("ecs:UpdateService", "service/c/w", (("ecs:cluster", "c"),))]
    put = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    told = b"\xa2iNamespacehLandfalljMetricData\x80"
    assert calls_of("POST", put, {}, told) == [
        Call("cloudwatch:PutMetricData", "*", (("cloudwatch:namespace", "Landfall"),))
    ]


def test_a_condition_that_is_not_met_allows_nothing():
    may = Statement(["s3:ListBucket"], [ARN], {"StringLike": {"s3:prefix": ["_landfall/*"]}})
    assert may.applies(Call("s3:ListBucket", ARN, (("s3:prefix", "_landfall/jobs/"),)))
    assert not may.applies(Call("s3:ListBucket", ARN, (("s3:prefix", ""),)))
    assert not may.applies(Call("s3:ListBucket", ARN))
