//! A bounded job over the whole topic, run by a worker with the memory limit that an operator would give it, and then
//! checked: nothing missing, nothing twice.

mod check;
mod job;

pub use job::spec;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use landfall_s3::{SharedStore, SystemTimer};
use landfall_store::record::JobRecord;
use landfall_store::{JobStore, StateLocation};
use landfall_worker::budget::Budget;
use landfall_worker::io::{Scratch, Threads};
use landfall_worker::settings::EngineSettings;
use landfall_worker::shares::Shares;
use landfall_worker::supervisor::{Worker, WorkerParts};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::measure::{LandedReport, Meter, StageReport};
use crate::place::{BUCKET, Place};
use crate::shape::Shape;
use crate::tally::Tally;

/// As `landfall worker` has it where one file a partition is open; by field it is shorter, so that the peak of open
/// files is seen, which the worker tells once a beat.
const BEAT: Duration = Duration::from_secs(3);
const BEAT_BY_FIELD: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(200);
const LOOK_AT_BUDGET_EVERY: Duration = Duration::from_millis(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const SCRATCH_BYTES: u64 = 20 << 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Jsonl,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Compression {
    None,
    Zstd,
    Gzip,
}

impl Compression {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }
}

#[derive(Debug, Clone, Args)]
pub struct LandArgs {
    /// the topic to land, as it is now
    #[arg(long, default_value = "bench-bids")]
    pub topic: String,
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    pub format: Format,
    /// Parquet is always zstd
    #[arg(long, value_enum, default_value_t = Compression::Zstd)]
    pub compression: Compression,
    /// what the records are like: the columns of Parquet
    #[arg(long, value_enum, default_value_t)]
    pub shape: Shape,
    /// one object path for each value of the field `campaign`, instead of one for each partition and hour
    #[arg(long)]
    pub by_campaign: bool,
    /// the worker's memory limit, in MiB
    #[arg(long, default_value_t = 512)]
    pub memory_mib: u64,
    /// a folder for what does not fit into memory; without it files are closed early
    #[arg(long)]
    pub scratch: Option<PathBuf>,
    /// seconds after which the stage fails
    #[arg(long, default_value_t = 900)]
    pub within: u64,
}

impl LandArgs {
    fn stage_name(&self) -> String {
        let mut name = match self.format {
            Format::Jsonl => format!("JSONL {}", self.compression.name()),
            Format::Parquet => "Parquet zstd".to_owned(),
        };
        if self.by_campaign {
            name.push_str(if self.scratch.is_some() { ", by field, scratch" } else { ", by field, no scratch" });
        }
        name
    }
}

pub fn land(place: &Place, args: &LandArgs) -> anyhow::Result<StageReport> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_env("LANDFALL_LOG").unwrap_or_else(|_| "warn".into()))
        .init();
    let tally = Tally::install()?;
    // As `landfall worker` builds it: as many threads as cores.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(Box::pin(run(place, args, &tally)))
}

