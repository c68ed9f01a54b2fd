//! What an engine asks for and what it is answered. An effect is carried out once; the engine (that is, the protocol)
//! decides about second attempts, except where the I/O side is told to repeat a plain request until it succeeds.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use landfall_commit::complete::Answer;
use landfall_commit::decide::{AppendAnswer, Existing};
use landfall_commit::recover::Facts;
use landfall_commit::{Entry, FileRef, LogState, Part, PendingFile, Seq, SourcePartition, Step, Token};
use landfall_dlq::Letter;
use landfall_format::{Chunk, FileEncoder};
use landfall_kafka::TopicPartition;
use landfall_s3::ObjectOptions;

use crate::engine::Sealed;
use crate::engine::plan::JobPlan;

/// An open file of one engine; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u64);

/// Where encoded bytes are until they leave.
#[derive(Debug, Clone)]
pub enum Segment {
    Memory(Bytes),
    /// In the file's scratch file, from `start` (inclusive), `len_bytes` long.
    Scratch {
        start: u64,
        len_bytes: u64,
        /// Of what was written there: other bytes may lie there by then.
        crc64nvme: u64,
    },
}

impl Segment {
    #[must_use]
    pub fn len_bytes(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Scratch { len_bytes, .. } => *len_bytes,
        }
    }
}

/// What to do. `file` effects of a cancelled file may go unanswered.
#[derive(Debug)]
pub enum Effect {
    /// CPU: one independent chunk of a file.
    Encode {
        file: FileId,
        number: u64,
        chunk: Sealed,
        plan: Arc<JobPlan>,
    },
    /// CPU: the next chunks of a file whose encoder has state; `finish` writes its footer.
    EncodeInOrder {
        file: FileId,
        encoder: Box<FileEncoder>,
        chunks: Vec<Chunk>,
        finish: bool,
    },
    CreateUpload {
        file: FileId,
        bucket: String,
        key: String,
        options: ObjectOptions,
    },
    UploadPart {
        file: FileId,
        bucket: String,
        key: String,
        upload_id: String,
        number: u32,
        segments: Vec<Segment>,
    },
    /// To the file's scratch file.
    Spill {
        file: FileId,
        segments: Vec<Bytes>,
    },
    /// Is the key free? Asked before the append, for names without a unique part.
    LookAtKey {
        file: FileId,
        bucket: String,
        key: String,
    },
    /// Are the parts still there? Asked before the append after a long sleep.
    CheckUpload {
        file: FileId,
        bucket: String,
        key: String,
        upload_id: String,
        parts: Vec<Part>,
    },
    /// Nobody waits for this file any more: stop its requests, remove its scratch, abort the upload where one is named.
    Forget {
        file: FileId,
        abort: Option<(String, String, String)>,
    },
    /// A foreign attempt of ours that lost: its upload is never to be completed.
    Abort {
        bucket: String,
        key: String,
        upload_id: String,
    },
    /// Until it succeeds.
    PutSidecar {
        key: String,
        json: Vec<u8>,
    },
    /// Are these topics still the ones the batch's records were read from? Asked after the last record was taken and
    /// before the append: librdkafka goes on silently in a topic that was deleted and re-created quickly.
    VerifyTopics {
        seq: Seq,
        token: Token,
        ids: BTreeMap<String, String>,
    },
    /// Once.
    Append {
        key: String,
        seq: Seq,
        token: Token,
        body: Bytes,
    },
    ReadEntry {
        seq: Seq,
        token: Token,
    },
    /// The whole log: newest checkpoint and tail. Until it succeeds, but for the job's first contact.
    LoadLog,
    /// Entries from `from` (inclusive) on, one [`Tail`]. Until it succeeds.
    FoldTail {
        from: Seq,
    },
    /// Best effort.
    PutCheckpoint {
        key: String,
        body: Vec<u8>,
    },
    /// One request of a completion.
    Complete {
        file_ref: FileRef,
        pending: Box<PendingFile>,
        step: Step,
        /// The ETag to replace; otherwise the key must be free.
        replaces: Option<String>,
        last_seq: Seq,
        known: Option<(String, String)>,
    },
    /// What Kafka says of newly assigned partitions, then the log's tail. Until it succeeds.
    Recover {
        epoch: u64,
        partitions: Vec<TopicPartition>,
        from: Seq,
    },
    /// Until all are acknowledged.
    ProduceLetters {
        batch: u64,
        letters: Arc<[Letter]>,
    },
    /// Read the file's offsets again and upload it under the same key.
    Rebuild {
        file_ref: FileRef,
        pending: Box<PendingFile>,
        token: Token,
        plan: Arc<JobPlan>,
    },
}

