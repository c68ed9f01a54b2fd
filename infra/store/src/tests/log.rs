use std::collections::BTreeMap;
use std::sync::Arc;

use landfall_commit::entry::BadEntry;
use landfall_commit::state::FoldError;
use landfall_commit::{
    Checkpoint, Entry, FileEntry, FileKind, FileRef, JobUid, Lane, Offsets, Origins, Paths, Seq, SourcePartition,
};
use landfall_s3::{Condition, ErrorKind, Fault, ObjectOptions, Operation, PlannedFault, PutRequest, Store};

use super::{Faulty, at, faulty, location, record, timer};
use crate::log::{Closing, LogError, LogStore};
use crate::status::PartitionId;

fn logs(store: &Faulty, seed: u64) -> LogStore {
    LogStore::new(Arc::new(store.clone()), location(), timer(seed), "api-test".into())
}

fn partition() -> SourcePartition {
    SourcePartition { cluster: "main".into(), topic: "bids".into(), topic_id: String::new(), partition: 0 }
}

fn origins() -> Origins {
    Origins { start: BTreeMap::from([(partition(), 10)]), bucket: "lake".into(), lanes: 1, created_at_ms: 5 }
}

fn paths() -> Paths {
    Paths::new("_landfall/", &JobUid::from("uid-bids"), Lane(0))
}

/// An entry as a worker would append it: one file with the offsets, pending or completed.
fn entry(seq: u64, held: std::ops::Range<u64>, completed: Vec<FileRef>) -> Entry {
    let token = format!("t{seq}");
    let mut entry = Entry::empty("uid-bids".into(), Lane(0), Seq(seq), token.as_str().into(), "w", 1_000);
    if !held.is_empty() {
        entry.files.push(FileEntry {
            key: format!("k{seq}"),
            bucket: "lake".into(),
            token: "f".into(),
            upload_id: "u".into(),
            parts: vec![],
            bytes: 1,
            records: held.end - held.start,
            kind: FileKind::Data,
            min_timestamp_ms: 0,
            max_timestamp_ms: 0,
        });
        entry.held.insert(partition(), Offsets::from_range(held));
    }
    entry.completed = completed;
    entry
}

async fn put(store: &Faulty, key: String, body: Vec<u8>) {
    let request = PutRequest {
        bucket: "lake".into(),
        key,
        body: body.into(),
        condition: Condition::IfAbsent,
        options: ObjectOptions::default(),
    };
    store.inner().put(request).await.unwrap();
}

async fn append(store: &Faulty, entry: &Entry) {
    put(store, paths().entry(entry.seq), entry.to_json().unwrap()).await;
}

#[tokio::test]
async fn the_origins_of_a_new_job_are_its_entry_zero_and_a_second_writer_is_told() {
    let store = faulty();
    store.add(PlannedFault::on(Operation::Put, Fault::LostAnswer(ErrorKind::Timeout)));
    logs(&store, 1).write_origins(&record("bids"), &origins()).await.unwrap();
    assert!(store.unfired().is_empty());
    let state = logs(&store, 2).read_lane(&record("bids"), Lane(0)).await.unwrap();
    assert_eq!((state.origins(), state.next_seq()), (&origins(), Seq(1)));
    let again = logs(&store, 2).write_origins(&record("bids"), &origins()).await;
    assert_eq!(again, Err(LogError::Foreign { name: "bids".into() }));
}

#[tokio::test]
async fn an_empty_log_of_a_job_is_an_error_not_a_fresh_start() {
    let store = faulty();
    let answer = logs(&store, 1).read_lane(&record("bids"), Lane(0)).await;
    assert!(matches!(answer, Err(LogError::Empty { .. })), "{answer:?}");
}

