"""The golden tables of infra/ddl in an emulator of Athena, and their partitions by Athena's documentation."""

import datetime
import decimal
import functools
import json
import pathlib

import duckdb
import lay
import projection
import pytest
import yaml
from emulator import Emulator

HERE = pathlib.Path(__file__).parents[2] / "infra/ddl/tests"
JOBS = sorted(path.stem for path in (HERE / "jobs").glob("*.yaml"))
COUNTRIES = ["DE", None, "a/b", "é"]
# A query gives the columns that hold whatever a record has.
INJECTED = {
    "country_partition": ["DE", "__null__", "a%2Fb", "%C3%A9"],
    "tenant": ["acme"],
    "by_week": [f"{at:%G-%V}" for at in lay.TIMES],
    "topic": ["orders-eu", "orders-us"],
}


def value(number):
    """A record that has something for every column of every job."""
    at = datetime.datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=lay.UTC)
    return {
        **{"id": number, "deviceId": f"d{number}", "ts": 1_700_000_000_000 + number, "at": "2026-01-31T12:00:00Z"},
        **{"price": 1.25, "geo": {"country": "DE", "Lat": 52.5}, "tags": ["a", "b"], "country": COUNTRIES[number % 4]},
        **{"user-id": number, "Geo.Code": "x", "extra": {"it's": [1, "\\N", '"']}, "select": True},
    }


def parquet_value(number):
    amount = decimal.Decimal("1234567890.0123456789")
    return {
        **{"id": number, "lines": [{"sku": "s", "price": decimal.Decimal("1.5000"), "in stock": True}], "count": number},
        **{"score": 0.5, "total": 0.25, "paid": True, "day_of_order": datetime.date(2026, 1, 31), "amount": amount},
        **{"placed_at": datetime.datetime(2026, 1, 31, tzinfo=lay.UTC), "raw": "{}", "country": COUNTRIES[number % 4]},
        **{"Country": "C", "select": "s", "1st": number, "_id": "i", "unit price": 2.5, "geo.lat": 1.0},
        **{"device": {"OS": "linux", "os.version": "6", "timestamp": number}},
    }


class Laid:
    """A job with its table and objects."""

    def __init__(self, name):
        self.job = yaml.safe_load((HERE / f"jobs/{name}.yaml").read_text())
        self.statement = (HERE / f"golden/{name}.sql").read_text()
        self.table = json.loads((HERE / f"golden/{name}.json").read_text())
        self.is_parquet = self.job["sink"].get("format") == "parquet"
        landed = lay.records(self.job, parquet_value if self.is_parquet else value)
        self.objects = lay.objects(self.job, landed)
        location = len(self.table["StorageDescriptor"]["Location"].removeprefix("s3://lake/"))
        hidden = {
            key for key in self.objects if any(name.startswith(("_", ".")) for name in key[location:].split("/"))
        }
        # What Athena passes over is no row, and the statement must say so.
        self.passes_over = bool(hidden)
        self.records = [r for key, (members, _) in self.objects.items() if key not in hidden for r in members]
        self.columns = [column["Name"] for column in self.table["StorageDescriptor"]["Columns"]]
        self.keys = [key["Name"] for key in self.table["PartitionKeys"]]

    def database(self):
        return "ads" if "`ads`." in self.statement else "analytics"

    @functools.cached_property
    def partitions(self):
        return projection.partitions(self.table, datetime.datetime(2026, 12, 31, 23, 59), INJECTED)

    def partition_of(self, key):
        """The projected folders that the object lies in, by the values of their columns."""
        parts = f"s3://lake/{key}".split("/")
        folders = ["/".join(parts[:end]) + "/" for end in range(3, len(parts))]
        return [self.partitions[folder] for folder in folders if folder in self.partitions]


@pytest.fixture(scope="session")
def server():
    with Emulator() as emulator:
        for bucket in ("lake", "results"):
            emulator.s3.create_bucket(Bucket=bucket)
        for database in ("ads", "analytics"):
            emulator.glue.create_database(DatabaseInput={"Name": database})
        yield emulator


