//! The local scaler: `run --scale processes` starts and stops worker processes on this machine by the same decision that
//! sizes a service of ECS.
//!
//! A worker ends in order when its standard input ends: also when this process is killed, and cannot ask it to.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use landfall_config::{FleetConfig, PoolConfig};
use landfall_lag::Decision;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Acts, Scaler};
use crate::exit::Outcome;
use crate::fleet::{Process, Roles};

/// How often it is seen whether a worker has ended by itself.
const SUPERVISE_EVERY: Duration = Duration::from_secs(1);
/// A worker that ended by itself is replaced no sooner.
const REPLACE_AFTER: Duration = Duration::from_secs(5);
/// What a worker gets beyond `worker.drain_timeout` before it is killed.
const GRACE: Duration = Duration::from_secs(15);

/// Runs the API and the workers it takes, until `end`.
///
/// # Errors
/// A setting that cannot work; the API ended by itself.
pub(crate) async fn run_processes(
    path: &Path,
    config: &FleetConfig,
    beat: Duration,
    end: CancellationToken,
) -> Outcome {
    let mut pools = config.pools.clone();
    if pools.is_empty() {
        pools.insert(config.worker.pool.clone(), PoolConfig::default());
    }
    let every = pools.values().map(|pool| pool.scaling.polling_interval_seconds).fold(f64::INFINITY, f64::min);
    let every = Duration::try_from_secs_f64(every).unwrap_or(Duration::from_secs(60));
    let process = Process::start(config, Roles { api: true, worker: false, beat }, end.clone()).await?;
    let scaler = Scaler::new(config, &process.store, "scaler", pools.clone())?;
    let program = std::env::current_exe().context("this program's own file is unknown")?;
    let fleet = Local {
        program,
        config: path.to_owned(),
        scratch: config.worker.scratch.as_ref().map(|scratch| scratch.dir.clone()),
        patience: config.worker.drain_timeout.as_duration() + GRACE,
        pools: Mutex::default(),
    };
    tracing::info!(
        pools = pools.keys().map(String::as_str).collect::<Vec<_>>().join(","),
        every_ms = u64::try_from(every.as_millis()).unwrap_or(u64::MAX),
        "workers are processes of this machine, as many as the lag asks for"
    );
    let deciding = async {
        let mut next = tokio::time::interval(every);
        next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            next.tick().await;
            let told = |error: &anyhow::Error| tracing::error!(error = format!("{error:#}"), "the pool stays as it is");
            match scaler.tick(&fleet).await {
                Ok(pools) => pools.iter().filter_map(|pool| pool.as_ref().err()).for_each(told),
                Err(error) => told(&error),
            }
        }
    };
    let supervising = async {
        loop {
            tokio::time::sleep(SUPERVISE_EVERY).await;
            fleet.supervise().await;
        }
    };
    // The API ends by `end`, and where it ends by itself that is the end of all of it.
    let api = process.finished();
    tokio::pin!(api);
    let ended_early = tokio::select! {
        outcome = &mut api => Some(outcome),
        () = end.cancelled() => None,
        () = deciding => None,
        () = supervising => None,
    };
    fleet.end_all().await;
    match ended_early {
        Some(outcome) => outcome,
        None => api.await,
    }
}

/// How long a killed process may take to be gone.
const KILL: Duration = Duration::from_secs(5);

/// The workers of this machine.
#[derive(Debug)]
struct Local {
    program: PathBuf,
    config: PathBuf,
    scratch: Option<PathBuf>,
    /// From the request to end to the kill.
    patience: Duration,
    pools: Mutex<BTreeMap<String, Workers>>,
}

/// One worker, and the scratch folder that is its alone.
#[derive(Debug)]
struct Running {
    child: Child,
    scratch: Option<PathBuf>,
}

#[derive(Debug, Default)]
struct Workers {
    desired: u32,
    /// By the place of each, 0 and up; the highest end first.
    running: BTreeMap<u32, Running>,
    ending: JoinSet<()>,
    replace_at: Option<tokio::time::Instant>,
}

#[async_trait]
impl Acts for Local {
    async fn asked(&self, pool: &str, _: &PoolConfig) -> anyhow::Result<Option<u32>> {
        Ok(Some(self.pools.lock().await.get(pool).map_or(0, |workers| workers.desired)))
    }

    fn not_alone(&self, pool: &str, other: &str) {
        tracing::error!(pool, other, "another scaler decided about the pool just before: let only one run");
    }

