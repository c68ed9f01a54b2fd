//! The fold, one rule of the protocol a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use landfall_commit::invariants;
use landfall_commit::{
    Checkpoint, Entry, FileEntry, FileKind, FileRef, FoldError, Lane, LogState, Lost, Offsets, Origins, Part, Rebuilt,
    Seq, SkipReason, SourcePartition,
};
use proptest::prelude::*;

fn partition(number: i32) -> SourcePartition {
    SourcePartition { cluster: "main".into(), topic: "bids".into(), topic_id: "id".into(), partition: number }
}

fn zero() -> Entry {
    let start = BTreeMap::from([(partition(0), 0), (partition(1), 100)]);
    Entry::zero(
        "uid".into(),
        Lane(0),
        "t0".into(),
        "w",
        Origins { start, bucket: "b".into(), lanes: 1, created_at_ms: 0 },
    )
}

fn file(key: &str, token: &str) -> FileEntry {
    FileEntry {
        key: key.into(),
        bucket: "b".into(),
        token: token.into(),
        upload_id: format!("u-{token}"),
        parts: vec![Part { number: 1, etag: "e".into(), size_bytes: 5, crc64nvme: "c".into() }],
        bytes: 5,
        records: 1,
        kind: FileKind::Data,
        min_timestamp_ms: 0,
        max_timestamp_ms: 0,
    }
}

fn next(state: &LogState) -> Entry {
    let seq = state.next_seq();
    Entry::empty("uid".into(), Lane(0), seq, format!("t{seq}").as_str().into(), "w", 0)
}

fn holding(state: &LogState, number: i32, range: std::ops::Range<u64>, files: &[&str]) -> Entry {
    let mut entry = next(state);
    entry.held.insert(partition(number), Offsets::from_range(range));
    entry.files = files.iter().map(|token| file(&format!("k-{token}"), token)).collect();
    entry
}

fn opened() -> LogState {
    LogState::open(&zero()).unwrap()
}

fn low(state: &LogState, number: i32) -> u64 {
    state.accounted(&partition(number)).low()
}

#[test]
fn a_partition_starts_at_its_origin_and_an_unknown_one_at_zero() {
    let state = opened();
    assert_eq!((low(&state, 0), low(&state, 1), low(&state, 9)), (0, 100, 0));
}

#[test]
fn an_entry_that_overlaps_another_is_no_entry_and_changes_nothing() {
    let mut state = opened();
    state.fold(&holding(&state, 0, 0..10, &["a"])).unwrap();
    let before = state.clone();
    let overlapping = holding(&state, 0, 9..12, &["b"]);
    assert!(matches!(state.fold(&overlapping), Err(FoldError::Overlap { .. })));
    assert_eq!(state, before);
    assert_eq!(state.overlaps(&overlapping)[0].offsets, Offsets::from_range(9..10));
}

#[test]
fn a_skip_takes_part_in_the_disjointness_check() {
    let mut state = opened();
    let mut skip = next(&state);
    skip.skipped.insert(partition(0), BTreeMap::from([(SkipReason::Gap, Offsets::from_range(0..5))]));
    state.fold(&skip).unwrap();
    assert_eq!(low(&state, 0), 5);
    let overlapping = holding(&state, 0, 4..6, &["a"]);
    assert!(state.fold(&overlapping).is_err());
    let mut twice = next(&state);
    twice.held.insert(partition(0), Offsets::from_range(5..8));
    twice.skipped.insert(partition(0), BTreeMap::from([(SkipReason::NullValue, Offsets::from_range(7..9))]));
    assert!(state.fold(&twice).is_err(), "held and skipped of one entry overlap");
}

#[test]
fn a_file_that_holds_an_absent_offset_has_lost() {
    let mut state = opened();
    let mut absent = next(&state);
    absent.absent.insert(partition(0), Offsets::from_range(3..4));
    state.fold(&absent).unwrap();
    assert!(state.has_lost(&BTreeMap::from([(partition(0), Offsets::from_range(2..5))])));
    assert!(state.fold(&holding(&state, 0, 2..5, &["a"])).is_err());
    assert!(!state.has_lost(&BTreeMap::from([(partition(0), Offsets::from_range(0..3))])));
}

#[test]
fn absence_is_outside_the_check_and_may_be_learnt_twice() {
    let mut state = opened();
    for _ in 0..2 {
        let mut absent = next(&state);
        absent.absent.insert(partition(0), Offsets::from_range(0..4));
        state.fold(&absent).unwrap();
    }
    assert_eq!(low(&state, 0), 4);
}

