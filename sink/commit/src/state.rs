//! What a log adds up to: a pure fold over its entries, the same on every worker.
//!
//! Invariants: `next_seq` is dense; the accounted sets only grow; a file leaves `pending` only by `completed` or
//! `lost`; after `closing` nothing is folded.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::entry::{BadEntry, Entry, FileEntry, FileRef, Lost, Origins};
use crate::ids::{JobUid, Lane, Seq, SourcePartition, Token};
use crate::offset_set::OffsetSet;
use crate::offsets::Offsets;
use crate::totals::Totals;

/// A committed file that the log does not yet call completed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingFile {
    /// As of the latest winning attempt: token, upload and parts are the rebuilt ones where it was rebuilt.
    pub file: FileEntry,
    /// 0 as first written, k after the k-th rebuild.
    pub attempt: u32,
    /// The token of the entry that named the file first (the sidecar is named by it).
    pub entry_token: Token,
    /// Tokens and lengths of the attempts before: an object that carries one of them is this file too, made visible by
    /// a Complete that outlived every doubt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<(Token, u64)>,
    /// What rebuilds found gone from Kafka: the file's sidecar still lists it, the file does not hold it any more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<SourcePartition, Offsets>,
    /// When that entry was written, by its writer's clock; for people.
    pub written_at_ms: i64,
    /// The version of the job's document it was written under.
    pub config_version: u64,
}

/// Offsets claimed twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlap {
    pub partition: SourcePartition,
    pub offsets: Offsets,
}

/// Why an entry of the log cannot be folded. Each of them stops the job: the log is not what it must be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FoldError {
    #[error("log entry {seq} belongs to job {found}, expected {expected}; the state prefix is shared with another job")]
    ForeignJob { seq: Seq, found: JobUid, expected: JobUid },
    #[error("log entry {seq} is of lane {found}, expected {expected}")]
    ForeignLane { seq: Seq, found: Lane, expected: Lane },
    #[error("log entry {found} where {expected} was expected: an entry is missing or was deleted")]
    NotDense { expected: Seq, found: Seq },
    #[error("log entry {seq} claims offsets of {partition} that are accounted already; two writers broke the protocol")]
    Overlap { seq: Seq, partition: SourcePartition },
    #[error("log entry {seq} comes after the log was closed")]
    AfterClosing { seq: Seq },
    #[error("log entry 0 names no origins")]
    NoOrigins,
    #[error(transparent)]
    Bad(#[from] BadEntry),
}

/// The folded state of one lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogState {
    job_uid: JobUid,
    lane: Lane,
    next_seq: Seq,
    last_token: Token,
    last_written_at_ms: i64,
    origins: Origins,
    #[serde(with = "pairs")]
    partitions: BTreeMap<SourcePartition, OffsetSet>,
    #[serde(with = "pairs")]
    pending: BTreeMap<FileRef, PendingFile>,
    /// For each entry with pending files: the lowest offset it holds, by partition. Kafka commits stay at or below it.
    #[serde(with = "pairs")]
    floors: BTreeMap<Seq, BTreeMap<SourcePartition, u64>>,
    totals: Totals,
    /// A completed object: what shows that the data bucket is readable.
    known_object: Option<(String, String)>,
    closing: bool,
}

/// JSON has no maps with structured keys: written as a list of pairs.
pub(crate) mod pairs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}

impl LogState {
    /// The state after entry 0.
    pub fn open(entry: &Entry) -> Result<Self, FoldError> {
        if entry.seq != Seq(0) {
            return Err(FoldError::NotDense { expected: Seq(0), found: entry.seq });
        }
        let origins = entry.origins.clone().ok_or(FoldError::NoOrigins)?;
        let partitions = origins
            .start
            .iter()
            .map(|(partition, start)| (partition.clone(), OffsetSet::starting_at(*start)))
            .collect();
        Ok(Self {
            job_uid: entry.job_uid.clone(),
            lane: entry.lane,
            next_seq: Seq(1),
            last_token: entry.token.clone(),
            last_written_at_ms: entry.written_at_ms,
            origins,
            partitions,
            pending: BTreeMap::new(),
            floors: BTreeMap::new(),
            totals: Totals::default(),
            known_object: None,
            closing: entry.closing,
        })
    }