    async fn act(&self, pool: &str, _: &PoolConfig, decision: &Decision) -> anyhow::Result<()> {
        let mut pools = self.pools.lock().await;
        let workers = pools.entry(pool.to_owned()).or_default();
        workers.desired = decision.desired;
        self.adjust(pool, workers)
    }
}

impl Local {
    /// Starts what is missing, ends what is too much.
    fn adjust(&self, pool: &str, workers: &mut Workers) -> anyhow::Result<()> {
        while u32::try_from(workers.running.len()).is_ok_and(|running| running > workers.desired) {
            let Some((place, worker)) = workers.running.pop_last() else { break };
            tracing::info!(pool, place, "a worker is asked to end");
            workers.ending.spawn(end(worker, self.patience));
        }
        // After one that ended by itself, none is started for a while.
        if workers.replace_at.is_some_and(|at| at > tokio::time::Instant::now()) {
            return Ok(());
        }
        workers.replace_at = None;
        for place in 0..workers.desired {
            if let Entry::Vacant(free) = workers.running.entry(place) {
                free.insert(self.start(pool, place)?);
            }
        }
        Ok(())
    }

    fn start(&self, pool: &str, place: u32) -> anyhow::Result<Running> {
        let mut command = Command::new(&self.program);
        command
            .args(["worker", "--end-with-stdin", "--pool", pool, "--config"])
            .arg(&self.config)
            // Each its own: the configuration's are those of one worker.
            .env("LANDFALL_WORKER__LISTEN", "127.0.0.1:0")
            .stdin(Stdio::piped())
            .kill_on_drop(false);
        // Never that of one before: it may still be landing what it has there.
        let scratch =
            self.scratch.as_ref().map(|dir| dir.join(format!("{pool}-{place}-{:08x}", rand::random::<u32>())));
        if let Some(scratch) = &scratch {
            command.env("LANDFALL_WORKER__SCRATCH__DIR", scratch);
        }
        let child = command.spawn().with_context(|| format!("{} cannot be started", self.program.display()))?;
        tracing::info!(pool, place, pid = child.id(), "a worker is started");
        Ok(Running { child, scratch })
    }

    /// Replaces workers that ended by themselves.
    async fn supervise(&self) {
        for (pool, workers) in self.pools.lock().await.iter_mut() {
            while workers.ending.try_join_next().is_some() {}
            let before = workers.running.len();
            workers.running.retain(|place, worker| match worker.child.try_wait() {
                Ok(Some(status)) => {
                    tracing::error!(pool, place, %status, "a worker ended by itself");
                    if let Some(scratch) = worker.scratch.take() {
                        workers.ending.spawn(clear(scratch));
                    }
                    false
                }
                Ok(None) | Err(_) => true,
            });
            if workers.running.len() < before {
                workers.replace_at = Some(tokio::time::Instant::now() + REPLACE_AFTER);
            }
            if workers.replace_at.is_some_and(|at| at <= tokio::time::Instant::now())
                && let Err(error) = self.adjust(pool, workers)
            {
                tracing::error!(pool, error = format!("{error:#}"), "a worker is not replaced");
            }
        }
    }

    async fn end_all(&self) {
        let mut pools = self.pools.lock().await;
        for workers in pools.values_mut() {
            workers.desired = 0;
            while let Some((_, worker)) = workers.running.pop_last() {
                workers.ending.spawn(end(worker, self.patience));
            }
        }
        for workers in pools.values_mut() {
            while workers.ending.join_next().await.is_some() {}
        }
    }
}

/// Ends the worker's input, which asks it to end in order; kills it when it takes too long.
async fn end(worker: Running, patience: Duration) {
    let Running { mut child, scratch } = worker;
    drop(child.stdin.take());
    match tokio::time::timeout(patience, child.wait()).await {
        Ok(Ok(status)) if status.success() => tracing::info!("a worker has ended in order"),
        Ok(Ok(status)) => tracing::error!(%status, "a worker ended badly; what is not landed is read again"),
        Ok(Err(error)) => tracing::error!(%error, "a worker's end cannot be seen"),
        Err(_) => {
            tracing::error!("a worker did not end in time and is killed; what is not landed is read again");
            if !matches!(tokio::time::timeout(KILL, child.kill()).await, Ok(Ok(()))) {
                tracing::error!(pid = child.id(), "a worker cannot be killed");
            }
        }
    }
    if let Some(scratch) = scratch {
        clear(scratch).await;
    }
}

/// What a worker left in its scratch folder is read again from Kafka.
async fn clear(scratch: PathBuf) {
    match tokio::fs::remove_dir_all(&scratch).await {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(dir = %scratch.display(), %error, "a scratch folder is left behind"),
    }
}
