//! From the operator's configuration to running parts: stores, clusters, memory, API, worker. `run`, `api`, `worker` and
//! `dev` differ only in the configuration and in which roles they start.

mod api;
mod clusters;
mod emf;
mod health;
mod identity;
mod kms;
mod metrics;
mod process;
mod secrets;
mod stores;
mod worker;

use std::path::Path;

use landfall_config::{ConfigError, FleetConfig, ReadSecret};
use landfall_store::StateLocation;

use crate::exit::Failure;

pub(crate) use api::state as api_state;
pub(crate) use clusters::{PATIENT_TIMEOUT, REQUEST_TIMEOUT, connections, kafka_client};
pub(crate) use health::ProcessReadiness;
pub(crate) use metrics::Recorder;
pub(crate) use process::{Process, Roles};
pub(crate) use stores::connect as connect_stores;

/// The version of this build, as workers and health endpoints tell it.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Loads a configuration, its secrets from AWS too where it names any; every mistake is a line of its own. Must be
/// called within the runtime.
pub(crate) fn load(path: &Path) -> Result<FleetConfig, Failure> {
    load_with(path, &secrets::read)
}

/// Loads a configuration for one who needs an address in it, and no secret of AWS.
pub(crate) fn load_without_secrets(path: &Path) -> Result<FleetConfig, Failure> {
    load_with(path, &|_| Ok("***".to_owned()))
}

fn load_with(path: &Path, secret: ReadSecret<'_>) -> Result<FleetConfig, Failure> {
    FleetConfig::load(path, secret).map_err(|error| match error {
        ConfigError::File { .. } => Failure::Usage(format!("--config: {error}")),
        ConfigError::Invalid(errors) => Failure::Usage(errors.to_string()),
    })
}

/// Where the fleet keeps jobs, logs and heartbeats.
pub(crate) fn location(config: &FleetConfig) -> StateLocation {
    StateLocation::new(config.state.bucket.clone(), &config.state.prefix)
}