@pytest.fixture
def emulator(server):
    """With an empty bucket and no table."""
    for page in server.s3.get_paginator("list_objects_v2").paginate(Bucket="lake"):
        for entry in page.get("Contents", []):
            server.s3.delete_object(Bucket="lake", Key=entry["Key"])
    for database in ("ads", "analytics"):
        for table in server.glue.get_tables(DatabaseName=database)["TableList"]:
            server.glue.delete_table(DatabaseName=database, Name=table["Name"])
    return server


def put(emulator, laid):
    for key, (_, data) in laid.objects.items():
        emulator.s3.put_object(Bucket="lake", Key=key, Body=data)


def create_by_statement(emulator, laid):
    # A quote in a text: Athena's DDL is Hive's, which escapes it by a backslash, the emulator knows it doubled.
    emulator.query(laid.statement.replace("\\'", "''"), laid.database())


def create_in_glue(emulator, laid):
    emulator.glue.create_table(DatabaseName=laid.database(), TableInput=laid.table)


WAYS = {"statement": create_by_statement, "glue": create_in_glue}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", JOBS)
def test_the_rows_of_a_table_are_the_records_that_were_landed(emulator, name, way):
    laid = Laid(name)
    put(emulator, laid)
    WAYS[way](emulator, laid)
    table = f'"{laid.table["Name"]}"'

    def ask(sql):
        return emulator.query(sql.replace("TABLE", table), laid.database())

    assert ask("SELECT count(*) FROM TABLE") == [[str(len(laid.records))]]
    assert ("these rows are not read" in laid.statement) == laid.passes_over
    if laid.columns == ["line"]:
        rows = sorted(json.dumps(json.loads(line), sort_keys=True) for (line,) in ask("SELECT line FROM TABLE"))
        assert rows == sorted(json.dumps(lay.enveloped(laid.job, record), sort_keys=True) for record in laid.records)
        ids = ask("SELECT count(DISTINCT json_extract(line, '$.id')) FROM TABLE")
        assert ids == [[str(len(laid.records))]]
    elif name != "json-envelope":
        first = "1st" if name == "parquet-names" else "id"
        assert sorted(int(row[0]) for row in ask(f'SELECT "{first}" FROM TABLE')) == list(range(len(laid.records)))
        everything = ", ".join(f'"{column}"' for column in laid.columns)
        assert len(ask(f"SELECT {everything} FROM TABLE WHERE \"{first}\" < 3")) == 3
    else:
        offsets = ask('SELECT "offset", topic, "timestamp", value FROM TABLE')
        assert sorted(int(row[0]) for row in offsets) == list(range(len(laid.records)))


@pytest.mark.parametrize("name", JOBS)
def test_a_filter_on_partition_columns_finds_their_records_and_no_others(emulator, name):
    laid = Laid(name)
    template = laid.table["Parameters"].get("storage.location.template", "")
    # The emulator knows a partition column by a folder of its name.
    seen = [column for column in laid.keys if f"/{column}=${{{column}}}/" in template]
    if not seen or name == "parquet-names":
        pytest.skip("no column that the emulator knows: the next test has them")
    put(emulator, laid)
    create_in_glue(emulator, laid)
    expected = {}
    for key, (members, _) in laid.objects.items():
        (values,) = laid.partition_of(key)
        values = tuple((column, values[column]) for column in seen)
        expected[values] = expected.get(values, 0) + len(members)
    assert len(expected) > 1
    types = {key["Name"]: key["Type"] for key in laid.table["PartitionKeys"]}
    for values, count in expected.items():
        terms = [f"{c} = {int(v)}" if types[c] == "int" else f"{c} = '{v}'" for c, v in values]
        sql = f'SELECT count(*) FROM "{laid.table["Name"]}" WHERE {" AND ".join(terms)}'
        assert emulator.query(sql, laid.database()) == [[str(count)]], sql


@pytest.mark.parametrize("name", JOBS)
def test_every_object_lies_in_exactly_one_projected_partition(name):
    laid = Laid(name)
    for key in laid.objects:
        assert len(laid.partition_of(key)) == 1, key
    # What else lies in the bucket is in none, but where the statement warns.
    for key in ("_landfall-dlq/bids/dt=2026-03-01/x.jsonl.zst", "_landfall/jobs/bids.json", "other/dt=2026-03-01/x"):
        inside = bool(laid.partition_of(key))
        assert inside == (name == "root"), key
    if any("date" == text for text in laid.table["Parameters"].values()):
        old = lay.Record(lay.topics(laid.job)[0], 0, 0, datetime.datetime(2020, 1, 1, tzinfo=lay.UTC), value(0))
        assert laid.partition_of(lay.group(laid.job, old)) == [], "projected, and the statement says it is not"