#[tokio::test]
async fn a_log_that_is_gone_or_damaged_can_be_given_up_and_one_of_a_newer_version_cannot() {
    let now = at("2026-01-01T00:00:00Z");
    let empty = faulty();
    let closing = logs(&empty, 1).close(&record("bids"), now).await;
    assert!(matches!(closing, Ok(Closing::Unusable(LogError::Empty { .. }))), "{closing:?}");
    assert!(matches!(logs(&empty, 1).damage(&record("bids")).await, Ok(Some(LogError::Empty { .. }))));

    // Its first entries expired, the rest is there.
    let headless = faulty();
    append(&headless, &entry(7, 10..20, vec![])).await;
    let closing = logs(&headless, 1).close(&record("bids"), now).await;
    assert!(matches!(closing, Ok(Closing::Unusable(LogError::Fold { .. }))), "{closing:?}");
    let left = headless.inner().get("lake", &paths().entry(Seq(8))).await.map_err(|error| error.kind);
    assert!(left.is_err(), "nothing is appended to a damaged log");

    let newer = faulty();
    let logs = logs(&newer, 1);
    logs.write_origins(&record("bids"), &origins()).await.unwrap();
    assert_eq!(logs.damage(&record("bids")).await, Ok(None));
    let mut later: serde_json::Value = serde_json::from_slice(&entry(1, 10..20, vec![]).to_json().unwrap()).unwrap();
    later["format"] = 99.into();
    put(&newer, paths().entry(Seq(1)), serde_json::to_vec(&later).unwrap()).await;
    let closing = logs.close(&record("bids"), now).await;
    let by_newer = |error: &LogError| {
        matches!(error, LogError::Fold { source: FoldError::Bad(BadEntry::UnknownFormat { found: 99 }), .. })
    };
    assert!(closing.as_ref().is_err_and(by_newer), "{closing:?}");
    let message = closing.unwrap_err().to_string();
    assert!(message.contains(&paths().entry(Seq(1))), "the message does not name the object: {message}");
}

#[tokio::test]
async fn the_view_counts_unfinished_entries_and_tells_the_low() {
    let store = faulty();
    let logs = logs(&store, 1);
    logs.write_origins(&record("bids"), &origins()).await.unwrap();
    append(&store, &entry(1, 10..20, vec![])).await;
    append(&store, &entry(2, 25..30, vec![FileRef { seq: Seq(1), file: 0 }])).await;
    // Sidecars lie between the entries.
    put(&store, paths().sidecar(Seq(2), &"t2".into()), vec![]).await;
    let view = logs.view(&record("bids")).await.unwrap();
    let id = PartitionId { cluster: "main".into(), topic: "bids".into(), partition: 0 };
    assert_eq!((view.uncompleted_entries, view.landed[&id], view.closing), (1, 20, false));
    assert_eq!(view.last_entry.unwrap().seq, 2);
}

#[tokio::test]
async fn a_checkpoint_stands_for_the_entries_before_it() {
    let store = faulty();
    let logs = logs(&store, 1);
    logs.write_origins(&record("bids"), &origins()).await.unwrap();
    append(&store, &entry(1, 10..20, vec![])).await;
    let folded = logs.read_lane(&record("bids"), Lane(0)).await.unwrap();
    put(&store, paths().checkpoint(folded.last_seq()), Checkpoint::to_json(&folded).unwrap()).await;
    append(&store, &entry(2, 20..22, vec![])).await;
    // Entry 1 is not read any more.
    let fault = PlannedFault::on(Operation::Get, Fault::Before(ErrorKind::AccessDenied));
    store.add(fault.key_contains(&paths().entry(Seq(1))));
    let state = logs.read_lane(&record("bids"), Lane(0)).await.unwrap();
    assert_eq!((state.next_seq(), state.pending().len()), (Seq(3), 2));
}

#[tokio::test]
async fn a_log_is_closed_only_when_every_file_is_complete_and_nothing_follows() {
    let store = faulty();
    let logs = logs(&store, 1);
    let now = at("2026-01-01T00:00:00Z");
    logs.write_origins(&record("bids"), &origins()).await.unwrap();
    append(&store, &entry(1, 10..20, vec![])).await;
    assert_eq!(logs.close(&record("bids"), now).await, Ok(Closing::Unfinished));
    append(&store, &entry(2, 0..0, vec![FileRef { seq: Seq(1), file: 0 }])).await;
    store.add(PlannedFault::on(Operation::Put, Fault::LostAnswer(ErrorKind::Server)));
    assert_eq!(logs.close(&record("bids"), now).await, Ok(Closing::Closed));
    assert!(store.unfired().is_empty());
    let state = logs.read_lane(&record("bids"), Lane(0)).await.unwrap();
    assert!(state.closing() && state.next_seq() == Seq(4));
    assert_eq!(logs.close(&record("bids"), now).await, Ok(Closing::Closed), "closing twice appends nothing");
    assert_eq!(logs.read_lane(&record("bids"), Lane(0)).await.unwrap().next_seq(), Seq(4));
}
