//! The API's state from the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use landfall_api::{
    ApiParts, ApiState, Authenticator, Cluster, HealthState, JobRules, KafkaCluster, Limits, SystemEnvironment,
};
use landfall_auth::SystemClock;
use landfall_config::FleetConfig;
use landfall_job::{FieldError, JobSpec};
use landfall_s3::store::SharedStore;
use landfall_s3::timer::SystemTimer;
use landfall_store::{HeartbeatStore, JobStore, LogStore, ScalingStore};

use super::{clusters, identity};
use crate::command::connector;
use crate::exit::Failure;

/// Puts the API together; nothing listens yet.
///
/// # Errors
/// A cluster's properties cannot be those of a client.
pub(crate) fn state(config: &FleetConfig, store: &SharedStore, health: HealthState) -> Result<ApiState, Failure> {
    let who = format!("api-{}", identity::host());
    let location = super::location(config);
    let timer = Arc::new(SystemTimer);
    let mut asked: BTreeMap<String, Arc<dyn Cluster>> = BTreeMap::new();
    for (name, connection) in clusters::connections(config, &who) {
        let client = clusters::kafka_client(&name, &connection, clusters::REQUEST_TIMEOUT)?;
        asked.insert(name, Arc::new(KafkaCluster::new(client)));
    }
    let auth = Authenticator::from_config(&config.api.auth, Arc::new(SystemClock))
        .map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(ApiState::new(ApiParts {
        jobs: JobStore::new(Arc::clone(store), location.clone(), timer.clone()),
        heartbeats: HeartbeatStore::new(Arc::clone(store), location.clone()),
        scaling: ScalingStore::new(Arc::clone(store), location.clone()),
        logs: LogStore::new(Arc::clone(store), location, timer, who),
        buckets: Arc::clone(store),
        rules: Arc::new(Rules(config.clone())),
        clusters: asked,
        auth,
        environment: Arc::new(SystemEnvironment),
        health,
        limits: Limits::default(),
        connect: connector::defaults(Some(config)),
        upload_lifetime_ms: config.s3.upload_lifetime.map(landfall_job::DurationMs::millis),
    }))
}

/// The configuration as what a job is held to.
#[derive(Debug)]
struct Rules(FleetConfig);

impl JobRules for Rules {
    fn mistakes(&self, spec: &JobSpec) -> Vec<FieldError> {
        self.0.check_job(spec).err().map(|errors| errors.0).unwrap_or_default()
    }
}
