//! Starting a job: probe the buckets, make the clients, make the engine, start its thread.

use std::sync::Arc;
use std::time::Duration;

use landfall_commit::JobUid;
use landfall_dlq::TopicWriter;
use landfall_job::Topics as SpecTopics;
use landfall_kafka::{ClusterClient, Isolation, KafkaSource, SourceSettings, TopicPattern, Topics};
use landfall_s3::{CheckName, ErrorKind, ProbeReport, ProbeSettings, StoreError, probe};
use landfall_store::record::JobRecord;

use super::WorkerParts;
use super::reprobe::reasons;
use crate::budget::{Account, Use};
use crate::engine::plan::JobPlan;
use crate::engine::{Engine, Identity, Parts};
use crate::ids::Ids;
use crate::io::{ClusterPort, Io, IoParts, LetterPort, ScratchPort};
use crate::runner::{Runner, SystemClock, ends_of};
use crate::settings::EngineSettings;
use crate::wait::Waits;

const KAFKA_TIMEOUT: Duration = Duration::from_secs(10);
/// A consumer with less than this cannot keep its fetches going.
const MIN_FETCH_KBYTES: u32 = 1_024;
const MAX_FETCH_KBYTES: u32 = 32_768;

pub(super) struct Started {
    pub runner: Runner,
    pub degraded_because: Vec<String>,
}

/// Why a job did not start. `for_good`: it will not heal by itself, the job fails.
#[derive(Debug)]
pub(super) struct NotStarted {
    pub code: String,
    pub message: String,
    pub for_good: bool,
}

fn for_good(code: &str, message: impl std::fmt::Display) -> NotStarted {
    NotStarted { code: code.to_owned(), message: message.to_string(), for_good: true }
}

impl From<StoreError> for NotStarted {
    fn from(error: StoreError) -> Self {
        let for_good = matches!(
            error.kind,
            ErrorKind::NoSuchBucket
                | ErrorKind::AccessDenied
                | ErrorKind::Rejected
                | ErrorKind::NoSuchKey
                | ErrorKind::NotImplemented
        );
        Self { code: error.code.clone(), message: error.to_string(), for_good }
    }
}

