"""The synthesized template as the emulator can take it, and a list of everything that was taken off it or changed.

Pure. Three lists, all closed: a type that is on none of them, a change that finds nothing to change, or a reference to
something that was taken off are errors, so that nothing that matters is left out in silence.
"""

import copy
import dataclasses
import json

# Types that the emulator's CloudFormation does not know, and why a fleet on one machine is whole without them.
REMOVED = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "no scaling API: the lag Lambda sets the service itself",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "no scaling API: its steps are tested by cdk/test/scaling-model.ts",
    "AWS::EC2::CustomerGateway": "no packets are emulated",
    "AWS::EC2::EIP": "no NAT: processes are on this machine's own network",
    "AWS::EC2::FlowLog": "no packets are emulated",
    "AWS::EC2::NatGateway": "no NAT: processes are on this machine's own network",
    "AWS::EC2::SecurityGroupEgress": "no packets are emulated",
    "AWS::EC2::SecurityGroupIngress": "no packets are emulated",
    "AWS::EC2::VPNConnection": "no packets are emulated",
    "AWS::EC2::VPNConnectionRoute": "no packets are emulated",
    "AWS::EC2::VPNGateway": "no packets are emulated",
    "AWS::EC2::VPNGatewayRoutePropagation": "no packets are emulated",
    "AWS::ECS::ClusterCapacityProviderAssociations": "services name their capacity providers themselves",
    "Custom::LandfallSmoke": "its Lambda needs Node with AWS's SDK; tested by cdk/test/smoke.test.ts",
}

# Types that reach the emulator. What it does not act on (policies, alarms without a consequence) it keeps at least.
KEPT = frozenset(
    {
        "AWS::CertificateManager::Certificate", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard",
        "AWS::EC2::InternetGateway", "AWS::EC2::Route",
        "AWS::EC2::RouteTable", "AWS::EC2::SecurityGroup", "AWS::EC2::Subnet", "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPC", "AWS::EC2::VPCEndpoint", "AWS::EC2::VPCGatewayAttachment", "AWS::ECS::Cluster",
        "AWS::ECS::Service", "AWS::ECS::TaskDefinition", "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::ListenerRule", "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup", "AWS::Events::Rule", "AWS::Glue::Database", "AWS::IAM::Policy",
        "AWS::IAM::Role", "AWS::KMS::Key", "AWS::Lambda::Function", "AWS::Lambda::Permission", "AWS::Logs::LogGroup",
        "AWS::Logs::MetricFilter", "AWS::Logs::ResourcePolicy", "AWS::Route53::RecordSet", "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy", "AWS::SNS::Subscription", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy",
    }
)  # fmt: skip

# What a kept resource may say about a removed one, and is therefore removed too.
_FOLLOWS = {
    ("AWS::EC2::Route", "AWS::EC2::NatGateway"): "leads to the NAT gateway",
    ("AWS::EC2::VPCGatewayAttachment", "AWS::EC2::VPNGateway"): "attaches the VPN gateway",
    ("AWS::CloudWatch::Alarm", "AWS::ApplicationAutoScaling::ScalingPolicy"): "drives the scaling policy",
    ("AWS::CloudWatch::Alarm", "AWS::EC2::VPNConnection"): "watches the VPN",
    ("AWS::CloudWatch::Dashboard", "AWS::CloudWatch::Alarm"): "shows alarms that are not made",
    ("AWS::CloudWatch::Dashboard", "AWS::EC2::VPNConnection"): "shows the VPN",
}


class Unexpected(ValueError):
    """The template has something that these lists do not know."""


@dataclasses.dataclass(frozen=True)
class Place:
    """What the fleet is put into: where S3 answers whom, what the Lambda runs, what a task runs."""

    worker_endpoint: str
    api_endpoint: str
    lag_endpoint: str
    zip_bucket: str
    zip_key: str
    # An empty configuration where a Lambda from a zip finds it; the image has its own.
    config_file: str
    # None: tasks are not containers, and their definitions stay as they are.
    image: str | None = None
    # Where the API listens on a network that it shares with everything.
    api_listen: str = "127.0.0.1:8080"
    # Who may take on the roles of tasks here, where no service of AWS does.
    agent_arn: str | None = None
    # Whether the pool starts with what ECS gives a new service, one task, or with none.
    first_task: bool = False


