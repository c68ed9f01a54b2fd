//! One file from its first record to its append: what it holds, what is encoded, what has left.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use landfall_commit::{FileEntry, FileKind, Part, SourcePartition, Token};
use landfall_format::rotate::{FileClock, Trigger};
use landfall_format::{Chunk, ChunkBuffer, FileEncoder};
use landfall_job::{Compression, SinkFormat};

use super::plan::JobPlan;
use crate::effect::{FileId, Segment};
use crate::held::Held;

/// Before anything of a file is encoded: a careful guess of what compression will give.
const FIRST_RATIO: u64 = 4;

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Takes records.
    Open,
    /// Takes none; its last bytes are on their way.
    Closing,
    /// Durable and invisible; a last look before the append.
    Checking,
    /// Waits for the committer.
    Ready,
    /// Named by an entry whose fate is not known yet.
    Appending,
}

/// The unsealed content.
#[derive(Debug)]
pub enum Content {
    Records(Box<ChunkBuffer>),
    /// Dead letters, already JSON lines.
    Letters(Vec<u8>),
}

impl Content {
    pub fn len_bytes(&self) -> usize {
        match self {
            Self::Records(chunk) => chunk.len_bytes(),
            Self::Letters(lines) => lines.len(),
        }
    }

    /// A record may have no payload bytes at all and is a row all the same.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Records(chunk) => chunk.records() == 0,
            Self::Letters(lines) => lines.is_empty(),
        }
    }

    pub fn memory_bytes(&self) -> usize {
        match self {
            Self::Records(chunk) => chunk.memory_bytes(),
            Self::Letters(lines) => lines.capacity(),
        }
    }
}

/// Content sealed for an encoder.
#[derive(Debug)]
pub enum Sealed {
    Records(Chunk),
    Letters(Vec<u8>),
}

/// How chunks become bytes.
#[derive(Debug)]
pub enum Encoding {
    /// Chunks are encoded in any order and put back in theirs.
    Independent { done: BTreeMap<u64, Vec<Bytes>>, next: u64 },
    /// One encoder with state, which is either here or at work.
    InOrder { encoder: Option<Box<FileEncoder>>, queue: Vec<Chunk>, finished: bool },
}

/// A request for the upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upload {
    None,
    Creating,
    Open(String),
}

/// What a file holds of one partition. The source is the one its records were read under: the slot may be given
/// back and assigned again, even for another incarnation of the topic, while the file's append is undecided.
#[derive(Debug)]
pub struct HeldOf {
    pub slot: u32,
    pub source: Arc<SourcePartition>,
    pub held: Held,
}

#[derive(Debug)]
pub struct File {
    pub id: FileId,
    pub kind: FileKind,
    pub group: Box<str>,
    pub key: String,
    pub token: Token,
    pub plan: Arc<JobPlan>,
    pub phase: Phase,
    pub closed_by: Option<Trigger>,
    pub clock: FileClock,
    pub held: Vec<HeldOf>,
    pub records: u64,
    pub content: Content,
    pub encoding: Encoding,
    pub next_chunk: u64,
    pub chunks_at_work: u32,
    /// Raw bytes at the encoder, by chunk number.
    pub at_work_bytes: BTreeMap<u64, u64>,
    /// Encoded, in order, not in a part yet.
    pub waiting: VecDeque<Segment>,
    pub waiting_bytes: u64,
    pub spilling: bool,
    pub upload: Upload,
    pub parts: Vec<Part>,
    pub next_part: u32,
    pub parts_at_work: usize,
    pub part_bytes_at_work: u64,
    pub encoded_bytes: u64,
    /// What an encoder with state holds back, about, as it was when it last came home.
    pub in_progress_bytes: u64,
    /// Raw bytes whose encoded form is counted in `encoded_bytes`.
    pub raw_encoded_bytes: u64,
    /// How many dead letters it holds, by reason.
    pub letters: BTreeMap<&'static str, u64>,
    /// Letters to a topic that must be acknowledged before the append.
    pub letters_out: u32,
    pub looked_at_key: bool,
    pub closed_mono_ms: i64,
    pub must_check_upload: bool,
    /// The ETag to replace, by `on_existing_object: overwrite`.
    pub replaces: Option<String>,
}

