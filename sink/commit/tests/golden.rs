//! The stored forms of the log as files: every later version reads them to the same values and writes these back to the
//! same JSON. `UPDATE_GOLDEN=1` writes the files anew, `docs/upgrade.md` says when that is right: hardly ever, since what
//! differs from a golden file of format 1 is another format.
// A test may read files; the crate may not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landfall_commit::entry::BadEntry;
use landfall_commit::{
    Checkpoint, Entry, FileEntry, FileKind, FileRef, FileSets, FoldError, Lane, LogState, Lost, Offsets, Origins, Part,
    Rebuilt, Seq, SkipReason, SourcePartition,
};
use serde_json::Value;

// --- what lies in the files --------------------------------------------------------------------------------------

fn bids(partition: i32) -> SourcePartition {
    let topic_id = "Hk3-_x9fQd2bYQw0mZ1c2A".to_owned();
    SourcePartition { cluster: "main".into(), topic: "bids.eu-1".into(), topic_id, partition }
}

/// Of a cluster that tells no topic ids.
fn clicks() -> SourcePartition {
    SourcePartition { cluster: "edge".into(), topic: "clicks".into(), topic_id: String::new(), partition: 11 }
}

/// Each from its first offset to its end, which is exclusive.
fn runs(runs: &[(u64, u64)]) -> Offsets {
    let mut set = Offsets::new();
    for (start, end) in runs {
        set.insert_range(*start..*end);
    }
    set
}

/// So many runs that they are written as a bitmap.
fn scattered() -> Offsets {
    (0..600).map(|n| (1 << 32) + n * 3).chain(7_000..9_000).collect()
}

fn part(number: u32, size_bytes: u64) -> Part {
    Part { number, etag: format!("\"{number}f0e\""), size_bytes, crc64nvme: format!("AAAAAAAAA{number}I=") }
}

fn file(key: &str, token: &str, kind: FileKind, records: u64) -> FileEntry {
    FileEntry {
        key: key.into(),
        bucket: "lake".into(),
        token: token.into(),
        upload_id: format!("upload-{token}"),
        parts: vec![part(1, 8_388_608), part(2, 5)],
        bytes: 8_388_613,
        records,
        kind,
        min_timestamp_ms: -1,
        max_timestamp_ms: 1_774_877_654_321,
    }
}

fn empty(seq: u64) -> Entry {
    Entry::empty("5f0c".into(), Lane(0), Seq(seq), format!("t{seq}").as_str().into(), "worker-a", 1_774_877_600_000)
}

fn zero() -> Entry {
    let origins = Origins {
        start: BTreeMap::from([(bids(0), 0), (bids(1), u64::try_from(i64::MAX).unwrap()), (clicks(), 100)]),
        bucket: "lake".into(),
        lanes: 1,
        created_at_ms: 1_774_877_500_000,
    };
    Entry { config_version: 1, ..Entry::zero("5f0c".into(), Lane(0), "t0".into(), "api-1", origins) }
}

/// Two data files and a letters file, of which later entries say something.
fn first() -> Entry {
    let mut entry = Entry { config_version: 2, ..empty(1) };
    entry.files = vec![
        file("bids/dt=2026-03-30/bids+0+0.jsonl.zst", "f1", FileKind::Data, 50),
        file("bids/dt=2026-03-30/clicks+11+100.jsonl.zst", "f2", FileKind::Data, 10),
        file("_landfall-dlq/bids/1.jsonl.zst", "f3", FileKind::DeadLetter, 1),
    ];
    entry.held = BTreeMap::from([(bids(0), runs(&[(0, 50), (55, 56)])), (clicks(), runs(&[(100, 110)]))]);
    entry
}

/// Every field but `origins`, which only entry 0 has, and `closing`, after which nothing comes.
fn full() -> Entry {
    let mut entry = Entry { config_version: u64::MAX, ..empty(2) };
    entry.files = vec![file("bids/dt=2026-03-30/bids+0+60.jsonl.zst", "f4", FileKind::Data, 2_640)];
    entry.held = BTreeMap::from([(bids(0), runs(&[(60, 100)])), (clicks(), scattered())]);
    let reasons = [
        (SkipReason::Gap, runs(&[(120, 130)])),
        (SkipReason::Declared, runs(&[(130, 131)])),
        (SkipReason::NullValue, runs(&[(131, 132), (133, 134)])),
        (SkipReason::DeadLetterTopic, runs(&[(135, 136)])),
        (SkipReason::BeforeOrigin, runs(&[(140, 141)])),
    ];
    entry.skipped = BTreeMap::from([(clicks(), BTreeMap::from(reasons))]);
    entry.absent = BTreeMap::from([(bids(0), runs(&[(50, 55), (56, 60)]))]);
    entry.dead_letters = BTreeMap::from([("malformed_json".into(), 1), ("null_value".into(), 2)]);
    entry.completed = vec![FileRef { seq: Seq(1), file: 2 }];
    entry.rebuilt = vec![Rebuilt {
        seq: Seq(1),
        file: 0,
        attempt: 1,
        token: "f1-again".into(),
        upload_id: "upload-f1-again".into(),
        parts: vec![part(1, 77)],
        bytes: 77,
        missing: BTreeMap::from([(bids(0), runs(&[(0, 3), (7, 8)]))]),
    }];
    entry.lost = vec![Lost { seq: Seq(1), file: 1, reason: "kafka no longer has its records".into() }];
    entry
}

