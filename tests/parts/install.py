"""Fetches the parts from package registries into .cache/, once. A second call costs nothing.

Each has a stamp with its version, so that a changed version is fetched again. A lock file keeps two processes
from fetching the same part at once.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

from . import layout
from .process import PartFailed

VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
# MinIO's server is an archived project: a second opinion in the tests, nothing else.
MINIO = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"


def kafka():
    """The jars of Kafka; returns the class path."""
    return _jars("kafka", layout.KAFKA_POM, layout.KAFKA_LIB)


def connect():
    """The jars of Kafka Connect; returns the class path."""
    return _jars("connect", layout.CONNECT_POM, layout.CONNECT_LIB)


def _jars(name, pom, folder):
    with _once(layout.CACHE / name, hashlib.sha256(pom.read_bytes()).hexdigest()) as needed:
        if needed:
            _need("mvn", "apt-get install maven")
            shutil.rmtree(folder, ignore_errors=True)
            _run(
                ["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies"]
                + ["-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
            )
    return f"{folder}/*"


def versitygw():
    return _go_binary("versitygw", VERSITYGW)


def minio():
    return _go_binary("minio", MINIO)


def _go_binary(name, module):
    binary = layout.BIN / name
    with _once(layout.CACHE / f"{name}.installed", module) as needed:
        if needed or not binary.exists():
            _need("go", "apt-get install golang-go")
            layout.BIN.mkdir(parents=True, exist_ok=True)
            _run(["go", "install", module], {"GOBIN": str(layout.BIN)})
    return binary


@contextlib.contextmanager
def _once(folder, version):
    """Yields whether `version` is still to be fetched; stamps it when the body succeeds."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "version"
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        needed = not stamp.exists() or stamp.read_text(encoding="utf-8") != version
        yield needed
        if needed:
            stamp.write_text(version, encoding="utf-8")


def _need(tool, fix):
    if shutil.which(tool) is None:
        raise PartFailed(f"{tool} is not on the path; install it: {fix}")


def _run(command, env=None):
    # What a tool says is no part of what the caller prints.
    done = subprocess.run(
        [str(word) for word in command], env={**os.environ, **(env or {})}, stdout=sys.stderr, check=False
    )
    if done.returncode != 0:
        raise PartFailed(f"{command[0]} failed with code {done.returncode}: {' '.join(str(word) for word in command)}")