@dataclasses.dataclass
class Stripped:
    template: dict
    removed: list = dataclasses.field(default_factory=list)  # (logical id, type, reason)
    changed: list = dataclasses.field(default_factory=list)  # (logical id, what, reason)

    def told(self):
        """For people, one line each."""
        removed = [f"removed {kind} {name}: {reason}" for name, kind, reason in self.removed]
        return removed + [f"changed {name}: {what}: {reason}" for name, what, reason in self.changed]


def strip(template, place):
    """The template for the emulator. The one that is handed in stays as it is."""
    result = Stripped(copy.deepcopy(template))
    _know_all_types(result.template)
    _remove(result)
    _swap_lag_function(result, place)
    _set_up_tasks(result, place)
    _without_denials(result)
    _let_lambda_at_services(result)
    _let_agent_in(result, place)
    _without_bootstrap_check(result)
    _no_loose_ends(result)
    return result


def _know_all_types(template):
    unknown = sorted({resource["Type"] for resource in template["Resources"].values()} - KEPT - set(REMOVED))
    if unknown:
        raise Unexpected(f"neither kept nor removed, decide in strip.py: {', '.join(unknown)}")


def _remove(result):
    for name, resource in list(result.template["Resources"].items()):
        if reason := REMOVED.get(resource["Type"]):
            _take(result, name, reason)
        elif resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]:
            _take(result, name, "no alarms on metric math")
    while _remove_followers(result):
        pass
    _loosen(result)


def _remove_followers(result):
    """How many went because of what has gone until now."""
    gone = {name: kind for name, kind, _ in result.removed}
    before = len(result.removed)
    for name, resource in list(result.template["Resources"].items()):
        targets = {gone.get(named) for named in references(resource.get("Properties", {}))}
        reasons = [why for (kind, target), why in _FOLLOWS.items() if kind == resource["Type"] and target in targets]
        if reasons:
            _take(result, name, reasons[0])
    return len(result.removed) - before


def _take(result, name, reason):
    result.removed.append((name, result.template["Resources"].pop(name)["Type"], reason))


def _loosen(result):
    """Orders of creation that name what is gone, and outputs about it."""
    gone = {name for name, _, _ in result.removed}
    for name, resource in result.template["Resources"].items():
        after = resource.get("DependsOn", [])
        after = [after] if isinstance(after, str) else after
        if gone.intersection(after):
            resource["DependsOn"] = [other for other in after if other not in gone]
            what = f"no longer waits for {', '.join(sorted(gone.intersection(after)))}"
            result.changed.append((name, what, "it is not made"))
    for name, output in list(result.template.get("Outputs", {}).items()):
        if gone.intersection(references(output)):
            del result.template["Outputs"][name]
            result.changed.append((name, "no such output", "it tells of what is not made"))


def _swap_lag_function(result, place):
    """The image function becomes a zip with the same binary: the emulator runs bootstraps as processes."""
    name, function = only(result.template, "AWS::Lambda::Function", lambda made: made.get("PackageType") == "Image")
    command = function.pop("ImageConfig")["Command"]
    if command != ["lag-lambda"]:
        raise Unexpected(f"{name} runs {command}, and the zip's bootstrap runs lag-lambda")
    del function["PackageType"]
    function.update(
        Code={"S3Bucket": place.zip_bucket, "S3Key": place.zip_key}, Runtime="provided.al2023", Handler="bootstrap"
    )
    result.changed.append((name, "a zip in the place of the image", "the emulator runs no images as functions"))
    variables = function["Environment"]["Variables"]
    variables["LANDFALL_CONFIG"] = place.config_file
    variables.update(store(place.lag_endpoint))
    result.changed.append((name, "LANDFALL_CONFIG, LANDFALL_S3__*", "the emulator's S3; a zip has no /etc"))
    for pool, service in pools(result.template).items():
        _let_lambda_act(result, name, variables, pool, service)


