//! Job records and heartbeats as files: every later version reads them to the same values. A record is written back to
//! the same JSON; of a heartbeat, whatever a newer worker adds is passed over. `UPDATE_GOLDEN=1` writes the files anew;
//! `docs/upgrade.md` says when that is right.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use landfall_job::JobSpec;
use landfall_store::heartbeat::HEARTBEAT_FORMAT;
use landfall_store::record::{DecodeError, EarlierSpec, RECORD_FORMAT};
use landfall_store::{
    Connector, DeadLetterCounts, Delivery, DeliveryMode, Desired, End, Failure, GapBeat, Heartbeat, IdempotencyMark,
    JobBeat, JobEvent, JobRecord, JobState, LastEntry, MemoryBeat, OpenFileBeat, Origin, PartitionBeat, RecordError,
    Throughput, WaitingFor,
};
use serde::Serialize;
use serde_json::Value;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A document with every section written, so that a field that is renamed or read otherwise shows.
const DOCUMENT: &str = r#"
name: bids
team: ads
labels: {tier: gold}
source:
  cluster: main
  topics: [bids, clicks]
  start: {timestamp: 2026-01-31T13:45:00+01:00}
  stop: {timestamp: 2026-02-01T00:00:00Z}
  isolation: read_uncommitted
  group: etl.bids
  on_offset_reset: ignore
  on_gap: stop
  max_record_bytes: 1 MiB
decode: {format: json, null_value: keep}
sink:
  bucket: lake
  key: "bids/dt={timestamp:%Y/%m/%d}/{field:device.geo.country}/{topic}+{partition}+{first_offset:10}.{ext}"
  timestamp: {from: field, path: ts, unit: us}
  time_zone: Europe/Berlin
  format: parquet
  compression: snappy
  extension: snappy.parquet
  rotate: {bytes: 256 MiB, records: 1000000, age: 1h30m, idle: never, event_time: 1h}
  columns:
    - {name: id, type: int64}
    - {name: price, type: "decimal(18,4)", path: price.amount}
    - {name: imp, type: "list<struct<id: string, `bid-floor`: double>>"}
  rest: dead_letter
  envelope: [topic, partition, offset, timestamp, key, headers]
  on_missing_field: dead_letter
  on_existing_object: overwrite
  storage_class: STANDARD_IA
  tags: {team: ads}
  sse: {type: "aws:kms", kms_key_id: alias/lake}
  expected_bucket_owner: "123456789012"
dead_letter: {cluster: other, topic: bids-dlq, create: true, s3: false, max_ratio: 0.05}
delivery: exactly_once
pool: big
max_workers: 3
"#;
const SMALLEST: &str = r#"{"name":"bids","source":{"cluster":"main","topics":["bids"]},"sink":{"bucket":"lake"}}"#;

fn smallest() -> JobRecord {
    JobRecord {
        format: RECORD_FORMAT,
        name: "bids".into(),
        uid: "5f0c".into(),
        generation: 1,
        config_version: 1,
        spec: JobSpec::parse(SMALLEST).unwrap(),
        earlier: Vec::new(),
        desired: Desired::Running,
        restarts: 0,
        origins: Vec::new(),
        ends: None,
        lanes: 1,
        created_at: at("2026-03-30T00:00:00Z"),
        changed_at: at("2026-03-30T00:00:00.123456789Z"),
        changed_by: "token:ops".into(),
        failed: None,
        finished_at: None,
        closed: false,
        idempotency: None,
        connector: None,
        events: Vec::new(),
        write_token: String::new(),
    }
}

