//! The status document: what `GET /v1/jobs/{name}/status` answers. Names and meaning are a contract.
//!
//! `end_offset`, `position`, `landed_offset` and `committed_offset` are exclusive: the next offset. Lag is end minus
//! position where a live heartbeat covers the partition, else end minus committed: records that wait in an open
//! file are not lag.

use std::collections::BTreeMap;

use jiff::Timestamp;
use landfall_commit::Totals;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::heartbeat::{
    DeadLetterCounts, Delivery, GapBeat, LastEntry, OpenFileBeat, RecordError, Throughput, WaitingFor,
};
use crate::heartbeats::SeenHeartbeat;
use crate::record::{Failure, JobRecord};
use crate::scaling::ScalingDecision;

/// A partition of a registered cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId {
    pub cluster: String,
    pub topic: String,
    pub partition: i32,
}

/// What Kafka itself says of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartitionOffsets {
    /// The first offset the broker still has.
    pub start_offset: Option<i64>,
    /// Exclusive.
    pub end_offset: Option<i64>,
    /// Of the job's consumer group, exclusive; none where it never committed.
    pub committed_offset: Option<i64>,
}

/// Kafka's side, for the partitions no live worker covers.
pub type KafkaOffsets = BTreeMap<PartitionId, PartitionOffsets>;

/// What the commit log says, read without any worker.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogView {
    /// Entries with a file that is not complete yet.
    pub uncompleted_entries: u64,
    /// The log's `low`, exclusive.
    pub landed: BTreeMap<PartitionId, i64>,
    pub last_entry: Option<LastEntry>,
    pub dead_letters: DeadLetterCounts,
    pub gaps: Vec<GapBeat>,
    pub lost_files: u64,
    pub lost_records: u64,
    pub closing: bool,
}

/// Gaps listed of one partition, the first ones.
const GAPS: usize = 100;

impl LogView {
    /// Adds what one lane sums up to.
    pub(crate) fn add(&mut self, totals: &Totals) {
        let letters = DeadLetterCounts::of(totals.dead_letters.clone());
        self.dead_letters = std::mem::take(&mut self.dead_letters).plus(&letters);
        self.lost_files = self.lost_files.saturating_add(totals.lost_files);
        self.lost_records = self.lost_records.saturating_add(totals.lost_records);
        let signed = |offset: u64| i64::try_from(offset).unwrap_or(i64::MAX);
        for (source, gap) in &totals.gaps {
            self.gaps.extend(gap.runs().take(GAPS).map(|run| GapBeat {
                cluster: source.cluster.clone(),
                topic: source.topic.clone(),
                partition: source.partition,
                from_offset: signed(run.start),
                to_offset: signed(run.end),
            }));
        }
    }
}

/// Everything the merge looks at.
#[derive(Debug, Clone, Copy)]
pub struct StatusInputs<'a> {
    /// What was decided last about the size of the job's pool, where somebody looked it up.
    pub scaling: Option<&'a ScalingDecision>,
    pub record: &'a JobRecord,
    pub workers: &'a [SeenHeartbeat],
    /// None when Kafka was not asked or did not answer.
    pub kafka: Option<&'a KafkaOffsets>,
    /// None when the log was not read.
    pub log: Option<&'a LogView>,
    /// Nobody reads the log: a job that wants to rest and has no worker is taken at its word.
    pub at_its_word: bool,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatusDocument {
    pub name: String,
    pub uid: String,
    pub state: State,
    /// What was asked for: `running`, `paused`, `stopped`, `deleted`.
    pub desired: String,
    /// "Why is nothing written?", in words; the first one matters most.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// True when nothing consumed is unlanded and lag is 0.
    pub drained: bool,
    pub generation: u32,
    /// The version of the specification that was asked for.
    pub config_version: u64,
    /// The oldest version a live worker still works by; none without one.
    pub applied_config_version: Option<u64>,
    pub delivery: Delivery,
    pub lag: Lag,
    pub throughput: Throughput,
    pub partitions: Vec<PartitionStatus>,
    /// At most 50 a worker; the total is told beside it.
    pub open_files: Vec<OpenFileBeat>,
    pub open_files_total: u64,
    pub waiting_for: Option<WaitingFor>,
    pub dead_letters: DeadLetterCounts,
    pub gaps: Vec<GapBeat>,
    /// Declared losses: files whose uploads were lost after Kafka had let their records go ...
    pub lost_files: u64,
    /// ... and how many records that are.
    pub lost_records: u64,
    pub last_entry: Option<LastEntry>,
    /// Entries with a file that is not complete yet; none where nobody could say.
    pub uncompleted_entries: Option<u64>,
    /// The latest 20, oldest first.
    pub errors: Vec<RecordError>,
    /// Why the job stopped itself.
    pub failed: Option<FailureStatus>,
    pub finished_at: Option<Timestamp>,
    pub workers: Vec<WorkerStatus>,
}

/// What the job does. `paused`, `stopped` and `deleted` are told only once every entry is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Running,
    Paused,
    Stopped,
    Failed,
    Finished,
    /// Landing what is open before the closing entry is written.
    Deleting,
    Deleted,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Lag {
    /// Sum over the partitions whose lag is known; none where no partition's is.
    pub records: Option<u64>,
    /// Age of the oldest record not yet consumed.
    pub seconds: Option<f64>,
    /// True when `seconds` was computed from the rate because the record could not be read.
    pub seconds_estimated: bool,
    /// Partitions whose lag nobody could tell.
    pub unknown_partitions: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartitionStatus {
    pub cluster: String,
    pub topic: String,
    pub partition: i32,
    /// The live worker that covers it.
    pub worker: Option<String>,
    /// True when what is told comes from a worker that is gone.
    pub stale: bool,
    pub end_offset: Option<i64>,
    pub position: Option<i64>,
    pub landed_offset: Option<i64>,
    pub committed_offset: Option<i64>,
    /// Records.
    pub lag: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailureStatus {
    pub at: Timestamp,
    pub code: String,
    pub message: String,
}

impl From<&Failure> for FailureStatus {
    fn from(failure: &Failure) -> Self {
        Self { at: failure.at, code: failure.code.clone(), message: failure.message.clone() }
    }
}

/// A worker that has, or lately had, this job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkerStatus {
    pub worker: String,
    pub version: String,
    pub pool: String,
    /// What the worker says it does for this job.
    pub state: crate::heartbeat::JobState,
    pub config_version: u64,
    /// When its last heartbeat was written.
    pub at: Timestamp,
    /// True when no newer heartbeat came for three beats, or the worker has ended.
    pub stale: bool,
    pub partitions: u64,
}

impl StatusDocument {
    /// Merges record, heartbeats and what Kafka and the log say.
    #[must_use]
    pub fn merge(inputs: &StatusInputs<'_>) -> Self {
        crate::status_merge::merge(inputs)
    }
}
