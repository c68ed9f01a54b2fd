"""The emulator of AWS as a part: on loopback, in an environment of its own, ended by its own process id."""

import functools
import json

import boto3
from botocore.config import Config
from parts import layout
from parts.process import Part, PartFailed, Server, answers_http, free_port

REGION, ACCOUNT = "us-east-1", "000000000000"
_ENVIRONMENT = layout.CACHE / "ddl-venv"  # the one of tests/ddl: it pins another botocore than ours


class Emulator(Part):
    name = "ministack"

    def __init__(self, docker_host=None, auth=False):
        self.port = free_port()
        self.docker_host, self.auth = docker_host, auth
        # Where its functions find AWS; a recording proxy takes this place.
        self.functions_endpoint = self.endpoint

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def _launch(self):
        command = _ENVIRONMENT / "bin" / "ministack"
        if not command.exists():
            raise PartFailed(f"{command} does not exist; tests/fleet/prepare.sh installs it")
        self.servers = [Server(self.name, [command], self._env(), cwd=self.folder).start()]
        self.servers[0].wait_until(lambda: answers_http(f"{self.endpoint}/_ministack/health"), 60)

    def _env(self):
        return {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": self.port,
            "MINISTACK_REGION": REGION,
            "AWS_ENDPOINT_URL": self.functions_endpoint,
            # Without a socket it must not find one of this machine's by itself.
            "DOCKER_HOST": self.docker_host or f"unix://{self.folder}/none.sock",
            "TMPDIR": self.folder,
            # Signatures are verified, and roles and bucket policies hold.
            "AUTH": str(self.auth).lower(),
        }

    def make_agent(self):
        """The user that takes on the roles of tasks, as the agent of ECS does; its ARN."""
        iam = self.client("iam")
        user = iam.create_user(UserName="agent")["User"]["Arn"]
        may = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [may]})
        iam.put_user_policy(UserName="agent", PolicyName="assume", PolicyDocument=document)
        self.agent_key = iam.create_access_key(UserName="agent")["AccessKey"]
        return user

    def session(self, role_arn):
        """Credentials of a role, as a task has them."""
        sts = self.client("sts", self.agent_key["AccessKeyId"], self.agent_key["SecretAccessKey"])
        return sts.assume_role(RoleArn=role_arn, RoleSessionName="task")["Credentials"]

    @functools.cache  # noqa: B019 - one emulator a run
    def client(self, service, access_key="test", secret_key="test", token=None):
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            aws_session_token=token,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )
