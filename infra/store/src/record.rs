//! The record of one job: its specification, what it shall do, and where it began.
//!
//! Invariants: `uid`, `generation` and `lanes` never change within a generation; nor does an entry of `origins` and
//! `ends`, but topics that a new document adds bring theirs with it;
//! `config_version` grows by one with each change of `spec`; a `closed` record is a tombstone: the job is gone,
//! the name is free, and the record stays only so that taking the name again is a compare-and-swap too
//! (S3 has no conditional delete to rely on, and the task role needs no right to delete).

use std::collections::BTreeMap;

use jiff::Timestamp;
use landfall_job::JobSpec;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The only record format this build reads and writes.
pub const RECORD_FORMAT: u32 = 1;

/// What the job shall do. What it does is told by the workers' heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    Running,
    /// Land the open files, stop consuming, stay in the group.
    Paused,
    /// Land the open files, leave the group.
    Stopped,
    /// Land the open files, append the closing entry, then the record becomes a tombstone.
    Deleted,
}

impl Desired {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Deleted => "deleted",
        }
    }
}

/// Where a partition begins for this generation of the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    pub cluster: String,
    pub topic: String,
    /// Kafka's id of the topic when it became the job's; none where the broker tells none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<String>,
    pub partition: i32,
    /// Inclusive: the first offset to read.
    pub start_offset: i64,
}

/// Where a partition ends for a bounded job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    pub cluster: String,
    pub topic: String,
    pub partition: i32,
    /// Exclusive: the first offset that is not read any more.
    pub end_offset: i64,
}

/// Why the job stopped itself. Written by a worker, cleared by restart and resume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    pub at: Timestamp,
    /// A short stable word: `max_ratio`, `topic_recreated`, `empty_log`, `foreign_object` ...
    pub code: String,
    pub message: String,
}

/// Which create request made this record, so that the same request sent again gets the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdempotencyMark {
    /// SHA-256 of the Idempotency-Key, hex.
    pub key_sha256: String,
    /// SHA-256 of the job document as it was understood, hex.
    pub body_sha256: String,
}

/// What may happen to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    Created,
    /// Another document.
    Changed,
    Paused,
    Resumed,
    Stopped,
    Restarted,
    Deleting,
    Failed,
    Finished,
    /// A declared skip, or a new generation that begins further back.
    OffsetsSet,
    /// Another number of workers for the job's pool. Kept with the pool, not in the job's record.
    Scaled,
}

impl EventKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Stopped => "stopped",
            Self::Restarted => "restarted",
            Self::Deleting => "deleting",
            Self::Failed => "failed",
            Self::Finished => "finished",
            Self::OffsetsSet => "offsets_set",
            Self::Scaled => "scaled",
        }
    }
}

/// One thing that happened to a job; for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobEvent {
    pub at: Timestamp,
    /// The principal, or the worker.
    pub by: String,
    /// One of [`EventKind`]'s words; kept as text, so that an older version passes on what it does not know.
    pub what: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// The Kafka Connect config a job was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// As submitted, with the name in it; what Connect's REST API gives back.
    pub config: BTreeMap<String, String>,
}

/// One job, as stored under `jobs/<name>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobRecord {
    pub format: u32,
    pub name: String,
    /// 128 random bits in hex; a new one for each generation.
    pub uid: String,
    /// 1 for the first job of this name.
    pub generation: u32,
    /// 1 at creation, one more with each change of `spec`.
    pub config_version: u64,
    pub spec: JobSpec,
    /// What the job was before, the latest versions: files are rebuilt by the document they were written under.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierSpec>,
    pub desired: Desired,
    /// One more whenever the workers shall begin anew: a restart, a resume after a failure or a stop.
    #[serde(default)]
    pub restarts: u64,
    /// Of the partitions there were when their topic became the job's; entry 0 of the log has those of the creation.
    pub origins: Vec<Origin>,
    /// Only for a bounded job: resolved once, with the origins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Vec<End>>,
    /// Commit logs of this job; fixed at creation.
    pub lanes: u32,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    pub changed_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failure>,
    /// When a bounded job had landed everything up to its ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// True once the closing entry is in the log: the name is free.
    #[serde(default)]
    pub closed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<IdempotencyMark>,
    /// Only of a job that was made by Connect's REST API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<Connector>,
    /// The latest, oldest first; also of earlier generations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<JobEvent>,
    /// Random for each write: tells our own write from another's when its answer was lost.
    #[serde(default)]
    pub write_token: String,
}

/// An earlier version of a job's document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierSpec {
    pub config_version: u64,
    pub spec: JobSpec,
}

/// Earlier versions that a record keeps.
const MAX_EARLIER: usize = 20;

/// Events that a record keeps: it is read at every poll of every worker.
const MAX_EVENTS: usize = 50;
/// Longer details end in `…`.
const MAX_DETAIL_CHARS: usize = 500;

/// Why a stored document could not be read as a job record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("record format {0} is newer than this build reads ({RECORD_FORMAT}): upgrade this process")]
    UnknownFormat(u64),
    #[error("not a job record: {0}")]
    Malformed(String),
}

impl JobRecord {
    /// Reads a stored record. The format is looked at first, so that a newer one is named as such.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct FormatOnly {
            format: u64,
        }
        let head: FormatOnly =
            serde_json::from_slice(bytes).map_err(|error| DecodeError::Malformed(error.to_string()))?;
        if head.format != u64::from(RECORD_FORMAT) {
            return Err(DecodeError::UnknownFormat(head.format));
        }
        serde_json::from_slice(bytes).map_err(|error| DecodeError::Malformed(error.to_string()))
    }

    /// Puts another document in the place of the present one, which is kept among the earlier ones.
    pub fn replace_spec(&mut self, spec: JobSpec) {
        let spec = std::mem::replace(&mut self.spec, spec);
        self.earlier.push(EarlierSpec { config_version: self.config_version, spec });
        let surplus = self.earlier.len().saturating_sub(MAX_EARLIER);
        self.earlier.drain(..surplus);
        self.config_version = self.config_version.saturating_add(1);
    }

    /// Adds to the job's history.
    pub fn note(&mut self, at: Timestamp, by: &str, what: EventKind, detail: impl Into<String>) {
        let mut detail: String = detail.into();
        if let Some((cut, _)) = detail.char_indices().nth(MAX_DETAIL_CHARS) {
            detail.truncate(cut);
            detail.push('…');
        }
        self.events.push(JobEvent { at, by: by.to_owned(), what: what.as_str().to_owned(), detail });
        let surplus = self.events.len().saturating_sub(MAX_EVENTS);
        self.events.drain(..surplus);
    }

    /// Somebody changed the record: when and who, and what for its history.
    pub fn changed(&mut self, at: Timestamp, by: &str, what: EventKind, detail: impl Into<String>) {
        self.changed_at = at;
        by.clone_into(&mut self.changed_by);
        self.note(at, by, what, detail);
    }

    /// The latest event of a kind.
    #[must_use]
    pub fn last_event(&self, what: EventKind) -> Option<&JobEvent> {
        self.events.iter().rev().find(|event| event.what == what.as_str())
    }

    /// The earlier documents with their versions.
    #[must_use]
    pub fn earlier_specs(&self) -> Vec<(u64, JobSpec)> {
        self.earlier.iter().map(|earlier| (earlier.config_version, earlier.spec.clone())).collect()
    }

    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// True when both differ in nothing but the write token.
    #[must_use]
    pub fn same_but_for_token(&self, other: &Self) -> bool {
        let mut a = self.clone();
        a.write_token.clone_from(&other.write_token);
        a == *other
    }
}
