"""An emulator of S3, Glue and Athena on loopback, ended by its own pid, and a client of it.

What of Athena it does not do, and these tests therefore see otherwise: it looks at objects and not at the projection (a
partition column has a value where the key has a folder column=value), and it reads names and types of JSON and Parquet
from the files, not from the table.
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3
from botocore.config import Config


class Emulator:
    def __enter__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = tempfile.TemporaryFile()
        environment = {**os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port)}
        command = [str(pathlib.Path(sys.executable).parent / "ministack")]
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=subprocess.STDOUT)
        self._wait_until_ready()
        self.s3, self.glue, self.athena = (self._client(name) for name in ("s3", "glue", "athena"))
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _wait_until_ready(self):
        for _ in range(300):
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_ministack/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        self.log.seek(0)
        raise RuntimeError(f"the emulator is not ready: {self.log.read().decode(errors='replace')[-2000:]}")

    def _client(self, service):
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )

    def query(self, sql, database):
        """The rows as lists of texts, None for null."""
        execution = self.athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": database},
            ResultConfiguration={"OutputLocation": "s3://results/"},
        )["QueryExecutionId"]
        for _ in range(300):
            status = self.athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
            if status["State"] not in ("QUEUED", "RUNNING"):
                break
            time.sleep(0.1)
        assert status["State"] == "SUCCEEDED", f"{sql}: {status.get('StateChangeReason')}"
        result = self.athena.get_query_results(QueryExecutionId=execution)["ResultSet"]["Rows"]
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in result[1:]]