#[test]
fn what_is_completed_is_never_pending_again_and_lifts_the_kafka_commit() {
    let mut state = opened();
    state.fold(&holding(&state, 0, 0..10, &["a", "b"])).unwrap();
    let [first, second] = [0, 1].map(|file| FileRef { seq: Seq(1), file });
    assert_eq!(state.visible_low(&partition(0), &BTreeSet::new()), 0, "nothing visible, nothing to commit");
    assert_eq!(state.visible_low(&partition(0), &BTreeSet::from([first])), 0, "one of two files is not enough");
    assert_eq!(state.visible_low(&partition(0), &BTreeSet::from([first, second])), 10);
    let mut done = next(&state);
    done.completed = vec![first, second];
    state.fold(&done).unwrap();
    assert!(state.pending().is_empty());
    assert_eq!(state.visible_low(&partition(0), &BTreeSet::new()), 10);
    assert_eq!(state.known_object(), Some(&("b".to_owned(), "k-b".to_owned())));
}

#[test]
fn a_pending_file_holds_back_only_the_partitions_of_its_entry() {
    let mut state = opened();
    state.fold(&holding(&state, 0, 0..10, &["a"])).unwrap();
    state.fold(&holding(&state, 1, 100..110, &["b"])).unwrap();
    let visible = BTreeSet::from([FileRef { seq: Seq(2), file: 0 }]);
    assert_eq!(state.visible_low(&partition(0), &visible), 0);
    assert_eq!(state.visible_low(&partition(1), &visible), 110);
}

#[test]
fn the_first_rebuild_of_an_attempt_wins_and_attempts_follow_one_another() {
    let mut state = opened();
    state.fold(&holding(&state, 0, 0..10, &["a"])).unwrap();
    let rebuild = |state: &LogState, attempt, token: &str| {
        let mut entry = next(state);
        entry.rebuilt.push(Rebuilt {
            seq: Seq(1),
            file: 0,
            attempt,
            token: token.into(),
            upload_id: format!("u-{token}"),
            parts: vec![],
            bytes: 5,
            missing: BTreeMap::new(),
        });
        entry
    };
    let token = |state: &LogState| state.pending()[&FileRef { seq: Seq(1), file: 0 }].file.token.0.clone();
    state.fold(&rebuild(&state, 2, "too-early")).unwrap();
    assert_eq!(token(&state), "a");
    state.fold(&rebuild(&state, 1, "first")).unwrap();
    state.fold(&rebuild(&state, 1, "second")).unwrap();
    assert_eq!(token(&state), "first");
    state.fold(&rebuild(&state, 2, "third")).unwrap();
    assert_eq!(token(&state), "third");
}

#[test]
fn a_lost_file_is_a_declared_loss_and_holds_nothing_back() {
    let mut state = opened();
    state.fold(&holding(&state, 0, 0..10, &["a"])).unwrap();
    let mut lost = next(&state);
    lost.lost.push(Lost { seq: Seq(1), file: 0, reason: "retention".into() });
    state.fold(&lost).unwrap();
    assert_eq!((state.totals().lost_files, state.totals().lost_records), (1, 1));
    assert_eq!(state.visible_low(&partition(0), &BTreeSet::new()), 10);
}

#[test]
fn a_rebuild_that_no_longer_found_some_records_declares_just_these_lost() {
    let mut state = opened();
    let mut held = holding(&state, 0, 0..10, &["a"]);
    held.files[0].records = 10;
    state.fold(&held).unwrap();
    // Its upload is lost a second time, and Kafka let more records go meanwhile.
    for (attempt, gone, left) in [(1, 0..3, 7), (2, 5..6, 6)] {
        let mut entry = next(&state);
        entry.rebuilt.push(Rebuilt {
            seq: Seq(1),
            file: 0,
            attempt,
            token: "r".into(),
            upload_id: "u-r".into(),
            parts: vec![],
            bytes: 5,
            missing: BTreeMap::from([(partition(0), Offsets::from_range(gone))]),
        });
        state.fold(&entry).unwrap();
        assert_eq!(state.pending()[&FileRef { seq: Seq(1), file: 0 }].file.records, left);
    }
    let mut all = Offsets::from_range(0..3);
    all.insert_range(5..6);
    assert_eq!(state.pending()[&FileRef { seq: Seq(1), file: 0 }].missing, BTreeMap::from([(partition(0), all)]));
    assert_eq!((state.totals().lost_files, state.totals().lost_records), (0, 4));
}

#[test]
fn dead_letters_and_gaps_add_up_and_are_in_the_checkpoint() {
    let mut state = opened();
    for (range, letters) in [(0..5u64, 2), (7..9, 1)] {
        let mut entry = next(&state);
        entry.dead_letters.insert("malformed_json".into(), letters);
        entry.skipped.insert(partition(0), BTreeMap::from([(SkipReason::Gap, Offsets::from_range(range))]));
        state.fold(&entry).unwrap();
    }
    let read = Checkpoint::from_json(&Checkpoint::to_json(&state).unwrap(), &"uid".into(), Lane(0)).unwrap();
    assert_eq!(read.totals().dead_letters["malformed_json"], 3);
    assert_eq!(read.totals().gaps[&partition(0)].len(), 7);
}

