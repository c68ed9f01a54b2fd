//! Readiness of this process: its state bucket can be read and, where it has a worker, that has read the jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use landfall_api::{HealthCheck, Readiness, StateBucketReadiness};
use landfall_s3::store::SharedStore;
use landfall_store::StateLocation;

#[derive(Debug)]
pub(crate) struct ProcessReadiness {
    bucket: StateBucketReadiness,
    worker: Option<Arc<AtomicBool>>,
}

impl ProcessReadiness {
    /// `worker`: true once the worker has read the job store; `None` in a process without one.
    pub(crate) fn new(store: SharedStore, location: StateLocation, worker: Option<Arc<AtomicBool>>) -> Self {
        Self { bucket: StateBucketReadiness::new(store, location), worker }
    }
}

#[async_trait]
impl Readiness for ProcessReadiness {
    async fn check(&self) -> Vec<HealthCheck> {
        let mut checks = self.bucket.check().await;
        if let Some(ready) = &self.worker {
            let ok = ready.load(Ordering::Acquire);
            let detail = if ok { "" } else { "the worker has not read the job store" };
            checks.push(HealthCheck { name: "worker".to_owned(), ok, detail: detail.to_owned() });
        }
        checks
    }
}
