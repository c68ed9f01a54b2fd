//! The store against the embedded S3 backend in memory, with faults where they matter.

mod heartbeats;
mod jobs;
mod log;
mod status;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use landfall_job::JobSpec;
use landfall_s3::embedded::{LocalStore, MemoryMedium};
use landfall_s3::{FaultPlan, FaultyStore, Timer};

use crate::record::{Desired, JobRecord, Origin, RECORD_FORMAT};
use crate::{JobStore, StateLocation};

pub(super) type Faulty = FaultyStore<LocalStore<MemoryMedium>>;

/// Never waits; counts up where chance is asked for.
#[derive(Debug)]
pub(super) struct NoWait(pub AtomicU64);

#[async_trait]
impl Timer for NoWait {
    async fn sleep_ms(&self, _duration_ms: u64) {
        tokio::task::yield_now().await;
    }

    fn random(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

pub(super) fn timer(seed: u64) -> Arc<dyn Timer> {
    Arc::new(NoWait(AtomicU64::new(seed << 32)))
}

pub(super) fn faulty() -> Faulty {
    FaultyStore::new(LocalStore::memory(&["lake"]), FaultPlan::none())
}

pub(super) fn location() -> StateLocation {
    StateLocation::new("lake", "_landfall/")
}

/// One process's view of the store.
pub(super) fn process(store: &Faulty, seed: u64) -> JobStore {
    JobStore::new(Arc::new(store.clone()), location(), timer(seed))
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn spec(name: &str) -> JobSpec {
    let text =
        format!(r#"{{"name":"{name}","source":{{"cluster":"main","topics":["bids"]}},"sink":{{"bucket":"lake"}}}}"#);
    JobSpec::parse(&text).unwrap()
}

pub(super) fn record(name: &str) -> JobRecord {
    let now = at("2026-01-01T00:00:00Z");
    let origin = |partition| Origin {
        cluster: "main".into(),
        topic: "bids".into(),
        topic_id: None,
        partition,
        start_offset: 10,
    };
    JobRecord {
        format: RECORD_FORMAT,
        name: name.into(),
        uid: format!("uid-{name}"),
        generation: 1,
        config_version: 1,
        spec: spec(name),
        earlier: Vec::new(),
        desired: Desired::Running,
        restarts: 0,
        origins: vec![origin(0), origin(1)],
        ends: None,
        lanes: 1,
        created_at: now,
        changed_at: now,
        changed_by: "test".into(),
        failed: None,
        finished_at: None,
        closed: false,
        idempotency: None,
        connector: None,
        events: Vec::new(),
        write_token: String::new(),
    }
}
