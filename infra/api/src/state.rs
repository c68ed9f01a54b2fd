//! What every handler shares. Cheap to clone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use landfall_connect::ConnectDefaults;
use landfall_s3::SharedStore;
use landfall_store::{HeartbeatStore, JobStore, LogStore, ScalingStore};
use tokio::sync::Semaphore;

use crate::auth::Authenticator;
use crate::backend::snapshot::Snapshots;
use crate::health::HealthState;
use crate::ports::{Cluster, Environment, JobRules};
use crate::rate::Rates;

/// Bounds of the service; every one is finite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A job document; also the most a request body may hold.
    pub body_bytes: usize,
    /// Requests under way at once, health apart.
    pub concurrent_requests: usize,
    /// Of one principal, on average.
    pub requests_per_second: u32,
    /// Of one principal, at once after a rest.
    pub requests_burst: u32,
    /// Streams of events open at once.
    pub streams: usize,
    /// A stream ends after this time; its reader comes again.
    pub stream: Duration,
    /// Between two events of a stream.
    pub stream_interval: Duration,
    /// Open connections.
    pub connections: usize,
    /// From the first byte of the head to the last byte of the answer's head.
    pub request: Duration,
    /// All checks of a job against real clusters and buckets.
    pub checks: Duration,
    /// What a status may wait for Kafka.
    pub status_offsets: Duration,
    /// Until a client has sent its request head.
    pub request_head: Duration,
    /// From the shutdown signal until open connections are cut.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 256 * 1024,
            concurrent_requests: 256,
            requests_per_second: 200,
            requests_burst: 1_000,
            streams: 128,
            stream: Duration::from_secs(600),
            stream_interval: Duration::from_secs(2),
            connections: 1_024,
            request: Duration::from_secs(30),
            checks: Duration::from_secs(10),
            status_offsets: Duration::from_secs(3),
            request_head: Duration::from_secs(10),
            drain: Duration::from_secs(10),
        }
    }
}

/// The parts an API process is made of.
#[derive(Debug)]
pub struct ApiParts {
    pub jobs: JobStore,
    pub heartbeats: HeartbeatStore,
    pub logs: LogStore,
    /// What scalers decided about pools.
    pub scaling: ScalingStore,
    /// For the buckets that jobs name.
    pub buckets: SharedStore,
    /// What the operator's configuration allows a job.
    pub rules: Arc<dyn JobRules>,
    /// By registered name.
    pub clusters: BTreeMap<String, Arc<dyn Cluster>>,
    pub auth: Authenticator,
    pub environment: Arc<dyn Environment>,
    pub health: HealthState,
    pub limits: Limits,
    /// What a Kafka Connect config means where it says nothing.
    pub connect: ConnectDefaults,
    /// How long the S3 server keeps open uploads, where the operator declared it.
    pub upload_lifetime_ms: Option<u64>,
}

#[derive(Debug)]
struct Inner {
    parts: ApiParts,
    permits: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    snapshots: Snapshots,
    rates: Rates,
}

#[derive(Debug, Clone)]
pub struct ApiState {
    inner: Arc<Inner>,
}

impl ApiState {
    #[must_use]
    pub fn new(parts: ApiParts) -> Self {
        let permits = Arc::new(Semaphore::new(parts.limits.concurrent_requests));
        let streams = Arc::new(Semaphore::new(parts.limits.streams));
        let rates = Rates::new(parts.limits.requests_per_second, parts.limits.requests_burst);
        let inner = Arc::new(Inner { parts, permits, streams, snapshots: Snapshots::default(), rates });
        // Weak: the health state is one of the parts.
        let watched = Arc::downgrade(&inner);
        inner.parts.health.watch(move || {
            watched.upgrade().map(|inner| crate::auth::degraded(&inner.parts.auth.status())).unwrap_or_default()
        });
        Self { inner }
    }

    pub(crate) fn rates(&self) -> &Rates {
        &self.inner.rates
    }

    pub(crate) fn snapshots(&self) -> &Snapshots {
        &self.inner.snapshots
    }

    /// One for each stream of events that is open.
    pub(crate) fn streams(&self) -> Arc<Semaphore> {
        Arc::clone(&self.inner.streams)
    }

    pub(crate) fn permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.inner.permits)
    }
}

impl std::ops::Deref for ApiState {
    type Target = ApiParts;

    fn deref(&self) -> &ApiParts {
        &self.inner.parts
    }
}
