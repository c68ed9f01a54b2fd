"""S3 servers nobody here wrote: versitygw on every run, MinIO by recipe. One interface for both.

    with VersityGw() as s3:
        s3.make_bucket("lake")
        s3.client().list_objects_v2(Bucket="lake")
"""

import base64
import os

from . import install
from .process import Part, Server, answers_http, free_port

REGION = "us-east-1"
ACCESS_KEY, SECRET_KEY = "landfall-test", "landfall-test-secret"


class _S3Server(Part):
    """Start, stop, kill and start again on the same port and data."""

    health_path = ""

    def __init__(self):
        self.access_key, self.secret_key, self.region = ACCESS_KEY, SECRET_KEY, REGION
        self.port = free_port()

    @property
    def server(self):
        return self.servers[0]

    def kill(self):
        self.server.kill()

    def restart(self):
        """Kills the server and starts it again on the same port and data."""
        self.server.kill()
        self._launch()

    def pause(self):
        self.server.pause()

    def resume(self):
        self.server.resume()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def env(self):
        """What the project's own tests read."""
        return {
            "LANDFALL_TEST_S3_ENDPOINT": self.endpoint,
            "LANDFALL_TEST_S3_ACCESS_KEY": self.access_key,
            "LANDFALL_TEST_S3_SECRET_KEY": self.secret_key,
        }

    def client(self, endpoint=None, attempts=4):
        """A boto3 client, which is an independent reader and writer."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=endpoint or self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": attempts, "mode": "standard"}),
        )

    def make_bucket(self, name):
        self.client().create_bucket(Bucket=name)

    def _launch(self):
        self.servers = [Server(self.name, self._command(), self._env()).start()]
        self.server.wait_until(lambda: answers_http(self.endpoint + self.health_path), 60)

    def _command(self):
        raise NotImplementedError

    def _env(self):
        raise NotImplementedError


class VersityGw(_S3Server):
    """versitygw on a folder of the local file system. Its versions folder must be an absolute path."""

    name = "versitygw"
    health_path = "/health"

    def _command(self):
        binary = install.versitygw()
        iam, versions, objects = (self.folder / part for part in ("iam", "versions", "objects"))
        for part in (iam, versions, objects):
            part.mkdir(exist_ok=True)
        return [
            binary, "--quiet", "--keep-alive", "--port", f"127.0.0.1:{self.port}", "--health", self.health_path,
            "--iam-dir", iam, "posix", "--versioning-dir", versions, objects,
        ]  # fmt: skip

    def _env(self):
        return {"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key}


class Minio(_S3Server):
    """MinIO with a key for server-side encryption: the second opinion, and the only real SSE-KMS."""

    name = "minio"
    health_path = "/minio/health/live"
    kms_key = "lf"

    def env(self):
        return super().env() | {"LANDFALL_TEST_S3_KMS_KEY": self.kms_key}

    def __init__(self):
        super().__init__()
        # One key for the life of the folder: a restart must still be able to read.
        self._kms_secret = base64.b64encode(os.urandom(32)).decode()

    def _command(self):
        objects = self.folder / "objects"
        objects.mkdir(exist_ok=True)
        return [install.minio(), "server", "--quiet", "--address", f"127.0.0.1:{self.port}", objects]

    def _env(self):
        return {
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "MINIO_KMS_SECRET_KEY": f"{self.kms_key}:{self._kms_secret}",
        }
