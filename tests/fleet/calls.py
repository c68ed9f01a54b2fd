"""Requests as IAM sees them, and a role's synthesized policy beside them. Pure.

Every request must be allowed, and every right must be called or stand on `UNCALLED` with a reason: a role that was
widened or narrowed is noticed. Nobody may do what `FORBIDDEN` says, called or not.
"""

import json
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

BUCKET = "data-bucket"
_ARN = f"arn:aws:s3:::{BUCKET}"

# What a role may do and a run without a fault does not ask for: (process, action, on) -> why.
UNCALLED = {
    ("worker", "s3:ListMultipartUploadParts", f"{_ARN}/*"): "only when the answer to a completion is in doubt",
    ("worker", "s3:AbortMultipartUpload", f"{_ARN}/*"): "only of what will not be completed",
    ("api", "s3:ListMultipartUploadParts", f"{_ARN}/*_landfall-probe/*"): "the same probe as a worker's, in doubt only",
    **{("lag", f"logs:{action}", "log-group:/landfall/landfall/lag"): "Lambda itself writes what the process prints"
       for action in ("CreateLogStream", "PutLogEvents")},
    **{("lag", f"ec2:{action}", "*"): "Lambda itself makes its interfaces in the VPC by the role"
       for action in ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface",
                      "DescribeSubnets")},
}  # fmt: skip

# What is asked for in order to be denied: (action, on) -> why.
ASKED_TO_BE_DENIED = {
    ("s3:DeleteObject", f"{_ARN}/_landfall/probe/log/*"): "the probe tells whether the log could be deleted",
}

# What no process may do, called or not, as (action, key): the log is the promise.
FORBIDDEN = [
    *(("s3:DeleteObject", key) for key in (
        "_landfall/0a1b/log/0/00000000000000000001.json", "_landfall/0a1b/checkpoint/0/1.json",
        "_landfall/jobs/bids.json", "_landfall/workers/w.json", "bids/dt=2026-11-27/hour=01/bids+0+0-x.jsonl.zst",
        "_landfall-dlq/bids/x.jsonl",
    )),
    ("s3:DeleteObjectVersion", "_landfall/0a1b/log/0/00000000000000000001.json"),
    ("s3:BypassGovernanceRetention", "_landfall/0a1b/log/0/00000000000000000001.json"),
    ("s3:PutLifecycleConfiguration", None), ("s3:PutBucketPolicy", None), ("s3:DeleteBucketPolicy", None),
    ("s3:DeleteBucket", None), ("s3:PutBucketVersioning", None), ("iam:PassRole", None),
]  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One right that a request needs, on what, under which conditions."""

    action: str
    on: str
    context: tuple = ()  # ((condition key, value), ...)


@dataclass
class Statement:
    actions: list
    resources: list
    conditions: dict = field(default_factory=dict)  # {operator: {key: [values]}}

    def applies(self, call):
        """Whether the statement says anything about the call, be it to allow or to deny it."""
        return bool(self.matched(call)) and self._conditions_hold(dict(call.context))

    def matched(self, call):
        """The (action, resource) patterns of the statement that the call falls under."""
        return [
            (action, resource)
            for action in self.actions if _like(action.lower(), call.action.lower())
            for resource in self.resources if _like(resource, call.on)
        ]  # fmt: skip

    def _conditions_hold(self, context):
        for operator, keys in self.conditions.items():
            if operator == "Null":
                if any((key not in context) != (value == "true") for key, values in keys.items() for value in values):
                    return False
                continue
            if operator not in ("StringLike", "StringEquals", "ArnEquals", "ArnLike"):
                raise ValueError(f"the condition operator {operator} is not known here")
            for key, values in keys.items():
                exact = operator == "StringEquals"
                told = context.get(key)
                if told is None or not any(told == value if exact else _like(value, told) for value in values):
                    return False
        return True


class Unknown(ValueError):
    """A request that is not mapped to a right: map it, or it would be overlooked."""


def calls_of(method, target, headers, body=b""):
    """The rights that a request needs. `headers` is any mapping of lower-case or case-insensitive names."""
    if operation := _operation(target, headers):
        return [_of_service(*operation, body)]
    return _of_s3(method, target, headers, body)


def _operation(target, headers):
    """(service, operation) of a request in one of AWS's RPC protocols, or None: S3."""
    if named := headers.get("x-amz-target"):
        service, operation = named.rsplit(".", 1)
        return service.split(".")[0].split("_")[0], operation
    if rpc := re.fullmatch(r"/service/([^/]+)/operation/([^/?]+)", target):
        return rpc[1], rpc[2]
    return None


_PREFIXES = {
    "AmazonEC2ContainerServiceV20141113": "ecs",
    "GraniteServiceVersion20100801": "cloudwatch",
    "secretsmanager": "secretsmanager",
}


def _of_service(service, operation, body):
    prefix = _PREFIXES.get(service)
    if prefix is None:
        raise Unknown(f"{service}.{operation}")
    if prefix == "cloudwatch":
        # CBOR: a text is preceded by its length, and the namespace is the only text of this request that matters here.
        namespace = re.search(rb"Namespace[\x60-\x77](\w+)", body)
        told = (("cloudwatch:namespace", _cbor_text(body, namespace)),) if namespace else ()
        return Call(f"cloudwatch:{operation}", "*", told)
    asked = json.loads(body)
    if prefix == "ecs":
        service_name = asked.get("service") or asked["services"][0]
        return Call(
            f"ecs:{operation}", f"service/{asked['cluster']}/{service_name}", (("ecs:cluster", asked["cluster"]),)
        )
    return Call(f"secretsmanager:{operation}", asked["SecretId"])


def _cbor_text(body, found):
    length = body[found.start() + len("Namespace")] - 0x60
    start = found.start() + len("Namespace") + 1
    return body[start : start + length].decode()


def _of_s3(method, target, headers, body):
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    bucket_arn = f"arn:aws:s3:::{bucket}"
    if not key:
        return _of_bucket(method, bucket_arn, query, body)
    on = f"{bucket_arn}/{key}"
    tagged = [Call("s3:PutObjectTagging", on)] if headers.get("x-amz-tagging") else []
    match method, set(query) & {"uploadId", "uploads", "partNumber", "tagging", "acl", "retention", "legal-hold"}:
        case (("GET" | "HEAD"), named) if not named:
            return [Call("s3:GetObject", on)]
        case "GET", named if named == {"uploadId"}:
            return [Call("s3:ListMultipartUploadParts", on)]
        case "PUT", named if named in (set(), {"uploadId", "partNumber"}):
            source = headers.get("x-amz-copy-source")
            copied = (
                [Call("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/').split('?')[0]}")] if source else []
            )
            return [Call("s3:PutObject", on, _preconditions(headers)), *tagged, *copied]
        case "POST", named if named in ({"uploads"}, {"uploadId"}):
            return [Call("s3:PutObject", on, _preconditions(headers)), *tagged]
        case "DELETE", named if named == {"uploadId"}:
            return [Call("s3:AbortMultipartUpload", on)]
        case "DELETE", named if not named:
            return [Call("s3:DeleteObjectVersion" if "versionId" in query else "s3:DeleteObject", on)]
    raise Unknown(f"{method} {target}")


def _preconditions(headers):
    """Which there are; what tag they name says nothing here."""
    return tuple((f"s3:{name}", "given") for name in ("if-none-match", "if-match") if headers.get(name))


def _of_bucket(method, arn, query, body):
    match method:
        case "HEAD":
            return [Call("s3:ListBucket", arn)]
        case "GET" if "lifecycle" in query:
            return [Call("s3:GetLifecycleConfiguration", arn)]
        case "GET" if "uploads" in query:
            return [Call("s3:ListBucketMultipartUploads", arn)]
        case "GET" if not set(query) & {"policy", "acl", "versioning", "versions", "location", "tagging"}:
            return [Call("s3:ListBucket", arn, (("s3:prefix", query.get("prefix", "")),))]
        case "POST" if "delete" in query:
            keys = re.findall(rb"<Key>([^<]*)</Key>", body)
            return [Call("s3:DeleteObject", f"{arn}/{key.decode()}") for key in keys]
    raise Unknown(f"{method} {arn} {sorted(query)}")


@dataclass
class Compared:
    refused: list
    denied: list
    uncalled: list

    def told(self):
        """What is wrong, one line each."""
        return [
            *(f"not allowed: {call.action} on {call.on}" for call in self.refused),
            *(f"denied by the bucket: {call.action} on {call.on} {dict(call.context)}" for call in self.denied),
            *(f"allowed, not called and not explained: {action} on {on}" for action, on in self.uncalled),
        ]


def compare(process, statements, denials, calls):
    """What was called and is not allowed, or is denied; what is allowed, was not called and has no reason."""
    used = set()
    refused, denied = [], []
    for call in calls:
        if any(statement.applies(call) for statement in denials) and not asked_to_be_denied(call):
            denied.append(call)
        allowing = [statement for statement in statements if statement.applies(call)]
        if not allowing:
            refused.append(call)
        used |= {pair for statement in allowing for pair in statement.matched(call)}
    rights = {(action, on) for statement in statements for action in statement.actions for on in statement.resources}
    return Compared(refused, denied, sorted(right for right in rights - used if (process, *right) not in UNCALLED))


def asked_to_be_denied(call):
    return any(call.action == action and _like(on, call.on) for action, on in ASKED_TO_BE_DENIED)


def forbidden(statements, bucket=BUCKET):
    """Of what nobody may do, what these statements allow."""
    arn = f"arn:aws:s3:::{bucket}"
    asked = [Call(action, arn if key is None else f"{arn}/{key}") for action, key in FORBIDDEN]
    return [call for call in asked if any(statement.applies(call) for statement in statements)]