def _let_lambda_act(result, name, variables, pool, service):
    """`actuator: ecs`, where the template was made for Application Auto Scaling."""
    variable = f"LANDFALL_POOLS__{pool.upper()}"
    told = variables.get(variable)
    if not isinstance(told, (str, dict)):
        raise Unexpected(f"{name} is told nothing of the pool {pool}")
    if "ecs" in json.dumps(told):
        return
    cluster, _ = only(result.template, "AWS::ECS::Cluster")
    acting = json.loads(told) | {"ecs": {"cluster": "${Cluster}", "service": service}}
    # A plain JSON has no ${...}, so the only one is ours.
    variables[variable] = {"Fn::Sub": [json.dumps(acting), {"Cluster": {"Ref": cluster}}]}
    result.changed.append((name, f"{variable} has ecs", "no scaling API: the Lambda sets the service itself"))


def _set_up_tasks(result, place):
    for name, resource in result.template["Resources"].items():
        if resource["Type"] != "AWS::ECS::TaskDefinition":
            continue
        properties = resource["Properties"]
        (container,) = properties["ContainerDefinitions"]
        role = container["Command"][0]
        endpoint = {"worker": place.worker_endpoint, "api": place.api_endpoint}[role]
        _set_variables(container, store(endpoint))
        result.changed.append((name, "LANDFALL_S3__*", "the emulator's S3"))
        container["Secrets"] = [
            {"name": one["Name"], "valueFrom": one["ValueFrom"]} for one in container.get("Secrets", [])
        ]
        result.changed.append((name, "names of its secrets in the API's spelling", "the emulator reads no other"))
        if place.image:
            _make_containers(result, name, properties, container, place)
    for name, service in _services(result.template):
        if "DesiredCount" not in service and not place.first_task:
            service["DesiredCount"] = 0
            result.changed.append((name, "DesiredCount 0", "ECS's first task would take a minute to go again"))


def _make_containers(result, name, properties, container, place):
    container["Image"] = place.image
    properties["NetworkMode"] = "host"
    container.pop("PortMappings", None)
    # On one network each worker needs a port of its own, and the kernel has one.
    worker = container["Command"][0] == "worker"
    _set_variables(
        container, {"LANDFALL_WORKER__LISTEN": "127.0.0.1:0"} if worker else {"LANDFALL_API__LISTEN": place.api_listen}
    )
    result.changed.append((name, "the image built here, this machine's network", "there is no registry and no VPC"))


# Denials by conditions that cannot hold here, or that the emulator does not know. What the second kind says is held
# against the recorded requests instead: see calls.py.
_DENIALS = {
    "aws:SecureTransport": "loopback has no TLS",
    "s3:TlsVersion": "loopback has no TLS",
    "s3:if-none-match": "its policies do not know the condition; the recorded requests are held against it",
}


def _without_denials(result):
    for name, resource in result.template["Resources"].items():
        if resource["Type"] != "AWS::S3::BucketPolicy":
            continue
        document = resource["Properties"]["PolicyDocument"]
        for statement in list(document["Statement"]):
            keys = [key for operator in statement.get("Condition", {}).values() for key in operator]
            reasons = [_DENIALS[key] for key in keys if key in _DENIALS]
            if statement["Effect"] == "Deny" and reasons:
                document["Statement"].remove(statement)
                result.changed.append((name, f"no {statement.get('Sid') or f'denial by {keys[0]}'}", reasons[0]))


