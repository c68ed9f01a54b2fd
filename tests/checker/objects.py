"""What a bucket shows: objects by key, decoded by their suffix with other people's libraries."""

import base64
import datetime
import gzip
import io
import json
from dataclasses import dataclass, field

import pyarrow.parquet
import zstandard


@dataclass(frozen=True)
class Shown:
    """One object as a listing shows it."""

    etag: str
    size: int
    # When the server says it came to be. Two listings of one object are equal without it.
    modified: datetime.datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Letter:
    """One dead letter from S3."""

    position: tuple
    value: bytes | None
    key: bytes | None
    headers: tuple
    reason: str
    document: dict


def list_objects(client, bucket, prefix=""):
    """{key: Shown} of every visible object under the prefix."""
    shown = {}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            shown[item["Key"]] = Shown(item["ETag"], item["Size"], item["LastModified"])
    return shown


def fetch(client, bucket, key):
    return client.get_object(Bucket=bucket, Key=key)["Body"].read()


def decompress(key, content):
    if key.endswith(".gz"):
        return gzip.decompress(content)
    if key.endswith(".zst"):
        reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content), read_across_frames=True)
        return reader.read()
    return content


def lines(key, content):
    """The lines of a JSON Lines object. The last one must be closed, and none may be empty."""
    text = decompress(key, content)
    if not text.endswith(b"\n"):
        raise ValueError(f"{key} does not end with a newline")
    found = text[:-1].split(b"\n")
    if any(not line.strip() for line in found):
        raise ValueError(f"{key} has an empty line")
    return found


def parquet_rows(content):
    return pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()


def letters(key, content):
    """The dead letters of one JSON Lines object."""
    return [_letter(json.loads(line)) for line in lines(key, content)]


def _letter(document):
    return Letter(
        position=(document["topic"], document["partition"], document["offset"]),
        value=_bytes(document["value"]),
        key=_bytes(document["key"]),
        headers=tuple((name, _bytes(value)) for name, value in document["headers"]),
        reason=document["reason"],
        document=document,
    )


def _bytes(text):
    return None if text is None else base64.b64decode(text, validate=True)
