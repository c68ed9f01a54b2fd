"""Landed objects read by programs that share no code with the product: zcat, zstd, DuckDB, pyarrow."""

import datetime
import decimal
import json
import shutil
import subprocess

import duckdb
import pyarrow
import pyarrow.json
import pyarrow.parquet
import pytest
from checker import list_objects
from checker.objects import decompress
from checker.source import by_field

from e2e.events import produce

pytestmark = pytest.mark.readers

COUNT = 3_000
BASE_MS = 1_767_225_600_000


def document(number):
    return {
        "id": number,
        "site": f"site-{number % 3}",
        "ts": BASE_MS + number,
        "price": f"{number // 100}.{number % 100:02d}",
        "ratio": number / 7,
        "flag": number % 2 == 0,
        "device": {"os": "linux", "w": None if number % 5 == 0 else number},
        "tags": [f"t{tag}" for tag in range(number % 4)],
        "anything": {"n": number, "nested": [1, None, "x"]},
        "text": "zeile \u2028 " + "ü" * (number % 9),
        **({"extra": number} if number % 10 == 0 else {}),
    }


def encoded(number):
    return json.dumps(document(number), ensure_ascii=False).encode()


def download(s3, bucket, folder, prefix="data/"):
    """The landed objects as local files; readers get these, so that no reader needs its own S3 client."""
    paths = []
    for number, key in enumerate(sorted(list_objects(s3.client(), bucket, prefix))):
        path = folder / f"{number:04d}-{key.rsplit('/', 1)[-1]}"
        s3.client().download_file(bucket, key, str(path))
        paths.append(path)
    assert paths
    return paths