@pytest.mark.parametrize("name", JOBS)
def test_the_statement_and_the_table_input_define_the_same_table(emulator, name):
    laid = Laid(name)

    def kept():
        table = emulator.glue.get_table(DatabaseName=laid.database(), Name=laid.table["Name"])["Table"]
        emulator.glue.delete_table(DatabaseName=laid.database(), Name=laid.table["Name"])
        storage = table["StorageDescriptor"]
        own = ("transient_lastDdlTime", "comment", "EXTERNAL")
        return {
            "columns": [{**column, "Type": column["Type"].replace("`", "")} for column in storage["Columns"]],
            "partitions": table["PartitionKeys"],
            "parameters": {name: value for name, value in table["Parameters"].items() if name not in own},
            "location": storage["Location"].rstrip("/"),
            "formats": (storage["InputFormat"], storage["OutputFormat"]),
            "serde": storage["SerdeInfo"],
            "type": table["TableType"],
        }

    create_by_statement(emulator, laid)
    by_statement = kept()
    create_in_glue(emulator, laid)
    assert by_statement == kept()


@pytest.mark.parametrize("name", [name for name in JOBS if name.startswith("parquet")])
def test_the_columns_of_a_parquet_table_have_the_types_of_the_files(name, tmp_path):
    laid = Laid(name)
    path = tmp_path / "x.parquet"
    path.write_bytes(next(iter(laid.objects.values()))[1])
    found = {row[0].lower(): row[1] for row in duckdb.sql(f"DESCRIBE FROM read_parquet('{path}')").fetchall()}
    for column in laid.table["StorageDescriptor"]["Columns"]:
        assert hive(found[column["Name"]]) in (column["Type"], with_left_out(column["Type"])), column


def hive(duckdb_type):
    """DuckDB's type in Hive's words."""
    simple = {
        **{"VARCHAR": "string", "BIGINT": "bigint", "INTEGER": "int", "FLOAT": "float", "DOUBLE": "double"},
        **{"BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP WITH TIME ZONE": "timestamp", "BLOB": "binary"},
    }
    if duckdb_type.endswith("[]"):
        return f"array<{hive(duckdb_type[:-2])}>"
    if duckdb_type.startswith("STRUCT("):
        parts, depth = [""], 0
        for letter in duckdb_type[len("STRUCT(") : -1]:
            depth += (letter == "(") - (letter == ")")
            if letter == "," and depth == 0:
                parts.append("")
            else:
                parts[-1] += letter
        fields = [part.strip().rsplit(" ", 1) for part in parts]
        return f"struct<{','.join(f'{name.strip(chr(34)).lower()}:{hive(ty)}' for name, ty in fields)}>"
    return simple.get(duckdb_type) or duckdb_type.lower()


def with_left_out(hive_type):
    """The two types of which the statement leaves a field out, as the file has it."""
    return hive_type.replace("price:decimal(18,4)", "price:decimal(18,4),in stock:boolean").replace(
        "os:string", "os:string,os.version:string"
    )


def test_dead_letters_are_rows_only_where_the_statement_warns(emulator):
    letters = ["_landfall-dlq/j/dt=2026-03-01/x.jsonl.zst", "letters/everything/dt=2026-03-01/x.jsonl.zst"]
    for name in JOBS:
        laid = Laid(name)
        if laid.is_parquet:
            continue
        for key in letters:
            emulator.s3.put_object(Bucket="lake", Key=key, Body=lay.compressed(b'{"a letter":1}\n', "zstd"))
        told = "dead-letters lies below the table" in laid.statement
        if laid.keys:
            # Athena reads the projected partitions alone, the emulator all that lies below the location.
            assert not told and not any(laid.partition_of(key) for key in letters), name
            continue
        put(emulator, laid)
        create_in_glue(emulator, laid)
        ((rows,),) = emulator.query(f'SELECT count(*) FROM "{laid.table["Name"]}"', laid.database())
        assert int(rows) - len(laid.records) == int(told), name
        for key in laid.objects:
            emulator.s3.delete_object(Bucket="lake", Key=key)
