//! `plan`: how many workers a pool needs and why, from what the API tells of its jobs.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use landfall_scale::{History, JobLag, JobSample, Limits, PartitionKey, PartitionSample, Phase, Plan, PoolSample};
use landfall_scale::{WorkerSample, plan};
use landfall_store::{StatusDocument, status::State};
use serde_json::json;

use crate::client::ApiArguments;
use crate::exit::{Failure, Outcome};
use crate::output::{self, Format};

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
    #[command(flatten)]
    api: ApiArguments,
}

/// One look: what a scaler remembers between its looks (how long it was quiet, what is arriving) is not known here. So
/// fewer workers than there are is the answer only where the jobs cannot use them.
pub(crate) async fn run(arguments: Arguments, format: Format) -> Outcome {
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
        jobs.push(sample(&status, u32::try_from(max_workers).unwrap_or(u32::MAX)));
    }
    let alive = u32::try_from(workers.len()).unwrap_or(u32::MAX);
    let sample = PoolSample {
        now_ms: jiff::Timestamp::now().as_millisecond(),
        desired: arguments.desired.unwrap_or(alive),
        workers: workers.into_values().map(|records_per_second| WorkerSample { records_per_second }).collect(),
        jobs: Some(jobs),
    };
    let Plan { desired, because, .. } = plan(&sample, &limits, &History::default());
    let answer = json!({"pool": arguments.pool, "desired": desired, "alive": alive, "because": because});
    let people = format!("pool {}: {desired} workers wanted, {alive} alive\n{because}", arguments.pool);
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

/// Consumed and not visible yet: in an open file, in an entry that is not complete, or between the two.
fn unlanded(status: &StatusDocument) -> bool {
    let behind = |at: &landfall_store::status::PartitionStatus| {
        at.position.zip(at.landed_offset).is_some_and(|(position, landed)| position > landed)
    };
    status.open_files_total > 0
        || status.uncompleted_entries.is_some_and(|entries| entries > 0)
        || status.partitions.iter().any(behind)
}

fn sample(status: &StatusDocument, max_workers: u32) -> JobSample {
    let phase = match status.state {
        State::Running => Phase::Running,
        State::Paused => Phase::Paused,
        State::Stopped => Phase::Stopped,
        State::Failed => Phase::Failed,
        State::Finished => Phase::Finished,
        State::Deleting => Phase::Deleting,
        State::Deleted => Phase::Deleted,
    };
    let partitions: Option<Vec<PartitionSample>> = status
        .partitions
        .iter()
        .map(|at| {
            let (end_offset, lag) = (at.end_offset?, i64::try_from(at.lag?).ok()?);
            Some(PartitionSample {
                key: PartitionKey {
                    cluster: at.cluster.as_str().into(),
                    topic: at.topic.as_str().into(),
                    partition: at.partition,
                },
                // Where nothing was consumed yet, what is behind begins there.
                first_offset: end_offset.saturating_sub(lag),
                end_offset,
                position: at.position.filter(|_| at.worker.is_some() && !at.stale),
                committed_offset: at.committed_offset,
                age_seconds: if lag > 0 { status.lag.seconds } else { None },
            })
        })
        .collect();
    let live = status.workers.iter().filter(|worker| !worker.stale).count();
    JobSample {
        name: Arc::from(status.name.as_str()),
        phase,
        max_workers,
        lag: partitions.map(|partitions| JobLag {
            sampled_at_ms: jiff::Timestamp::now().as_millisecond(),
            live_workers: u32::try_from(live).unwrap_or(u32::MAX),
            unlanded: unlanded(status),
            partitions,
        }),
    }
}
