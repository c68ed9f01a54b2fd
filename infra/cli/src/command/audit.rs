//! `audit`: the proof that anyone can ask for.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, anyhow};
use clap::Args;
use jiff::Timestamp;
use landfall_job::DurationMs;
use landfall_s3::timer::SystemTimer;
use landfall_store::JobStore;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::audit::{self, Options, Target};
use crate::cli::duration;
use crate::exit::{Failure, Outcome};
use crate::fleet;
use crate::output::{self, Format};

/// As a shell tells of a process that a signal ended.
const ENDED_BY_SIGNAL: u8 = 128;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The job
    job: String,
    /// The fleet configuration, YAML or JSON
    #[arg(long, value_name = "FILE", env = "LANDFALL_CONFIG")]
    config: PathBuf,
    /// Also read every object back: count its records, hash its parts, compare its offsets
    #[arg(long)]
    deep: bool,
    /// Objects read at once
    #[arg(long, value_name = "N", default_value_t = audit::PARALLEL, value_parser = parallel, requires = "deep")]
    parallel: usize,
    /// Keep here what was found right: the next audit reads only what is new, an interrupted one goes on
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Take nothing from the state, write it anew
    #[arg(long, requires = "state")]
    full: bool,
    /// Do not look at the files of earlier entries
    #[arg(long, value_name = "SEQ", conflicts_with = "state")]
    from_seq: Option<u64>,
    /// Do not look at the files of entries written before: a time in RFC 3339, or so long ago (`24h`)
    #[arg(long, value_name = "TIME", value_parser = since, conflicts_with = "state")]
    since: Option<Timestamp>,
    /// Nobody deletes this job's objects: one that is gone is a finding
    #[arg(long)]
    expect_all: bool,
    /// A file that is still not visible so long after its entry is a finding
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1h")]
    pending_after: DurationMs,
    /// An open upload that nobody names is a finding from this age on [default: 24h and the longest a file may be open]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    orphan_after: Option<DurationMs>,
    /// Others write what looks like data under the job's prefixes: no finding
    #[arg(long)]
    shared_prefix: bool,
    /// The same as `--output json`
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: Arguments, format: Format) -> Outcome {
    let config = fleet::load(&arguments.config)?;
    let store = fleet::connect_stores(&config).await?;
    let location = fleet::location(&config);
    let jobs = JobStore::new(Arc::clone(&store), location.clone(), Arc::new(SystemTimer));
    let name = &arguments.job;
    // A deleted job keeps its log and its objects, and can be audited.
    let found = jobs.lookup(name).await.context("the job store cannot be read")?;
    let record = found.ok_or_else(|| Failure::NotFound(format!("job {name:?} does not exist")))?.record;
    let cluster = &record.spec.source.cluster;
    let connections = fleet::connections(&config, "audit");
    let connection =
        connections.get(cluster).ok_or_else(|| anyhow!("cluster {cluster} of job {name} is not registered"))?;
    let kafka = fleet::kafka_client(cluster, connection, fleet::PATIENT_TIMEOUT)?;
    let target = Target { store, location, record, kafka, deep: arguments.deep };
    let format = if arguments.json { Format::Json } else { format };
    let options = Options {
        expect_all: arguments.expect_all,
        pending_after_ms: arguments.pending_after.millis(),
        orphan_after_ms: arguments.orphan_after.map(DurationMs::millis),
        parallel: arguments.parallel,
        from_seq: arguments.from_seq,
        since: arguments.since,
        shared_prefix: arguments.shared_prefix,
        state: arguments.state,
        full: arguments.full,
        progress: true,
    };
    let cancel = CancellationToken::new();
    let signalled = listen(&cancel)?;
    let report = audit::audit_with(&target, &options, &cancel).await?;
    output::show(format, &report, || report.told())?;
    if !report.complete {
        // There is no failure to tell of: the report has said it.
        std::process::exit(i32::from(ENDED_BY_SIGNAL + signalled.load(Ordering::Acquire)));
    }
    if report.clean { Ok(()) } else { Err(Failure::Found) }
}

/// The first SIGINT or SIGTERM ends the audit in order, the second one at once. Answers where its number is told.
fn listen(cancel: &CancellationToken) -> anyhow::Result<Arc<AtomicU8>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let number = Arc::new(AtomicU8::new(0));
    let (told, cancel) = (Arc::clone(&number), cancel.clone());
    tokio::spawn(async move {
        for _ in 0..2 {
            let kind = tokio::select! {
                _ = interrupt.recv() => SignalKind::interrupt(),
                _ = terminate.recv() => SignalKind::terminate(),
            };
            let raw = u8::try_from(kind.as_raw_value()).unwrap_or(0);
            if cancel.is_cancelled() {
                std::process::exit(i32::from(ENDED_BY_SIGNAL + raw));
            }
            told.store(raw, Ordering::Release);
            cancel.cancel();
        }
    });
    Ok(number)
}

fn parallel(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=64) => Ok(count),
        _ => Err(format!("{text:?} is no number of objects from 1 to 64")),
    }
}

fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let ago = duration(text)
        .map_err(|_| format!("{text:?} is neither a time as 2026-01-31T00:00:00Z nor a duration as 24h"))?;
    let ago_ms = i64::try_from(ago.millis()).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(Timestamp::now().as_millisecond().saturating_sub(ago_ms))
        .map_err(|error| format!("{text:?}: {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{parallel, since};

    #[test]
    fn since_is_a_time_or_so_long_ago() {
        assert_eq!(since("2026-01-31T00:00:00Z").unwrap().to_string(), "2026-01-31T00:00:00Z");
        assert!(since("24h").unwrap() < jiff::Timestamp::now());
        assert!(since("yesterday").unwrap_err().contains("yesterday"));
    }

    #[test]
    fn what_is_read_at_once_is_bounded() {
        assert_eq!(parallel("8"), Ok(8));
        for wrong in ["0", "65", "-1", "many"] {
            assert!(parallel(wrong).unwrap_err().contains(wrong));
        }
    }
}
