"""`landfall audit` on buckets damaged on purpose: each damage is one finding of its kind, and nothing else is found.

The bucket is landed once by the product; each test damages it by an independent client and puts it back.
"""

import json
import os
import pty
import random
import re
import signal
import subprocess
import termios
import time

import pytest
import zstandard
from checker.objects import list_objects
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from conftest import create_topic
from parts.faultproxy import FaultProxy

from e2e.events import BROKEN, event, numbered, produce
from e2e.landfall import BINARY, Fleet, job

DONE, FAILED, USAGE = 0, 1, 2
LINES, TABLE = "audit-lines", "audit-table"
RECORDS = 600
RNG = random.Random(5)


class Lake:
    """A bucket with what two stopped jobs have landed, and a copy of it in memory."""

    def __init__(self, fleet, client, bucket, topic, kafka):
        self.fleet, self.client, self.bucket, self.topic, self.kafka = fleet, client, bucket, topic, kafka
        self.uids = {name: fleet.status(name)["uid"] for name in (LINES, TABLE)}
        self.copy = {}

    def remember(self):
        self.copy = {key: self.client.get_object(Bucket=self.bucket, Key=key) for key in self.keys()}
        for kept in self.copy.values():
            kept["Body"] = kept["Body"].read()

    def restore(self):
        """Puts back whatever differs from the copy."""
        now = list_objects(self.client, self.bucket)
        for key in now.keys() - self.copy.keys():
            self.delete(key)
        for key, kept in self.copy.items():
            if key not in now or self.body(key) != kept["Body"] or self.head(key)["Metadata"] != kept["Metadata"]:
                self.put(key, kept["Body"], kept["Metadata"])

    def keys(self, prefix=""):
        return sorted(list_objects(self.client, self.bucket, prefix))

    def data(self, name=LINES):
        return self.keys(f"{name}/")

    def entry_keys(self, name=LINES):
        return [key for key in self.keys(f"_landfall/{self.uids[name]}/log/0/") if key.endswith(".json")]

    def entry(self, key):
        return json.loads(self.body(key))

    def with_files(self, name=LINES):
        """The keys of the entries that name files, in order."""
        return [key for key in self.entry_keys(name) if self.entry(key).get("files")]

    def sidecar(self, entry_key):
        return entry_key.removesuffix(".json") + f"-{self.entry(entry_key)['token']}.sets.zst"

    def body(self, key):
        return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def head(self, key):
        return self.client.head_object(Bucket=self.bucket, Key=key)

    def put(self, key, body, metadata=None):
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body, Metadata=metadata or {})

    def rewrite(self, key, body):
        """Other bytes under the same key and metadata."""
        self.put(key, body, self.head(key)["Metadata"])

    def delete(self, key):
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def audit(self, *words, name=LINES, code=DONE):
        return audit(self.fleet, name, *words, code=code)


def audit(fleet, name, *words, code=DONE):
    done = fleet.command("audit", name, "--config", fleet.config_path, "--json", *words)
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    report = json.loads(done.stdout)
    assert report["format"] == 1
    return report


def kinds(report):
    return [finding["kind"] for finding in report["findings"]]


def small(name, topic, bucket, **sink):
    rotate = {"records": 50, "age": "3s", "idle": "1s"}
    envelope = ["topic", "partition", "offset", "timestamp"]
    key = f"{name}/{{topic}}+{{partition}}+{{first_offset}}-{{unique}}.{{ext}}"
    return job(name, topic, bucket, sink={"key": key, "rotate": rotate, "envelope": envelope, **sink})


@pytest.fixture(scope="module")
def landed(kafka, s3):
    """A Lake; its fleet runs no process any more."""
    bucket, topic = "audited-lake", "audited"
    s3.make_bucket(bucket)
    admin = AdminClient({"bootstrap.servers": kafka.internal_bootstrap})
    create_topic(admin, topic, 2, kafka.nodes, {})
    values = numbered(RECORDS)
    for number, broken in enumerate(BROKEN):
        values[100 * number + 50] = broken
    columns = [{"name": "id", "type": "int64"}, {"name": "text", "type": "string"}]
    with Fleet(kafka, s3, bucket) as fleet:
        server = fleet.run()
        fleet.create(small(LINES, topic, bucket, compression="none"))
        fleet.create(small(TABLE, topic, bucket, format="parquet", columns=columns))
        for first in range(0, RECORDS, 200):  # an entry with files for each stretch, at the least
            produce(kafka.bootstrap, topic, values[first : first + 200], partitions=2)
            for name in (LINES, TABLE):
                fleet.wait_drained(name, records=first + 200)
        for name in (LINES, TABLE):
            fleet.action(name, "stop")
            fleet.wait_state(name, "stopped")
        lake = Lake(fleet, s3.client(), bucket, topic, kafka)
        server.stop()
        lake.remember()
        yield lake
    admin.delete_topics([topic])[topic].result(30)


