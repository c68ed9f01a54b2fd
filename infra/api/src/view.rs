//! What the API tells of a job: the record without its bookkeeping.

use jiff::Timestamp;
use landfall_job::Change;
use landfall_store::{Desired, JobEvent, JobRecord, State, Stored, WaitingFor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::ProblemField;

/// A job as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    pub name: String,
    pub uid: String,
    /// 1 for the first job of this name.
    pub generation: u32,
    /// One more with each change of the document.
    pub config_version: u64,
    /// What the record says: `running`, `paused`, `stopped`, `failed`, `finished`, `deleting`. What the workers do is
    /// told by the status.
    pub state: String,
    pub team: String,
    pub pool: String,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    pub changed_by: String,
    pub restarts: u64,
    pub failed: Option<FailureView>,
    pub finished_at: Option<Timestamp>,
    /// The document with every default filled in.
    #[schema(value_type = Object)]
    pub spec: serde_json::Value,
    pub origins: Vec<OriginView>,
    /// Only of a bounded job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Vec<EndView>>,
    /// Only of a job that was made from a Kafka Connect config: the config as submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub connector: Option<std::collections::BTreeMap<String, String>>,
    /// Only in the answer to a create or change: what it does to the workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeView>,
    /// Only in the answer to a create or change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Why the job stopped itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailureView {
    pub at: Timestamp,
    pub code: String,
    pub message: String,
}

/// Where a partition begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OriginView {
    pub cluster: String,
    pub topic: String,
    pub topic_id: Option<String>,
    pub partition: i32,
    /// Inclusive.
    pub start_offset: i64,
}

/// Where a partition of a bounded job ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndView {
    pub cluster: String,
    pub topic: String,
    pub partition: i32,
    /// Exclusive.
    pub end_offset: i64,
}

/// What a new document asks of the workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeView {
    /// `no_change`, `in_place`, `at_file_boundary`.
    pub change: String,
    /// Dotted paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// One page of jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobList {
    pub jobs: Vec<JobView>,
    /// Give it as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
    /// Records that cannot be read, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<BrokenView>,
}

/// All jobs and workers at a glance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    pub at: Timestamp,
    /// By name.
    pub jobs: Vec<JobGlance>,
    /// How many more there are.
    pub more_jobs: u64,
    pub workers: Vec<WorkerGlance>,
}

/// One job, as its workers' heartbeats tell of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobGlance {
    pub name: String,
    pub team: String,
    pub pool: String,
    pub state: State,
    pub desired: String,
    /// True when exactly once is not promised now.
    pub degraded: bool,
    /// Null where no live worker tells.
    pub lag_records: Option<u64>,
    pub lag_seconds: Option<f64>,
    pub records_per_second: f64,
    pub bytes_per_second: f64,
    pub dead_letters: u64,
    pub open_files: u64,
    /// Live ones.
    pub workers: u64,
    pub waiting_for: Option<WaitingFor>,
    /// The first of the status' reasons.
    pub reason: Option<String>,
    pub failed: Option<FailureView>,
    pub finished_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// True of a job that was made from a Kafka Connect config.
    pub connector: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkerGlance {
    pub worker: String,
    pub version: String,
    pub pool: String,
    /// When its last heartbeat was written.
    pub at: Timestamp,
    pub stale: bool,
    pub memory_used_bytes: u64,
    pub memory_limit_bytes: u64,
    pub jobs: u64,
    pub partitions: u64,
}

/// A job's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventList {
    /// The newest first: the job's own, the latest 50; and of the latest 20 changes of the number of workers of its
    /// present pool those since the job was created.
    pub events: Vec<JobEvent>,
}

/// What a job landed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObjectList {
    /// The newest first.
    pub objects: Vec<ObjectView>,
    /// Give it as `cursor` for what is older; null at the end. A page may be empty and have one.
    pub next_cursor: Option<String>,
}

/// A file of the commit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObjectView {
    pub bucket: String,
    pub key: String,
    /// The object in the console of AWS; null while it is not visible, and where the buckets are on another server.
    #[serde(default)]
    pub url: Option<String>,
    /// `data` or `dead_letter`.
    pub kind: String,
    pub bytes: u64,
    pub records: u64,
    /// False while neither the log nor the object itself says that the upload is complete.
    pub visible: bool,
    /// The entry of the commit log.
    pub seq: u64,
    pub written_at: Timestamp,
    pub worker: String,
    /// Of the job's timestamp source, inclusive.
    pub min_timestamp: Timestamp,
    /// Inclusive.
    pub max_timestamp: Timestamp,
    /// What the entry holds in all its files.
    pub partitions: Vec<OffsetRangeView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OffsetRangeView {
    pub cluster: String,
    pub topic: String,
    pub partition: i32,
    /// Inclusive.
    pub from_offset: u64,
    /// Exclusive; there may be offsets between them that the entry does not hold.
    pub to_offset: u64,
}

