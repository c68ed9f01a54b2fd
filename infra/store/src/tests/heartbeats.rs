use std::sync::Arc;

use landfall_s3::{Condition, ObjectOptions, PutRequest, Store};

use super::{Faulty, at, faulty, location};
use crate::Neighbours;
use crate::heartbeat::{Delivery, DeliveryMode, HEARTBEAT_FORMAT, Heartbeat, JobBeat, JobState, MemoryBeat};
use crate::heartbeats::{FORGET_AFTER_MS, HeartbeatStore, SeenHeartbeat};

pub(super) fn heartbeat(worker: &str, jobs: Vec<JobBeat>) -> Heartbeat {
    Heartbeat {
        format: HEARTBEAT_FORMAT,
        worker: worker.into(),
        version: "1.2.3".into(),
        pool: "shared".into(),
        started_at: at("2026-01-01T00:00:00Z"),
        at: at("2026-01-01T00:10:00Z"),
        beat_ms: 3_000,
        ended: false,
        memory: MemoryBeat::default(),
        jobs,
    }
}

pub(super) fn job_beat(name: &str, state: JobState) -> JobBeat {
    JobBeat {
        name: name.into(),
        uid: format!("uid-{name}"),
        config_version: 1,
        state,
        delivery: Delivery { mode: DeliveryMode::ExactlyOnce, degraded_because: vec![] },
        partitions: vec![],
        open_files: vec![],
        open_files_total: 0,
        waiting_for: None,
        dead_letters: crate::DeadLetterCounts::default(),
        gaps: vec![],
        last_entry: None,
        uncompleted_entries: 0,
        throughput: crate::Throughput::default(),
        errors: vec![],
        dead_letters_open: crate::DeadLetterCounts::default(),
        lost_files: 0,
        lost_records: 0,
        past: false,
        drained: false,
    }
}

fn beats(store: &Faulty) -> HeartbeatStore {
    HeartbeatStore::new(Arc::new(store.clone()), location())
}

#[test]
fn a_heartbeat_is_stale_after_three_beats_by_the_later_of_two_clocks() {
    let seen = |now: &str, last_modified_ms: i64| SeenHeartbeat::new(heartbeat("w", vec![]), last_modified_ms, at(now));
    assert!(!seen("2026-01-01T00:10:09Z", 0).stale());
    assert!(seen("2026-01-01T00:10:09.001Z", 0).stale());
    // The worker's clock is an hour behind, the store saw the write just now.
    let just_now = at("2026-01-01T01:10:00Z").as_millisecond();
    assert!(!seen("2026-01-01T01:10:05Z", just_now).stale());
    // Our own clock is behind: that is no age.
    assert_eq!(seen("2026-01-01T00:00:00Z", 0).age_ms, 0);
}

#[tokio::test]
async fn every_worker_is_read_and_only_those_alive_in_the_pool_count() {
    let store = faulty();
    let beats = beats(&store);
    let mut other_pool = heartbeat("c", vec![]);
    other_pool.pool = "heavy".into();
    let mut ended = heartbeat("d", vec![]);
    ended.ended = true;
    for beat in [
        heartbeat("arn:aws:ecs/b", vec![job_beat("bids", JobState::Running)]),
        heartbeat("a", vec![]),
        other_pool,
        ended,
    ] {
        beats.write(&beat).await.unwrap();
    }
    put(&store, "_landfall/workers/broken.json", "[]").await;
    // The embedded store stamps writes with the machine's clock.
    let now = jiff::Timestamp::now();
    let workers = beats.read(now).await.unwrap();
    let ids: Vec<_> = workers.seen.iter().map(|seen| seen.heartbeat.worker.as_str()).collect();
    assert_eq!(ids, ["a", "arn:aws:ecs/b", "c", "d"]);
    assert_eq!(workers.live_ids("shared"), ["a", "arn:aws:ecs/b"]);
    assert!(workers.anyone_runs("uid-bids") && !workers.anyone_runs("uid-clicks"));
    assert_eq!(workers.broken.len(), 1);

    let later = jiff::Timestamp::from_millisecond(now.as_millisecond() + 60_000).unwrap();
    let workers = beats.read(later).await.unwrap();
    assert_eq!((workers.seen.len(), workers.live_ids("shared").len()), (4, 0));
    let much_later = jiff::Timestamp::from_millisecond(now.as_millisecond() + FORGET_AFTER_MS + 60_000).unwrap();
    assert!(beats.read(much_later).await.unwrap().seen.is_empty());
}

#[tokio::test]
async fn a_look_lives_by_changes_and_reads_a_document_again_only_after_a_while() {
    let store = faulty();
    let beats = beats(&store);
    let mut neighbours = Neighbours::default();
    let start_ms = jiff::Timestamp::now().as_millisecond();
    let after = |ms: i64| jiff::Timestamp::from_millisecond(start_ms + ms).unwrap();
    let beat_at = |ms: i64, jobs| {
        let mut beat = heartbeat("a", jobs);
        beat.at = after(ms);
        beat
    };
    beats.write(&beat_at(0, vec![])).await.unwrap();
    // How many live, and whether one of them is known to run the job.
    let mut look = async |ms: i64| {
        let live = beats.look(&mut neighbours, after(ms)).await.unwrap();
        (live.live_ids("shared").len(), live.anyone_runs("uid-bids"))
    };
    assert_eq!(look(0).await, (1, false));
    for ms in [6_000, 12_000] {
        beats.write(&beat_at(ms, vec![job_beat("bids", JobState::Running)])).await.unwrap();
        assert_eq!(look(ms).await, (1, false), "it wrote, so it lives; what it wrote is not read yet");
    }
    beats.write(&beat_at(15_000, vec![job_beat("bids", JobState::Running)])).await.unwrap();
    assert_eq!(look(15_000).await, (1, true), "read again after a while");
    assert_eq!(look(24_000).await, (1, true));
    assert_eq!(look(24_001).await.0, 0, "three beats without a write");
}

#[test]
fn a_newer_workers_unknown_keys_are_read_over_but_an_unknown_format_is_not() {
    let mut json = serde_json::to_value(heartbeat("w", vec![job_beat("bids", JobState::Running)])).unwrap();
    json["surprise"] = true.into();
    json["jobs"][0]["surprise"] = 1.into();
    assert!(Heartbeat::decode(json.to_string().as_bytes()).is_ok());
    json["format"] = 2.into();
    assert!(Heartbeat::decode(json.to_string().as_bytes()).is_err());
}

async fn put(store: &Faulty, key: &str, body: &str) {
    let request = PutRequest {
        bucket: "lake".into(),
        key: key.into(),
        body: body.to_owned().into(),
        condition: Condition::None,
        options: ObjectOptions::default(),
    };
    store.inner().put(request).await.unwrap();
}
