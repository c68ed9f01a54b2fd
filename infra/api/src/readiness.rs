//! The API is ready while it can read its state bucket.

use async_trait::async_trait;
use landfall_s3::{ListRequest, SharedStore};
use landfall_store::StateLocation;

use crate::health::{HealthCheck, Readiness};

/// Lists one key under the jobs prefix.
#[derive(Debug, Clone)]
pub struct StateBucketReadiness {
    store: SharedStore,
    location: StateLocation,
}

impl StateBucketReadiness {
    #[must_use]
    pub fn new(store: SharedStore, location: StateLocation) -> Self {
        Self { store, location }
    }
}

#[async_trait]
impl Readiness for StateBucketReadiness {
    async fn check(&self) -> Vec<HealthCheck> {
        let request = ListRequest {
            bucket: self.location.bucket.clone(),
            prefix: self.location.jobs_prefix(),
            max_keys: 1,
            ..ListRequest::default()
        };
        let answer = self.store.list(request).await;
        let detail = answer.as_ref().err().map(|error| format!("{} ({})", error.code, error.operation.name()));
        vec![HealthCheck { name: "state_bucket".to_owned(), ok: answer.is_ok(), detail: detail.unwrap_or_default() }]
    }
}
