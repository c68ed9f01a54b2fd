"""What is taken off a template is on a list with its reason; everything else reaches the emulator as it was."""

import collections
import copy
import json

import pytest
from parts import layout

from fleet.strip import KEPT, REMOVED, Place, Unexpected, only, pools, references, strip

EXAMPLES = ["minimal", "production", "existing-network", "msk-iam"]
PLACE = Place("http://worker", "http://api", "http://lag", "assets", "lag.zip", "/nowhere.yaml")


def golden(name):
    stacks = json.loads((layout.ROOT / f"cdk/test/golden/{name}.json").read_text(encoding="utf-8"))
    (template,) = (stack for stack_name, stack in stacks.items() if not stack_name.endswith("-registry"))
    return template


@pytest.fixture(params=EXAMPLES)
def template(request):
    return golden(request.param)


def test_everything_is_there_or_on_the_list(template):
    before = copy.deepcopy(template)
    result = strip(template, PLACE)
    assert template == before, "the template that was handed in stays as it is"
    removed = {name for name, _, _ in result.removed}
    assert removed | set(result.template["Resources"]) == set(template["Resources"])
    assert not removed & set(result.template["Resources"])
    for name, kind, reason in result.removed:
        assert template["Resources"][name]["Type"] == kind and reason


def test_what_is_kept_is_unchanged_or_on_the_list(template):
    result = strip(template, PLACE)
    listed = {name for name, _, _ in result.changed}
    for name, resource in result.template["Resources"].items():
        assert name in listed or resource == template["Resources"][name], name


def test_what_a_fleet_is_made_of_is_never_taken_off(template):
    kinds = ["AWS::ECS::Service", "AWS::ECS::TaskDefinition", "AWS::Lambda::Function", "AWS::Events::Rule",
             "AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::ECS::Cluster",
             "AWS::Glue::Database", "AWS::Logs::LogGroup"]  # fmt: skip
    before, after = count(template), count(strip(template, PLACE).template)
    assert {kind: after[kind] for kind in kinds} == {kind: before[kind] for kind in kinds}


def test_the_lists_do_not_overlap():
    assert not KEPT & set(REMOVED)


def test_an_unknown_type_is_an_error():
    template = golden("minimal")
    template["Resources"]["Queue"] = {"Type": "AWS::SQS::Queue", "Properties": {}}
    with pytest.raises(Unexpected, match="AWS::SQS::Queue"):
        strip(template, PLACE)


def test_a_reference_to_what_is_gone_is_an_error():
    template = golden("minimal")
    address, _ = only(template, "AWS::EC2::EIP")
    template["Resources"]["Told"] = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": address}}}
    with pytest.raises(Unexpected, match=f"Told refers to {address}"):
        strip(template, PLACE)


def test_a_template_without_workers_is_an_error():
    template = golden("minimal")
    name, _ = only(template, "AWS::ECS::Service", lambda made: made["ServiceName"] == "worker-shared")
    del template["Resources"][name]
    with pytest.raises(Unexpected):
        strip(template, PLACE)


def test_the_lambda_becomes_a_zip_that_acts_by_itself():
    result = strip(golden("minimal"), PLACE)
    _, function = only(result.template, "AWS::Lambda::Function", lambda made: made.get("Handler") == "bootstrap")
    assert function["Code"] == {"S3Bucket": "assets", "S3Key": "lag.zip"} and "PackageType" not in function
    text, given = function["Environment"]["Variables"]["LANDFALL_POOLS__SHARED"]["Fn::Sub"]
    assert json.loads(text)["ecs"] == {"cluster": "${Cluster}", "service": "worker-shared"}
    assert json.loads(text)["scaling"]["max_workers"] == 8, "what it was told before it is still told"
    assert given == {"Cluster": {"Ref": only(result.template, "AWS::ECS::Cluster")[0]}}


def test_a_lambda_that_acts_by_itself_already_is_left_to_it():
    template = golden("existing-network")
    result = strip(template, PLACE)
    wanted = lambda made: made.get("PackageType") == "Image" or made.get("Handler") == "bootstrap"  # noqa: E731
    told = [
        only(one, "AWS::Lambda::Function", wanted)[1]["Environment"]["Variables"] for one in (template, result.template)
    ]
    assert told[0]["LANDFALL_POOLS__SHARED"] == told[1]["LANDFALL_POOLS__SHARED"]


def test_another_command_in_the_image_function_is_an_error():
    template = golden("minimal")
    _, function = only(template, "AWS::Lambda::Function", lambda made: made.get("PackageType") == "Image")
    function["ImageConfig"]["Command"] = ["something-else"]
    with pytest.raises(Unexpected, match="something-else"):
        strip(template, PLACE)


def test_only_denials_that_cannot_hold_here_are_taken_off():
    template = golden("minimal")
    before, after = (said_by_buckets(one) for one in (template, strip(template, PLACE).template))
    gone = [statement for statement in before if statement not in after]
    keys = [key for statement in gone for operator in statement["Condition"].values() for key in operator]
    assert set(keys) == {"aws:SecureTransport", "s3:TlsVersion", "s3:if-none-match", "s3:if-match"}
    assert any(statement.get("Sid") == "NobodyDeletesTheLog" for statement in after)


def test_tasks_become_containers_of_this_machine_where_that_is_wanted():
    place = Place("http://worker", "http://api", "http://lag", "assets", "lag.zip", "/nowhere.yaml", image="landfall")
    for resource in strip(golden("minimal"), place).template["Resources"].values():
        if resource["Type"] == "AWS::ECS::TaskDefinition":
            (container,) = resource["Properties"]["ContainerDefinitions"]
            assert container["Image"] == "landfall" and resource["Properties"]["NetworkMode"] == "host"
            names = [item["Name"] for item in container["Environment"]]
            assert len(names) == len(set(names)), "no variable is given twice"


def test_pools_and_their_services():
    assert pools(golden("production")) == {"shared": "worker-shared", "nightly": "worker-nightly"}


def test_references_are_found_in_every_spelling():
    node = {"A": {"Ref": "One"}, "B": [{"Fn::GetAtt": ["Two", "Arn"]}], "C": {"Fn::GetAtt": "Three.Arn"},
            "D": {"Fn::Sub": "${Four.Arn}/${!Not}"}, "E": {"Fn::Sub": ["${Given}", {"Given": {"Ref": "Five"}}]},
            "DependsOn": "Six"}  # fmt: skip
    assert references(node) == {"One", "Two", "Three", "Four", "Five", "Six"}


def count(template):
    return collections.Counter(resource["Type"] for resource in template["Resources"].values())


def said_by_buckets(template):
    policies = [made for made in template["Resources"].values() if made["Type"] == "AWS::S3::BucketPolicy"]
    return [said for made in policies for said in made["Properties"]["PolicyDocument"]["Statement"]]
