use std::collections::BTreeMap;

use proptest::prelude::*;

use super::heartbeats::{heartbeat, job_beat};
use super::{at, record};
use crate::heartbeat::{
    DeadLetterCounts, DeliveryMode, GapBeat, JobState, LastEntry, OpenFileBeat, PartitionBeat, RecordError, Throughput,
    WaitingFor,
};
use crate::heartbeats::SeenHeartbeat;
use crate::record::{Desired, End, Failure, JobRecord};
use crate::scaling::ScalingDecision;
use crate::status::{KafkaOffsets, LogView, PartitionId, PartitionOffsets, State, StatusDocument, StatusInputs};

const NOW: &str = "2026-01-01T00:10:05Z";

fn partition(partition: i32, end: i64, position: i64, landed: i64) -> PartitionBeat {
    PartitionBeat {
        cluster: "main".into(),
        topic: "bids".into(),
        partition,
        end_offset: Some(end),
        position: Some(position),
        landed_offset: Some(landed),
        committed_offset: Some(landed),
        oldest_unconsumed_at: None,
    }
}

fn seen(worker: &str, beat: crate::JobBeat) -> SeenHeartbeat {
    SeenHeartbeat::new(heartbeat(worker, vec![beat]), 0, at(NOW))
}

fn gone(worker: &str, beat: crate::JobBeat) -> SeenHeartbeat {
    let mut seen = seen(worker, beat);
    seen.age_ms = 60_000;
    seen
}

fn merge(record: &JobRecord, workers: &[SeenHeartbeat]) -> StatusDocument {
    merge_all(record, workers, None, None)
}

fn merge_all(
    record: &JobRecord,
    workers: &[SeenHeartbeat],
    kafka: Option<&KafkaOffsets>,
    log: Option<&LogView>,
) -> StatusDocument {
    StatusDocument::merge(&StatusInputs {
        record,
        workers,
        kafka,
        log,
        at_its_word: false,
        scaling: None,
        now: at(NOW),
    })
}

#[test]
fn without_a_worker_the_scalers_last_decision_says_why() {
    let record = record("bids");
    let mut decided = ScalingDecision::new("shared", at("2026-01-01T00:09:35Z"), 0, "Nothing to do for an hour.");
    let told = |decided: &ScalingDecision, workers: &[SeenHeartbeat]| {
        let inputs = StatusInputs {
            record: &record,
            workers,
            kafka: None,
            log: None,
            at_its_word: false,
            scaling: Some(decided),
            now: at(NOW),
        };
        StatusDocument::merge(&inputs).reasons.join("\n")
    };
    let zero = "pool shared is at zero, as decided 30 s ago: Nothing to do for an hour";
    assert!(told(&decided, &[]).lines().any(|reason| reason == zero), "{}", told(&decided, &[]));
    decided.desired = 2;
    let coming = "pool shared shall have 2 workers and none of them has the job yet, as decided 30 s ago";
    assert!(told(&decided, &[]).contains(coming));
    // A worker is there: its own words count.
    assert!(!told(&decided, &[seen("w", job_beat("bids", JobState::Running))]).contains("pool shared"));
}

fn kafka(offsets: &[(i32, i64, Option<i64>)]) -> KafkaOffsets {
    let id = |partition| PartitionId { cluster: "main".into(), topic: "bids".into(), partition };
    let offsets = offsets.iter().map(|(partition, end, committed)| {
        (
            id(*partition),
            PartitionOffsets { start_offset: Some(0), end_offset: Some(*end), committed_offset: *committed },
        )
    });
    offsets.collect()
}

