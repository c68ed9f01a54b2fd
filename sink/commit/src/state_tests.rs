//! What a state tells of itself; the rules of the fold are in `tests/fold.rs`.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::entry::{FileKind, Part, Rebuilt};

fn partition(topic: &str, topic_id: &str, number: i32) -> SourcePartition {
    SourcePartition { cluster: "main".into(), topic: topic.into(), topic_id: topic_id.into(), partition: number }
}

fn bids(number: i32) -> SourcePartition {
    partition("bids", "id", number)
}

fn opened() -> LogState {
    let start = BTreeMap::from([(bids(0), 0), (bids(1), 100)]);
    let origins = Origins { start, bucket: "lake".into(), lanes: 3, created_at_ms: 7 };
    LogState::open(&Entry::zero("uid".into(), Lane(2), "t0".into(), "w", origins)).unwrap()
}

fn next(state: &LogState) -> Entry {
    let seq = state.next_seq();
    Entry::empty("uid".into(), Lane(2), seq, format!("t{seq}").as_str().into(), "w", 1_000)
}

fn file(token: &str, records: u64) -> FileEntry {
    FileEntry {
        key: format!("k-{token}"),
        bucket: "lake".into(),
        token: token.into(),
        upload_id: format!("u-{token}"),
        parts: vec![Part { number: 1, etag: "e".into(), size_bytes: 5, crc64nvme: "c".into() }],
        bytes: 5,
        records,
        kind: FileKind::Data,
        min_timestamp_ms: 0,
        max_timestamp_ms: 0,
    }
}

fn at(seq: u64, file: u32) -> FileRef {
    FileRef { seq: Seq(seq), file }
}

#[test]
fn a_state_tells_where_its_log_stands() {
    let mut state = opened();
    assert_eq!((state.job_uid().as_str(), state.lane()), ("uid", Lane(2)));
    assert_eq!((state.next_seq(), state.last_seq(), state.last_written_at_ms()), (Seq(1), Seq(0), 7));
    assert_eq!((state.last_token().as_str(), state.closing()), ("t0", false));
    assert_eq!((state.origins().lanes, state.known_object()), (3, None));
    state.fold(&Entry { closing: true, ..next(&state) }).unwrap();
    assert_eq!((state.next_seq(), state.last_seq(), state.last_written_at_ms()), (Seq(2), Seq(1), 1_000));
    assert_eq!((state.last_token().as_str(), state.closing()), ("t1", true));
}

#[test]
fn an_entry_zero_that_closes_closes() {
    let zero = Entry::zero("uid".into(), Lane(0), "t".into(), "w", opened().origins().clone());
    assert!(LogState::open(&Entry { closing: true, ..zero }).unwrap().closing());
}

#[test]
fn a_pending_file_knows_the_entry_that_named_it() {
    let mut state = opened();
    let mut entry = Entry { config_version: 9, ..next(&state) };
    entry.files = vec![file("a", 1), file("b", 1)];
    state.fold(&entry).unwrap();
    let pending = &state.pending()[&at(1, 1)];
    assert_eq!((pending.file.clone(), pending.attempt), (file("b", 1), 0));
    assert_eq!((pending.entry_token.as_str(), pending.written_at_ms, pending.config_version), ("t1", 1_000, 9));
}

#[test]
fn a_rebuilt_file_is_looked_for_by_what_the_rebuild_uploaded() {
    let mut state = opened();
    let mut entry = next(&state);
    entry.files = vec![file("a", 10)];
    entry.held.insert(bids(0), Offsets::from_range(0..10));
    state.fold(&entry).unwrap();
    for (attempt, bytes) in [(1, 50), (2, 40)] {
        let mut entry = next(&state);
        entry.rebuilt.push(Rebuilt {
            seq: Seq(1),
            file: 0,
            attempt,
            token: format!("a{attempt}").as_str().into(),
            upload_id: format!("u{attempt}"),
            parts: vec![],
            bytes,
            missing: BTreeMap::from([(bids(0), Offsets::from_range(0..u64::from(attempt)))]),
        });
        state.fold(&entry).unwrap();
    }
    let pending = &state.pending()[&at(1, 0)];
    assert_eq!((pending.file.token.as_str(), pending.file.upload_id.as_str()), ("a2", "u2"));
    assert_eq!((pending.file.parts.len(), pending.file.bytes, pending.file.records), (0, 40, 7));
    assert_eq!(pending.earlier, [("a".into(), 5), ("a1".into(), 50)]);
    assert_eq!(state.totals().lost_records, 3);
    // The rest of it is lost too: each record once.
    let mut lost = next(&state);
    lost.lost.push(Lost { seq: Seq(1), file: 0, reason: "retention".into() });
    state.fold(&lost).unwrap();
    assert_eq!((state.totals().lost_files, state.totals().lost_records), (1, 10));
}

