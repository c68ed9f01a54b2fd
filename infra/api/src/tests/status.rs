use landfall_store::heartbeat::HEARTBEAT_FORMAT;
use landfall_store::{Delivery, DeliveryMode, Heartbeat, JobBeat, JobState, MemoryBeat, PartitionBeat};
use serde_json::json;

use super::{World, call, create, job};

/// A live worker that runs this job; partitions as (partition, end, position, landed).
pub(super) async fn write_heartbeat(world: &World, worker: &str, uid: &str, partitions: &[(i32, i64, i64, i64)]) {
    write_beat(world, worker, uid, JobState::Running, partitions).await;
}

pub(super) async fn write_beat(
    world: &World,
    worker: &str,
    uid: &str,
    state: JobState,
    partitions: &[(i32, i64, i64, i64)],
) {
    world.heartbeats().write(&beat(worker, uid, state, partitions)).await.unwrap();
}

fn beat(worker: &str, uid: &str, state: JobState, partitions: &[(i32, i64, i64, i64)]) -> Heartbeat {
    let now = jiff::Timestamp::now();
    let partitions = partitions.iter().map(|(partition, end, position, landed)| PartitionBeat {
        cluster: "main".into(),
        topic: "bids".into(),
        partition: *partition,
        end_offset: Some(*end),
        position: Some(*position),
        landed_offset: Some(*landed),
        committed_offset: Some(*landed),
        oldest_unconsumed_at: None,
    });
    let job = JobBeat {
        name: "bids".into(),
        uid: uid.into(),
        config_version: 1,
        state,
        delivery: Delivery { mode: DeliveryMode::ExactlyOnce, degraded_because: vec![] },
        partitions: partitions.collect(),
        open_files: vec![],
        open_files_total: 0,
        waiting_for: None,
        dead_letters: landfall_store::DeadLetterCounts::default(),
        gaps: vec![],
        last_entry: None,
        uncompleted_entries: 0,
        throughput: landfall_store::Throughput::default(),
        errors: vec![],
        dead_letters_open: landfall_store::DeadLetterCounts::default(),
        lost_files: 0,
        lost_records: 0,
        past: false,
        drained: false,
    };
    Heartbeat {
        format: HEARTBEAT_FORMAT,
        worker: worker.into(),
        version: "1.2.3".into(),
        pool: "shared".into(),
        started_at: now,
        at: now,
        beat_ms: 60_000,
        ended: false,
        memory: MemoryBeat::default(),
        jobs: vec![job],
    }
}

#[tokio::test]
async fn without_a_worker_lag_comes_from_kafka_and_the_log_says_what_is_landed() {
    let world = World::new();
    let api = world.api();
    create(&api, &job("bids")).await.expect(201);
    world.produce("bids", 0, 3);
    let status = call(&api, "GET", "/v1/jobs/bids/status", &[], "").await.expect(200).json;
    assert_eq!((&status["state"], &status["drained"]), (&json!("running"), &json!(false)));
    assert_eq!((&status["lag"]["records"], &status["lag"]["unknown_partitions"]), (&json!(3), &json!(0)));
    assert_eq!(status["waiting_for"]["what"], "a live worker of pool shared");
    assert_eq!(status["uncompleted_entries"], 0);
    assert_eq!(
        status["partitions"][0],
        json!({"cluster": "main", "topic": "bids", "partition": 0, "worker": null, "stale": false, "end_offset": 3,
               "position": null, "landed_offset": 0, "committed_offset": 0, "lag": 3})
    );
    call(&api, "POST", "/v1/jobs/bids/pause", &[], "").await.expect(202);
    let status = call(&api, "GET", "/v1/jobs/bids/status", &[], "").await.expect(200).json;
    assert_eq!(status["state"], "paused", "the log holds no unfinished file");
}