#[test]
fn two_workers_become_one_document() {
    let mut a = job_beat("bids", JobState::Running);
    a.partitions = vec![partition(0, 100, 90, 50)];
    a.open_files_total = 60;
    a.open_files = vec![OpenFileBeat {
        key: "k".into(),
        records: 40,
        bytes: 400,
        opened_at: at("2026-01-01T00:09:00Z"),
        next_trigger: "idle".into(),
        due_at: Some(at("2026-01-01T00:11:00Z")),
    }];
    a.dead_letters = DeadLetterCounts { total: 3, by_reason: BTreeMap::from([("malformed_json".into(), 3)]) };
    a.throughput = Throughput { records_per_second: 10.0, bytes_per_second: 100.0 };
    a.last_entry = Some(LastEntry { seq: 7, at: at("2026-01-01T00:08:00Z") });
    a.uncompleted_entries = 1;
    a.waiting_for = Some(WaitingFor { what: "s3 SlowDown".into(), since: at("2026-01-01T00:09:30Z") });
    let mut b = job_beat("bids", JobState::Running);
    b.partitions = vec![partition(1, 40, 40, 40)];
    // It has folded less of the log, and holds letters that no entry accounts for yet.
    b.dead_letters = DeadLetterCounts { total: 1, by_reason: BTreeMap::from([("malformed_json".into(), 1)]) };
    b.dead_letters_open = DeadLetterCounts {
        total: 2,
        by_reason: BTreeMap::from([("malformed_json".into(), 1), ("too_large".into(), 1)]),
    };
    b.throughput = Throughput { records_per_second: 5.0, bytes_per_second: 50.0 };
    b.last_entry = Some(LastEntry { seq: 6, at: at("2026-01-01T00:07:00Z") });
    b.delivery.mode = DeliveryMode::AtLeastOnce;
    b.delivery.degraded_because = vec!["upload_lifetime".into()];
    b.config_version = 2;
    let status = merge(&record("bids"), &[seen("a", a), seen("b", b)]);
    assert_eq!(status.state, State::Running);
    assert_eq!((status.lag.records, status.lag.unknown_partitions), (Some(10), 0));
    assert_eq!((status.lag.seconds, status.lag.seconds_estimated), (Some(10.0 / 15.0), true));
    assert_eq!(status.throughput.records_per_second, 15.0);
    assert_eq!(status.dead_letters.total, 5);
    assert_eq!(status.dead_letters.by_reason["malformed_json"], 4);
    assert_eq!(status.last_entry.as_ref().unwrap().seq, 7);
    assert_eq!((status.open_files.len(), status.open_files_total), (1, 60));
    assert_eq!((status.uncompleted_entries, status.drained), (Some(1), false));
    assert_eq!(status.waiting_for.as_ref().unwrap().what, "s3 SlowDown");
    assert_eq!((status.delivery.mode, status.delivery.degraded_because.len()), (DeliveryMode::AtLeastOnce, 1));
    assert_eq!(status.applied_config_version, Some(1));
    let owners: Vec<_> = status.partitions.iter().map(|p| p.worker.as_deref().unwrap()).collect();
    assert_eq!(owners, ["a", "b"]);
}

#[test]
fn lag_counts_from_the_position_under_a_live_worker_and_from_the_commit_without_one() {
    let mut beat = job_beat("bids", JobState::Running);
    beat.partitions = vec![partition(0, 100, 95, 20), partition(1, 100, 95, 20)];
    let live = merge(&record("bids"), &[seen("a", beat.clone())]);
    assert_eq!(live.lag.records, Some(10));

    let offsets = kafka(&[(0, 110, Some(20)), (1, 110, None)]);
    let mut silent = beat.clone();
    silent.partitions[1].committed_offset = None;
    let dead = merge_all(&record("bids"), &[gone("a", silent)], Some(&offsets), None);
    // Partition 1 never committed: the job begins at 10.
    assert_eq!(dead.lag.records, Some(90 + 100));
    assert!(dead.partitions.iter().all(|p| p.worker.is_none() && p.stale && p.position.is_none()));
    assert!(dead.workers[0].stale);
}

#[test]
fn what_nobody_knows_is_told_as_unknown_not_as_zero() {
    let status = merge(&record("bids"), &[]);
    assert_eq!((status.lag.records, status.lag.seconds, status.lag.unknown_partitions), (None, None, 2));
    assert!(!status.drained);
    assert_eq!(status.uncompleted_entries, None);
    assert_eq!(status.waiting_for.unwrap().what, "a live worker of pool shared");
}

#[test]
fn lag_in_seconds_is_the_age_of_the_oldest_record_not_consumed() {
    let mut beat = job_beat("bids", JobState::Running);
    beat.partitions = vec![partition(0, 100, 95, 20), partition(1, 100, 99, 20)];
    beat.partitions[0].oldest_unconsumed_at = Some(at("2026-01-01T00:10:00Z"));
    beat.partitions[1].oldest_unconsumed_at = Some(at("2026-01-01T00:09:55Z"));
    let status = merge(&record("bids"), &[seen("a", beat.clone())]);
    assert_eq!((status.lag.seconds, status.lag.seconds_estimated), (Some(10.0), false));
    // A partition that is read to its end has no oldest record, whatever it said last.
    beat.partitions[1].position = Some(100);
    let status = merge(&record("bids"), &[seen("a", beat)]);
    assert_eq!(status.lag.seconds, Some(5.0));
}