#[test]
fn the_floors_of_an_entry_stay_until_its_last_file_is_visible_or_lost() {
    let mut state = opened();
    let mut entry = next(&state);
    entry.files = vec![file("a", 1), file("b", 1)];
    entry.held = BTreeMap::from([(bids(0), Offsets::from_range(5..7)), (bids(1), Offsets::from_range(100..101))]);
    state.fold(&entry).unwrap();
    let floors = BTreeMap::from([(bids(0), 5), (bids(1), 100)]);
    assert_eq!(state.partitions_of(Seq(1)), Some(&floors));
    assert_eq!(state.partitions_of(Seq(2)), None);
    state.fold(&Entry { completed: vec![at(1, 1)], ..next(&state) }).unwrap();
    assert_eq!(state.partitions_of(Seq(1)), Some(&floors));
    assert_eq!(state.visible_low(&bids(1), &BTreeSet::new()), 100);
    let lost = Lost { seq: Seq(1), file: 0, reason: "retention".into() };
    state.fold(&Entry { lost: vec![lost], ..next(&state) }).unwrap();
    assert_eq!((state.partitions_of(Seq(1)), state.visible_low(&bids(1), &BTreeSet::new())), (None, 101));
}

#[test]
fn what_is_completed_or_lost_twice_counts_once() {
    let mut state = opened();
    let mut entry = next(&state);
    entry.files = vec![file("a", 4)];
    state.fold(&entry).unwrap();
    let lost = || Lost { seq: Seq(1), file: 0, reason: "retention".into() };
    state.fold(&Entry { lost: vec![lost(), lost()], ..next(&state) }).unwrap();
    state.fold(&Entry { lost: vec![lost()], completed: vec![at(1, 0)], ..next(&state) }).unwrap();
    assert_eq!((state.totals().lost_files, state.totals().lost_records, state.known_object()), (1, 4, None));
}

#[test]
fn overlaps_name_every_partition_and_what_is_claimed_twice_of_it() {
    let mut state = opened();
    let mut entry = next(&state);
    entry.held.insert(bids(0), Offsets::from_range(0..10));
    state.fold(&entry).unwrap();
    let mut twice = next(&state);
    twice.held = BTreeMap::from([(bids(0), Offsets::from_range(8..12)), (bids(1), Offsets::from_range(100..105))]);
    let skipped = BTreeMap::from([(crate::entry::SkipReason::Gap, Offsets::from_range(104..106))]);
    twice.skipped.insert(bids(1), skipped);
    let overlap = |partition, range| Overlap { partition, offsets: Offsets::from_range(range) };
    assert_eq!(state.overlaps(&twice), [overlap(bids(0), 8..10), overlap(bids(1), 104..105)]);
}

#[test]
fn another_incarnation_is_the_same_topic_of_the_same_cluster_under_another_id() {
    let state = opened();
    let known = |at: &SourcePartition| state.other_incarnation(at).is_some();
    assert!(known(&partition("bids", "again", 0)) && known(&partition("bids", "again", 99)));
    assert!(!known(&bids(0)) && !known(&bids(99)), "a partition that is new");
    assert!(!known(&partition("clicks", "again", 0)));
    assert!(!known(&SourcePartition { cluster: "edge".into(), ..partition("bids", "again", 0) }));
}

#[test]
fn a_file_has_lost_where_one_of_its_partitions_overlaps() {
    let mut state = opened();
    let mut entry = next(&state);
    entry.held.insert(bids(0), Offsets::from_range(0..10));
    state.fold(&entry).unwrap();
    let held = |zero, one| BTreeMap::from([(bids(0), Offsets::from_range(zero)), (bids(1), Offsets::from_range(one))]);
    assert!(state.has_lost(&held(9..11, 100..101)) && state.has_lost(&held(10..11, 99..100)));
    assert!(!state.has_lost(&held(10..11, 100..101)) && !state.has_lost(&BTreeMap::new()));
}

#[test]
fn optimizing_makes_the_accounted_sets_and_the_gaps_smaller() {
    let mut state = opened();
    let mut entry = next(&state);
    entry.held.insert(bids(0), (5..1_000).collect());
    let gap = BTreeMap::from([(crate::entry::SkipReason::Gap, (200..1_200).collect())]);
    entry.skipped.insert(bids(1), gap);
    state.fold(&entry).unwrap();
    let before = state.clone();
    state.optimize();
    let accounted = |state: &LogState| state.partitions()[&bids(0)].above().room_bytes();
    let gaps = |state: &LogState| state.totals().gaps[&bids(1)].room_bytes();
    assert!(accounted(&state) < accounted(&before), "{} bytes", accounted(&state));
    assert!(gaps(&state) < gaps(&before), "{} bytes", gaps(&state));
    assert_eq!(state, before);
}