impl File {
    /// The highest offset held of a slot.
    pub fn last_of(&self, slot: u32) -> Option<u64> {
        self.held.iter().find(|of| of.slot == slot).and_then(|of| of.held.last())
    }

    pub fn holds_slot(&self, slot: u32) -> bool {
        self.held.iter().any(|of| of.slot == slot)
    }

    pub fn hold(&mut self, slot: u32, source: &Arc<SourcePartition>, offset: u64) {
        match self.held.iter_mut().find(|of| of.slot == slot) {
            Some(of) => of.held.push(offset),
            None => {
                let mut held = Held::default();
                held.push(offset);
                self.held.push(HeldOf { slot, source: Arc::clone(source), held });
            }
        }
        self.records += 1;
    }

    /// True when nothing of the file is left to encode.
    pub fn all_encoded(&self) -> bool {
        let finished = match &self.encoding {
            Encoding::Independent { done, .. } => done.is_empty(),
            Encoding::InOrder { finished, .. } => *finished,
        };
        self.content.is_empty() && self.chunks_at_work == 0 && finished
    }

    /// Memory of encoded bytes that wait here (not those on scratch).
    pub fn waiting_memory_bytes(&self) -> u64 {
        self.waiting.iter().filter(|s| matches!(s, Segment::Memory(_))).map(Segment::len_bytes).sum()
    }

    pub fn encoder_memory_bytes(&self) -> u64 {
        match &self.encoding {
            Encoding::InOrder { encoder: Some(encoder), .. } => encoder.memory_bytes() as u64,
            Encoding::InOrder { encoder: None, .. } | Encoding::Independent { .. } => 0,
        }
    }

    /// What the file keeps in memory, for choosing whom to seal.
    pub fn memory_bytes(&self) -> u64 {
        self.content.memory_bytes() as u64 + self.waiting_memory_bytes() + self.encoder_memory_bytes()
    }

    pub fn upload_id(&self) -> Option<&str> {
        match &self.upload {
            Upload::Open(id) => Some(id),
            Upload::None | Upload::Creating => None,
        }
    }

    /// What the file will be about if it is closed now: what is encoded, and the rest at the ratio seen so far.
    pub fn estimated_bytes(&self) -> u64 {
        let raw = self.content.len_bytes() as u64 + self.at_work_bytes.values().sum::<u64>();
        let encoded = self.encoded_bytes + self.in_progress_bytes;
        if self.raw_encoded_bytes == 0 || encoded == 0 {
            return raw / self.first_ratio();
        }
        encoded + raw.saturating_mul(encoded) / self.raw_encoded_bytes
    }

    /// How much smaller the encoded bytes are, before any were seen.
    fn first_ratio(&self) -> u64 {
        let sink = &self.plan.spec.sink;
        let plain =
            self.kind == FileKind::Data && sink.format == SinkFormat::Jsonl && sink.compression == Compression::None;
        if plain { 1 } else { FIRST_RATIO }
    }

    /// As an entry names it.
    pub fn entry(&self) -> FileEntry {
        let mut parts = self.parts.clone();
        parts.sort_by_key(|part| part.number);
        FileEntry {
            key: self.key.clone(),
            bucket: self.plan.spec.sink.bucket.clone(),
            token: self.token.clone(),
            upload_id: self.upload_id().unwrap_or_default().to_owned(),
            bytes: parts.iter().map(|part| part.size_bytes).sum(),
            parts,
            records: self.records,
            kind: self.kind,
            min_timestamp_ms: self.clock.event_ms.map_or(0, |(min_ms, _)| min_ms),
            max_timestamp_ms: self.clock.event_ms.map_or(0, |(_, max_ms)| max_ms),
        }
    }
}
