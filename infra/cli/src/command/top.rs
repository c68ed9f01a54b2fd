//! `top`: all jobs and workers, live.

use std::time::Duration;

use clap::Args;
use landfall_api::Overview;
use landfall_job::DurationMs;

use super::wait::state_word;
use super::watch;
use crate::cli::duration;
use crate::client::ApiArguments;
use crate::exit::Outcome;
use crate::output::{self, Format, bytes, grouped, or_dash, table};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How often it looks
    #[arg(long, default_value = "2s", value_parser = duration)]
    interval: DurationMs,
    /// Look once, and end
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    api: ApiArguments,
}

pub(crate) async fn run(arguments: Arguments, format: Format) -> Outcome {
    let client = arguments.api.client()?;
    let look = async || {
        let overview = client.overview().await?;
        Ok(output::shown(format, &overview, || told(&overview))?)
    };
    if arguments.once {
        return Ok(output::print(&look().await?)?);
    }
    watch::watch(Duration::from_millis(arguments.interval.millis()), format, look).await
}

fn told(overview: &Overview) -> String {
    let jobs = overview.jobs.iter().map(|job| {
        vec![
            job.name.clone(),
            state_word(job.state).to_owned(),
            or_dash(job.lag_records.map(grouped)),
            or_dash(job.lag_seconds.map(|seconds| format!("{seconds:.0} s"))),
            format!("{:.0}", job.records_per_second),
            bytes(rounded(job.bytes_per_second)),
            grouped(job.dead_letters),
            job.workers.to_string(),
            job.reason.clone().unwrap_or_default(),
        ]
    });
    let header = ["job", "state", "lag", "behind", "records/s", "bytes/s", "letters", "workers", "why"];
    let mut text = table(&header, jobs);
    if overview.more_jobs > 0 {
        text.push_str(&format!("and {} more\n", grouped(overview.more_jobs)));
    }
    text.push('\n');
    let workers = overview.workers.iter().map(|worker| {
        vec![
            worker.worker.clone(),
            worker.pool.clone(),
            worker.version.clone(),
            worker.jobs.to_string(),
            worker.partitions.to_string(),
            format!("{} of {}", bytes(worker.memory_used_bytes), bytes(worker.memory_limit_bytes)),
            if worker.stale { "gone".to_owned() } else { String::new() },
        ]
    });
    text.push_str(&table(&["worker", "pool", "version", "jobs", "partitions", "memory", ""], workers));
    text
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a rate is no more than a disk writes
fn rounded(rate: f64) -> u64 {
    rate.max(0.0) as u64
}
