//! Writing one's own heartbeat and reading everybody's.
//!
//! A heartbeat is stale once nothing newer came for three beats; its age counts from the later of the worker's own
//! clock and the store's, so that a worker whose clock is behind is not taken for dead.

use bytes::Bytes;
use futures::StreamExt;
use jiff::Timestamp;
use landfall_s3::{
    Condition, ErrorKind, ListRequest, Listed, Object, ObjectOptions, PutRequest, SharedStore, StoreError,
};

use crate::heartbeat::{Heartbeat, JobBeat, JobState};
use crate::location::StateLocation;
use crate::record::DecodeError;

/// Beats without news after which a worker counts as gone.
pub const STALE_AFTER_BEATS: u64 = 3;
/// A document older than this is not even read: what a worker left behind long ago tells nothing.
pub const FORGET_AFTER_MS: i64 = 3_600_000;
/// Documents read at most, the newest first.
const MAX_WORKERS_READ: usize = 2_000;
pub(crate) const READ_CONCURRENCY: usize = 16;

/// A heartbeat as a reader found it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenHeartbeat {
    pub heartbeat: Heartbeat,
    /// Milliseconds since its last sign of life; 0 when a clock is ahead.
    pub age_ms: u64,
}

impl SeenHeartbeat {
    /// `last_modified_ms`: the store's time of the write, milliseconds since the epoch.
    #[must_use]
    pub fn new(heartbeat: Heartbeat, last_modified_ms: i64, now: Timestamp) -> Self {
        let latest_ms = heartbeat.at.as_millisecond().max(last_modified_ms);
        let age_ms = u64::try_from(now.as_millisecond().saturating_sub(latest_ms)).unwrap_or(0);
        Self { heartbeat, age_ms }
    }

    #[must_use]
    pub fn stale(&self) -> bool {
        self.age_ms > self.heartbeat.beat_ms.saturating_mul(STALE_AFTER_BEATS)
    }

    /// Neither stale nor ended on purpose.
    #[must_use]
    pub fn live(&self) -> bool {
        !self.heartbeat.ended && !self.stale()
    }

    #[must_use]
    pub fn job(&self, uid: &str) -> Option<&JobBeat> {
        self.heartbeat.jobs.iter().find(|job| job.uid == uid)
    }
}

/// What was found under `workers/`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LiveWorkers {
    /// Live and stale ones, by worker id.
    pub seen: Vec<SeenHeartbeat>,
    /// Keys that hold no readable heartbeat, and why.
    pub broken: Vec<(String, DecodeError)>,
}

impl LiveWorkers {
    /// Ids of the live workers of a pool, in ascending order.
    #[must_use]
    pub fn live_ids(&self, pool: &str) -> Vec<String> {
        self.seen
            .iter()
            .filter(|seen| seen.live() && seen.heartbeat.pool == pool)
            .map(|seen| seen.heartbeat.worker.clone())
            .collect()
    }

    /// True when a live worker has this generation of a job among its jobs.
    #[must_use]
    pub fn anyone_runs(&self, uid: &str) -> bool {
        self.seen
            .iter()
            .any(|seen| seen.live() && seen.job(uid).is_some_and(|job| job.state != JobState::Failed && !job.past))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeartbeatError {
    #[error("the heartbeat of worker {worker:?} cannot be written: {message}")]
    Encode { worker: String, message: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone)]
pub struct HeartbeatStore {
    store: SharedStore,
    location: StateLocation,
}

impl HeartbeatStore {
    #[must_use]
    pub fn new(store: SharedStore, location: StateLocation) -> Self {
        Self { store, location }
    }

    /// Writes the document once; a failure is made good by the next beat.
    pub async fn write(&self, heartbeat: &Heartbeat) -> Result<(), HeartbeatError> {
        let body = serde_json::to_vec(heartbeat)
            .map_err(|error| HeartbeatError::Encode { worker: heartbeat.worker.clone(), message: error.to_string() })?;
        let request = PutRequest {
            bucket: self.location.bucket.clone(),
            key: self.location.worker_key(&heartbeat.worker),
            body: Bytes::from(body),
            condition: Condition::None,
            options: ObjectOptions { content_type: Some("application/json".to_owned()), ..ObjectOptions::default() },
        };
        self.store.put(request).await?;
        Ok(())
    }

    /// Every heartbeat of the last hour, by worker id. One attempt a request.
    pub async fn read(&self, now: Timestamp) -> Result<LiveWorkers, HeartbeatError> {
        let listed = self.list(now).await?;
        let mut reads = futures::stream::iter(listed)
            .map(|object| async move {
                let answer = self.get(&object.key).await;
                (object, answer)
            })
            .buffer_unordered(READ_CONCURRENCY);
        let mut workers = LiveWorkers::default();
        while let Some((object, answer)) = reads.next().await {
            match answer {
                Ok(found) => match Heartbeat::decode(&found.body) {
                    Ok(heartbeat) => {
                        workers.seen.push(SeenHeartbeat::new(heartbeat, found.head.last_modified_ms, now));
                    }
                    Err(reason) => workers.broken.push((object.key, reason)),
                },
                Err(error) if error.kind == ErrorKind::NoSuchKey => {}
                Err(error) => return Err(error.into()),
            }
        }
        workers.seen.sort_by(|a, b| a.heartbeat.worker.cmp(&b.heartbeat.worker));
        workers.broken.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(workers)
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Object, StoreError> {
        self.store.get(&self.location.bucket, key).await
    }

    /// The documents of the last hour, the newest first.
    pub(crate) async fn list(&self, now: Timestamp) -> Result<Vec<Listed>, HeartbeatError> {
        let mut listed = Vec::new();
        let mut continuation = None;
        loop {
            let page = self
                .store
                .list(ListRequest {
                    bucket: self.location.bucket.clone(),
                    prefix: self.location.workers_prefix(),
                    continuation,
                    ..ListRequest::default()
                })
                .await?;
            let oldest_ms = now.as_millisecond().saturating_sub(FORGET_AFTER_MS);
            listed.extend(page.objects.into_iter().filter(|object| object.last_modified_ms >= oldest_ms));
            continuation = page.continuation;
            if continuation.is_none() {
                break;
            }
        }
        listed.sort_unstable_by_key(|object| std::cmp::Reverse(object.last_modified_ms));
        listed.truncate(MAX_WORKERS_READ);
        Ok(listed)
    }
}
