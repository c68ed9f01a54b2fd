"""What the templates tell each process is a configuration that the process takes: `healthcheck` reads it as the process
does at its start, but for secrets, and would end as for a wrong use."""

import json
import re
import subprocess

import pytest

from fleet.run import BINARY
from fleet.test_strip import EXAMPLES, golden

REFUSED = 2
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/landfall/0123456789abcdef"


def environments(template):
    """What each process is started with, by the logical id of its task or function."""
    for name, resource in template["Resources"].items():
        told = resource["Properties"]
        if resource["Type"] == "AWS::ECS::TaskDefinition":
            for container in told["ContainerDefinitions"]:
                given = {pair["Name"]: text(pair["Value"], template) for pair in container["Environment"]}
                yield name, {**given, **{secret["Name"]: "x" for secret in container.get("Secrets", [])}}
        elif resource["Type"] == "AWS::Lambda::Function" and "LANDFALL_STATE__BUCKET" in str(told.get("Environment")):
            yield name, {key: text(value, template) for key, value in told["Environment"]["Variables"].items()}


def text(value, template):
    """A value as CloudFormation would write it, with something of its kind for what is known only once it is deployed."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            kind = template["Resources"][name]["Type"]
            return BALANCER if kind.endswith("::LoadBalancer") else "lake"
        case {"Fn::GetAtt": _}:
            return "x"
        case {"Fn::Join": [between, parts]}:
            return between.join(text(part, template) for part in parts)
        case {"Fn::Sub": [pattern, names]}:
            return re.sub(r"\$\{(\w+)\}", lambda found: names[found[1]], pattern)
    raise AssertionError(f"what would CloudFormation make of {value}?")


def refusal(environment, tmp_path):
    """What the binary says of a configuration that it does not take, else nothing."""
    empty = tmp_path / "fleet.yaml"
    empty.write_text("{}", encoding="utf-8")
    done = subprocess.run([BINARY, "healthcheck"], env={**environment, "LANDFALL_CONFIG": str(empty)}, capture_output=True,
                          text=True, check=False, timeout=60)  # fmt: skip
    return done.stderr if done.returncode == REFUSED else ""


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_process_takes_what_the_template_tells_it(example, tmp_path):
    told = list(environments(golden(example)))
    assert len(told) >= 4, "a worker, its smoke task, the API, the lag Lambda"
    for name, environment in told:
        assert not (said := refusal(environment, tmp_path)), f"{example}, {name}: {said}"


def test_a_variable_that_no_process_takes_is_noticed(tmp_path):
    _, environment = next(environments(golden("production")))
    signer = json.dumps({"signer": BALANCER})
    wrong = {**environment, "LANDFALL_API__AUTH__MODE": "alb", "LANDFALL_API__AUTH__ALB": signer}
    assert "api.auth.alb.issuer" in refusal(wrong, tmp_path)
    assert refusal({**environment, "LANDFALL_POOLS__SHARED": '{"scaling": {"target_utilization": 85}}'}, tmp_path)
