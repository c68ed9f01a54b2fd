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

/// What a reading of the object found wrong. It is told until a reading finds the object right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Flawed {
    pub(super) at_ms: i64,
    pub(super) what: String,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) flawed: Option<Box<Flawed>>,
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
            flawed: None,
        }
    }

    /// The object was found right.
    pub(super) fn found_right(&mut self, seen: Seen) {
        self.seen = Some(seen);
        self.flawed = None;
    }

    /// The object was found wrong: its ETag is not kept as the right one, that of an earlier audit stays.
    pub(super) fn found_wrong(&mut self, etag: &str, flawed: Option<Flawed>) {
        self.seen.take_if(|seen| *seen.etag == *etag);
        if let Some(flawed) = flawed {
            self.flawed = Some(Box::new(flawed));
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

    /// What the attempt holds, and what it no longer found of the file's records; of the latest one where `number` is
    /// none.
    pub(super) fn records(&self, number: Option<u32>) -> (u64, u64) {
        let all = self.attempts.first().map_or(0, |first| first.records);
        let held = self.attempt_or_last(number).map_or(0, |attempt| attempt.records);
        (held, all.saturating_sub(held))
    }

    pub(super) fn attempt_or_last(&self, number: Option<u32>) -> Option<&Attempt> {
        number.and_then(|number| self.attempt(number)).or(self.attempts.last())
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