@pytest.fixture
def lake(landed):
    """The Lake, undamaged before and after."""
    yield landed
    landed.restore()


@pytest.mark.parametrize("name", [LINES, TABLE])
def test_an_undamaged_bucket_is_clean(lake, name):
    for words in ([], ["--deep"], ["--deep", "--expect-all"]):
        report = lake.audit(*words, name=name)
        assert (report["findings"], report["notes"], report["clean"], report["complete"]) == ([], [], True, True)
        tally = report["tally"]
        assert (tally["landed"], tally["dead_letters"]) == (RECORDS - len(BROKEN), len(BROKEN))
        assert (tally["missing"], tally["doubled"], tally["unlanded"]) == (0, 0, 0)
    objects = len(lake.data(name)) + len(lake.keys(f"_landfall-dlq/{name}/"))
    assert report["work"]["objects_read"] == report["work"]["offsets_compared"] == objects
    assert report["work"]["bytes_read"] > 0 and report["deep"]


def test_a_deleted_object_is_a_note_and_with_expect_all_a_finding(lake):
    key = lake.data()[2]
    lake.delete(key)
    report = lake.audit("--deep")
    assert [(note["kind"], note["key"]) for note in report["notes"]] == [("deleted", key)]
    assert (report["tally"]["deleted"], report["tally"]["missing"]) == (50, 0)
    report = lake.audit("--expect-all", code=FAILED)
    [finding] = report["findings"]
    assert (finding["kind"], finding["invariant"], finding["key"], finding["records"]) == ("missing", "I1", key, 50)
    [offsets] = finding["offsets"].values()
    runs = [run.split("..") for run in offsets.split(",")]
    assert sum(int(end) - int(start) for start, end in runs) == 50
    assert finding["remedy"] and report["notes"] == []


def test_a_deleted_file_of_dead_letters_is_told_as_such(lake):
    key = lake.keys(f"_landfall-dlq/{LINES}/")[0]
    lake.delete(key)
    assert [note["kind"] for note in lake.audit()["notes"]] == ["deleted"]
    report = lake.audit("--expect-all", code=FAILED)
    [finding] = report["findings"]
    assert (finding["kind"], finding["key"]) == ("missing", key)
    assert "dead letters" in finding["what"]


def flipped(body, at):
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


def in_a_value(body):
    """The place of a byte that can change without the line losing its shape."""
    return body.index(b'"id": ') + 6


def truncated(lake):
    key = lake.data()[2]
    lake.rewrite(key, lake.body(key)[:-7])
    return key


def byte_flipped(lake):
    key = lake.data()[2]
    body = lake.body(key)
    lake.rewrite(key, flipped(body, in_a_value(body)))
    return key