fn full() -> JobRecord {
    let origin = |topic_id: Option<&str>, partition, start_offset| Origin {
        cluster: "main".into(),
        topic: "bids".into(),
        topic_id: topic_id.map(str::to_owned),
        partition,
        start_offset,
    };
    JobRecord {
        generation: 3,
        config_version: 2,
        spec: JobSpec::parse(DOCUMENT).unwrap(),
        earlier: vec![EarlierSpec { config_version: 1, spec: JobSpec::parse(SMALLEST).unwrap() }],
        desired: Desired::Deleted,
        restarts: 7,
        origins: vec![origin(Some("Hk3-_x9fQd2bYQw0mZ1c2A"), 0, 100), origin(None, 1, i64::MAX)],
        ends: Some(vec![End { cluster: "main".into(), topic: "bids".into(), partition: 0, end_offset: 200 }]),
        failed: Some(Failure { at: at("2026-03-31T00:00:00Z"), code: "max_ratio".into(), message: "too many".into() }),
        finished_at: Some(at("2026-04-01T00:00:00Z")),
        closed: true,
        idempotency: Some(IdempotencyMark { key_sha256: "0a".into(), body_sha256: "0b".into() }),
        connector: None,
        events: Vec::new(),
        write_token: "w1".into(),
        ..smallest()
    }
}

/// Of a job that was made from a Kafka Connect config, with its history.
fn connector() -> JobRecord {
    JobRecord {
        connector: Some(Connector { config: BTreeMap::from([("name".into(), "bids".into())]) }),
        events: vec![JobEvent {
            at: at("2026-03-30T00:00:00Z"),
            by: "token:ops".into(),
            what: "created".into(),
            detail: "generation 3".into(),
        }],
        ..smallest()
    }
}

fn heartbeat() -> Heartbeat {
    let now = at("2026-03-30T00:00:05Z");
    let letters = || DeadLetterCounts::of(BTreeMap::from([("malformed_json".to_owned(), 2)]));
    let job = JobBeat {
        name: "bids".into(),
        uid: "5f0c".into(),
        config_version: 2,
        state: JobState::Running,
        delivery: Delivery { mode: DeliveryMode::AtLeastOnce, degraded_because: vec!["no conditional PUT".into()] },
        partitions: vec![PartitionBeat {
            cluster: "main".into(),
            topic: "bids".into(),
            partition: 0,
            end_offset: Some(100),
            position: Some(90),
            landed_offset: Some(80),
            committed_offset: Some(70),
            oldest_unconsumed_at: Some(now),
        }],
        open_files: vec![OpenFileBeat {
            key: "bids/0.jsonl.zst".into(),
            records: 10,
            bytes: 1_000,
            opened_at: now,
            next_trigger: "age".into(),
            due_at: Some(now),
        }],
        open_files_total: 1,
        waiting_for: Some(WaitingFor { what: "s3 SlowDown".into(), since: now }),
        dead_letters: letters(),
        dead_letters_open: letters(),
        gaps: vec![GapBeat {
            cluster: "main".into(),
            topic: "bids".into(),
            partition: 0,
            from_offset: 0,
            to_offset: 5,
        }],
        last_entry: Some(LastEntry { seq: 9, at: now }),
        uncompleted_entries: 1,
        throughput: Throughput { records_per_second: 0.5, bytes_per_second: 1_000.25 },
        errors: vec![RecordError {
            at: now,
            stage: "decode".into(),
            message: "no JSON".into(),
            topic: Some("bids".into()),
            partition: Some(0),
            offset: Some(3),
        }],
        lost_files: 1,
        lost_records: 4,
        drained: true,
        past: true,
    };
    Heartbeat {
        format: HEARTBEAT_FORMAT,
        worker: "arn:aws:ecs:task/1".into(),
        version: "0.1.0".into(),
        pool: "shared".into(),
        started_at: at("2026-03-30T00:00:00Z"),
        at: now,
        beat_ms: 2_000,
        ended: true,
        memory: MemoryBeat { limit_bytes: 1 << 30, used_bytes: BTreeMap::from([("parts".into(), 5)]) },
        jobs: vec![job],
    }
}

// --- the files ---------------------------------------------------------------------------------------------------

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format-1").join(name)
}

fn read(name: &str) -> Vec<u8> {
    let path = golden(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}; run with UPDATE_GOLDEN=1", path.display()))
}

