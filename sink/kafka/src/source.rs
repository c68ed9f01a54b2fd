//! The port to Kafka's consumer side: a poll that never blocks longer than told, and commands that start,
//! pause and give back partitions. Everything happens on the thread that polls.
//!
//! The life of a partition: `Assigned` → (the worker recovers its log) → [`Source::start`] at an offset, which opens
//! a new *generation* → records → `Revoked` → the worker closes what it can → [`Source::release`].
//! Between `Assigned` and `start` a partition is paused: no record of it is ever delivered.
//!
//! What the port cannot tell: a topic that is deleted and made again at once. librdkafka reads on at the old offset of
//! the new topic, without an error and without a rebalance. Only the topic's id tells
//! ([`ClusterClient::describe`](crate::ClusterClient::describe)): ids are never used twice, so an id that is still the
//! same *after* a record was taken proves that the record is of the topic one believes it is.

use std::sync::Arc;
use std::time::Duration;

/// A topic and one of its partitions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    pub topic: Arc<str>,
    pub partition: i32,
}

/// One record, borrowed from librdkafka's fetch buffer: copy what is kept, drop it at once.
#[derive(Debug, Clone, Copy)]
pub struct RecordRef<'a> {
    /// Index into the slots the source hands out (see [`Source::slot`]): cheap to compare and to index with.
    pub slot: u32,
    pub offset: i64,
    /// Milliseconds since the epoch; -1 when the record has none.
    pub timestamp_ms: i64,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Headers<'a>,
}

/// The headers of one record, read only when somebody asks (reading them costs).
#[derive(Clone, Copy)]
pub struct Headers<'a> {
    pub(crate) inner: Option<&'a dyn HeaderSource>,
}

impl<'a> Headers<'a> {
    #[must_use]
    pub fn none() -> Self {
        Self { inner: None }
    }

    #[must_use]
    pub fn from_source(inner: &'a dyn HeaderSource) -> Self {
        Self { inner: Some(inner) }
    }

    /// All headers in order; a header may have no value, and a name may repeat. Values are the record's bytes. A name
    /// is text by Kafka's protocol: where one is not UTF-8 its bad bytes are U+FFFD, as Java's clients read it.
    #[must_use]
    pub fn to_vec(self) -> Vec<(String, Option<Vec<u8>>)> {
        self.inner.map(HeaderSource::read).unwrap_or_default()
    }

    /// Bytes of all names and values together.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        self.inner.map_or(0, HeaderSource::total_bytes)
    }
}

impl std::fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Headers")
    }
}

/// Where headers are read from, lazily.
pub trait HeaderSource {
    fn read(&self) -> Vec<(String, Option<Vec<u8>>)>;

    /// Bytes of all names and values together. Asked of every record: it must not copy.
    fn total_bytes(&self) -> usize;
}

/// What a poll delivers.
#[derive(Debug)]
pub enum SourceEvent<'a> {
    Record(RecordRef<'a>),
    /// The consumer reached the end of a partition; `offset` is the event's own offset (exclusive end, as the fetch
    /// saw it: the last stable offset under read_committed). Nothing below it is still to come in this generation.
    EndOfPartition {
        slot: u32,
        offset: i64,
    },
    /// The group gave us these partitions. They are already assigned, paused.
    Assigned(Vec<TopicPartition>),
    /// The group wants these back. They deliver no more records; answer with [`Source::release`] in time.
    Revoked(Vec<TopicPartition>),
    /// They are gone already (session timed out, fenced): somebody else may own them. Released by the source itself.
    Lost(Vec<TopicPartition>),
    /// The answer to [`Source::commit`].
    Committed {
        result: Result<(), SourceError>,
        offsets: Vec<CommitOffset>,
    },
    /// An error of one partition (`slot`) or of the whole client. After it, a jump in offsets is no absence. After
    /// [`SourceErrorKind::OffsetOutOfRange`] and [`SourceErrorKind::Corrupt`] the partition delivers nothing more
    /// until it is started again: nothing is skipped without the caller.
    Error {
        slot: Option<u32>,
        error: SourceError,
    },
}

/// What went wrong on the consumer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("kafka: {message} ({code})")]
pub struct SourceError {
    pub kind: SourceErrorKind,
    /// librdkafka's name of the error, `UNKNOWN_TOPIC_OR_PART`.
    pub code: String,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceErrorKind {
    /// The position lies outside what the broker has (retention, truncation, re-creation): declare or stop.
    OffsetOutOfRange,
    /// The topic or partition does not exist (any more).
    UnknownTopic,
    /// Not authorised for topic, group or cluster.
    Authorization,
    /// SASL or TLS refused us.
    Authentication,
    /// Broker down, resolve, transport, time-out: librdkafka goes on trying by itself.
    Transient,
    /// A batch could not be read (CRC, decompression): librdkafka skips it, we must not.
    Corrupt,
    /// The client is finished (fatal error, fenced static member).
    Fatal,
    Other,
}

/// One offset to commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitOffset {
    pub partition: TopicPartition,
    /// Exclusive: the next offset to read.
    pub offset: i64,
    /// Commit metadata; ours is the job's uid.
    pub metadata: String,
}

/// Of each partition the committed offset (exclusive) with its metadata, `None` where nothing was committed.
pub type CommittedOffsets = Vec<(TopicPartition, Option<(i64, String)>)>;

/// The consumer of one job on one cluster. Not `Sync`: owned by the polling thread.
pub trait Source: Send {
    /// Waits up to `timeout` for the first event, then delivers what is there, at most `max_events` and some MiB.
    /// Answers how many were delivered.
    fn poll(&mut self, timeout: Duration, max_events: usize, visit: &mut dyn FnMut(SourceEvent<'_>)) -> usize;

    /// The partition behind a slot number. Slots are never reused within a source.
    fn slot(&self, slot: u32) -> &TopicPartition;
    /// The slot of a partition (made at need).
    fn slot_of(&mut self, partition: &TopicPartition) -> u32;

    /// Starts or restarts delivery at `offset` (inclusive): a seek, then resume. After it, only records of the new
    /// generation are delivered. `Err` with `Transient` means: not yet, poll and call again.
    fn start(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), SourceError>;
    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError>;
    /// Undoes `pause`, at the same position and in the same generation.
    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError>;
    /// Gives revoked partitions back to the group. They may be released one by one; the group gets them when the last
    /// of one `Revoked` is released. Partitions that are not revoked (lost meanwhile) are passed over.
    fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError>;

    /// Commits without waiting; the answer comes as `Committed`.
    fn commit(&mut self, offsets: &[CommitOffset]) -> Result<(), SourceError>;
    /// The group's committed offsets with their metadata; `None` offset where nothing was committed. Waits up to `timeout`.
    fn committed(&mut self, partitions: &[TopicPartition], timeout: Duration) -> Result<CommittedOffsets, SourceError>;

    /// The end (exclusive) of a partition as last heard of, without a request; `None` if never heard.
    fn cached_end(&self, partition: &TopicPartition) -> Option<i64>;

    /// Leaves the group. Bounded by `timeout`.
    fn close(&mut self, timeout: Duration);
}
