//! `landfall dev`: the whole system in one process with nothing installed. An embedded Kafka, an embedded S3 with plain
//! files, the API, one worker, a generator of ad-bid events with a few malformed ones, and a job submitted over HTTP.
//!
//! Only the endpoints are special: everything between them is what `landfall run` runs. The embedded Kafka forgets
//! everything when it ends, so each run is a topic, a job and a state folder of its own; objects of earlier runs stay.

mod events;
mod finish;
mod generator;
mod malformed;
mod parts;
mod progress;
mod reading;

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::command::dev::Arguments;
use crate::exit::{Failure, Outcome};
use crate::output::{self, Format};
use crate::signals;

use generator::{Generator, Plan};
use parts::Parts;
use progress::Progress;

/// The embedded Kafka must keep what a file's age holds back, so that more events need more partitions.
const EVENTS_PER_PARTITION: u32 = 250;
const PARTITIONS: std::ops::RangeInclusive<u32> = 4..=64;
/// Beyond this rate files close sooner, for the same reason.
const QUICK_FROM: u32 = 16_000;
const STATUS_EVERY: Duration = Duration::from_secs(1);

pub(crate) async fn run(arguments: &Arguments, format: Format) -> Outcome {
    let end = signals::listen()?;
    let partitions = (arguments.rate / EVENTS_PER_PARTITION).clamp(*PARTITIONS.start(), *PARTITIONS.end());
    let parts = Parts::start(arguments, partitions).await?;
    let ran = with_parts(arguments, format, &parts, partitions, &end).await;
    // Also after a failure the parts end in order: what was landed stays whole.
    let stopped = parts.stop().await;
    ran.and(stopped)
}

async fn with_parts(
    arguments: &Arguments,
    format: Format,
    parts: &Parts,
    partitions: u32,
    end: &CancellationToken,
) -> Outcome {
    let client = Client::new(&parts.api, None)?;
    client.create(&job(&parts.name, arguments.malformed, arguments.rate)).await?;
    if format == Format::Table {
        output::print(&reading::told(parts))?;
    }
    let plan = Plan {
        topic: parts.name.clone(),
        group: format!("landfall-{}", parts.name),
        partitions,
        rate: arguments.rate,
        malformed: arguments.malformed,
    };
    let generator = Generator::start(plan, &parts.connection).context("the generator did not start")?;
    generate(arguments, parts, &client, &generator, end).await?;
    let produced = generator.stop().await?;
    finish::finish(parts, &client, &produced, end, format).await
}

/// Generates until the time is up or somebody asks for the end, telling how it goes.
async fn generate(
    arguments: &Arguments,
    parts: &Parts,
    client: &Client,
    generator: &Generator,
    end: &CancellationToken,
) -> Result<(), Failure> {
    let started = Instant::now();
    let limit = arguments.limit.map(landfall_job::DurationMs::as_duration);
    let mut progress = Progress::new();
    loop {
        let left = limit.map(|limit| limit.saturating_sub(started.elapsed()));
        if left == Some(Duration::ZERO) || end.is_cancelled() {
            progress.clear();
            return Ok(());
        }
        generator.check()?;
        tokio::select! {
            () = end.cancelled() => continue,
            () = tokio::time::sleep(left.map_or(STATUS_EVERY, |left| left.min(STATUS_EVERY))) => {}
        }
        // A status that does not come is told by the next one that does.
        if let Ok(status) = client.status(&parts.name).await {
            progress.show(&generator.counts(), &status, &parts.landed());
        }
    }
}

/// The job that `dev` submits: quick rotation, so that objects appear within seconds.
fn job(name: &str, malformed: f64, rate: u32) -> String {
    let age = if rate > QUICK_FROM { "5s" } else { "15s" };
    // With many malformed events the job would rightly stop itself.
    let max_ratio = if malformed > 0.2 { 1.0 } else { 0.5 };
    serde_json::json!({
        "name": name,
        "source": {"cluster": parts::CLUSTER, "topics": [name], "start": "earliest"},
        "decode": {"format": "json"},
        "sink": {
            "bucket": parts::BUCKET,
            "key": "bids/dt={timestamp:%Y-%m-%d}/hour={timestamp:%H}/{topic}+{partition}+{first_offset}.{ext}",
            "timestamp": {"from": "field", "path": "ts", "unit": "ms"},
            "format": "jsonl",
            "compression": "zstd",
            "rotate": {"records": generator::RECORDS_PER_FILE, "age": age, "idle": "5s"},
        },
        "dead_letter": {"max_ratio": max_ratio},
    })
    .to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use landfall_job::JobSpec;

    #[test]
    fn the_job_of_dev_is_a_valid_document() {
        let spec = JobSpec::parse(&super::job("bids-20260131-101500", 0.01, 1_000)).unwrap();
        assert_eq!(spec.sink.key.literal_prefix(), "bids/dt=");
        assert_eq!(spec.dead_letter_prefix().as_deref(), Some("_landfall-dlq/bids-20260131-101500/"));
        assert!(JobSpec::parse(&super::job("bids-1", 1.0, 100_000)).is_ok());
    }
}