#[tokio::test]
async fn a_commit_of_another_generation_says_nothing_of_this_job() {
    let world = World::new();
    let api = world.api();
    create(&api, &job("bids")).await.expect(201);
    world.produce("bids", 0, 3);
    world.commit("landfall-bids", "bids", 0, 3, "another-uid");
    let status = call(&api, "GET", "/v1/jobs/bids/status", &[], "").await.expect(200).json;
    assert_eq!((&status["partitions"][0]["committed_offset"], &status["lag"]["records"]), (&json!(null), &json!(3)));
}

#[tokio::test]
async fn live_workers_are_merged_and_kafka_fills_in_what_they_do_not_cover() {
    let world = World::new();
    let api = world.api();
    let created = create(&api, &job("bids")).await.expect(201);
    let uid = created.json["uid"].as_str().unwrap();
    world.produce("bids", 2, 4);
    write_heartbeat(&world, "w1", uid, &[(0, 100, 90, 50)]).await;
    write_heartbeat(&world, "w2", uid, &[(1, 10, 10, 10)]).await;
    let status = call(&api, "GET", "/v1/jobs/bids/status", &[], "").await.expect(200).json;
    let workers: Vec<_> = status["partitions"].as_array().unwrap().iter().map(|p| p["worker"].as_str()).collect();
    assert_eq!(workers, [Some("w1"), Some("w2"), None]);
    let lags: Vec<_> = status["partitions"].as_array().unwrap().iter().map(|p| p["lag"].as_u64()).collect();
    assert_eq!(lags, [Some(10), Some(0), Some(4)]);
    assert_eq!(status["lag"]["records"], 14);
    assert!(status["waiting_for"].is_null());
}

#[tokio::test]
async fn a_status_is_told_while_kafka_is_away() {
    let world = World::new();
    let mut parts = world.parts();
    parts.limits.status_offsets = std::time::Duration::from_millis(200);
    let api = crate::router(crate::ApiState::new(parts));
    create(&api, &job("bids")).await.expect(201);
    world.kafka.set_reachable(false).unwrap();
    let status = call(&api, "GET", "/v1/jobs/bids/status", &[], "").await.expect(200).json;
    assert_eq!((&status["lag"]["records"], &status["lag"]["unknown_partitions"]), (&json!(null), &json!(3)));
}

#[tokio::test]
async fn of_a_paused_job_kafka_tells_the_ends_that_its_worker_no_longer_hears_of() {
    let world = World::new();
    let api = world.api();
    let created = create(&api, &job("bids")).await.expect(201);
    let uid = created.json["uid"].as_str().unwrap();
    world.produce("bids", 0, 3);
    let all = [(0, 0, 0, 0), (1, 0, 0, 0), (2, 0, 0, 0)];
    write_heartbeat(&world, "w1", uid, &all).await;
    let lag =
        async || call(&api, "GET", "/v1/jobs/bids/status", &[], "").await.expect(200).json["lag"]["records"].clone();
    assert_eq!(lag().await, 0, "while it fetches, the worker knows the ends best");
    call(&api, "POST", "/v1/jobs/bids/pause", &[], "").await.expect(202);
    assert_eq!(lag().await, 3);
}

#[tokio::test]
async fn of_a_job_that_has_moved_to_a_pool_without_workers_kafka_tells_the_ends() {
    let world = World::new();
    let api = world.api();
    let created = create(&api, &job("bids")).await.expect(201);
    let uid = created.json["uid"].as_str().unwrap();
    world.produce("bids", 0, 3);
    let mut left = beat("w1", uid, JobState::Stopped, &[(0, 0, 0, 0), (1, 0, 0, 0), (2, 0, 0, 0)]);
    left.jobs[0].past = true;
    world.heartbeats().write(&left).await.unwrap();
    let status = call(&api, "GET", "/v1/jobs/bids/status", &[], "").await.expect(200).json;
    assert_eq!((&status["lag"]["records"], &status["drained"]), (&json!(3), &json!(false)));
}
