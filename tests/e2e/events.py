"""Writers of test records: confluent-kafka producers, independent of the product."""

import json
import random
import threading

from confluent_kafka import Producer, TopicPartition

SITES = ["north.example", "south.example", "east.example", "west.example"]
BROKEN = [b'{"id": 1, "cut', b"", b"not json", b'{"id": 1}{"id": 2}', b"\xff\xfe{}", b'{"id": 01}']


def event(number, rng):
    """About 200 bytes of an ad-bid event with a unique id."""
    return (
        b'{"id":"bid-%09d","site":"%s","ts":%d,"bid":{"price":%d.%04d,"currency":"EUR"},"device":{"os":"%s","w":%d},'
        b'"segments":[%d,%d,%d],"note":"%s"}'
        % (
            number, SITES[number % 4].encode(), 1_767_225_600_000 + number, rng.randrange(20), rng.randrange(10_000),
            (b"ios", b"android", b"linux")[number % 3], 320 + number % 1000, rng.randrange(1000), rng.randrange(1000),
            rng.randrange(1000), b"%032x" % rng.getrandbits(128),
        )
    )  # fmt: skip


def producer(bootstrap, properties=None):
    return Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 20, "compression.type": "lz4", "enable.idempotence": True,
         "queue.buffering.max.messages": 200_000, **(properties or {})}
    )  # fmt: skip


def produce(bootstrap, topic, values, partition=None, properties=None, timestamp=None, partitions=1):
    """Writes `values` (bytes, or (key, value, headers)); spreads them over `partitions` where none is given."""
    writer = producer(bootstrap, properties)
    failures = []
    for number, value in enumerate(values):
        key, content, headers = value if isinstance(value, tuple) else (None, value, None)
        _put(writer, topic, partition if partition is not None else number % partitions, key, content, headers,
             timestamp, failures)
    assert writer.flush(60) == 0, "the producer did not get rid of its records"
    assert not failures, failures[:3]


def _put(writer, topic, partition, key, content, headers, timestamp, failures):
    options = {} if timestamp is None else {"timestamp": timestamp}
    while True:
        try:
            writer.produce(topic, content, key, partition, headers=headers,
                           on_delivery=lambda error, _message: failures.append(error) if error else None, **options)
            writer.poll(0)
            return
        except BufferError:
            writer.poll(0.1)


def numbered(count, first=0):
    """`count` small good records with ids from `first` on."""
    return [json.dumps({"id": number, "text": "ä" * (number % 7)}).encode() for number in range(first, first + count)]


class Feed(threading.Thread):
    """Writes `count` events in the background, at most `rate` a second; `bad` counts the malformed ones among them."""

    def __init__(self, bootstrap, topic, partitions, count, rate, malformed_every, seed=7):
        super().__init__(daemon=True)
        self.bootstrap, self.topic, self.partitions = bootstrap, topic, partitions
        self.count, self.rate, self.malformed_every = count, rate, malformed_every
        self.rng = random.Random(seed)
        self.bad_positions = set()
        self.written = 0
        self.failures = []

    def run(self):
        writer = producer(self.bootstrap)
        clock = threading.Event()
        for number in range(self.count):
            broken = number % self.malformed_every == self.malformed_every - 1
            content = BROKEN[number // self.malformed_every % len(BROKEN)] if broken else event(number, self.rng)
            self._put(writer, number % self.partitions, content, broken)
            self.written += 1
            if number % 5_000 == 4_999:
                clock.wait(5_000 / self.rate)
        if writer.flush(120) != 0:
            self.failures.append("the producer did not get rid of its records")

    def _put(self, writer, partition, content, broken):
        def delivered(error, message):
            if error:
                self.failures.append(error)
            elif broken:
                self.bad_positions.add((message.topic(), message.partition(), message.offset()))

        while True:
            try:
                writer.produce(self.topic, content, partition=partition, on_delivery=delivered)
                writer.poll(0)
                return
            except BufferError:
                writer.poll(0.1)


def end_of(consumer, topic, partition):
    return consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)[1]
