"""What a topic holds: every record a read_committed consumer sees, by its position."""

import hashlib
import json
import time
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

_IDLE_LIMIT_S = 60


@dataclass
class Source:
    """`offsets`: {(topic, partition): set of offsets}; `positions`: identity of a value -> its positions.

    `end` is exclusive and counts control records: what a committed offset can reach.
    """

    offsets: dict = field(default_factory=dict)
    positions: dict = field(default_factory=dict)
    values: dict = field(default_factory=dict)
    end: dict = field(default_factory=dict)

    @property
    def records(self):
        return sum(len(found) for found in self.offsets.values())


def digest(value):
    """The identity of a value by its bytes. A value with raw CR or LF is told by its JSON: it lands on one line."""
    if value is None:
        return None
    if b"\n" in value or b"\r" in value:
        return respelt(value)
    return hashlib.blake2b(value, digest_size=12).digest()


def respelt(value):
    """The identity of a JSON document whose white space may have changed."""
    return hashlib.blake2b(canonical(value), digest_size=12, person=b"respelt").digest()


def canonical(value):
    """JSON on one line with the spelling of numbers kept; the bytes themselves where they are not JSON."""
    try:
        parsed = json.loads(value, parse_int=str, parse_float=str)
        return json.dumps(parsed, ensure_ascii=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return value


def by_field(name):
    """An identity for formats that do not keep bytes: one unique field of the JSON document."""

    def identity(value):
        try:
            return json.loads(value)[name]
        except (ValueError, TypeError, KeyError, RecursionError):
            return digest(value)

    return identity


def read_source(bootstrap, topics, properties=None, identity=digest, keep_values=False):
    """Reads the topics from their first offset to their end as of now.

    `keep_values`: True, or the positions whose values are wanted, where there are too many to keep them all.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "landfall-checker",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "message.max.bytes": 64 * 1024 * 1024,
            **(properties or {}),
        }
    )
    try:
        return _read(consumer, topics, identity, keep_values)
    finally:
        consumer.close()


def _read(consumer, topics, identity, keep_values):
    source = Source()
    open_partitions = set()
    for topic in topics:
        metadata = consumer.list_topics(topic, timeout=30).topics[topic]
        if metadata.error is not None:
            raise RuntimeError(f"topic {topic} cannot be read: {metadata.error}")
        for partition in metadata.partitions:
            source.offsets[(topic, partition)] = set()
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=30)
            source.end[(topic, partition)] = high
            if low < high:
                open_partitions.add((topic, partition))
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in open_partitions])
    last_seen = time.monotonic()
    while open_partitions:
        messages = consumer.consume(10_000, timeout=1)
        if messages:
            last_seen = time.monotonic()
        elif time.monotonic() - last_seen > _IDLE_LIMIT_S:
            raise RuntimeError(f"nothing read for {_IDLE_LIMIT_S} s; left over: {sorted(open_partitions)}")
        for message in messages:
            where = (message.topic(), message.partition())
            if message.error() is not None:
                if message.error().code() != KafkaError._PARTITION_EOF:
                    raise RuntimeError(f"{where}: {message.error()}")
                open_partitions.discard(where)
                continue
            _add(source, where, message, identity, keep_values)
    return source


def _add(source, where, message, identity, keep_values):
    offset = message.offset()
    if offset in source.offsets[where]:
        raise RuntimeError(f"{where} offset {offset} was read twice")
    source.offsets[where].add(offset)
    position = (*where, offset)
    source.positions.setdefault(identity(message.value()), []).append(position)
    if keep_values is True or (keep_values and position in keep_values):
        source.values[position] = message.value()
