//! What the audit keeps of each file of the log: small, since there may be a million of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use landfall_commit::{Entry, FileEntry, FileKind, FileRef, Offsets, Part, Rebuilt, Seq, SourcePartition};
use serde::{Deserialize, Serialize};

/// Bytes of one part and their CRC64NVME, base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartSum(pub(super) u64, pub(super) Box<str>);

/// One upload of a file: the first, or a rebuild of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) token: Box<str>,
    pub(super) bytes: u64,
    pub(super) records: u64,
    pub(super) parts: Box<[PartSum]>,
    /// Offsets of the file that a rebuild no longer found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) without: Option<BTreeMap<SourcePartition, Offsets>>,
}

/// What the log says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Fate {
    /// Neither of the others.
    Pending,
    /// It was seen to be visible by a worker.
    Completed,
    /// A declared loss.
    Lost,
}

/// What the audit itself saw of the object: it was right, under this ETag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Without quotes.
    pub(super) etag: Box<str>,
    pub(super) at_ms: i64,
    /// Which of the attempts it is.
    pub(super) attempt: u32,
    /// When it was read as a whole and found right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deep_ms: Option<i64>,
}

/// A file of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileRow {
    pub(super) lane: u32,
    pub(super) seq: u64,
    pub(super) file: u32,
    /// Of the entry: its sidecar is named by it.
    pub(super) entry_token: Arc<str>,
    pub(super) bucket: Arc<str>,
    pub(super) key: Box<str>,
    pub(super) kind: FileKind,
    pub(super) config_version: u64,
    pub(super) written_at_ms: i64,
    /// At least one; in the order of the log.
    pub(super) attempts: Vec<Attempt>,
    pub(super) fate: Fate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seen: Option<Seen>,
}

impl FileRow {
    pub(super) fn new(entry: &Entry, index: u32, file: &FileEntry, entry_token: &Arc<str>, bucket: &Arc<str>) -> Self {
        Self {
            lane: entry.lane.0,
            seq: entry.seq.0,
            file: index,
            entry_token: Arc::clone(entry_token),
            bucket: Arc::clone(bucket),
            key: file.key.as_str().into(),
            kind: file.kind,
            config_version: entry.config_version,
            written_at_ms: entry.written_at_ms,
            attempts: vec![Attempt {
                token: file.token.as_str().into(),
                bytes: file.bytes,
                records: file.records,
                parts: sums(&file.parts),
                without: None,
            }],
            fate: Fate::Pending,
            seen: None,
        }
    }

    /// The same rule as the fold's: the first entry for an attempt wins, and only a pending file is rebuilt.
    pub(super) fn rebuild(&mut self, rebuilt: &Rebuilt) {
        let next = u32::try_from(self.attempts.len()).unwrap_or(u32::MAX);
        if self.fate != Fate::Pending || rebuilt.attempt != next {
            return;
        }
        // What one rebuild did not find, the next one does not find either.
        let mut without = self.attempts.last().and_then(|before| before.without.clone()).unwrap_or_default();
        for (partition, offsets) in &rebuilt.missing {
            without.entry(partition.clone()).or_default().union_with(offsets);
        }
        let fewer: u64 = without.values().map(Offsets::len).sum();
        let records = self.attempts.first().map_or(0, |first| first.records).saturating_sub(fewer);
        self.attempts.push(Attempt {
            token: rebuilt.token.as_str().into(),
            bytes: rebuilt.bytes,
            records,
            parts: sums(&rebuilt.parts),
            without: (!without.is_empty()).then_some(without),
        });
    }

    pub(super) fn file_ref(&self) -> FileRef {
        FileRef { seq: Seq(self.seq), file: self.file }
    }

    /// Of the latest attempt.
    pub(super) fn records(&self) -> u64 {
        self.attempts.last().map_or(0, |attempt| attempt.records)
    }

    /// The attempt that an object with this token is.
    pub(super) fn attempt_of(&self, token: Option<&str>) -> Option<u32> {
        let at = self.attempts.iter().position(|attempt| Some(&*attempt.token) == token)?;
        u32::try_from(at).ok()
    }

    pub(super) fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.get(usize::try_from(number).ok()?)
    }
}

fn sums(parts: &[Part]) -> Box<[PartSum]> {
    parts.iter().map(|part| PartSum(part.size_bytes, part.crc64nvme.as_str().into())).collect()
}
