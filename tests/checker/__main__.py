"""The checker from a shell: see check.py."""

import argparse
import dataclasses
import json
import sys

import boto3
from botocore.config import Config

from . import check, read_source


def main():
    parser = argparse.ArgumentParser(prog="python3 -m checker", description=check.__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True, action="append")
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--endpoint", help="S3 endpoint; left out: AWS")
    parser.add_argument("--data-prefix", default="")
    parser.add_argument("--dead-letters", help="prefix of the dead letters")
    parser.add_argument("--ignore", action="append", default=["_landfall/"], help="prefixes that are not looked at")
    arguments = parser.parse_args()
    client = boto3.client("s3", endpoint_url=arguments.endpoint, config=Config(s3={"addressing_style": "path"}))
    source = read_source(arguments.bootstrap, arguments.topic, keep_values=True)
    report = check(
        source,
        client,
        arguments.bucket,
        data_prefix=arguments.data_prefix,
        dead_letters=arguments.dead_letters,
        ignore=tuple(arguments.ignore),
    )
    told = dataclasses.asdict(dataclasses.replace(report, contents={}, letters=[]))
    del told["contents"], told["letters"]
    json.dump(told, sys.stdout, indent=2)
    print()
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