def byte_of_a_table_flipped(lake):
    key = lake.data(TABLE)[2]
    body = lake.body(key)
    lake.rewrite(key, flipped(body, len(body) // 4))
    return key


def bytes_of_another_file(lake):
    key, other = lake.data()[2], lake.data()[3]
    lake.rewrite(key, lake.body(other))
    return key


def record_dropped(lake):
    key = lake.data()[2]
    lake.rewrite(key, lake.body(key).split(b"\n", 1)[1])
    return key


def record_doubled(lake):
    key = lake.data()[2]
    body = lake.body(key)
    lake.rewrite(key, body + body.splitlines(keepends=True)[0])
    return key


def replaced(lake):
    key, other = lake.data()[2], lake.data()[3]
    lake.put(key, lake.body(other))
    return key


def foreign(lake):
    key = f"{LINES}/from-elsewhere.jsonl"
    lake.put(key, b'{"id": 1}\n')
    return key


def token_that_no_entry_names(lake):
    key = f"{LINES}/stranger.jsonl"
    lake.put(key, b'{"id": 1}\n', {"landfall-job": LINES, "landfall-token": "0123", "landfall-records": "1"})
    return key


def copied(lake):
    key = f"{LINES}/copy.jsonl"
    lake.put(key, lake.body(lake.data()[2]), lake.head(lake.data()[2])["Metadata"])
    return key


@pytest.mark.parametrize(("damage", "name", "kind", "invariant", "shallow"), [
    (truncated, LINES, "changed", "I6", True),
    (byte_flipped, LINES, "changed", "I6", False),
    (byte_of_a_table_flipped, TABLE, "changed", "I6", False),
    (bytes_of_another_file, LINES, "changed", "I6", None),
    (record_dropped, LINES, "changed", "I6", True),
    (record_doubled, LINES, "doubled", "I2", None),
    (replaced, LINES, "overwritten", "I4", True),
    (foreign, LINES, "foreign", "I4", True),
    (token_that_no_entry_names, LINES, "foreign", "I4", True),
    (copied, LINES, "doubled", "I2", True),
])  # fmt: skip
def test_a_damaged_object_is_one_finding_of_its_kind(lake, damage, name, kind, invariant, shallow):
    key = damage(lake)
    report = lake.audit("--deep", "--expect-all", name=name, code=FAILED)
    [finding] = report["findings"]
    assert (finding["kind"], finding["invariant"], finding["key"]) == (kind, invariant, key), finding
    assert report["notes"] == [] and report["found"] == {kind: 1}
    if shallow is not None:  # whether a look without reading sees it
        assert kinds(lake.audit(name=name, code=FAILED if shallow else DONE)) == ([kind] if shallow else [])


def test_a_finding_tells_what_was_found_in_the_object(lake):
    byte_flipped(lake)
    [finding] = lake.audit("--deep", code=FAILED)["findings"]
    assert "checksum of part 1 of 1" in finding["what"] and "records" not in finding["what"]
    lake.restore()
    record_doubled(lake)
    [finding] = lake.audit("--deep", code=FAILED)["findings"]
    assert "51 records, its entry says 50" in finding["what"] and "twice" in finding["what"]
    assert finding["records"] == 1


def test_the_files_of_others_are_no_finding_where_the_prefix_is_shared(lake, tmp_path):
    foreign(lake)
    lake.put(f"{LINES}/_SUCCESS", b"")
    words = ["--state", tmp_path / "state"]
    assert lake.audit("--shared-prefix", *words)["other_objects"] == 2
    assert kinds(lake.audit(*words, code=FAILED)) == kinds(lake.audit(code=FAILED)) == ["foreign"]


def hole(lake):
    lake.delete(lake.with_files()[1])


def last_entries_gone(lake):
    last = lake.with_files()[-1]
    for key in [key for key in lake.entry_keys() if key >= last]:
        lake.delete(key)


def entry_corrupted(lake):
    key = lake.with_files()[1]
    lake.rewrite(key, lake.body(key)[:-20])


def sidecar_gone(lake):
    lake.delete(lake.sidecar(lake.with_files()[1]))


def sidecar_changed(lake):
    key, other = (lake.sidecar(entry) for entry in lake.with_files()[1:3])
    lake.rewrite(key, lake.body(other))


def sidecar_garbled(lake):
    key = lake.sidecar(lake.with_files()[1])
    lake.rewrite(key, zstandard.compress(b'{"format":1'))


def entry_appended_that_overlaps(lake):
    source = lake.with_files()[1]
    entry = lake.entry(source)
    seq, token = len(lake.entry_keys()), "feed"
    key = source.rsplit("/", 1)[0] + f"/{seq:020}"
    lake.put(f"{key}-{token}.sets.zst", lake.body(lake.sidecar(source)))
    lake.put(f"{key}.json", json.dumps({**entry, "seq": seq, "token": token, "completed": []}).encode())


@pytest.mark.parametrize(("damage", "kind"), [
    (hole, "hole"),
    (last_entries_gone, "lost_tail"),
    (entry_corrupted, "bad_entry"),
    (sidecar_gone, "bad_sidecar"),
    (sidecar_changed, "bad_sidecar"),
    (sidecar_garbled, "bad_sidecar"),
    (entry_appended_that_overlaps, "overlap"),
])  # fmt: skip
def test_damage_to_the_log_is_one_finding_of_its_kind(lake, damage, kind):
    damage(lake)
    for words in ([], ["--deep", "--expect-all"]):
        report = lake.audit(*words, code=FAILED)
        [finding] = report["findings"]
        assert (finding["kind"], finding["invariant"]) == (kind, "I3"), finding
        assert "seq" in finding and finding["remedy"]
    if kind in ("hole", "lost_tail", "bad_entry"):
        # The objects of the entry are still there, and said to be of it rather than somebody's.
        assert {note["kind"] for note in report["notes"]} == {"unnamed"}
        assert finding["records"] > 0 and finding["offsets"]
    else:
        assert report["notes"] == []


def test_a_log_that_is_gone_is_said_to_be_gone(lake):
    for key in lake.keys(f"_landfall/{lake.uids[LINES]}/log/"):
        lake.delete(key)
    assert kinds(lake.audit(code=FAILED)) == ["no_log"]


def test_an_upload_that_nobody_names_is_an_orphan_once_it_is_old(lake):
    key = f"{LINES}/never.jsonl"
    upload = lake.client.create_multipart_upload(Bucket=lake.bucket, Key=key)["UploadId"]
    try:
        assert lake.audit()["open_uploads"] == 1
        [finding] = lake.audit("--orphan-after", "1ms", code=FAILED)["findings"]
        assert (finding["kind"], finding["invariant"], finding["key"]) == ("orphan_upload", "I8", key)
        assert upload in finding["what"]
    finally:
        lake.client.abort_multipart_upload(Bucket=lake.bucket, Key=key, UploadId=upload)


def commit(lake, offset):
    """As an operator's tool does it: without the job's mark. Answers the offset before."""
    consumer = Consumer({"bootstrap.servers": lake.kafka.bootstrap, "group.id": f"landfall-{LINES}"})
    [before] = consumer.committed([TopicPartition(lake.topic, 0)], timeout=30)
    deadline = time.monotonic() + 30
    while True:
        try:
            consumer.commit(offsets=[TopicPartition(lake.topic, 0, offset)], asynchronous=False)
            break
        except KafkaException:  # the workers' membership may still have to run out
            assert time.monotonic() < deadline, "the group does not become empty"
            time.sleep(0.5)
    consumer.close()
    return before.offset


def test_a_commit_ahead_of_what_is_visible_is_found(lake):
    before = commit(lake, RECORDS // 2 + 7)
    try:
        [finding] = lake.audit("--deep", code=FAILED)["findings"]
        assert (finding["kind"], finding["invariant"]) == ("committed_ahead", "I5")
        assert f"committed offset {RECORDS // 2 + 7}" in finding["what"]
    finally:
        commit(lake, before)
    assert before == RECORDS // 2 and lake.audit()["partitions"][0]["committed"] == before


def test_a_file_that_never_became_visible_is_pending_and_in_time_a_finding(lake):
    """The entries that call it completed are taken away with it."""
    last = lake.with_files()[-1]
    for key in [key for key in lake.entry_keys() if key > last]:
        lake.delete(key)
    gone = lake.entry(last)["files"][-1]["key"]
    lake.delete(gone)
    report = lake.audit(code=FAILED)
    # Kafka's commit lies above it: that is a finding of its own at any age.
    assert kinds(report) == ["committed_ahead"]
    assert [(note["kind"], note["key"]) for note in report["notes"]] == [("pending", gone)]
    report = lake.audit("--pending-after", "1ms", code=FAILED)
    assert kinds(report) == ["uncompleted", "committed_ahead"] and report["notes"] == []


def test_a_second_audit_reads_only_what_is_new_and_says_so(lake, tmp_path):
    state = tmp_path / "state"
    first = lake.audit("--deep", "--state", state)
    assert first["state"]["saved_at"] is None and first["work"]["objects_read"] > 0
    second = lake.audit("--deep", "--state", state)
    work = second["work"]
    assert (work["entries_read"], work["objects_looked_at"], work["objects_read"]) == (0, 0, 0)
    assert work["objects_from_state"] == work["deep_from_state"] == first["work"]["objects_read"]
    assert second["state"]["saved_at"] and second["state"]["oldest_deep_at"]
    assert second["tally"] == first["tally"] and second["partitions"] == first["partitions"]
    full = lake.audit("--deep", "--state", state, "--full")
    assert full["work"]["objects_read"] == first["work"]["objects_read"] and full["state"]["saved_at"] is None
    told = lake.fleet.command("audit", LINES, "--config", lake.fleet.config_path, "--deep", "--state", state)
    assert "from state" in told.stdout and "audit: clean" in told.stdout


def test_damage_to_what_an_earlier_audit_found_right_is_found(lake, tmp_path):
    state = tmp_path / "state"
    lake.audit("--deep", "--state", state)
    key = byte_flipped(lake)  # a look without reading sees no more than another ETag
    for _ in range(2):
        [finding] = lake.audit("--state", state, code=FAILED)["findings"]
        assert (finding["kind"], finding["key"]) == ("changed", key) and "etag" in finding["what"]
    [finding] = lake.audit("--deep", "--state", state, code=FAILED)["findings"]
    assert "checksum of part 1" in finding["what"]
    [finding] = lake.audit("--state", state, code=FAILED)["findings"]  # found again by who does not read
    assert finding["kind"] == "changed" and "checksum of part 1" in finding["what"]
    lake.restore()
    lake.audit("--deep", "--state", state)  # nothing is found any more
    assert lake.audit("--state", state)["work"]["objects_looked_at"] == 0
    lake.delete(key)
    assert kinds(lake.audit("--state", state, "--expect-all", code=FAILED)) == ["missing"]


@pytest.mark.parametrize(("damage", "kind"), [
    (hole, "hole"), (sidecar_gone, "bad_sidecar"), (last_entries_gone, "lost_tail"), (entry_corrupted, "bad_entry"),
])  # fmt: skip
def test_damage_to_the_log_is_found_again_by_every_later_audit(lake, tmp_path, damage, kind):
    state = tmp_path / "state"
    lake.audit("--state", state)
    damage(lake)
    for _ in range(2):
        assert kinds(lake.audit("--state", state, code=FAILED)) == [kind]
    lake.restore()


def test_an_entry_that_names_no_file_is_missed_at_the_end_by_who_has_read_it(lake, tmp_path):
    state = tmp_path / "state"
    lake.audit("--state", state)
    last = lake.entry_keys()[-1]
    assert not lake.entry(last).get("files")
    lake.delete(last)
    assert kinds(lake.audit("--state", state, code=FAILED)) == ["lost_tail"]
    assert kinds(lake.audit()) == []  # nothing else in the bucket tells of it


def test_an_entry_replaced_by_an_equal_one_is_told_as_changed(lake, tmp_path):
    state = tmp_path / "state"
    lake.audit("--state", state)
    key = lake.with_files()[1]
    lake.put(key, json.dumps(lake.entry(key), indent=1).encode())
    for _ in range(2):
        [finding] = lake.audit("--state", state, code=FAILED)["findings"]
        assert finding["kind"] == "log_changed" and "was replaced" in finding["what"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_audit_goes_on_where_it_was(lake, s3, kafka, tmp_path, number, code):
    state = tmp_path / "state"
    objects = len(lake.data()) + len(lake.keys(f"_landfall-dlq/{LINES}/"))
    terminal, stderr = pty.openpty()
    termios.tcsetwinsize(stderr, (24, 80))
    os.set_blocking(terminal, False)
    with FaultProxy(s3.port) as proxy, Fleet(kafka, s3, lake.bucket, endpoint=proxy.endpoint) as slow:
        reads = proxy.fault("delay", method="GET", path=f"/{LINES}/", delay_s=0.3)
        words = ["audit", LINES, "--config", slow.config_path, "--json", "--deep", "--parallel", "1", "--state", state]
        with subprocess.Popen([str(BINARY), *map(str, words)], env=slow.env(TERM="xterm"), stdout=subprocess.PIPE,
                              stderr=stderr) as running:  # fmt: skip
            deadline = time.monotonic() + 60
            while reads.fired < 4 and time.monotonic() < deadline:
                time.sleep(0.02)
            running.send_signal(number)
            report = json.loads(running.communicate(timeout=30)[0])
        assert running.returncode == code
    assert "reading" in os.read(terminal, 1 << 16).decode(), "no progress was shown on the terminal"
    os.close(terminal)
    os.close(stderr)
    assert not report["complete"] and not report["deep"]
    assert [note["kind"] for note in report["notes"]] == ["interrupted"]
    read = report["work"]["objects_read"]
    assert 0 < read < objects
    rest = lake.audit("--deep", "--state", state)
    assert rest["work"]["objects_read"] == objects - read
    assert rest["complete"] and rest["deep"]


def test_a_running_job_is_audited_without_false_alarm_and_by_what_is_new(kafka, s3, bucket, make_topic, fleet, fresh,
                                                                         tmp_path):  # fmt: skip
    name, topic, state = fresh("job"), make_topic(partitions=2), tmp_path / "state"
    fleet.run()
    fleet.create(small(name, topic, bucket))
    for first in range(0, 2_000, 500):
        produce(kafka.bootstrap, topic, numbered(500, first), partitions=2)
        audit(fleet, name, "--deep", "--state", state)  # while it lands them
        fleet.wait_drained(name, records=first + 500)
    report = audit(fleet, name, "--deep", "--state", state, "--expect-all")
    assert report["tally"]["landed"] == 2_000 and report["notes"] == []
    work = report["work"]
    assert work["objects_from_state"] > 0 and work["deep_from_state"] == work["objects_from_state"]
    assert work["objects_from_state"] + work["objects_looked_at"] == report["tally"]["objects"]
    assert work["objects_read"] == work["objects_looked_at"]


def test_a_flipped_byte_of_a_large_object_is_told_by_its_part(kafka, s3, bucket, make_topic, fleet, fresh):
    name, topic = fresh("job"), make_topic()
    produce(kafka.bootstrap, topic, (event(number, RNG) for number in range(80_000)))
    fleet.run()
    rotate = {"bytes": "1GiB", "records": 80_000, "age": "10m", "idle": "5m"}
    fleet.create(small(name, topic, bucket, compression="none", rotate=rotate))
    fleet.wait_drained(name, records=80_000)
    clean = audit(fleet, name, "--deep", "--expect-all")
    assert (clean["tally"]["objects"], clean["tally"]["landed"]) == (1, 80_000)
    client = s3.client()
    [key] = list_objects(client, bucket, f"{name}/")
    kept = client.get_object(Bucket=bucket, Key=key)
    body = kept["Body"].read()
    client.put_object(Bucket=bucket, Key=key, Body=flipped(body, len(body) - 40), Metadata=kept["Metadata"])
    [finding] = audit(fleet, name, "--deep", code=FAILED)["findings"]
    part, parts = re.search(r"the checksum of part (\d+) of (\d+) is not", finding["what"]).groups()
    assert int(part) == int(parts) > 1, finding["what"]


def test_only_the_files_of_later_entries_are_looked_at_where_asked(lake):
    entries = lake.with_files()
    objects = len(lake.entry(entries[-1])["files"])
    report = lake.audit("--deep", "--from-seq", lake.entry(entries[-1])["seq"])
    assert report["work"]["objects_read"] == objects
    assert report["work"]["objects_out_of_scope"] > 0 and report["scope"]["from_seq"] is not None
    assert lake.audit("--since", "1ms")["work"]["objects_looked_at"] == 0
    truncated(lake)
    assert lake.audit("--since", "1ms")["clean"], "it is out of scope, and the report says so"
    assert kinds(lake.audit("--since", "30d", code=FAILED)) == ["changed"]


def test_wrong_uses_are_refused_with_words(lake, tmp_path):
    def refused(*words, code=USAGE):
        done = lake.fleet.command("audit", LINES, "--config", lake.fleet.config_path, *words)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr

    assert "--state" in refused("--full")
    assert "--deep" in refused("--parallel", "4")
    assert "yesterday" in refused("--since", "yesterday")
    state = tmp_path / "state"
    assert "--state" in refused("--from-seq", "3", "--state", state)
    state.write_bytes(b"not a state")
    assert "--full" in refused("--state", state, code=FAILED)
    lake.audit("--state", state, "--full")
    done = lake.fleet.command("audit", TABLE, "--config", lake.fleet.config_path, "--state", state)
    assert done.returncode == FAILED and LINES in done.stderr and "--full" in done.stderr
