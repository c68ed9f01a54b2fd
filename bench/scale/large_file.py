"""One file of 10 GiB, or of as much as the disk has room for: one partition, no compression, `rotate.bytes` of that
size, MinIO, which keeps parts as they came and needs no second copy of them to complete an upload. Parts are counted
by the tag that S3 gives an object of several parts. The object goes as soon as it is measured."""

import shutil
import time

from e2e.events import producer
from e2e.landfall import Fleet, job
from feed import fill
from figures import cpu_s, peak_rss_mib
from parts import Minio, layout
from parts.process import free_port
from place import place

TITLE = "A large file"
GIB = 1 << 30
WANTED, ROOM_BESIDE = 10 * GIB, 6 * GIB
RECORD_BYTES, LIMIT_MIB = 20_000, 512


def measure():
    layout.DATA.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(layout.DATA).free
    size = WANTED if free > WANTED + ROOM_BESIDE else 4 * GIB
    # A record more than fit: the file closes for its size, not for its age.
    records = size // (RECORD_BYTES + 1) + 1
    with place(s3=Minio()) as at:
        topic = at.topic()
        fill(producer(at.kafka.bootstrap, {"compression.type": "zstd"}), topic, 1, records, RECORD_BYTES, distinct=10)
        with Fleet(at.kafka, at.s3, at.bucket) as fleet:
            row = land(at, fleet, topic, size, records)
    return {"rows": [row], "notes": [f"{free / GIB:.0f} GiB of disk were free before."]}


def land(at, fleet, topic, size, records):
    fleet.api()
    port, started = free_port(), time.monotonic()
    worker = fleet.start("worker", port=port, LANDFALL_WORKER__LISTEN=f"127.0.0.1:{port}")
    rotate = {"bytes": f"{size // GIB}GiB", "age": "1h", "idle": "10s"}
    fleet.create(job("large", topic, at.bucket, sink={"compression": "none", "rotate": rotate}))
    fleet.wait_drained("large", records=records, timeout_s=560)
    took_s = time.monotonic() - started
    sizes = at.objects()
    key = max(sizes, key=sizes.get)
    head = at.s3.client().head_object(Bucket=at.bucket, Key=key)
    assert sum(sizes.values()) == records * (RECORD_BYTES + 1), "not every byte is in S3"
    at.s3.client().delete_object(Bucket=at.bucket, Key=key)
    peak = peak_rss_mib(worker.pid)
    assert peak < LIMIT_MIB, f"{peak} MiB"
    return {
        "rotate.bytes, GiB": size // GIB, "largest object, bytes": sizes[key],
        "records in it": int(head["Metadata"]["landfall-records"]),
        "of its limit, %": round(100 * sizes[key] / size, 3), "objects": len(sizes),
        "parts": int(head["ETag"].strip('"').rsplit("-", 1)[1]), "seconds to land": round(took_s, 1),
        "MB/s": round(sizes[key] / took_s / 1e6, 1), "peak RSS, MiB": peak,
        "limit, MiB": LIMIT_MIB, "CPU, s": round(cpu_s(worker.pid), 1),
    }  # fmt: skip