def statements_of(template, process):
    """The statements of a process's role, with BUCKET as the data bucket's name."""
    role = role_of(template, process)
    found = []
    for made in template["Resources"].values():
        if made["Type"] == "AWS::IAM::Policy" and {"Ref": role} in made["Properties"]["Roles"]:
            found += made["Properties"]["PolicyDocument"]["Statement"]
    inline = template["Resources"][role]["Properties"]
    if inline.get("Policies") or inline.get("ManagedPolicyArns"):
        raise Unknown(f"{role} has rights beyond its own policies")
    if any(made["Effect"] != "Allow" for made in found):
        raise Unknown(f"{role} has a statement that does not allow")
    return _read(template, found)


def denials_of(template):
    """What the data bucket denies to everybody, but for what comes without TLS: nothing here has it."""
    bucket = data_bucket(template)
    found = []
    for made in template["Resources"].values():
        if made["Type"] == "AWS::S3::BucketPolicy" and made["Properties"]["Bucket"] == {"Ref": bucket}:
            found += [said for said in made["Properties"]["PolicyDocument"]["Statement"] if said["Effect"] == "Deny"]
    return _read(template, [said for said in found if not _is_about_tls(said)])


def _is_about_tls(statement):
    keys = {key for operator in statement.get("Condition", {}).values() for key in operator}
    return bool(keys) and keys <= {"aws:SecureTransport", "s3:TlsVersion"}


def _read(template, statements):
    resolve = Resolver(template)
    return [
        Statement(
            _list(made["Action"]),
            [resolve(on) for on in _list(made["Resource"])],
            {
                operator: {key: [resolve(value) for value in _list(values)] for key, values in keys.items()}
                for operator, keys in made.get("Condition", {}).items()
            },
        )
        for made in statements
    ]


def role_of(template, process):
    """The logical id of the role that a process of this kind has: worker, api or lag."""
    for made in template["Resources"].values():
        properties = made.get("Properties", {})
        if process == "lag" and made["Type"] == "AWS::Lambda::Function" and _is_lag(properties):
            return properties["Role"]["Fn::GetAtt"][0]
        if (
            made["Type"] == "AWS::ECS::TaskDefinition"
            and properties["ContainerDefinitions"][0]["Command"][0] == process
        ):
            return properties["TaskRoleArn"]["Fn::GetAtt"][0]
    raise Unknown(f"the template has no {process}")


def _is_lag(function):
    return function.get("PackageType") == "Image" or function.get("Handler") == "bootstrap"


class Resolver:
    """Names and ARNs of a template as texts; the data bucket is BUCKET, the rest its logical id."""

    def __init__(self, template):
        self.template = template

    def __call__(self, node):
        if isinstance(node, str):
            return node
        ((function, argument),) = node.items()
        match function:
            case "Ref":
                return self._ref(argument)
            case "Fn::GetAtt":
                return self._attribute(*argument)
            case "Fn::Join":
                return argument[0].join(self(part) for part in argument[1])
        raise Unknown(f"{function} in a policy")

    def _ref(self, name):
        pseudo = {"AWS::Partition": "aws", "AWS::AccountId": "000000000000", "AWS::Region": "us-east-1"}
        made = self.template["Resources"].get(name)
        if made is None:
            return pseudo[name]
        if made["Type"] == "AWS::S3::Bucket":
            return self._bucket(name)
        if made["Type"] == "AWS::ECS::Service":
            return self._attribute(name, "Arn")
        return made["Properties"].get("ClusterName", name)

    def _attribute(self, name, attribute):
        made = self.template["Resources"][name]
        match made["Type"], attribute:
            case "AWS::S3::Bucket", "Arn":
                return f"arn:aws:s3:::{self._bucket(name)}"
            case "AWS::ECS::Service", "Arn":
                # As the requests name it: by cluster and name.
                return f"service/{self(made['Properties']['Cluster'])}/{made['Properties']['ServiceName']}"
            case "AWS::ECS::Cluster", "Arn":
                return self._ref(name)
            case "AWS::KMS::Key", "Arn":
                return f"key/{name}"
            case "AWS::Logs::LogGroup", "Arn":
                return f"log-group:{made['Properties']['LogGroupName']}"
        raise Unknown(f"{attribute} of {made['Type']} in a policy")

    def _bucket(self, name):
        return BUCKET if name == data_bucket(self.template) else name


def data_bucket(template):
    """The logical id of the bucket that the worker is told."""
    for made in template["Resources"].values():
        if made["Type"] == "AWS::ECS::TaskDefinition":
            for item in made["Properties"]["ContainerDefinitions"][0]["Environment"]:
                if item["Name"] == "LANDFALL_STATE__BUCKET":
                    return item["Value"]["Ref"]
    raise Unknown("no task is told its bucket")


def _list(value):
    return value if isinstance(value, list) else [value]


def _like(pattern, text):
    """IAM's wildcards: * and ?, over slashes too."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL) is not None