@pytest.mark.parametrize(("compression", "suffix", "tool"), [
    ("none", ".jsonl", ["cat"]), ("gzip", ".jsonl.gz", ["zcat"]), ("zstd", ".jsonl.zst", ["zstd", "-dcq"]),
])  # fmt: skip
def test_json_lines_are_read_by_others_byte_for_byte(kafka, s3, bucket, make_topic, fleet, new_job, verify, tmp_path,
                                                     compression, suffix, tool):  # fmt: skip
    topic = make_topic(partitions=2)
    produce(kafka.bootstrap, topic, [encoded(number) for number in range(COUNT)], partitions=2)
    fleet.run()
    job = new_job(topic, sink={"format": "jsonl", "compression": compression})
    fleet.create(job)
    fleet.wait_drained(job["name"], records=COUNT)
    verify(topic, job["name"], bad=set()).assert_clean()
    paths = download(s3, bucket, tmp_path)
    assert all(path.name.endswith(suffix) for path in paths)
    if shutil.which(tool[0]):
        text = subprocess.run([*tool, *map(str, paths)], capture_output=True, check=True).stdout
        assert sorted(text[:-1].split(b"\n")) == sorted(encoded(number) for number in range(COUNT))
    told = duckdb.sql(f"select count(*), count(distinct id), sum(id) from read_json({[str(path) for path in paths]})")
    assert told.fetchall()[0] == (COUNT, COUNT, COUNT * (COUNT - 1) // 2)
    texts = duckdb.sql(f"select id, text from read_json({[str(path) for path in paths]})").fetchall()
    assert dict(texts) == {number: document(number)["text"] for number in range(COUNT)}
    found = []
    only_ids = pyarrow.json.ParseOptions(explicit_schema=pyarrow.schema([("id", pyarrow.int64())]),
                                         unexpected_field_behavior="ignore")  # fmt: skip
    for path in paths:
        plain = tmp_path / "plain.jsonl"
        plain.write_bytes(decompress(path.name, path.read_bytes()))
        found += pyarrow.json.read_json(plain, parse_options=only_ids)["id"].to_pylist()
    assert sorted(found) == list(range(COUNT))


COLUMNS = [
    {"name": "id", "type": "int64"},
    {"name": "site", "type": "string"},
    {"name": "at", "type": "timestamp(ms)", "path": "ts"},
    {"name": "price", "type": "decimal(18, 2)"},
    {"name": "ratio", "type": "double"},
    {"name": "flag", "type": "boolean"},
    {"name": "os", "type": "string", "path": "device.os"},
    {"name": "w", "type": "int32", "path": "device.w"},
    {"name": "tags", "type": "list<string>"},
    {"name": "anything", "type": "json"},
    {"name": "text", "type": "string"},
]


def test_parquet_is_read_by_others_with_equal_values(kafka, s3, bucket, make_topic, fleet, new_job, verify, tmp_path):
    topic = make_topic(partitions=2)
    produce(kafka.bootstrap, topic, [encoded(number) for number in range(COUNT)], partitions=2, timestamp=BASE_MS)
    fleet.run()
    job = new_job(topic, sink={"format": "parquet", "columns": COLUMNS, "rest": "_rest",
                               "envelope": ["topic", "partition", "offset", "timestamp", "key", "headers"]})  # fmt: skip
    fleet.create(job)
    fleet.wait_drained(job["name"], records=COUNT)
    verify(topic, job["name"], bad=set(), read={"identity": by_field("id")}, row_identity=lambda row: row["id"]).assert_clean()
    paths = download(s3, bucket, tmp_path)
    assert all(path.name.endswith(".parquet") for path in paths)
    schemas = {str(pyarrow.parquet.read_schema(path).remove_metadata()) for path in paths}
    assert len(schemas) == 1, "one schema for all files of a job version"
    rows = [row for path in paths for row in pyarrow.parquet.read_table(path).to_pylist()]
    assert len(rows) == COUNT
    for row in rows:
        compare(row, document(row["id"]), topic)
    files = [str(path) for path in paths]
    told = duckdb.sql(f"select count(*), sum(id), sum(price), count(w), sum(len(tags)) from read_parquet({files})").fetchall()[0]
    prices = sum(decimal.Decimal(document(number)["price"]) for number in range(COUNT))
    tags = sum(number % 4 for number in range(COUNT))
    assert told == (COUNT, COUNT * (COUNT - 1) // 2, prices, COUNT - COUNT // 5, tags)


def compare(row, wanted, topic):
    number = wanted["id"]
    assert row["site"] == wanted["site"]
    at = datetime.datetime.fromtimestamp(wanted["ts"] / 1000, datetime.UTC).replace(tzinfo=None)
    assert row["at"].replace(tzinfo=None) == at
    assert row["price"] == decimal.Decimal(wanted["price"])
    assert row["ratio"] == wanted["ratio"]
    assert row["flag"] is wanted["flag"]
    assert (row["os"], row["w"]) == ("linux", wanted["device"]["w"])
    assert row["tags"] == wanted["tags"]
    assert json.loads(row["anything"]) == wanted["anything"]
    assert row["text"] == wanted["text"]
    rest = json.loads(row["_rest"]) if row["_rest"] else {}
    assert rest.get("extra") == (number if number % 10 == 0 else None)
    envelope = {key.removeprefix("_"): row[key] for key in row}
    assert envelope["topic"] == topic
    assert envelope["partition"] == number % 2
    assert envelope["offset"] == number // 2


def test_what_does_not_fit_the_columns_is_set_aside(kafka, make_topic, fleet, new_job, verify):
    topic = make_topic()
    values = [b'{"id": 1}', b'{"id": "two"}', b'{"id": 3.5}', b'{"id": 4, "more": true}', b"[5]", b'{"id": 6}']
    produce(kafka.bootstrap, topic, values)
    fleet.run()
    job = new_job(topic, sink={"format": "parquet", "columns": [{"name": "id", "type": "int64"}], "rest": "dead_letter"})
    fleet.create(job)
    fleet.wait_drained(job["name"], records=len(values))
    bad = {(topic, 0, offset) for offset in (1, 2, 3, 4)}
    report = verify(topic, job["name"], bad=bad, read={"identity": by_field("id")}, row_identity=lambda row: row["id"])
    report.assert_clean()
    assert report.by_reason == {"schema_mismatch": 4}
