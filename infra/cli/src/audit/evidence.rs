//! What the audit has seen, before anything is made of it.

use std::collections::BTreeMap;

use landfall_commit::{Entry, FileSets, Lane, Seq};
use landfall_s3::store::OpenUpload;

/// Bucket and key.
pub(super) type Place = (String, String);

/// One lane of the log.
#[derive(Debug, Clone, Default)]
pub(super) struct LaneLog {
    pub(super) lane: Lane,
    /// As far as they could be read, in the order of their keys.
    pub(super) entries: Vec<Entry>,
    pub(super) sets: BTreeMap<Seq, FileSets>,
    /// What could not be read, in words.
    pub(super) damage: Vec<String>,
}

/// An object that is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Visible {
    pub(super) job: Option<String>,
    pub(super) token: Option<String>,
    pub(super) bytes: u64,
    /// By its metadata.
    pub(super) told_records: Option<u64>,
    /// By reading it: the number of records, or why they could not be counted.
    pub(super) counted: Option<Result<u64, String>>,
}

/// What Kafka says of one partition. Offsets are exclusive but for the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct KafkaPartition {
    pub(super) topic_id: Option<String>,
    /// Of the job's group, with the commit's metadata.
    pub(super) committed: Option<(u64, String)>,
    pub(super) log_start: Option<u64>,
    /// As far as the job's isolation lets it read.
    pub(super) end: Option<u64>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Evidence {
    pub(super) lanes: Vec<LaneLog>,
    /// Every object the log names that is there, and those others that say that they are this job's.
    pub(super) objects: BTreeMap<Place, Visible>,
    /// Listed under the job's prefixes, and no business of this job.
    pub(super) other_objects: u64,
    /// Open uploads under the job's prefixes; `None` where the store does not tell.
    pub(super) uploads: Option<Vec<OpenUpload>>,
    /// By topic and partition.
    pub(super) kafka: BTreeMap<(String, i32), KafkaPartition>,
    pub(super) now_ms: i64,
}