async fn run(place: &Place, args: &LandArgs, tally: &Tally) -> anyhow::Result<StageReport> {
    let (store, own) = (place.counted_store().await?, place.own_store().await?);
    let topic = tokio::task::block_in_place(|| place.topic(&args.topic))?;
    let expected = topic.records();
    // A state prefix of its own: the worker sees this job and no other.
    let uid = format!("{:032x}", Timestamp::now().as_nanosecond());
    let state = StateLocation::new(BUCKET, &format!("_landfall/{uid}/"));
    let record = job::create(&own, &state, &uid, args, &topic).await?;
    let jobs = JobStore::new(Arc::clone(&own), state.clone(), Arc::new(SystemTimer));

    let meter = Meter::start()?;
    let started_at = Timestamp::now();
    let (stop, parts) = (CancellationToken::new(), worker_parts(place, args, &store, &state)?);
    let accounted = tokio::spawn(peak_of(Arc::clone(&parts.budget), stop.clone()));
    let worker = tokio::spawn(Worker::new(parts).run(stop.clone(), || {}));
    let finished = finished(&jobs, &record, Duration::from_secs(args.within)).await;
    stop.cancel();
    let ended = tokio::time::timeout(STOP_TIMEOUT, worker).await;
    let finished_at = finished?;
    ended.context("the worker did not end in time")??;
    let mut report = meter.stop(&args.stage_name(), expected, 0)?;
    report.wall_ms = u64::try_from(finished_at.duration_since(started_at).as_millis())?;
    let mut landed = LandedReport {
        requests: tally.by_label("landfall_s3_requests_total", "operation"),
        answers: tally.by_label("landfall_s3_requests_total", "outcome"),
        open_files_peak: tally.peak("landfall_open_files"),
        accounted_bytes_peak: accounted.await?,
        closed_by: tally.by_label("landfall_objects_completed_total", "trigger"),
        ..LandedReport::default()
    };

    let found = check::check(&own, &state, &record, args).await?;
    landed.appended_ms = u64::try_from(found.last_file_at_ms - started_at.as_millisecond()).unwrap_or(0);
    landed.entries = found.entries;
    landed.objects = found.objects;
    landed.object_bytes = found.object_bytes;
    report.input_bytes = found.value_bytes.unwrap_or(0);
    report.landed = Some(landed);
    let said = [("in the log", found.records), ("held offsets", found.offsets), ("in the objects", found.rows)];
    for (what, count) in said {
        ensure!(count == expected, "{count} records {what}, {expected} in the topic");
    }
    Ok(report)
}

/// The most that was charged to the budget, looked at often.
async fn peak_of(budget: Arc<Budget>, end: CancellationToken) -> u64 {
    let mut peak = 0;
    while !end.is_cancelled() {
        peak = peak.max(budget.used_bytes());
        tokio::time::sleep(LOOK_AT_BUDGET_EVERY).await;
    }
    peak
}

fn worker_parts(
    place: &Place,
    args: &LandArgs,
    store: &SharedStore,
    state: &StateLocation,
) -> anyhow::Result<WorkerParts> {
    let shares = Shares::of(args.memory_mib << 20);
    let engine = EngineSettings::for_budget(shares.buffer_bytes());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let scratch = match &args.scratch {
        Some(dir) => Some(Scratch::open(dir, SCRATCH_BYTES).with_context(|| format!("scratch at {}", dir.display()))?),
        None => None,
    };
    Ok(WorkerParts {
        id: "bench".to_owned(),
        pool: "shared".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        store: Arc::clone(store),
        state: state.clone(),
        clusters: BTreeMap::from([(job::CLUSTER.to_owned(), place.connection())]),
        rack: None,
        memory_bytes: args.memory_mib << 20,
        budget: Budget::within(args.memory_mib << 20, shares.accounted_bytes),
        scratch,
        upload_slots: Arc::new(Semaphore::new(shares.upload_slots(engine.part_size_bytes))),
        engine,
        probe_every: Duration::from_secs(600),
        upload_lifetime_ms: None,
        drain_timeout: Duration::from_secs(20),
        beat: if args.by_campaign { BEAT_BY_FIELD } else { BEAT },
        timer: Arc::new(SystemTimer),
        spawner: Arc::new(Threads::new(Handle::current(), cores)?),
        fetch_kbytes: u32::try_from(shares.fetch_bytes / 1_024).unwrap_or(u32::MAX),
    })
}

/// When the worker wrote that the job is finished.
async fn finished(jobs: &JobStore, record: &JobRecord, within: Duration) -> anyhow::Result<Timestamp> {
    let deadline = tokio::time::Instant::now() + within;
    loop {
        let now = jobs.get(&record.name).await?.record;
        if let Some(failure) = now.failed {
            bail!("the job failed: {}: {}", failure.code, failure.message);
        }
        if let Some(at) = now.finished_at {
            return Ok(at);
        }
        ensure!(tokio::time::Instant::now() < deadline, "the job is not finished after {} s", within.as_secs());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
