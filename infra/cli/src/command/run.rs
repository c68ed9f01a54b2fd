//! `run`, `api`, `worker` and `lag-lambda`: the processes of an installation.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use landfall_config::FleetConfig;
use landfall_job::names::check_plain_name;

use crate::exit::{Failure, Outcome};
use crate::fleet::{self, Process, Roles};
use crate::{scaler, signals};

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
    /// End in order when standard input ends: set by the process that starts workers
    #[arg(long, hide = true)]
    end_with_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The fleet configuration, YAML or JSON
    #[arg(long, value_name = "FILE", env = "LANDFALL_CONFIG")]
    config: PathBuf,
    /// Start and stop workers by lag, down to none, instead of running one in this process
    #[arg(long, value_enum, value_name = "HOW")]
    scale: Option<Scale>,
}

/// What a worker is where this process starts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scale {
    /// Each worker is a process of this machine
    Processes,
}

#[derive(Debug, Args)]
pub(crate) struct LambdaArguments {
    /// The fleet configuration, YAML or JSON
    #[arg(long, value_name = "FILE", env = "LANDFALL_CONFIG")]
    config: PathBuf,
    /// The fleet's name, a dimension of its metrics
    #[arg(long, value_name = "NAME", env = "LANDFALL_FLEET", default_value = "landfall")]
    fleet: String,
    /// The CloudWatch namespace of its metrics
    #[arg(long, value_name = "NAME", env = "LANDFALL_METRICS_NAMESPACE", default_value = "Landfall")]
    namespace: String,
}

pub(crate) async fn run(arguments: RunArguments) -> Outcome {
    let config = fleet::load(&arguments.config)?;
    match arguments.scale {
        None => start(&config, Roles { api: true, worker: true, beat: BEAT }).await,
        Some(Scale::Processes) => {
            let end = signals::listen()?;
            scaler::run_processes(&arguments.config, &config, BEAT, end).await
        }
    }
}

pub(crate) async fn lag_lambda(arguments: LambdaArguments) -> Outcome {
    let config = fleet::load(&arguments.config)?;
    scaler::lag_lambda(&config, arguments.fleet, arguments.namespace).await
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
    let end = signals::listen()?;
    if arguments.end_with_stdin {
        signals::end_with_stdin(end.clone())?;
    }
    Process::start(&config, Roles { api: false, worker: true, beat: BEAT }, end).await?.finished().await
}

async fn start(config: &FleetConfig, roles: Roles) -> Outcome {
    let end = signals::listen()?;
    Process::start(config, roles, end).await?.finished().await
}