#[test]
fn a_partition_that_two_claim_belongs_to_the_live_one_and_then_to_the_one_ahead() {
    let claim = |position| {
        let mut beat = job_beat("bids", JobState::Running);
        beat.partitions = vec![partition(0, 100, position, 20)];
        beat
    };
    let both = [seen("a", claim(50)), seen("b", claim(60))];
    assert_eq!(merge(&record("bids"), &both).partitions[0].worker.as_deref(), Some("b"));
    let one_gone = [seen("a", claim(50)), gone("b", claim(60))];
    assert_eq!(merge(&record("bids"), &one_gone).partitions[0].worker.as_deref(), Some("a"));
}

#[test]
fn a_pause_is_told_only_when_all_workers_paused_and_every_entry_is_complete() {
    let mut paused = record("bids");
    paused.desired = Desired::Paused;
    let state = |a: JobState, b: JobState, uncompleted: u64| {
        let mut last = job_beat("bids", b);
        last.uncompleted_entries = uncompleted;
        merge(&paused, &[seen("a", job_beat("bids", a)), seen("b", last)]).state
    };
    assert_eq!(state(JobState::Running, JobState::Paused, 0), State::Running);
    assert_eq!(state(JobState::Paused, JobState::Paused, 1), State::Running);
    assert_eq!(state(JobState::Paused, JobState::Paused, 0), State::Paused);

    // Nobody alive: only the log can tell.
    assert_eq!(merge(&paused, &[]).state, State::Running);
    let unfinished = LogView { uncompleted_entries: 1, ..LogView::default() };
    assert_eq!(merge_all(&paused, &[], None, Some(&unfinished)).state, State::Running);
    assert_eq!(merge_all(&paused, &[], None, Some(&LogView::default())).state, State::Paused);
    let mut stopped = paused.clone();
    stopped.desired = Desired::Stopped;
    assert_eq!(merge_all(&stopped, &[], None, Some(&LogView::default())).state, State::Stopped);
}

#[test]
fn the_records_own_ends_go_before_what_workers_say() {
    let workers = [seen("a", job_beat("bids", JobState::Running))];
    let mut job = record("bids");
    job.finished_at = Some(at(NOW));
    assert_eq!(merge(&job, &workers).state, State::Finished);
    job.failed = Some(Failure { at: at(NOW), code: "max_ratio".into(), message: "m".into() });
    let failed = merge(&job, &workers);
    assert_eq!((failed.state, failed.failed.unwrap().code), (State::Failed, "max_ratio".to_owned()));
    job.desired = Desired::Deleted;
    assert_eq!(merge(&job, &workers).state, State::Deleting);
    job.closed = true;
    assert_eq!(merge(&job, &workers).state, State::Deleted);
    assert_eq!(merge(&record("bids"), &[seen("a", job_beat("bids", JobState::Failed))]).state, State::Failed);
}

#[test]
fn a_job_is_drained_when_everything_is_read_landed_and_complete() {
    let drained = |change: &dyn Fn(&mut crate::JobBeat)| {
        let mut beat = job_beat("bids", JobState::Running);
        beat.partitions = vec![partition(0, 100, 100, 100), partition(1, 40, 40, 40)];
        beat.drained = true;
        change(&mut beat);
        merge(&record("bids"), &[seen("a", beat)]).drained
    };
    assert!(drained(&|_| {}));
    assert!(!drained(&|beat| beat.partitions[0].position = Some(99)));
    assert!(!drained(&|beat| beat.open_files_total = 1));
    assert!(!drained(&|beat| beat.uncompleted_entries = 1));
    assert!(!drained(&|beat| beat.drained = false));
    assert!(!drained(&|beat| {
        beat.partitions.pop();
    }));
    // Nobody alive: committed up to the end says it too.
    let offsets = kafka(&[(0, 100, Some(100)), (1, 40, Some(40))]);
    assert!(merge_all(&record("bids"), &[], Some(&offsets), Some(&LogView::default())).drained);
    let offsets = kafka(&[(0, 100, Some(100)), (1, 40, Some(39))]);
    assert!(!merge_all(&record("bids"), &[], Some(&offsets), Some(&LogView::default())).drained);
}

