//! What was seen of a pool at one moment. The caller measures; nothing here asks anybody.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::number::seconds_between;

/// A pool at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolSample {
    /// Now, in milliseconds since the epoch.
    pub now_ms: i64,
    /// How many workers are asked for now (an ECS service's desired count), whether or not they have started.
    pub desired: u32,
    /// The workers with a live heartbeat.
    pub workers: Vec<WorkerSample>,
    /// Every job of the pool, whatever its state; `None` where the list of jobs could not be read.
    pub jobs: Option<Vec<JobSample>>,
}

/// What a live heartbeat says of its worker.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WorkerSample {
    /// Records consumed a second, over all its jobs.
    pub records_per_second: f64,
}

/// What a job does: the states of the status document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Running, or on its way to another state with files still to land.
    Running,
    /// Consumes nothing and stays in the group: counts nothing, as do the next three.
    Paused,
    /// Left its group.
    Stopped,
    /// Waits for somebody to mend what is wrong.
    Failed,
    /// A bounded job that reached its end.
    Finished,
    /// Landing what is open before the closing entry is written: wants a worker, but no lag of its counts.
    Deleting,
    /// Its closing entry is written.
    Deleted,
}

/// One job of the pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobSample {
    /// Unique in the pool.
    pub name: Arc<str>,
    /// What it does.
    pub phase: Phase,
    /// The most workers that take part in it at once.
    pub max_workers: u32,
    /// How far it is behind; `None` where nothing could be measured, such as when its cluster does not answer.
    pub lag: Option<JobLag>,
}

/// How far a job is behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobLag {
    /// When the offsets were read, in milliseconds since the epoch.
    pub sampled_at_ms: i64,
    /// Live workers that take part in the job.
    pub live_workers: u32,
    /// Something that was consumed is not landed yet: an open file, an entry of the log that is not complete, a position
    /// past the landed offset. Without it and without lag the job is what the status document calls `drained`.
    pub unlanded: bool,
    /// All partitions of the job, with and without lag.
    pub partitions: Vec<PartitionSample>,
}

/// A partition of a registered cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartitionKey {
    /// A registered cluster's name.
    pub cluster: Arc<str>,
    /// The topic.
    pub topic: Arc<str>,
    /// Its number in the topic.
    pub partition: i32,
}

/// One partition of a job. All offsets but `first_offset` are exclusive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartitionSample {
    /// Which one.
    pub key: PartitionKey,
    /// The first offset that the job could still read: where it began, or where the broker's log begins if later.
    pub first_offset: i64,
    /// The log's end, or the end of a bounded job if earlier.
    pub end_offset: i64,
    /// Told by a live heartbeat; `None` where no live worker covers the partition.
    pub position: Option<i64>,
    /// The group's commit; `None` where it never committed.
    pub committed_offset: Option<i64>,
    /// Age of the first record not yet consumed, in seconds; `None` where it was not read.
    pub age_seconds: Option<f64>,
}

impl PartitionSample {
    /// The next offset to consume: a live worker's word, else the commit. Records that wait in an open file are
    /// behind the position, and so are no lag.
    #[must_use]
    pub fn reached(&self) -> i64 {
        self.position.or(self.committed_offset).unwrap_or(self.first_offset).max(self.first_offset)
    }

    /// Records still to be consumed.
    #[must_use]
    pub fn lag(&self) -> u64 {
        u64::try_from(self.end_offset.saturating_sub(self.reached())).unwrap_or(0)
    }
}

impl Phase {
    /// Whether the job's lag is a reason to have workers.
    #[must_use]
    pub fn counts(self) -> bool {
        self == Self::Running
    }
}

impl JobLag {
    /// How far off the sample is, in seconds: into the past, or by a wrong clock into the future.
    #[must_use]
    pub fn age_seconds(&self, now_ms: i64) -> f64 {
        seconds_between(self.sampled_at_ms.min(now_ms), now_ms.max(self.sampled_at_ms))
    }
}