def _let_lambda_at_services(result):
    """The emulator asks for rights on a cluster where AWS asks for them on a service, and knows no ecs:cluster."""
    for name, resource in result.template["Resources"].items():
        if resource["Type"] != "AWS::IAM::Policy":
            continue
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            if set(statement["Action"]) == {"ecs:DescribeServices", "ecs:UpdateService"}:
                statement["Resource"] = "*"
                del statement["Condition"]
                reason = "it takes ECS's services for their cluster; the recorded requests are held against the rights"
                result.changed.append((name, "ecs:UpdateService and ecs:DescribeServices on everything", reason))


def _let_agent_in(result, place):
    if place.agent_arn is None:
        return
    for name, resource in result.template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role" and "ecs-tasks.amazonaws.com" in json.dumps(resource):
            trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": place.agent_arn}}
            resource["Properties"]["AssumeRolePolicyDocument"]["Statement"].append(trusted)
            result.changed.append((name, "trusts the agent of these tests too", "no service of AWS starts tasks here"))


def _without_bootstrap_check(result):
    """The CDK's own parameter asks SSM for the version of its bootstrap stack, which nobody made here."""
    for section, name in (("Parameters", "BootstrapVersion"), ("Rules", "CheckBootstrapVersion")):
        if result.template.get(section, {}).pop(name, None):
            result.changed.append((name, "gone", "the account is not bootstrapped, and nothing here comes from assets"))
            if not result.template[section]:
                del result.template[section]


def _no_loose_ends(result):
    there = set(result.template["Resources"]) | set(result.template.get("Parameters", {}))
    for name, resource in [*result.template["Resources"].items(), *result.template.get("Outputs", {}).items()]:
        for named in references(resource):
            if named not in there and not named.startswith("AWS::"):
                raise Unexpected(f"{name} refers to {named}, which was removed; decide in strip.py what becomes of it")


def store(endpoint):
    """Where a process finds S3: by path, as no name resolves to a bucket here."""
    return {"LANDFALL_S3__ENDPOINT": endpoint, "LANDFALL_S3__FORCE_PATH_STYLE": "true"}


def _set_variables(container, values):
    kept = [item for item in container["Environment"] if item["Name"] not in values]
    container["Environment"] = kept + [{"Name": name, "Value": value} for name, value in values.items()]


def pools(template):
    """{pool: name of its service}, of the services whose tasks are workers."""
    found = {}
    for _, service in _services(template):
        definition = template["Resources"][service["TaskDefinition"]["Ref"]]["Properties"]
        command = definition["ContainerDefinitions"][0]["Command"]
        if command[0] == "worker":
            found[command[2]] = service["ServiceName"]
    if not found:
        raise Unexpected("the template has no service of workers")
    return found


def _services(template):
    resources = template["Resources"].items()
    return [(name, made["Properties"]) for name, made in resources if made["Type"] == "AWS::ECS::Service"]


def only(template, kind, wanted=lambda properties: True):
    """The one resource of a kind, as (logical id, properties)."""
    found = [
        (name, resource.get("Properties", {}))
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind and wanted(resource.get("Properties", {}))
    ]
    if len(found) != 1:
        raise Unexpected(f"{len(found)} of {kind}, and one was looked for")
    return found[0]


def references(node):
    """Logical ids that a part of a template refers to, pseudo parameters among them."""
    if isinstance(node, list):
        return {name for item in node for name in references(item)}
    if not isinstance(node, dict):
        return set()
    found = set()
    for key, value in node.items():
        if key == "Ref":
            found.add(value)
        elif key == "Fn::GetAtt":
            found.add(value[0] if isinstance(value, list) else value.split(".")[0])
        elif key == "Fn::Sub":
            found |= _of_sub(value)
        elif key == "DependsOn":
            found |= {value} if isinstance(value, str) else set(value)
        else:
            found |= references(value)
    return found


def _of_sub(value):
    text, given = (value, {}) if isinstance(value, str) else value
    named = {part.split("}")[0] for part in text.split("${")[1:]}
    # ${!Literal} is no reference.
    named = {name.split(".")[0] for name in named if not name.startswith("!")}
    return (named - set(given)) | references(given)
