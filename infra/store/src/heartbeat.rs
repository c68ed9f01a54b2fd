//! The heartbeat document: what one worker says of itself and its jobs, every few seconds, under
//! `workers/<worker id>.json`. Written whole each time; the newest one is the only one.
//!
//! Readers accept unknown keys, so that workers of two versions may run side by side. Every `*_offset` is
//! exclusive: the next offset.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::record::DecodeError;

/// The heartbeat format this build reads and writes.
pub const HEARTBEAT_FORMAT: u32 = 1;
/// Open files listed per job; the total is told beside them.
pub const MAX_OPEN_FILES_LISTED: usize = 50;
/// Errors kept per job, the latest ones.
pub const MAX_ERRORS_LISTED: usize = 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    pub format: u32,
    /// The worker's id: the task ARN on ECS.
    pub worker: String,
    pub version: String,
    pub pool: String,
    pub started_at: Timestamp,
    /// When this document was written.
    pub at: Timestamp,
    /// The worker writes once in this many milliseconds.
    pub beat_ms: u64,
    /// True in the last document of a worker that has ended on purpose: it is not live, however fresh.
    #[serde(default)]
    pub ended: bool,
    pub memory: MemoryBeat,
    pub jobs: Vec<JobBeat>,
}

/// The process's memory budget.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MemoryBeat {
    pub limit_bytes: u64,
    /// Bytes by use: `parts`, `fetch`, `encoders` ...
    #[serde(default)]
    pub used_bytes: BTreeMap<String, u64>,
}

/// What one worker does for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Probing the bucket, joining the group, recovering.
    Starting,
    Running,
    Paused,
    Stopped,
    Failed,
    Finished,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobBeat {
    pub name: String,
    pub uid: String,
    /// The version of the specification this worker works by.
    pub config_version: u64,
    pub state: JobState,
    pub delivery: Delivery,
    /// The partitions this worker owns now.
    #[serde(default)]
    pub partitions: Vec<PartitionBeat>,
    /// At most [`MAX_OPEN_FILES_LISTED`].
    #[serde(default)]
    pub open_files: Vec<OpenFileBeat>,
    #[serde(default)]
    pub open_files_total: u64,
    #[serde(default)]
    pub waiting_for: Option<WaitingFor>,
    /// What the commit log accounts for, by whichever worker, since the job was created.
    #[serde(default)]
    pub dead_letters: DeadLetterCounts,
    /// What this worker set aside and no entry of the log accounts for yet.
    #[serde(default)]
    pub dead_letters_open: DeadLetterCounts,
    /// As declared in the commit log, and those about to be.
    #[serde(default)]
    pub gaps: Vec<GapBeat>,
    #[serde(default)]
    pub last_entry: Option<LastEntry>,
    /// Entries of the log, as this worker folds it, with a file that is not yet complete.
    #[serde(default)]
    pub uncompleted_entries: u64,
    #[serde(default)]
    pub throughput: Throughput,
    /// At most [`MAX_ERRORS_LISTED`], oldest first.
    #[serde(default)]
    pub errors: Vec<RecordError>,
    /// Files whose uploads were lost after Kafka had let their records go, as declared in the commit log.
    #[serde(default)]
    pub lost_files: u64,
    /// Records of these files, and those that a rebuild no longer found.
    #[serde(default)]
    pub lost_records: u64,
    /// True when this worker has consumed its partitions to their ends and landed all of it.
    #[serde(default)]
    pub drained: bool,
    /// True of a job that this worker had and has no more: its last word.
    #[serde(default)]
    pub past: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryMode {
    ExactlyOnce,
    AtLeastOnce,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    pub mode: DeliveryMode,
    #[serde(default)]
    pub degraded_because: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartitionBeat {
    pub cluster: String,
    pub topic: String,
    pub partition: i32,
    /// Exclusive end of the partition as last heard of.
    #[serde(default)]
    pub end_offset: Option<i64>,
    /// The next offset to consume.
    #[serde(default)]
    pub position: Option<i64>,
    /// The commit log's `low`.
    #[serde(default)]
    pub landed_offset: Option<i64>,
    #[serde(default)]
    pub committed_offset: Option<i64>,
    /// Timestamp of the record at the position, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_unconsumed_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OpenFileBeat {
    pub key: String,
    pub records: u64,
    pub bytes: u64,
    pub opened_at: Timestamp,
    /// Which rule will close it: `age`, `idle`, `event_time` ...
    pub next_trigger: String,
    /// When that rule fires at the latest; none for a size or count.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingFor {
    /// In words, `s3 SlowDown`.
    pub what: String,
    pub since: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct DeadLetterCounts {
    pub total: u64,
    #[serde(default)]
    pub by_reason: BTreeMap<String, u64>,
}

/// Offsets Kafka no longer had when the job came for them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct GapBeat {
    pub cluster: String,
    pub topic: String,
    pub partition: i32,
    /// Inclusive.
    pub from_offset: i64,
    /// Exclusive.
    pub to_offset: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastEntry {
    pub seq: u64,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Throughput {
    pub records_per_second: f64,
    pub bytes_per_second: f64,
}

/// Something that went wrong, with the record it concerns where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordError {
    pub at: Timestamp,
    /// `source`, `decode`, `route`, `encode`, `upload`, `commit`.
    pub stage: String,
    pub message: String,
    #[serde(default)]
    pub topic: Option<String>,
    #[serde(default)]
    pub partition: Option<i32>,
    #[serde(default)]
    pub offset: Option<i64>,
}

impl DeadLetterCounts {
    #[must_use]
    pub fn of(by_reason: BTreeMap<String, u64>) -> Self {
        Self { total: by_reason.values().fold(0, |sum, count| sum.saturating_add(*count)), by_reason }
    }

    /// The sum of both.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.total = self.total.saturating_add(other.total);
        for (reason, count) in &other.by_reason {
            let sum: &mut u64 = self.by_reason.entry(reason.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        self
    }
}

impl Heartbeat {
    /// Reads a stored document; the format first, so that a newer one is named as such.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        #[derive(Deserialize)]
        struct FormatOnly {
            format: u64,
        }
        let malformed = |error: serde_json::Error| DecodeError::Malformed(error.to_string());
        let head: FormatOnly = serde_json::from_slice(bytes).map_err(malformed)?;
        if head.format != u64::from(HEARTBEAT_FORMAT) {
            return Err(DecodeError::UnknownFormat(head.format));
        }
        serde_json::from_slice(bytes).map_err(malformed)
    }
}