/// `jobs_here`: how many jobs share the fetch memory, this one included.
pub(super) async fn start(parts: &WorkerParts, record: &JobRecord, jobs_here: usize) -> Result<Started, NotStarted> {
    let spec = &record.spec;
    let plan = JobPlan::compile(spec.clone(), record.config_version).map_err(|e| for_good("bad_job", e))?;
    let plan = Arc::new(plan.with_earlier(record.earlier_specs()).within(parts.engine.max_record_bytes));
    let connection = parts.clusters.get(&spec.source.cluster).cloned().ok_or_else(|| {
        for_good("unknown_cluster", format!("cluster {} is not registered with this worker", spec.source.cluster))
    })?;
    let report = probe_buckets(parts, record, &plan).await?;
    if let Some(finding) = report.refused() {
        return Err(for_good(finding.check.name(), &finding.detail));
    }
    let degraded_because = reasons(&report);
    for reason in &degraded_because {
        tracing::warn!(job = %record.name, reason = %reason, "delivery is degraded to at_least_once");
    }
    let conditional_complete = report.of(CheckName::ConditionalComplete).is_none_or(|finding| finding.ok);

    let share = parts.fetch_kbytes / u32::try_from(jobs_here).unwrap_or(u32::MAX).max(1);
    let mut source = SourceSettings::new(connection.clone(), spec.group_id(), topics(&spec.source.topics)?);
    source.isolation = isolation(spec.source.isolation);
    source.queue_kbytes = share.clamp(MIN_FETCH_KBYTES, MAX_FETCH_KBYTES);
    source.fetch_max_bytes = (source.queue_kbytes * 1_024 / 2).clamp(1 << 20, 16 << 20);
    source.rack.clone_from(&parts.rack);
    let consumer = KafkaSource::connect(&source).map_err(|e| for_good("kafka_settings", e))?;
    let kafka = ClusterClient::new(&connection, KAFKA_TIMEOUT).map_err(|e| for_good("kafka_settings", e))?;
    let letters = match &spec.dead_letter.topic {
        Some(topic) => {
            let cluster = &spec.dead_letter.cluster;
            let to = parts.clusters.get(cluster).ok_or_else(|| {
                for_good(
                    "unknown_cluster",
                    format!("cluster {cluster} of dead_letter is not registered with this worker"),
                )
            })?;
            let writer = TopicWriter::connect(to, topic).map_err(|e| for_good("dead_letter_topic", e))?;
            Some(Arc::new(writer) as Arc<dyn LetterPort>)
        }
        None => None,
    };

    let (waits, clock) = (Waits::of(&record.name, &record.uid), SystemClock::default());
    let mut account = Account::new(Arc::clone(&parts.budget));
    account.set(Use::Fetch, u64::from(source.queue_kbytes) * 1_024);
    let engine_settings = EngineSettings { ..parts.engine.clone() };
    let (answers, outcomes) = crossbeam_channel::unbounded();
    let io = Io::new(
        IoParts {
            job: record.name.clone(),
            pool: parts.pool.clone(),
            uid: JobUid(record.uid.clone()),
            store: Arc::clone(&parts.store),
            state_bucket: parts.state.bucket.clone(),
            state_prefix: parts.state.prefix.clone(),
            kafka: Arc::new(ClusterPort {
                client: kafka,
                connection,
                cluster: spec.source.cluster.clone(),
                group: spec.group_id(),
                isolation: source.isolation,
            }),
            letters,
            scratch_prefix: parts.scratch.as_ref().map(|s| s.fresh_prefix(&record.name)).unwrap_or_default(),
            scratch: parts.scratch.clone().map(|scratch| Arc::new(scratch) as Arc<dyn ScratchPort>),
            timer: Arc::clone(&parts.timer),
            spawner: Arc::clone(&parts.spawner),
            upload_slots: Arc::clone(&parts.upload_slots),
            waits: waits.clone(),
            conditional_complete,
            part_size_bytes: engine_settings.part_size_bytes,
        },
        answers,
    );
    let ends = record.ends.as_ref().map(|ends| {
        let ends: Vec<_> = ends.iter().map(|end| (end.topic.clone(), end.partition, end.end_offset)).collect();
        ends_of(&ends)
    });
    let engine = Engine::new(Parts {
        identity: Identity {
            job: record.name.clone(),
            uid: JobUid(record.uid.clone()),
            worker: parts.id.clone(),
            state_bucket: parts.state.bucket.clone(),
            state_prefix: parts.state.prefix.clone(),
        },
        plan,
        ends,
        origins: record
            .origins
            .iter()
            .map(|o| ((o.topic.clone(), o.partition), u64::try_from(o.start_offset).unwrap_or(0)))
            .collect(),
        settings: engine_settings,
        account,
        ids: Ids::random(),
        waits,
        scratch: parts.scratch.is_some(),
        now: clock.now(),
    });
    let runner = Runner::start(&record.name, engine, Box::new(consumer), io, outcomes, clock)
        .map_err(|e| NotStarted { code: "thread".to_owned(), message: e.to_string(), for_good: false })?;
    Ok(Started { runner, degraded_because })
}

/// # Errors
/// The buckets could not be asked.
pub(super) async fn probe_buckets(
    parts: &WorkerParts,
    record: &JobRecord,
    plan: &JobPlan,
) -> Result<ProbeReport, StoreError> {
    let settings = ProbeSettings {
        state_bucket: parts.state.bucket.clone(),
        state_prefix: parts.state.prefix.clone(),
        data_bucket: record.spec.sink.bucket.clone(),
        data_prefix: plan.spec.sink.key.literal_prefix().to_owned(),
        upload_lifetime_ms: parts.upload_lifetime_ms,
        max_open_ms: plan.spec.sink.rotate.age.millis(),
        unique: Ids::random().token(),
    };
    probe(parts.store.as_ref(), settings).await
}

fn topics(topics: &SpecTopics) -> Result<Topics, NotStarted> {
    match topics {
        SpecTopics::Named(names) => Ok(Topics::Names(names.clone())),
        SpecTopics::Matching(pattern) => {
            let pattern = TopicPattern::parse(pattern.as_str()).map_err(|e| for_good("bad_job", e))?;
            Ok(Topics::Pattern(pattern))
        }
    }
}

fn isolation(isolation: landfall_job::Isolation) -> Isolation {
    match isolation {
        landfall_job::Isolation::ReadCommitted => Isolation::ReadCommitted,
        landfall_job::Isolation::ReadUncommitted => Isolation::ReadUncommitted,
    }
}
