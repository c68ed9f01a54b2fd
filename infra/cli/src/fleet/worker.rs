//! The worker's parts from the configuration.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use landfall_config::FleetConfig;
use landfall_s3::store::SharedStore;
use landfall_s3::timer::SystemTimer;
use landfall_worker::budget::Budget;
use landfall_worker::io::{Scratch, Threads};
use landfall_worker::settings::EngineSettings;
use landfall_worker::shares::Shares;
use landfall_worker::supervisor::WorkerParts;
use tokio::sync::Semaphore;

use super::identity::WorkerIdentity;
use super::{VERSION, clusters};
use crate::exit::Failure;

/// Puts the worker together; nothing runs yet. Its id is seen in heartbeats and log entries.
///
/// # Errors
/// A cluster's properties cannot be those of a client, or the scratch folder cannot be used.
pub(super) fn parts(
    config: &FleetConfig,
    store: &SharedStore,
    identity: WorkerIdentity,
    beat: Duration,
) -> Result<WorkerParts, Failure> {
    let WorkerIdentity { id, zone } = identity;
    let connections = clusters::connections(config, &id);
    for (name, connection) in &connections {
        clusters::kafka_client(name, connection, clusters::REQUEST_TIMEOUT)?;
    }
    let shares = Shares::of(config.worker.memory.0);
    let engine = EngineSettings::for_budget(shares.buffer_bytes());
    let scratch = match &config.worker.scratch {
        Some(scratch) => {
            let opened = Scratch::open(&scratch.dir, scratch.limit.0);
            Some(opened.with_context(|| format!("worker.scratch.dir {} cannot be used", scratch.dir.display()))?)
        }
        None => None,
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let spawner = Threads::new(tokio::runtime::Handle::current(), cores)
        .context("the threads of the encoders cannot be started")?;
    Ok(WorkerParts {
        id,
        pool: config.worker.pool.clone(),
        version: VERSION.to_owned(),
        store: Arc::clone(store),
        state: super::location(config),
        clusters: connections,
        // client.rack among a cluster's properties comes before it.
        rack: zone,
        memory_bytes: config.worker.memory.0,
        budget: Budget::within(config.worker.memory.0, shares.accounted_bytes),
        scratch,
        upload_slots: Arc::new(Semaphore::new(shares.upload_slots(engine.part_size_bytes))),
        engine,
        probe_every: Duration::from_secs(600),
        upload_lifetime_ms: config.s3.upload_lifetime.map(landfall_job::DurationMs::millis),
        drain_timeout: config.worker.drain_timeout.as_duration(),
        beat,
        timer: Arc::new(SystemTimer),
        spawner: Arc::new(spawner),
        fetch_kbytes: u32::try_from(shares.fetch_bytes / 1_024).unwrap_or(u32::MAX),
    })
}
