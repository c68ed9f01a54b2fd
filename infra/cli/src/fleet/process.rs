//! A running process: its listeners, its worker, and the order in which they end.
//!
//! On the end signal the API takes no more connections and the worker lands what it can within `worker.drain_timeout`;
//! the worker's health endpoints answer until it is done.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use landfall_api::{HealthState, Limits, Tls, health_router, serve, serve_router};
use landfall_config::{AuthMode, FleetConfig};
use landfall_s3::store::SharedStore;
use landfall_worker::shares::Shares;
use landfall_worker::supervisor::Worker;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{ProcessReadiness, Recorder, VERSION, emf, identity, stores, worker};
use crate::exit::{Failure, Outcome};
use crate::logging;

/// What a process does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Roles {
    pub(crate) api: bool,
    pub(crate) worker: bool,
    /// Between two heartbeats of the worker.
    pub(crate) beat: Duration,
}

/// A process that runs.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) store: SharedStore,
    pub(crate) recorder: Recorder,
    /// Where the API listens, if it does.
    pub(crate) api: Option<SocketAddr>,
    parts: JoinSet<(&'static str, anyhow::Result<()>)>,
    end: CancellationToken,
}

impl Process {
    /// Starts the parts; `end` asks for their end.
    ///
    /// # Errors
    /// A setting that cannot work, or an address that cannot be bound: nothing runs then.
    pub(crate) async fn start(config: &FleetConfig, roles: Roles, end: CancellationToken) -> Result<Self, Failure> {
        let api_listener = match roles.api {
            true => Some(bind("api.listen", config.api.listen).await?),
            false => None,
        };
        let worker_listener = match roles.worker {
            true => Some(bind("worker.listen", config.worker.listen).await?),
            false => None,
        };
        let recorder = Recorder::install(end.clone())?;
        let store = stores::connect(config).await?;
        let worker_ready = roles.worker.then(|| Arc::new(AtomicBool::new(false)));
        let readiness = ProcessReadiness::new(Arc::clone(&store), super::location(config), worker_ready.clone());
        let health = HealthState::new(VERSION, Arc::new(readiness), Some(recorder.handle()));

        let mut process = Self { store, recorder, api: None, parts: JoinSet::new(), end };
        // Both are put together before either runs: a mistake of the configuration starts nothing.
        let api_state = match api_listener {
            Some(listener) => Some((listener, super::api_state(config, &process.store, health.clone())?)),
            None => None,
        };
        let worker_parts = match worker_listener {
            Some(listener) => {
                let parts = worker::parts(config, &process.store, identity::worker().await, roles.beat)?;
                logging::name_process(vec![("pool", parts.pool.clone()), ("worker", parts.id.clone())]);
                Some((listener, parts))
            }
            None => None,
        };
        let tls = config.api.tls.as_ref().filter(|_| api_state.is_some());
        let tls = tls.map(|files| Tls::open(&files.certificate, &files.key)).transpose();
        let tls = tls.map_err(|error| Failure::Usage(format!("api.tls: {error}")))?;
        tell_settings(config, roles);
        if let Some((listener, state)) = api_state {
            let address = listener.local_addr().context("the API's address is unknown")?;
            tracing::info!(%address, "api listens");
            process.api = Some(address);
            let ended = process.end.clone().cancelled_owned();
            process.parts.spawn(async move { ("api", serve(listener, state, tls, ended).await.map_err(Into::into)) });
        }
        if let (Some((listener, parts)), Some(ready)) = (worker_parts, worker_ready) {
            if let Some(place) = emf::Place::of_environment(&parts.pool) {
                tokio::spawn(emf::tell(place, process.recorder.clone(), process.end.clone()));
            }
            process.start_worker(listener, Worker::new(parts), health, ready)?;
        }
        Ok(process)
    }

    fn start_worker(
        &mut self,
        listener: TcpListener,
        worker: Worker,
        health: HealthState,
        ready: Arc<AtomicBool>,
    ) -> anyhow::Result<()> {
        let address = listener.local_addr().context("the worker's address is unknown")?;
        tracing::info!(%address, "worker serves health and metrics");
        let worker_ended = CancellationToken::new();
        let health_end = worker_ended.clone().cancelled_owned();
        let draining = health.clone();
        let router = health_router(health);
        self.parts.spawn(async move {
            (
                "worker's health",
                serve_router(listener, router, None, &Limits::default(), health_end).await.map_err(Into::into),
            )
        });
        let end = self.end.clone();
        self.parts.spawn(async move {
            let noticed = end.clone();
            let mark = tokio::spawn(async move {
                noticed.cancelled().await;
                draining.drain();
            });
            // The worker's own task: it may stay in a pass for long.
            worker.run(end, move || ready.store(true, Ordering::Release)).await;
            mark.abort();
            worker_ended.cancel();
            ("worker", Ok(()))
        });
        Ok(())
    }

    /// Waits until every part has ended. A part that ends before it was asked to ends the others, and is a failure.
    pub(crate) async fn finished(mut self) -> Outcome {
        let mut failed = None;
        while let Some(ended) = self.parts.join_next().await {
            let failure = match ended {
                Ok((_, Ok(()))) if self.end.is_cancelled() => None,
                Ok((part, Ok(()))) => Some(anyhow!("{part} ended by itself")),
                Ok((part, Err(error))) => Some(error.context(format!("{part} failed"))),
                Err(panic) => Some(anyhow!("a part of the process ended badly: {panic}")),
            };
            if let Some(failure) = failure {
                tracing::error!(error = %format!("{failure:#}"), "ending");
                self.end.cancel();
                failed.get_or_insert(failure);
            }
        }
        tracing::info!("ended");
        failed.map_or(Ok(()), |failure| Err(Failure::Failed(failure)))
    }
}

async fn bind(field: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("{field} {address} cannot be listened on; write another address or free it"))
}

/// What is on and what is off, so that nobody has to guess it from behaviour.
fn tell_settings(config: &FleetConfig, roles: Roles) {
    let clusters: Vec<&str> = config.clusters.keys().map(String::as_str).collect();
    let state = format!("{}/{}", config.state.bucket, config.state.prefix);
    let endpoint = config.s3.endpoint.as_deref().unwrap_or("aws");
    tracing::info!(version = VERSION, state, s3 = endpoint, clusters = clusters.join(","), "starting");
    if roles.api && config.api.auth.mode == AuthMode::None {
        tracing::info!("api.auth.mode is none: everybody on this machine may change jobs");
    }
    if config.buckets.is_empty() {
        tracing::info!("buckets is empty: jobs may name any bucket");
    }
    if roles.worker {
        let shares = Shares::of(config.worker.memory.0);
        tracing::info!(
            pool = config.worker.pool,
            limit_bytes = config.worker.memory.0,
            buffer_bytes = shares.buffer_bytes(),
            fetch_bytes = shares.fetch_bytes,
            "memory is shared out"
        );
        match &config.worker.scratch {
            Some(scratch) => {
                tracing::info!(dir = %scratch.dir.display(), limit_bytes = scratch.limit.0, "scratch is on");
            }
            None => tracing::info!("worker.scratch is not set: nothing spills, partitions pause when memory is short"),
        }
    }
}
