"""50 records of exactly 16 MiB, each one JSON object with a long string, in four partitions, through a worker of 512
MiB; read back and compared byte by byte."""

import random
import time

import zstandard
from e2e.events import producer
from e2e.landfall import Fleet, job
from figures import Metrics, cpu_s, peak_rss_mib
from parts.process import free_port
from place import place

TITLE = "Records of 16 MiB"
RECORDS, RECORD_BYTES, PARTITIONS, LIMIT_MIB = 50, 16 << 20, 4, 512


def measure():
    rows = []
    with place() as at:
        topic = at.topic(PARTITIONS, max_message_bytes=20 << 20)
        written = write(at, topic)
        for compression in ("zstd", "none"):
            rows.append(land(at, topic, compression, written))
    return {"rows": rows}


def write(at, topic):
    """Number -> value. A record is a message of its own: no batch holds two."""
    rng, values = random.Random(3), {}
    writer = producer(at.kafka.bootstrap, {"message.max.bytes": 20 << 20, "batch.num.messages": 1})
    for number in range(RECORDS):
        head = b'{"id":%d,"text":"' % number
        text = rng.randbytes(RECORD_BYTES // 8).hex().encode() * 4
        values[number] = head + text[: RECORD_BYTES - len(head) - 2] + b'"}'
        assert len(values[number]) == RECORD_BYTES
        writer.produce(topic, values[number], partition=number % PARTITIONS)
        assert writer.flush(60) == 0
    return values


def land(at, topic, compression, written):
    with Fleet(at.kafka, at.s3, at.bucket, config={"state": {"prefix": f"_{compression}/"}}) as fleet:
        fleet.api()
        port, started = free_port(), time.monotonic()
        worker = fleet.start("worker", port=port, LANDFALL_WORKER__LISTEN=f"127.0.0.1:{port}")
        key = compression + "/{topic}+{partition}+{first_offset}-{unique}.{ext}"
        rotate = {"bytes": "128MiB", "age": "1m", "idle": "5s"}
        fleet.create(job(compression, topic, at.bucket, sink={"key": key, "compression": compression, "rotate": rotate}))
        fleet.wait_drained(compression, records=RECORDS, timeout_s=300)
        took_s, peak, cpu, letters = time.monotonic() - started, peak_rss_mib(worker.pid), cpu_s(worker.pid), Metrics(port)
        assert letters.sum("landfall_records_dead_lettered_total") == 0
        sizes = at.objects(compression + "/")
        same = compare(at, sizes, compression, written)
    assert peak < LIMIT_MIB, f"{peak} MiB"
    return {
        "compression": compression, "records": RECORDS, "whole in S3": same, "objects": len(sizes),
        "bytes in S3": sum(sizes.values()),
        "peak RSS, MiB": peak, "limit, MiB": LIMIT_MIB, "CPU, s": round(cpu, 1), "seconds to land": round(took_s, 1),
    }  # fmt: skip


def compare(at, keys, compression, written):
    """How many records are in the objects as they were written; each must be there once."""
    client, found = at.s3.client(), []
    for key in keys:
        body = client.get_object(Bucket=at.bucket, Key=key)["Body"].read()
        if compression == "zstd":
            body = zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True).read()
        for line in body.splitlines():
            number = int(line[6 : line.index(b",")])
            assert line == written[number], f"record {number} is not what was written"
            found.append(number)
    assert sorted(found) == sorted(written), sorted(found)
    return len(found)