fn closing() -> Entry {
    Entry { closing: true, ..empty(3) }
}

fn state() -> LogState {
    let mut state = LogState::open(&zero()).unwrap();
    for entry in [first(), full()] {
        state.fold(&entry).unwrap();
    }
    state
}

fn sidecar() -> FileSets {
    FileSets::new(vec![
        BTreeMap::from([(bids(0), runs(&[(60, 100)])), (clicks(), scattered())]),
        BTreeMap::from([(bids(1), Offsets::new())]),
        BTreeMap::new(),
    ])
}

// --- the files ---------------------------------------------------------------------------------------------------

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format-1").join(name)
}

/// The bytes of a file; with `UPDATE_GOLDEN=1` these are written first.
fn stored(name: &str, written: &[u8]) -> Vec<u8> {
    let path = golden(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, written).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}; run with UPDATE_GOLDEN=1", path.display()))
}

/// As it is stored, laid out for people: order and spelling of everything stay as they are.
fn pretty(json: &[u8]) -> String {
    let value: Value = serde_json::from_slice(json).unwrap();
    serde_json::to_string_pretty(&value).unwrap() + "\n"
}

type Build = fn() -> Entry;

const ENTRIES: [(&str, Build); 4] = [
    ("entry-zero.json", zero),
    ("entry-first.json", first),
    ("entry-full.json", full),
    ("entry-closing.json", closing),
];

/// Every file of JSON with how it is read.
type Reader = fn(&[u8]) -> Result<(), FoldError>;

fn read_entry(json: &[u8]) -> Result<(), FoldError> {
    Entry::from_json(json).map(drop).map_err(FoldError::from)
}

fn read_checkpoint(json: &[u8]) -> Result<(), FoldError> {
    Checkpoint::from_json(json, &"5f0c".into(), Lane(0)).map(drop)
}

fn read_sidecar(json: &[u8]) -> Result<(), FoldError> {
    FileSets::from_json(json).map(drop).map_err(FoldError::from)
}

const READERS: [(&str, Reader); 6] = [
    ("entry-zero.json", read_entry),
    ("entry-first.json", read_entry),
    ("entry-full.json", read_entry),
    ("entry-closing.json", read_entry),
    ("checkpoint.json", read_checkpoint),
    ("sidecar.json", read_sidecar),
];

fn assert_same(name: &str, written: &[u8]) {
    let expected = String::from_utf8(stored(name, pretty(written).as_bytes())).unwrap();
    let written = pretty(written);
    let differing: Vec<_> = expected.lines().zip(written.lines()).filter(|(a, b)| a != b).take(3).collect();
    assert!(
        expected == written,
        "{} differs, first at {differing:#?}; what is stored in format 1 stays as it is: see docs/upgrade.md",
        golden(name).display()
    );
}

#[test]
fn every_entry_is_read_to_its_value_and_written_back_the_same() {
    for (name, value) in ENTRIES {
        assert_same(name, &value().to_json().unwrap());
        assert_eq!(Entry::from_json(&std::fs::read(golden(name)).unwrap()).unwrap(), value(), "{name}");
    }
}

#[test]
fn a_checkpoint_is_read_to_its_state_and_written_back_the_same() {
    assert_same("checkpoint.json", &Checkpoint::to_json(&state()).unwrap());
    let read = Checkpoint::from_json(&std::fs::read(golden("checkpoint.json")).unwrap(), &"5f0c".into(), Lane(0));
    let mut read = read.unwrap();
    assert_eq!(read, state());
    // The state is whole: the log goes on behind it.
    read.fold(&closing()).unwrap();
    assert!(read.closing());
}

#[test]
fn a_sidecar_is_read_to_its_sets_and_written_back_the_same() {
    let json = sidecar().to_json().unwrap();
    assert_same("sidecar.json", &json);
    assert_eq!(FileSets::from_json(&std::fs::read(golden("sidecar.json")).unwrap()).unwrap(), sidecar());
    // As it lies in the log. Only what is in it counts: another version of zstd may compress it to other bytes.
    let compressed = stored("sidecar.sets.zst", &zstd::bulk::compress(&json, 3).unwrap());
    let read = zstd::decode_all(compressed.as_slice()).unwrap();
    assert_eq!(FileSets::from_json(&read).unwrap(), sidecar());
    assert_eq!(read, json, "the very bytes");
}

// --- what a newer version may do ---------------------------------------------------------------------------------

/// What this version writes into a file; the tests above say that it is what lies there.
fn written(name: &str) -> Value {
    let json = match name {
        "checkpoint.json" => Checkpoint::to_json(&state()),
        "sidecar.json" => sidecar().to_json(),
        _ => ENTRIES.iter().find(|(entry, _)| *entry == name).unwrap().1().to_json(),
    };
    serde_json::from_slice(&json.unwrap()).unwrap()
}

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

fn objects_of(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    objects(value, "", &mut found);
    found
}

#[test]
fn a_later_format_is_named_as_such_with_what_to_do_whatever_else_is_in_it() {
    for (name, read) in READERS {
        let newer = serde_json::json!({"shape": ["nothing", "like", 1], "format": 2});
        let mut changed = written(name);
        changed["format"] = 2.into();
        changed["later_field"] = true.into();
        for document in [newer, changed] {
            let error = read(&serde_json::to_vec(&document).unwrap()).unwrap_err();
            assert_eq!(error, FoldError::Bad(BadEntry::UnknownFormat { found: 2 }), "{name}");
            let message = error.to_string();
            assert!(message.contains("has format 2") && message.contains("a newer landfall wrote it"), "{message}");
            assert!(message.ends_with("upgrade this process"), "{message}");
        }
    }
}

#[test]
fn a_field_that_format_1_does_not_have_is_refused_wherever_it_is() {
    for (name, read) in READERS {
        let document = written(name);
        for pointer in objects_of(&document) {
            let mut changed = document.clone();
            let object = changed.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
            object.insert("later_field".into(), 1.into());
            let answer = read(&serde_json::to_vec(&changed).unwrap());
            // Reasons of dead letters are an open list: they are counted, and nothing else rests on them.
            if pointer.ends_with("/dead_letters") {
                assert_eq!(answer, Ok(()), "{name} {pointer}");
                continue;
            }
            let Err(FoldError::Bad(BadEntry::Malformed(message))) = answer else {
                panic!("{name}: a field at {pointer:?} that nobody knows was passed over: {answer:?}")
            };
            assert!(message.contains("later_field"), "{message}");
        }
    }
}

#[test]
fn a_word_that_format_1_does_not_have_is_refused() {
    let document = written("entry-full.json");
    for (pointer, word) in [("/files/0/kind", "index"), ("/skipped/edge~1clicks~1~111/gap", "later_reason")] {
        let mut changed = document.clone();
        if pointer.ends_with("/gap") {
            let reasons = changed.pointer_mut(pointer.trim_end_matches("/gap")).unwrap().as_object_mut().unwrap();
            reasons.insert(word.into(), "500..501".into());
        } else {
            *changed.pointer_mut(pointer).unwrap() = word.into();
        }
        let error = read_entry(&serde_json::to_vec(&changed).unwrap()).unwrap_err();
        assert!(error.to_string().contains(&format!("unknown variant `{word}`")), "{error}");
    }
}

/// What format 1 leaves out where it is empty; a field that joins these was missing in what an older version wrote.
fn may_be_missing(name: &str, pointer: &str, field: &str) -> bool {
    const OF_ENTRIES: [&str; 10] =
        ["files", "held", "skipped", "absent", "dead_letters", "completed", "rebuilt", "lost", "closing", "origins"];
    match name {
        "checkpoint.json" => ["earlier", "missing", "known_object"].contains(&field) || pointer == "/state/totals",
        "sidecar.json" => false,
        _ => (pointer.is_empty() && OF_ENTRIES.contains(&field)) || (pointer == "/rebuilt/0" && field == "missing"),
    }
}

/// Whether the object is a map: its keys are partitions or reasons, not fields.
fn is_map(pointer: &str, object: &serde_json::Map<String, Value>) -> bool {
    pointer.ends_with("/dead_letters") || pointer.starts_with("/skipped/") || object.keys().any(|key| key.contains('/'))
}

#[test]
fn no_field_may_be_missing_but_those_that_are_left_out_where_they_are_empty() {
    for (name, read) in READERS {
        let document = written(name);
        for pointer in objects_of(&document) {
            let object = document.pointer(&pointer).unwrap().as_object().unwrap();
            for field in object.keys().filter(|_| !is_map(&pointer, object)) {
                let mut changed = document.clone();
                changed.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().remove(field);
                let answer = read(&serde_json::to_vec(&changed).unwrap()).map_err(|e| e.to_string());
                match may_be_missing(name, &pointer, field) {
                    true => assert_eq!(answer, Ok(()), "{name}: {pointer} without {field}"),
                    false => assert!(
                        answer.as_ref().is_err_and(|e| e.contains(&format!("missing field `{field}`"))),
                        "{name}: {pointer} without {field}: {answer:?}"
                    ),
                }
            }
        }
    }
}
