"""A job whose commit log has 100,000 entries of four files each. The entries are written into the folder of the S3
server, dense and disjoint as the protocol wants them, each calling the files of the one before completed; the worker
folds them and refuses a log that is not so. The checkpoint of the second row is the worker's own, with as many
entries behind it as there may be. 1,000 records wait for the worker: the first entry holds some of them, so the log
is folded and records are read by then. Kafka's group is joined meanwhile. GET and LIST are all of the worker's until
then, the log's and others."""

import datetime
import hashlib
import json
import os
import re
import time

from e2e.events import numbered, produce
from e2e.landfall import Fleet, job
from figures import Metrics, cpu_s, peak_rss_mib, s3_requests
from parts.process import free_port
from place import place

TITLE = "A log of 100,000 entries"
ENTRIES = int(os.environ.get("SCALE_ENTRIES", 100_000))
FILES = 4  # of an entry; one a partition
RECORDS = 2  # of a file
WAITING = 1_000
CHECKPOINT_EVERY = 64
QUICK = {"rotate": {"records": 25, "age": "1s", "idle": "1s"}}


def measure():
    with place() as at:
        # An installation of its own beside the other, so that each worker has one job.
        with Fleet(at.kafka, at.s3, at.bucket, config={"state": {"prefix": "_short/"}}) as fleet:
            fleet.api()
            short = at.topic(FILES)
            fleet.create(job("short", short, at.bucket, sink=QUICK))
            produce(at.kafka.bootstrap, short, numbered(WAITING), partitions=FILES)
            rows = [recovered(fleet, "short", "1 entry", WAITING)[0]]
        with Fleet(at.kafka, at.s3, at.bucket) as fleet:
            more, size, entries = long_rows(at, fleet)
    note = f"The {ENTRIES:,} entries are {size / 1e6:.0f} MB. At the end the log had {entries:,}."
    return {"rows": rows + more, "log_bytes": size, "notes": [note]}


def long_rows(at, fleet):
    fleet.api()
    topic = at.topic(FILES)
    fleet.create(job("long", topic, at.bucket, sink=QUICK))
    held = ENTRIES * RECORDS * FILES
    produce(at.kafka.bootstrap, topic, numbered(held), partitions=FILES)
    size = write_log(at)
    produce(at.kafka.bootstrap, topic, numbered(WAITING, held), partitions=FILES)
    without, worker = recovered(fleet, "long", f"{ENTRIES:,} entries, no checkpoint", held + WAITING, keep=True)
    last = until_checkpoint(at, fleet, topic, held + WAITING)
    assert worker.terminate() == 0
    behind = entries_behind_checkpoint(at)
    produce(at.kafka.bootstrap, topic, numbered(WAITING, last), partitions=FILES)
    what = f"{ENTRIES:,} entries, checkpoint {behind} entries before the end"
    return [recovered(fleet, "long", what, last + WAITING)[0], without], size, last_entry(at) + 1


def recovered(fleet, name, what, records, keep=False):
    """Starts a worker; a row of what it took until `records` offsets are accounted for."""
    port, started = free_port(), time.time()
    worker = fleet.start("worker", wait=False, port=port, LANDFALL_WORKER__LISTEN=f"127.0.0.1:{port}")
    worker.wait_until(lambda: lines(worker, "entry appended"), 900, "appending")
    seen = s3_requests(None, Metrics(port))
    cpu, rss = cpu_s(worker.pid), peak_rss_mib(worker.pid)
    begun, assigned, appended = (lines(worker, said)[0] for said in ("job started", "partition assigned", "entry appended"))
    fleet.wait_drained(name, records=records, timeout_s=300)
    row = {
        "log": what, "exec to job started, s": round(begun - started, 2), "to assigned, s": round(assigned - started, 2),
        "to first entry, s": round(appended - started, 2), "assigned to first entry, s": round(appended - assigned, 2),
        "CPU, s": round(cpu, 2), "peak RSS, MiB": rss, "GET": seen.get("GetObject", 0), "LIST": seen.get("ListObjectsV2", 0),
    }  # fmt: skip
    if keep:
        return row, worker
    assert worker.terminate() == 0
    return row, None


def lines(worker, message):
    """When the worker logged it, seconds since the epoch."""
    found = [json.loads(line) for line in worker.log().splitlines() if f'"message":"{message}"' in line]
    return [datetime.datetime.fromisoformat(line["timestamp"]).timestamp() for line in found]


