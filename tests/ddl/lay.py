"""Objects as a job lays them, from its document. Written from the documentation of the job, sharing no code with it."""

import base64
import collections
import datetime
import json
import re
import urllib.parse
import zoneinfo

import pyarrow
import pyarrow.parquet

DEFAULT_KEY = (
    "{topic}/dt={timestamp:%Y-%m-%d}/hour={timestamp:%H}/{topic}+{partition}+{first_offset}-{unique}.{ext}"
)
UTC = datetime.timezone.utc
# Around midnight in UTC, Berlin and Tokyo, and at the turn of a year.
TIMES = [
    datetime.datetime(2026, 3, 1, 23, 30, tzinfo=UTC),
    datetime.datetime(2026, 3, 2, 0, 5, tzinfo=UTC),
    datetime.datetime(2026, 3, 2, 15, 0, tzinfo=UTC),
    datetime.datetime(2026, 11, 9, 9, 59, tzinfo=UTC),
    datetime.datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
]
Record = collections.namedtuple("Record", "topic partition offset at value")


def topics(job):
    return job["source"].get("topics") or ["orders-eu", "orders-us"]


def records(job, value):
    """Four records a topic and time; value(number) is the record's own."""
    numbers = iter(range(10_000))
    return [
        Record(topic, offset % 2, offset, at, value(next(numbers)))
        for topic in topics(job)
        for offset, at in enumerate(at for at in TIMES for _ in range(4))
    ]


def objects(job, records):
    """key -> (the records of the object, its bytes)"""
    files = collections.defaultdict(list)
    for record in records:
        files[group(job, record)].append(record)
    write = parquet if job["sink"].get("format") == "parquet" else lines
    return {finished(job, group, members): (members, write(job, members)) for group, members in files.items()}


def group(job, record):
    """The key but for what tells files apart."""
    sink = job["sink"]
    zone = zoneinfo.ZoneInfo(sink.get("time_zone", "UTC"))

    def part(match):
        name, _, argument = match[1].partition(":")
        match name:
            case "topic":
                return record.topic
            case "partition":
                return str(record.partition)
            case "timestamp" | "wall_clock":
                return record.at.astimezone(zone).strftime(argument)
            case "field":
                value = record.value.get(argument)
                return "__null__" if value is None else urllib.parse.quote(value, safe="-_.~+@,")
            case "header":
                return "acme"
        return match[0]

    return re.sub(r"\{([^}]+)\}", part, sink.get("key", DEFAULT_KEY))


def finished(job, group, members):
    suffix = {"gzip": ".gz", "zstd": ".zst", "none": ""}[job["sink"].get("compression", "zstd")]
    extension = "parquet" if job["sink"].get("format") == "parquet" else f"jsonl{suffix}"
    key = group.replace("{first_offset}", f"{members[0].offset:020}").replace("{ext}", extension)
    return key.replace("{unique}", f"{members[0].topic}-{members[0].offset}-x")


def lines(job, members):
    text = "".join(json.dumps(enveloped(job, record)) + "\n" for record in members)
    return compressed(text.encode(), job["sink"].get("compression", "zstd"))


def compressed(data, codec):
    if codec == "none":
        return data
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, codec) as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


def enveloped(job, record):
    fields = job["sink"].get("envelope", [])
    if not fields:
        return record.value
    whole = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": int(record.at.timestamp() * 1000),
        "key": base64.b64encode(b"k").decode(),
        "headers": [["h", base64.b64encode(b"v").decode()], ["n", None]],
    }
    return {name: value for name, value in whole.items() if name in fields} | {"value": record.value}


def parquet(job, members):
    sink = job["sink"]
    rows = [{column["name"]: record.value.get(column["name"]) for column in sink["columns"]} for record in members]
    schema = [(column["name"], arrow_type(column["type"])) for column in sink["columns"]]
    if sink.get("rest") != "dead_letter":
        schema.append(("_rest", pyarrow.string()))
    if "envelope" in sink:
        header = pyarrow.struct([("name", pyarrow.string()), ("value", pyarrow.binary())])
        schema += [
            ("_topic", pyarrow.string()),
            ("_partition", pyarrow.int32()),
            ("_offset", pyarrow.int64()),
            ("_timestamp", pyarrow.timestamp("ms", "UTC")),
            ("_key", pyarrow.binary()),
            ("_headers", pyarrow.list_(header)),
        ]
        for row, record in zip(rows, members, strict=True):
            row |= {"_topic": record.topic, "_partition": record.partition, "_offset": record.offset}
            row |= {"_timestamp": record.at, "_key": b"k", "_headers": [{"name": "h", "value": b"v"}]}
    table = pyarrow.Table.from_pylist(rows, schema=pyarrow.schema(schema))
    out = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, out, compression="zstd")
    return out.getvalue().to_pybytes()


def arrow_type(text):
    """A column type of the two jobs here."""
    simple = {
        "string": pyarrow.string(),
        "json": pyarrow.string(),
        "int32": pyarrow.int32(),
        "int64": pyarrow.int64(),
        "float": pyarrow.float32(),
        "double": pyarrow.float64(),
        "boolean": pyarrow.bool_(),
        "date": pyarrow.date32(),
        "timestamp(ms)": pyarrow.timestamp("us", "UTC"),
    }
    if text in simple:
        return simple[text]
    if digits := re.fullmatch(r"decimal\((\d+),(\d+)\)", text):
        return pyarrow.decimal128(int(digits[1]), int(digits[2]))
    if inner := re.fullmatch(r"list<(.*)>", text):
        return pyarrow.list_(arrow_type(inner[1]))
    inner = re.fullmatch(r"struct<(.*)>", text)[1]
    fields = re.findall(r"(?:`([^`]+)`|(\w+)): ([a-z0-9]+(?:\([0-9,]+\))?)", inner)
    return pyarrow.struct([(quoted or plain, arrow_type(ty)) for quoted, plain, ty in fields])
