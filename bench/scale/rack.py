"""Three brokers in three zones, every record on each. One worker without `client.rack` reads the topic, then one with
`client.rack: zone-2`. What each broker sent is from the brokers' own request logs, bytes of record batches as they
are in the topic. The job and its worker are new each time; 12 partitions, their leaders spread."""

from brokers import TellingKafka
from e2e.events import producer
from e2e.landfall import Fleet, job, landed
from feed import fill
from place import place

TITLE = "Fetching from the follower in one's own zone"
PARTITIONS, RECORDS, RECORD_BYTES = 12, 200_000, 1_000


def measure():
    rows = []
    with place(kafka=TellingKafka(nodes=3, racks=True)) as at:
        topic = at.topic(PARTITIONS)
        fill(producer(at.kafka.bootstrap), topic, PARTITIONS, RECORDS, RECORD_BYTES)
        for name, properties in (("without", {}), ("with", {"client.rack": at.kafka.rack(1)})):
            rows.append(read(at, topic, name, properties))
    assert float(rows[1]["of own zone, %"]) > 90 > float(rows[0]["of own zone, %"]), rows
    return {"rows": rows}


def read(at, topic, name, properties):
    config = {"state": {"prefix": f"_{name}/"}}
    with Fleet(at.kafka, at.s3, at.bucket, properties=properties, config=config) as fleet:
        fleet.api()
        fleet.create(job(name, topic, at.bucket, sink={"key": name + "/{topic}+{partition}+{first_offset}-{unique}.{ext}"}))
        marks = at.kafka.marks()
        fleet.worker()
        status = fleet.wait_drained(name, records=RECORDS)
        told = at.kafka.requests("landfall", marks)
    sent = [record_bytes for _, record_bytes in told]
    return {
        "worker": f"{name} `client.rack`", "records landed": landed(status),
        **{f"from broker {index + 1}, MB": round(each / 1e6, 1) for index, each in enumerate(sent)},
        "fetches": " + ".join(str(counts.get("FETCH", 0)) for counts, _ in told),
        "of own zone, %": round(100 * sent[1] / sum(sent), 1),
    }  # fmt: skip
