"""Topics full of records: made once, written again and again, so that writing costs little beside what is measured."""

import random


def values(count, size_bytes, seed=7):
    """`count` JSON objects of `size_bytes` each, about half of it compressible."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        head = b'{"id":"bid-%09d","site":"news.example","note":"' % number
        noise = rng.randbytes((size_bytes - len(head) - 2) // 2 + 1).hex().encode()
        made.append(head + noise[: size_bytes - len(head) - 2] + b'"}')
    assert {len(value) for value in made} == {size_bytes}
    return made


def fill(writer, topic, partitions, records, size_bytes, distinct=2_000):
    """Writes `records` records, evenly over the partitions; returns once they are acknowledged.

    With few `distinct` ones a compressed topic needs little disk: a batch holds each of them many times.
    """
    pool, failures = values(distinct, size_bytes), []

    def delivered(error, _message):
        if error:
            failures.append(error)

    for number in range(records):
        while True:
            try:
                value = pool[number // partitions % distinct]
                writer.produce(topic, value, partition=number % partitions, on_delivery=delivered)
                break
            except BufferError:
                writer.poll(0.1)
        if number % 256 == 0:
            writer.poll(0)
    assert writer.flush(300) == 0 and not failures, failures[:3]