#[test]
fn nothing_is_folded_after_closing() {
    let mut state = opened();
    let mut closing = next(&state);
    closing.closing = true;
    state.fold(&closing).unwrap();
    assert!(matches!(state.fold(&next(&state)), Err(FoldError::AfterClosing { .. })));
}

#[test]
fn a_missing_a_foreign_and_a_repeated_entry_are_refused() {
    let mut state = opened();
    let mut skipped_ahead = next(&state);
    skipped_ahead.seq = Seq(2);
    assert!(matches!(state.fold(&skipped_ahead), Err(FoldError::NotDense { .. })));
    let mut foreign = next(&state);
    foreign.job_uid = "other".into();
    assert!(matches!(state.fold(&foreign), Err(FoldError::ForeignJob { .. })));
    let mut other_lane = next(&state);
    other_lane.lane = Lane(1);
    assert!(matches!(state.fold(&other_lane), Err(FoldError::ForeignLane { .. })));
    assert!(LogState::open(&next(&state)).is_err(), "a log begins with entry 0");
    assert!(matches!(LogState::open(&Entry { origins: None, ..zero() }), Err(FoldError::NoOrigins)));
}

#[test]
fn a_topic_under_another_id_is_seen_as_another_incarnation() {
    let state = opened();
    let again = SourcePartition { topic_id: "other".into(), ..partition(0) };
    assert_eq!(state.other_incarnation(&again).map(|p| p.topic_id.as_str()), Some("id"));
    assert_eq!(state.other_incarnation(&partition(0)), None);
    assert_eq!(state.other_incarnation(&SourcePartition { topic: "wins".into(), ..again }), None);
}

#[test]
fn a_checkpoint_of_another_job_or_lane_is_refused() {
    let bytes = Checkpoint::to_json(&opened()).unwrap();
    assert!(Checkpoint::from_json(&bytes, &"uid".into(), Lane(0)).is_ok());
    assert!(Checkpoint::from_json(&bytes, &"other".into(), Lane(0)).is_err());
    assert!(Checkpoint::from_json(&bytes, &"uid".into(), Lane(1)).is_err());
    assert!(Checkpoint::from_json(b"{}", &"uid".into(), Lane(0)).is_err());
}

/// A random, valid log: each step claims a run at or above what is accounted of one of two partitions.
fn logs() -> impl Strategy<Value = Vec<(i32, u64, u64, u8)>> {
    prop::collection::vec((0..2i32, 0u64..6, 1u64..8, 0u8..4), 0..40)
}

fn build(steps: &[(i32, u64, u64, u8)]) -> (Vec<Entry>, LogState) {
    let mut entries = vec![zero()];
    let mut state = opened();
    for (number, hole, len, kind) in steps {
        let start = state.accounted(&partition(*number)).frontier() + hole;
        let mut entry = next(&state);
        match kind {
            0 | 1 => entry = holding(&state, *number, start..start + len, &["f"]),
            2 => {
                let set = BTreeMap::from([(SkipReason::Gap, Offsets::from_range(start..start + len))]);
                entry.skipped.insert(partition(*number), set);
            }
            _ => {
                let from = low(&state, *number);
                let hole = state.accounted(&partition(*number)).above().min().map_or(from, |min| min);
                entry.absent.insert(partition(*number), Offsets::from_range(from..hole));
            }
        }
        entry.completed = state.pending().keys().copied().take(1).collect();
        state.fold(&entry).unwrap();
        entries.push(entry);
    }
    (entries, state)
}

proptest! {
    #[test]
    fn folding_from_any_checkpoint_gives_the_same_state_as_folding_from_the_start(steps in logs(), cut in 0usize..40) {
        let (entries, state) = build(&steps);
        let cut = cut.min(entries.len() - 1);
        let mut early = LogState::open(&entries[0]).unwrap();
        for entry in &entries[1..=cut] {
            early.fold(entry).unwrap();
        }
        let mut restored = Checkpoint::from_json(&Checkpoint::to_json(&early).unwrap(), &"uid".into(), Lane(0)).unwrap();
        for entry in &entries[cut + 1..] {
            let read_back = Entry::from_json(&entry.to_json().unwrap()).unwrap();
            restored.fold(&read_back).unwrap();
        }
        prop_assert_eq!(restored, state);
    }

    #[test]
    fn every_log_that_folds_satisfies_the_invariants(steps in logs()) {
        let (entries, state) = build(&steps);
        let (folded, broken) = invariants::i3_disjoint_and_dense(&entries, &BTreeMap::new());
        prop_assert_eq!(folded.as_ref(), Some(&state));
        prop_assert_eq!(broken, vec![]);
        prop_assert_eq!(invariants::i1_i2_cover(&entries, &state), vec![]);
        for number in 0..2 {
            let visible_low = state.visible_low(&partition(number), &BTreeSet::new());
            prop_assert!(visible_low <= low(&state, number));
            let all: BTreeSet<FileRef> = state.pending().keys().copied().collect();
            prop_assert_eq!(state.visible_low(&partition(number), &all), low(&state, number));
        }
    }
}