impl Effect {
    /// The file whose requests it belongs to: cancelled with it.
    #[must_use]
    pub fn file(&self) -> Option<FileId> {
        match self {
            Self::CreateUpload { file, .. } | Self::UploadPart { file, .. } | Self::Spill { file, .. } => Some(*file),
            _ => None,
        }
    }
}

/// What was found of one assigned partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub topic_partition: TopicPartition,
    pub source: SourcePartition,
    pub facts: Facts,
}

/// Entries of the log, dense. As many as one LIST names at most, so that a log of any length is read in a bounded space.
#[derive(Debug, Default)]
pub struct Tail {
    pub entries: Vec<Entry>,
    /// The LIST named more than these: they do not reach the end of the log as it was then.
    pub more: bool,
}

/// An answer.
#[derive(Debug)]
pub enum Outcome {
    Encoded {
        file: FileId,
        number: u64,
        bytes: Result<Vec<Bytes>, String>,
    },
    EncodedInOrder {
        file: FileId,
        encoder: Option<Box<FileEncoder>>,
        bytes: Result<Vec<Bytes>, String>,
        finished: bool,
    },
    UploadCreated {
        file: FileId,
        result: Result<String, Failed>,
    },
    PartUploaded {
        file: FileId,
        part: Part,
        result: Result<(), Failed>,
    },
    Spilled {
        file: FileId,
        result: Result<Vec<Segment>, (Vec<Bytes>, String)>,
    },
    /// `Some`: the token of what lies there (or none), and its ETag.
    KeyLooked {
        file: FileId,
        found: Option<(Option<String>, String)>,
    },
    UploadChecked {
        file: FileId,
        intact: bool,
    },
    SidecarPut {
        key: String,
    },
    /// `changed`: the first topic whose id is another one now.
    TopicsVerified {
        seq: Seq,
        token: Token,
        changed: Option<String>,
    },
    Appended {
        seq: Seq,
        token: Token,
        answer: AppendAnswer,
        error: Option<String>,
    },
    EntryRead {
        seq: Seq,
        token: Token,
        existing: Existing,
        /// Why nothing was learnt.
        error: Option<String>,
    },
    LogLoaded {
        result: Result<Box<LogState>, Fatal>,
    },
    Tail {
        tail: Result<Tail, Fatal>,
    },
    /// `etag` is what a HEAD saw.
    Completion {
        file_ref: FileRef,
        attempt: u32,
        answer: Answer,
        etag: Option<String>,
        error: Option<String>,
    },
    Recovered {
        epoch: u64,
        found: Vec<Found>,
        missing: Vec<TopicPartition>,
        tail: Result<Tail, Fatal>,
    },
    /// Every letter of the batch is in the topic, but for those that are too large for it, by index and with the error.
    LettersAcked {
        batch: u64,
        too_large: Vec<(usize, String)>,
    },
    Rebuilt {
        file_ref: FileRef,
        attempt: u32,
        result: Rebuild,
    },
}

/// How a rebuild ended.
#[derive(Debug)]
pub enum Rebuild {
    Done {
        token: Token,
        upload_id: String,
        parts: Vec<Part>,
        bytes: u64,
        /// What Kafka no longer had of it.
        missing: BTreeMap<SourcePartition, landfall_commit::Offsets>,
    },
    /// Kafka no longer has any of the records.
    Lost(String),
    /// Try again later.
    Failed(String),
}

/// A request that is refused for good: the file must be dropped and its records read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    pub code: String,
    pub message: String,
}

/// Something the job must stop for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fatal {
    /// Short and stable: `empty_log`, `bad_log`, `AccessDenied`.
    pub code: String,
    pub message: String,
}

/// The offsets of one file by partition.
pub type FileOffsets = BTreeMap<SourcePartition, landfall_commit::Offsets>;
