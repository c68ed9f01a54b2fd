"""The parts from a shell.

    python3 -m parts install --kafka --s3          fetch only
    python3 -m parts up --kafka --s3 [--for 600]   start, print `export NAME=VALUE` lines, wait for Ctrl-C
    python3 -m parts run --kafka --s3 -- COMMAND   start, run COMMAND with the same variables, stop; its exit code
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time

from . import Kafka, Minio, VersityGw, install
from .process import PartFailed


def main():
    arguments = _parse()
    try:
        _install(arguments)
        if arguments.action == "install":
            return 0
        with contextlib.ExitStack() as stack:
            env = _start(arguments, stack)
            if arguments.action == "run":
                return subprocess.run(arguments.command, env={**os.environ, **env}, check=False).returncode
            for name, value in env.items():
                print(f"export {name}={value}", flush=True)
            _wait(arguments.for_s)
    except PartFailed as failure:
        print(f"parts: {failure}", file=sys.stderr)
        return 1
    return 0


def _parse():
    parser = argparse.ArgumentParser(prog="python3 -m parts", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["install", "up", "run"])
    parser.add_argument("--kafka", action="store_true", help="one Kafka broker, or as many as --nodes")
    parser.add_argument("--nodes", type=int, default=1, choices=[1, 3])
    parser.add_argument("--secure", action="store_true", help="with a SASL_SSL listener beside the plain one")
    parser.add_argument("--s3", action="store_true", help="versitygw")
    parser.add_argument("--minio", action="store_true", help="MinIO in the place of versitygw")
    parser.add_argument("--for", dest="for_s", type=float, default=4 * 3600, help="seconds after which `up` ends")
    if "--" not in sys.argv:
        return parser.parse_args()
    cut = sys.argv.index("--")
    arguments = parser.parse_args(sys.argv[1:cut])
    arguments.command = sys.argv[cut + 1 :]
    return arguments


def _install(arguments):
    if arguments.kafka:
        install.kafka()
    if arguments.s3 and not arguments.minio:
        install.versitygw()
    if arguments.minio:
        install.minio()


def _start(arguments, stack):
    env = {}
    if arguments.kafka:
        kafka = stack.enter_context(Kafka(nodes=arguments.nodes, secure=arguments.secure))
        env |= kafka.env()
    if arguments.s3 or arguments.minio:
        env |= stack.enter_context(Minio() if arguments.minio else VersityGw()).env()
    return env


def _wait(seconds):
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    deadline = time.monotonic() + seconds
    with contextlib.suppress(KeyboardInterrupt):
        while not ended and time.monotonic() < deadline:
            time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
