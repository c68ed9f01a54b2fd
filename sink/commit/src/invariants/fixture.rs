//! A small log of one partition, for the tests of the invariants.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ops::Range;

use super::Violation;
use crate::entry::{Entry, FileEntry, FileKind, Origins, Part};
use crate::ids::{Lane, Seq, SourcePartition};
use crate::offsets::Offsets;
use crate::state::LogState;

pub(super) fn bids() -> SourcePartition {
    "main/bids/id/3".parse().unwrap()
}

/// Entry 0 of a job that begins at offset 0.
pub(super) fn zero() -> Entry {
    let origins = Origins { start: BTreeMap::from([(bids(), 0)]), bucket: "b".into(), lanes: 1, created_at_ms: 0 };
    Entry::zero("uid".into(), Lane(0), "t0".into(), "w", origins)
}

pub(super) fn empty(seq: u64) -> Entry {
    Entry::empty("uid".into(), Lane(0), Seq(seq), format!("t{seq}").as_str().into(), "w", 0)
}

pub(super) fn holding(seq: u64, range: Range<u64>, files: Vec<FileEntry>) -> Entry {
    Entry { held: BTreeMap::from([(bids(), Offsets::from_range(range))]), files, ..empty(seq) }
}

/// Five bytes under `k-<token>`.
pub(super) fn file(token: &str, records: u64) -> FileEntry {
    FileEntry {
        key: format!("k-{token}"),
        bucket: "b".into(),
        token: token.into(),
        upload_id: format!("u-{token}"),
        parts: vec![part(5)],
        bytes: 5,
        records,
        kind: FileKind::Data,
        min_timestamp_ms: 0,
        max_timestamp_ms: 0,
    }
}

pub(super) fn part(size_bytes: u64) -> Part {
    Part { number: 1, etag: "e".into(), size_bytes, crc64nvme: "c".into() }
}

pub(super) fn state_of(entries: &[Entry]) -> LogState {
    let mut state = LogState::open(&entries[0]).unwrap();
    entries[1..].iter().for_each(|entry| state.fold(entry).unwrap());
    state
}

/// As people read them.
pub(super) fn told(found: &[Violation]) -> Vec<String> {
    found.iter().map(ToString::to_string).collect()
}