/// Compares with a file, laid out for people: order and spelling of everything stay as they are stored.
fn assert_same(name: &str, written: &impl Serialize) {
    let written = serde_json::to_string_pretty(written).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(golden(name).parent().unwrap()).unwrap();
        std::fs::write(golden(name), &written).unwrap();
    }
    let expected = String::from_utf8(read(name)).unwrap();
    let differing: Vec<_> = expected.lines().zip(written.lines()).filter(|(a, b)| a != b).take(3).collect();
    assert!(
        expected == written,
        "{} differs, first at {differing:#?}; what is stored in format 1 stays as it is: see docs/upgrade.md",
        golden(name).display()
    );
}

#[test]
fn every_record_is_read_to_its_value_and_written_back_the_same() {
    for (name, record) in
        [("job-smallest.json", smallest()), ("job-full.json", full()), ("job-connector.json", connector())]
    {
        assert_same(name, &record);
        assert_eq!(JobRecord::decode(&read(name)).unwrap(), record, "{name}");
        // What is stored is compact and else the same.
        let stored: Value = serde_json::from_slice(&record.encode().unwrap()).unwrap();
        assert_eq!(serde_json::to_string_pretty(&stored).unwrap() + "\n", String::from_utf8(read(name)).unwrap());
    }
}

#[test]
fn a_heartbeat_is_read_to_its_value() {
    assert_same("heartbeat.json", &heartbeat());
    assert_eq!(Heartbeat::decode(&read("heartbeat.json")).unwrap(), heartbeat());
}

// --- what a newer version may do ---------------------------------------------------------------------------------

/// Pointers to every object of a document, itself included.
fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            found.push(at.to_owned());
            for (key, inner) in map {
                objects(inner, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                objects(inner, &format!("{at}/{index}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The document with one more field, once for each of its objects.
fn with_a_later_field(written: &impl Serialize) -> Vec<(String, Vec<u8>)> {
    let document: Value = serde_json::to_value(written).unwrap();
    let mut pointers = Vec::new();
    objects(&document, "", &mut pointers);
    let changed = pointers.into_iter().map(|pointer| {
        let mut changed = document.clone();
        let object = changed.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
        object.insert("later_field".into(), 1.into());
        (pointer, serde_json::to_vec(&changed).unwrap())
    });
    changed.collect()
}

#[test]
fn a_later_format_is_named_as_such_with_what_to_do() {
    let newer = br#"{"shape": ["nothing", "like", 1], "format": 2}"#;
    for error in [JobRecord::decode(newer).unwrap_err(), Heartbeat::decode(newer).unwrap_err()] {
        assert_eq!(error, DecodeError::UnknownFormat(2));
        let message = error.to_string();
        assert!(message.contains("format 2 is newer") && message.ends_with("upgrade this process"), "{message}");
    }
}

#[test]
fn a_field_that_a_records_format_does_not_have_is_refused_wherever_it_is() {
    for (name, record) in [("smallest", smallest()), ("full", full())] {
        for (pointer, document) in with_a_later_field(&record) {
            // Labels and tags are the user's own words.
            let free = pointer.ends_with("/labels") || pointer.ends_with("/tags");
            match JobRecord::decode(&document) {
                Err(DecodeError::Malformed(message)) => assert!(message.contains("later_field"), "{message}"),
                answer => assert!(free && answer.is_ok(), "{name}: a field at {pointer:?} was passed over"),
            }
        }
    }
}

#[test]
fn a_field_that_a_heartbeats_format_does_not_have_is_passed_over() {
    for (pointer, document) in with_a_later_field(&heartbeat()) {
        let mut read = Heartbeat::decode(&document).unwrap_or_else(|e| panic!("{pointer}: {e}"));
        // Counts by a word: one more of them is one more.
        read.memory.used_bytes.remove("later_field");
        for job in &mut read.jobs {
            job.dead_letters.by_reason.remove("later_field");
            job.dead_letters_open.by_reason.remove("later_field");
        }
        assert_eq!(read, heartbeat(), "{pointer}");
    }
}
