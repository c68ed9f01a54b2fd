//! `run`, `api` and `worker`: the processes of an installation.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use landfall_config::FleetConfig;
use landfall_job::names::check_plain_name;

use crate::exit::{Failure, Outcome};
use crate::fleet::{self, Process, Roles};
use crate::signals;

/// Frequent enough to see a worker go within seconds, rare enough to cost nothing.
const BEAT: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(crate) struct WorkerArguments {
    /// The fleet configuration, YAML or JSON
    #[arg(long, value_name = "FILE", env = "LANDFALL_CONFIG")]
    config: PathBuf,
    /// The pool this worker belongs to, instead of worker.pool
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
}

pub(crate) async fn run(config: &Path) -> Outcome {
    start(&fleet::load(config)?, Roles { api: true, worker: true, beat: BEAT }).await
}

pub(crate) async fn api(config: &Path) -> Outcome {
    start(&fleet::load(config)?, Roles { api: true, worker: false, beat: BEAT }).await
}

pub(crate) async fn worker(arguments: WorkerArguments) -> Outcome {
    let mut config = fleet::load(&arguments.config)?;
    if let Some(pool) = arguments.pool {
        check_plain_name(&pool)
            .map_err(|refusal| Failure::Usage(format!("--pool: {pool:?} {}; {}", refusal.problem, refusal.fix)))?;
        config.worker.pool = pool;
    }
    start(&config, Roles { api: false, worker: true, beat: BEAT }).await
}

async fn start(config: &FleetConfig, roles: Roles) -> Outcome {
    let end = signals::listen()?;
    Process::start(config, roles, end).await?.finished().await
}