#[test]
fn records_beyond_the_stop_of_a_bounded_job_are_no_lag() {
    let mut bounded = record("bids");
    let end = |partition, end_offset| End { cluster: "main".into(), topic: "bids".into(), partition, end_offset };
    bounded.ends = Some(vec![end(0, 60), end(1, 60)]);
    let mut beat = job_beat("bids", JobState::Running);
    beat.partitions = vec![partition(0, 100, 60, 60), partition(1, 100, 50, 50)];
    assert_eq!(merge(&bounded, &[seen("a", beat)]).lag.records, Some(10));
}

#[test]
fn only_the_latest_errors_stay_and_gaps_are_told_once() {
    let gap = GapBeat { cluster: "main".into(), topic: "bids".into(), partition: 0, from_offset: 1, to_offset: 5 };
    let beat = |minute: usize| {
        let mut beat = job_beat("bids", JobState::Running);
        beat.gaps = vec![gap.clone()];
        beat.errors = (0..20)
            .map(|second| RecordError {
                at: at(&format!("2026-01-01T00:{minute:02}:{second:02}Z")),
                stage: "decode".into(),
                message: "m".into(),
                topic: None,
                partition: None,
                offset: None,
            })
            .collect();
        beat
    };
    let status = merge(&record("bids"), &[seen("a", beat(8)), seen("b", beat(7))]);
    assert_eq!((status.errors.len(), status.gaps.len()), (20, 1));
    assert!(status.errors.iter().all(|error| error.at >= at("2026-01-01T00:08:00Z")));
}

#[test]
fn the_last_word_of_a_worker_that_has_the_job_no_more_counts_for_what_it_said_and_not_as_alive() {
    let mut past = job_beat("bids", JobState::Stopped);
    past.past = true;
    past.dead_letters = DeadLetterCounts { total: 4, by_reason: BTreeMap::from([("malformed_json".into(), 4)]) };
    past.lost_records = 7;
    let mut paused = record("bids");
    paused.desired = Desired::Paused;
    let status = merge(&paused, &[seen("a", past), seen("b", job_beat("bids", JobState::Paused))]);
    assert_eq!((status.state, status.dead_letters.total, status.lost_records), (State::Paused, 4, 7));
}

#[test]
fn what_the_log_says_is_told_without_any_worker() {
    let log = LogView {
        dead_letters: DeadLetterCounts { total: 2, by_reason: BTreeMap::from([("too_large".into(), 2)]) },
        gaps: vec![GapBeat {
            cluster: "main".into(),
            topic: "bids".into(),
            partition: 0,
            from_offset: 1,
            to_offset: 5,
        }],
        lost_files: 1,
        ..LogView::default()
    };
    let status = merge_all(&record("bids"), &[], None, Some(&log));
    assert_eq!((status.dead_letters.total, status.gaps.len(), status.lost_files), (2, 1, 1));
}

#[test]
fn a_beat_of_an_older_generation_says_nothing_of_this_one() {
    let mut old = job_beat("bids", JobState::Running);
    old.uid = "uid-of-before".into();
    old.partitions = vec![partition(0, 100, 90, 50)];
    let status = merge(&record("bids"), &[seen("a", old)]);
    assert!(status.workers.is_empty() && status.lag.records.is_none());
}

proptest! {
    #[test]
    fn any_heartbeats_give_a_document_that_reads_back(
        beats in prop::collection::vec((any::<bool>(), prop::collection::vec((0..4_i32, any::<Option<i64>>(), any::<Option<i64>>(), any::<Option<i64>>()), 0..5)), 0..4),
        desired in prop::sample::select(vec![Desired::Running, Desired::Paused, Desired::Stopped, Desired::Deleted]),
    ) {
        let workers: Vec<SeenHeartbeat> = beats.into_iter().enumerate().map(|(n, (live, partitions))| {
            let mut beat = job_beat("bids", JobState::Running);
            beat.partitions = partitions.into_iter().map(|(id, end, position, committed)| PartitionBeat {
                end_offset: end,
                position,
                committed_offset: committed,
                ..partition(id, 0, 0, 0)
            }).collect();
            if live { seen(&format!("w{n}"), beat) } else { gone(&format!("w{n}"), beat) }
        }).collect();
        let mut job = record("bids");
        job.desired = desired;
        let status = merge(&job, &workers);
        let json = serde_json::to_string(&status).unwrap();
        prop_assert_eq!(serde_json::from_str::<StatusDocument>(&json).unwrap(), status);
    }
}