    /// Folds the next entry. On an error the state is unchanged.
    pub fn fold(&mut self, entry: &Entry) -> Result<(), FoldError> {
        self.check_place(entry)?;
        if let Some(overlap) = self.overlaps(entry).into_iter().next() {
            return Err(FoldError::Overlap { seq: entry.seq, partition: overlap.partition });
        }
        for (partition, offsets) in entry.claimed().chain(&entry.absent) {
            self.partitions.entry(partition.clone()).or_default().insert(offsets);
        }
        self.totals.add(entry);
        self.add_files(entry);
        for file in &entry.completed {
            self.complete(*file);
        }
        for rebuilt in &entry.rebuilt {
            // The first entry for (file, attempt) wins; a later one for the same attempt changes nothing.
            if let Some(pending) = self.pending.get_mut(&rebuilt.file_ref())
                && pending.attempt.checked_add(1) == Some(rebuilt.attempt)
            {
                pending.attempt = rebuilt.attempt;
                let token = std::mem::replace(&mut pending.file.token, rebuilt.token.clone());
                pending.earlier.push((token, pending.file.bytes));
                pending.file.upload_id = rebuilt.upload_id.clone();
                pending.file.parts.clone_from(&rebuilt.parts);
                pending.file.bytes = rebuilt.bytes;
                pending.file.records = pending.file.records.saturating_sub(rebuilt.missing_records());
                for (partition, offsets) in &rebuilt.missing {
                    pending.missing.entry(partition.clone()).or_default().union_with(offsets);
                }
                self.totals.lost_records = self.totals.lost_records.saturating_add(rebuilt.missing_records());
            }
        }
        for lost in &entry.lost {
            self.lose(lost);
        }
        self.closing = entry.closing;
        self.next_seq = entry.seq.next();
        self.last_token = entry.token.clone();
        self.last_written_at_ms = entry.written_at_ms;
        Ok(())
    }

    fn check_place(&self, entry: &Entry) -> Result<(), FoldError> {
        let seq = entry.seq;
        if entry.job_uid != self.job_uid {
            let (found, expected) = (entry.job_uid.clone(), self.job_uid.clone());
            return Err(FoldError::ForeignJob { seq, found, expected });
        }
        if entry.lane != self.lane {
            return Err(FoldError::ForeignLane { seq, found: entry.lane, expected: self.lane });
        }
        if seq != self.next_seq {
            return Err(FoldError::NotDense { expected: self.next_seq, found: seq });
        }
        if self.closing {
            return Err(FoldError::AfterClosing { seq });
        }
        Ok(())
    }

    fn add_files(&mut self, entry: &Entry) {
        if entry.files.is_empty() {
            return;
        }
        let floor = entry.held.iter().filter_map(|(p, set)| Some((p.clone(), set.min()?))).collect();
        self.floors.insert(entry.seq, floor);
        for (index, file) in (0u32..).zip(&entry.files) {
            let pending = PendingFile {
                file: file.clone(),
                attempt: 0,
                entry_token: entry.token.clone(),
                earlier: Vec::new(),
                missing: BTreeMap::new(),
                written_at_ms: entry.written_at_ms,
                config_version: entry.config_version,
            };
            self.pending.insert(FileRef { seq: entry.seq, file: index }, pending);
        }
    }

    fn complete(&mut self, file: FileRef) {
        if let Some(pending) = self.pending.remove(&file) {
            self.known_object = Some((pending.file.bucket, pending.file.key));
            self.drop_floor_of(file.seq);
        }
    }

    fn lose(&mut self, lost: &Lost) {
        let file = lost.file_ref();
        if let Some(pending) = self.pending.remove(&file) {
            self.totals.lost_files = self.totals.lost_files.saturating_add(1);
            self.totals.lost_records = self.totals.lost_records.saturating_add(pending.file.records);
            self.drop_floor_of(file.seq);
        }
    }

    fn drop_floor_of(&mut self, seq: Seq) {
        let mut of_entry = self.pending.range(FileRef { seq, file: 0 }..=FileRef { seq, file: u32::MAX });
        if of_entry.next().is_none() {
            self.floors.remove(&seq);
        }
    }

