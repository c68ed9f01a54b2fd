"""What the processes hold while the run lasts: resident memory, open handles, open uploads of the bucket."""

import os
import threading
import time
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

# An upload that is open for longer belongs to no file that is being written: files close after seconds.
OLD_UPLOAD_S = 60


@dataclass(frozen=True)
class Count:
    """`held`: {slot: (life, resident bytes, open handles)}; uploads are None where the server was away."""

    at_s: float
    held: dict
    open_uploads: int | None
    old_uploads: int | None


class Census(threading.Thread):
    """Counts every `interval_s`; also notices processes that ended by themselves."""

    def __init__(self, slots, client, bucket, interval_s):
        super().__init__(daemon=True, name="census")
        self.slots, self.client, self.bucket, self.interval_s = slots, client, bucket, interval_s
        self.counts = []
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(self.interval_s):
            self.counts.append(self.take())

    def stop(self):
        self.ended.set()
        self.join(60)

    def take(self):
        held = {}
        for slot in self.slots:
            slot.tell_if_ended()
            life = slot.lives
            seen = process_holds(slot.server.pid)
            if seen is not None and slot.wanted:
                held[slot.name] = (life, *seen)
        now_s = time.time()
        try:
            started = [upload["Initiated"].timestamp() for upload in open_uploads(self.client, self.bucket)]
        except (BotoCoreError, ClientError):
            return Count(now_s, held, None, None)
        return Count(now_s, held, len(started), sum(1 for at_s in started if now_s - at_s > OLD_UPLOAD_S))


def process_holds(pid):
    """(resident bytes, open handles); None where it has ended."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
            pages = int(statm.read().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir(f"/proc/{pid}/fd"))
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return None


def open_uploads(client, bucket):
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
    return [upload for page in pages for upload in page.get("Uploads", [])]