def write_log(at):
    """Entries 1 to ENTRIES behind the entry 0 that the API wrote; returns their bytes."""
    folder, zero, attributes = entry_zero(at)
    partitions = sorted(zero["origins"]["start"], key=lambda text: int(text.rsplit("/", 1)[1]))
    assert len(partitions) == FILES, partitions
    total = 0
    for seq in range(1, ENTRIES + 1):
        entry = entry_at(seq, zero, partitions)
        body = json.dumps(entry, separators=(",", ":")).encode()
        total += len(body)
        put(folder / f"{seq:020}.json", body, attributes)
        # What lies beside each entry with files: never read here, but listed with the log.
        put(folder / f"{seq:020}-{entry['token']}.sets.zst", b"", attributes)
    return total


def entry_at(seq, zero, partitions):
    first, last = (seq - 1) * RECORDS, seq == ENTRIES
    return {
        "format": 1, "job_uid": zero["job_uid"], "config_version": 1, "lane": 0, "seq": seq, "token": token(seq, "entry"),
        "worker": "writer", "written_at_ms": zero["written_at_ms"] + seq,
        # The last one only says what is completed: nothing is left to take over.
        "files": [] if last else [file_of(seq, partition, first) for partition in partitions],
        ("absent" if last else "held"): {partition: f"{first}..{first + RECORDS}" for partition in partitions},
        "completed": [] if seq == 1 else [{"seq": seq - 1, "file": number} for number in range(FILES)],
    }  # fmt: skip


def file_of(seq, partition, first):
    topic, number = partition.split("/")[1], partition.rsplit("/", 1)[1]
    return {
        "key": f"data/{topic}+{number}+{first:020}-{token(seq, number)[:16]}.jsonl.zst", "bucket": "lake",
        "token": token(seq, number), "upload_id": token(seq, "upload" + number),
        "parts": [{"number": 1, "etag": f'"{token(seq, number)}"', "size_bytes": 40_000_000, "crc64nvme": "AAAAAAAAAAA="}],
        "bytes": 40_000_000, "records": RECORDS, "kind": "data",
        "min_timestamp_ms": 1_767_225_600_000 + seq, "max_timestamp_ms": 1_767_225_600_000 + seq,
    }  # fmt: skip


def token(*words):
    return hashlib.blake2b(repr(words).encode(), digest_size=16).hexdigest()


def entry_zero(at):
    """The folder of the newest job's log, its entry 0, and the attributes that the server keeps with it."""
    logs = (at.s3.folder / "objects" / at.bucket / "_landfall").glob("*/log/0/00000000000000000000.json")
    path = max(logs, key=lambda found: found.stat().st_mtime_ns)
    attributes = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    attributes.pop("user.checksums", None)  # of this body only
    return path.parent, json.loads(path.read_bytes()), attributes


def put(path, body, attributes):
    """An object as the server keeps one."""
    path.write_bytes(body)
    etag = f'"{hashlib.md5(body).hexdigest()}"'.encode()
    for name, value in attributes.items():
        os.setxattr(path, name, etag if name == "user.etag" else value)


def until_checkpoint(at, fleet, topic, first):
    """Lets the worker write entries until a checkpoint has all but one of the entries behind it that it may have."""
    produced = first
    while entries_behind_checkpoint(at) < CHECKPOINT_EVERY - 4:
        produce(at.kafka.bootstrap, topic, numbered(100, produced), partitions=FILES)
        produced += 100
        time.sleep(0.2)
    fleet.wait_drained("long", records=produced)
    return produced


def entries_behind_checkpoint(at):
    newest = at.s3.client().list_objects_v2(Bucket=at.bucket, Prefix=checkpoints(at), MaxKeys=1).get("Contents")
    if not newest:
        return -1
    folded = (1 << 64) - 1 - int(re.search(r"(\d{20})\.json$", newest[0]["Key"])[1])
    return last_entry(at) - folded


def checkpoints(at):
    return f"_landfall/{entry_zero(at)[1]['job_uid']}/checkpoint/0/"


def last_entry(at):
    folder = entry_zero(at)[0]
    return max(int(name[:20]) for name in os.listdir(folder) if name.endswith(".json"))