/// Dead letters with their raw records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LetterList {
    /// Of the job since its creation.
    pub total: u64,
    pub by_reason: std::collections::BTreeMap<String, u64>,
    /// As they lie in S3, those of the newest object first.
    #[schema(value_type = Vec<Object>)]
    pub letters: Vec<serde_json::Value>,
    /// Objects that could not be read, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
    pub next_cursor: Option<String>,
}

/// Where each partition stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OffsetList {
    pub offsets: Vec<OffsetView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OffsetView {
    pub cluster: String,
    pub topic: String,
    pub partition: i32,
    /// Inclusive: where the job began.
    pub start_offset: i64,
    /// Exclusive: everything below has landed or is accounted for.
    pub landed_offset: Option<i64>,
    /// Exclusive.
    pub committed_offset: Option<i64>,
    /// Exclusive.
    pub end_offset: Option<i64>,
    /// Records.
    pub lag: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrokenView {
    pub name: String,
    pub reason: String,
}

/// The answer of a dry run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Validation {
    pub valid: bool,
    pub errors: Vec<ProblemField>,
    pub warnings: Vec<String>,
    /// The document with every default filled in, where it could be read.
    #[schema(value_type = Option<Object>)]
    pub spec: Option<serde_json::Value>,
    /// Where each partition would begin.
    pub origins: Vec<OriginView>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Vec<EndView>>,
}

impl From<&landfall_store::Origin> for OriginView {
    fn from(origin: &landfall_store::Origin) -> Self {
        Self {
            cluster: origin.cluster.clone(),
            topic: origin.topic.clone(),
            topic_id: origin.topic_id.clone(),
            partition: origin.partition,
            start_offset: origin.start_offset,
        }
    }
}

impl From<&landfall_store::End> for EndView {
    fn from(end: &landfall_store::End) -> Self {
        Self {
            cluster: end.cluster.clone(),
            topic: end.topic.clone(),
            partition: end.partition,
            end_offset: end.end_offset,
        }
    }
}

impl From<Change> for ChangeView {
    fn from(change: Change) -> Self {
        let (change, fields) = match change {
            Change::NoChange => ("no_change", Vec::new()),
            Change::InPlace { fields } => ("in_place", fields),
            Change::AtFileBoundary { fields } => ("at_file_boundary", fields),
        };
        Self { change: change.to_owned(), fields }
    }
}

/// What [`state`] may say.
pub(crate) const STATES: [&str; 6] = ["running", "paused", "stopped", "failed", "finished", "deleting"];

pub(crate) fn state(record: &JobRecord) -> &'static str {
    match record.desired {
        Desired::Deleted => "deleting",
        _ if record.failed.is_some() => "failed",
        _ if record.finished_at.is_some() => "finished",
        Desired::Running => "running",
        Desired::Paused => "paused",
        Desired::Stopped => "stopped",
    }
}

impl From<&Stored> for JobView {
    fn from(stored: &Stored) -> Self {
        let record = &stored.record;
        Self {
            name: record.name.clone(),
            uid: record.uid.clone(),
            generation: record.generation,
            config_version: record.config_version,
            state: state(record).to_owned(),
            team: record.spec.team.clone(),
            pool: record.spec.pool.clone(),
            created_at: record.created_at,
            changed_at: record.changed_at,
            changed_by: record.changed_by.clone(),
            restarts: record.restarts,
            failed: record.failed.as_ref().map(|failure| FailureView {
                at: failure.at,
                code: failure.code.clone(),
                message: failure.message.clone(),
            }),
            finished_at: record.finished_at,
            // A record that was read can be written again.
            spec: serde_json::to_value(&record.spec).unwrap_or_default(),
            origins: record.origins.iter().map(OriginView::from).collect(),
            ends: record.ends.as_ref().map(|ends| ends.iter().map(EndView::from).collect()),
            connector: record.connector.as_ref().map(|connector| connector.config.clone()),
            change: None,
            warnings: Vec::new(),
        }
    }
}
