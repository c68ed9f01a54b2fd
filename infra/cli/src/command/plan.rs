//! `plan`: how many workers a pool needs and why, from what the API tells of its jobs.

use std::path::{Path, PathBuf};

use clap::Args;
use landfall_config::PoolConfig;
use landfall_lag::{Decision, sample};
use landfall_scale::{History, Limits, Plan, PoolSample, WorkerSample, plan};
use serde_json::json;

use crate::client::ApiArguments;
use crate::exit::{Failure, Outcome};
use crate::fleet;
use crate::output::{self, Format};
use crate::scaler::Scaler;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The pool
    #[arg(long, default_value = "shared")]
    pool: String,
    /// The pool's scaling limits, YAML or JSON; KEDA's names are known [default: 0 to 20 workers,
    /// caught up within ten minutes]
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// How many workers are asked for now [default: those that are alive]
    #[arg(long, value_name = "WORKERS")]
    desired: Option<u32>,
    /// Look as the scaler does, with this fleet configuration: its limits, its clusters, and what it remembers
    #[arg(long = "as-scaler", value_name = "FILE", conflicts_with = "limits")]
    as_scaler: Option<PathBuf>,
    #[command(flatten)]
    api: ApiArguments,
}

/// What the scaler of the pool would decide now. Nothing is kept, and nobody acts.
async fn as_scaler(file: &Path, pool: &str, desired: Option<u32>, format: Format) -> Outcome {
    let config = fleet::load(file)?;
    let store = fleet::connect_stores(&config).await?;
    let mut pools = config.pools.clone();
    pools.entry(pool.to_owned()).or_insert_with(PoolConfig::default);
    let decision = Scaler::new(&config, &store, "plan", pools)?.look_only(pool, desired).await?;
    let Decision { desired, alive, because, about_jobs, .. } = &decision;
    let why = format!("{because} {about_jobs}");
    let people = format!("pool {pool}: {desired} workers wanted, {alive} alive\n{}", why.trim_end());
    Ok(output::show(format, &decision, || people)?)
}

/// One look: what a scaler remembers between its looks (how long it was quiet, what is arriving) is not known here. So
/// fewer workers than there are is the answer only where the jobs cannot use them.
pub(crate) async fn run(arguments: Arguments, format: Format) -> Outcome {
    if let Some(file) = &arguments.as_scaler {
        return as_scaler(file, &arguments.pool, arguments.desired, format).await;
    }
    let limits = limits(&arguments)?;
    let client = arguments.api.client()?;
    let (mut jobs, mut workers) = (Vec::new(), std::collections::BTreeMap::new());
    for job in client.list(&[("pool", &arguments.pool)]).await?.jobs {
        let status = client.status(&job.name).await?;
        let live: Vec<&str> =
            status.workers.iter().filter(|worker| !worker.stale).map(|worker| worker.worker.as_str()).collect();
        let at_work = live.len().max(1);
        for worker in &live {
            #[allow(clippy::cast_precision_loss)] // a handful
            let share = status.throughput.records_per_second / at_work as f64;
            *workers.entry((*worker).to_owned()).or_insert(0.0) += share;
        }
        let max_workers =
            job.spec.get("max_workers").and_then(serde_json::Value::as_u64).unwrap_or(u64::from(u32::MAX));
        let max_workers = u32::try_from(max_workers).unwrap_or(u32::MAX);
        jobs.push(sample::of_status(&status, max_workers, jiff::Timestamp::now().as_millisecond()));
    }
    let alive = u32::try_from(workers.len()).unwrap_or(u32::MAX);
    let sample = PoolSample {
        now_ms: jiff::Timestamp::now().as_millisecond(),
        desired: arguments.desired.unwrap_or(alive),
        workers: workers.into_values().map(|records_per_second| WorkerSample { records_per_second }).collect(),
        jobs: Some(jobs),
    };
    let Plan { desired, because, about_jobs, .. } = plan(&sample, &limits, &History::default());
    let answer = json!({"pool": arguments.pool, "desired": desired, "alive": alive, "because": because, "about_jobs": about_jobs});
    let why = format!("{because} {about_jobs}");
    let people = format!("pool {}: {desired} workers wanted, {alive} alive\n{}", arguments.pool, why.trim_end());
    Ok(output::show(format, &answer, || people)?)
}

fn limits(arguments: &Arguments) -> Result<Limits, Failure> {
    let Some(path) = &arguments.limits else { return Ok(Limits::default()) };
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|e| Failure::Usage(format!("--limits {shown}: {e}")))?;
    let limits: Limits =
        serde_yaml_ng::from_str(&text).map_err(|e| Failure::Usage(format!("--limits {shown}: {e}")))?;
    limits.validate().map_err(|e| Failure::Usage(format!("--limits {shown}: {e}")))?;
    Ok(limits)
}