    /// Where `entry` claims what is accounted already, or the same offset twice. Empty: it may be appended.
    #[must_use]
    pub fn overlaps(&self, entry: &Entry) -> Vec<Overlap> {
        let mut overlaps = Vec::new();
        let mut seen: BTreeMap<&SourcePartition, Offsets> = BTreeMap::new();
        for (partition, offsets) in entry.claimed() {
            let mut twice = self.accounted_part(partition, offsets);
            let seen_here = seen.entry(partition).or_default();
            twice.union_with(&seen_here.intersection(offsets));
            seen_here.union_with(offsets);
            if !twice.is_empty() {
                overlaps.push(Overlap { partition: partition.clone(), offsets: twice });
            }
        }
        overlaps
    }

    /// The part of `offsets` that is accounted already: held, skipped or absent.
    #[must_use]
    pub fn accounted_part(&self, partition: &SourcePartition, offsets: &Offsets) -> Offsets {
        self.partitions.get(partition).map(|accounted| accounted.overlap(offsets)).unwrap_or_default()
    }

    /// True when a file with these offsets can no longer be appended: somebody else's entry holds one of them, or the
    /// log says that there is none.
    #[must_use]
    pub fn has_lost(&self, held: &BTreeMap<SourcePartition, Offsets>) -> bool {
        held.iter().any(|(partition, offsets)| !self.accounted_part(partition, offsets).is_empty())
    }

    #[must_use]
    pub fn job_uid(&self) -> &JobUid {
        &self.job_uid
    }

    #[must_use]
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// Where the next entry goes.
    #[must_use]
    pub fn next_seq(&self) -> Seq {
        self.next_seq
    }

    /// The last folded entry.
    #[must_use]
    pub fn last_seq(&self) -> Seq {
        Seq(self.next_seq.0.saturating_sub(1))
    }

    #[must_use]
    pub fn last_written_at_ms(&self) -> i64 {
        self.last_written_at_ms
    }

    #[must_use]
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    #[must_use]
    pub fn closing(&self) -> bool {
        self.closing
    }

    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The token of the last folded entry: what lies at its key must carry it.
    #[must_use]
    pub fn last_token(&self) -> &Token {
        &self.last_token
    }

    /// Bucket and key of an object the log calls completed.
    #[must_use]
    pub fn known_object(&self) -> Option<&(String, String)> {
        self.known_object.as_ref()
    }

    #[must_use]
    pub fn partitions(&self) -> &BTreeMap<SourcePartition, OffsetSet> {
        &self.partitions
    }

    /// The accounted set of a partition; one the log has not met begins at 0.
    #[must_use]
    pub fn accounted(&self, partition: &SourcePartition) -> OffsetSet {
        self.partitions.get(partition).cloned().unwrap_or_default()
    }

    /// The same partition of the same topic under another topic id: the topic was re-created.
    #[must_use]
    pub fn other_incarnation(&self, partition: &SourcePartition) -> Option<&SourcePartition> {
        if self.partitions.contains_key(partition) {
            return None;
        }
        self.partitions.keys().find(|known| {
            known.cluster == partition.cluster && known.topic == partition.topic && known.topic_id != partition.topic_id
        })
    }

    /// Committed files that the log does not call completed, oldest first.
    #[must_use]
    pub fn pending(&self) -> &BTreeMap<FileRef, PendingFile> {
        &self.pending
    }

    /// The partitions an entry with pending files holds offsets of.
    #[must_use]
    pub fn partitions_of(&self, seq: Seq) -> Option<&BTreeMap<SourcePartition, u64>> {
        self.floors.get(&seq)
    }

    /// What may be committed to Kafka (exclusive): the `low` below which every file is visible. `visible` names the
    /// files known to be visible although the log does not say so yet.
    #[must_use]
    pub fn visible_low(&self, partition: &SourcePartition, visible: &BTreeSet<FileRef>) -> u64 {
        let low = self.partitions.get(partition).map_or(0, OffsetSet::low);
        self.floors
            .iter()
            .filter(|(seq, _)| {
                let range = FileRef { seq: **seq, file: 0 }..=FileRef { seq: **seq, file: u32::MAX };
                self.pending.range(range).any(|(file, _)| !visible.contains(file))
            })
            .filter_map(|(_, floors)| floors.get(partition).copied())
            .fold(low, u64::min)
    }

    /// Rewrites the sets compactly; worth calling before a checkpoint.
    pub fn optimize(&mut self) {
        for set in self.partitions.values_mut() {
            set.optimize();
        }
        for set in self.totals.gaps.values_mut() {
            set.optimize();
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
