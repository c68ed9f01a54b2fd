//! The invariants of the protocol as numbered predicates over what can be observed: the log's entries, the visible
//! objects, Kafka's committed offsets. Used by tests, by `landfall audit` and by whoever doubts.
//!
//! - I1 no loss: visible files, dead letters, declared skips, gaps, losses and absences cover `[origin, low)` exactly
//! - I2 no duplicate: every offset is in at most one visible file
//! - I3 entries are pairwise disjoint, files within an entry too, and seq is dense
//! - I4 nothing visible that no entry names with its token
//! - I5 Kafka's committed offset is at most the `low` of visible files
//! - I6 a visible object matches its entry's bytes (and records, where they were counted)

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::entry::{Entry, FileRef, Part};
use crate::ids::{Seq, SourcePartition, Token};
use crate::offsets::Offsets;
use crate::sidecar::FileSets;
use crate::state::LogState;

/// One broken invariant, in words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    pub invariant: &'static str,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

fn violation(invariant: &'static str, what: String) -> Violation {
    Violation { invariant, what }
}

/// A visible object under the job's keys, as an observer saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub key: String,
    pub token: Option<String>,
    pub bytes: u64,
    /// Where the content was read and counted.
    pub records: Option<u64>,
}

/// I3: folds the entries, in order, and reports what does not fit together. The state is that of all that folded.
#[must_use]
pub fn i3_disjoint_and_dense(entries: &[Entry], sets: &BTreeMap<Seq, FileSets>) -> (Option<LogState>, Vec<Violation>) {
    let mut found = Vec::new();
    let mut state: Option<LogState> = None;
    for entry in entries {
        let folded = match state.as_mut() {
            None => LogState::open(entry).map(|opened| state = Some(opened)),
            Some(state) => state.fold(entry),
        };
        if let Err(e) = folded {
            found.push(violation("I3", e.to_string()));
            break;
        }
        if let Some(sets) = sets.get(&entry.seq) {
            found.extend(i3_sidecar(entry, sets));
        }
    }
    (state, found)
}

/// I3 within one entry: its files are disjoint, each holds as many offsets as records, and together they hold what the
/// entry says.
#[must_use]
pub fn i3_sidecar(entry: &Entry, sets: &FileSets) -> Vec<Violation> {
    let mut found = Vec::new();
    if sets.files.len() != entry.files.len() {
        let (files, listed) = (entry.files.len(), sets.files.len());
        found.push(violation("I3", format!("entry {} has {files} files, its sidecar {listed}", entry.seq)));
        return found;
    }
    let mut union: BTreeMap<SourcePartition, Offsets> = BTreeMap::new();
    for (file, partitions) in entry.files.iter().zip(&sets.files) {
        let mut records = 0;
        for (partition, offsets) in partitions {
            records += offsets.len();
            let all = union.entry(partition.clone()).or_default();
            if !all.is_disjoint(offsets) {
                found.push(violation(
                    "I3",
                    format!("two files of entry {} hold the same offset of {partition}", entry.seq),
                ));
            }
            all.union_with(offsets);
        }
        if records != file.records {
            let what = format!("{} names {} records and holds {records} offsets", file.key, file.records);
            found.push(violation("I3", what));
        }
    }
    if union != entry.held {
        found.push(violation("I3", format!("the sidecar of entry {} does not add up to what it holds", entry.seq)));
    }
    found
}

/// I1 and I2 on the log itself: every offset of `[origin, low)` is accounted by exactly one claim, or absent.
#[must_use]
pub fn i1_i2_cover(entries: &[Entry], state: &LogState) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut covered: BTreeMap<&SourcePartition, Offsets> = BTreeMap::new();
    for entry in entries {
        for (partition, offsets) in entry.claimed() {
            let all = covered.entry(partition).or_default();
            if !all.is_disjoint(offsets) {
                found.push(violation("I2", format!("entry {} claims offsets of {partition} a second time", entry.seq)));
            }
            all.union_with(offsets);
        }
    }
    for entry in entries {
        for (partition, offsets) in &entry.absent {
            covered.entry(partition).or_default().union_with(offsets);
        }
    }
    for (partition, accounted) in state.partitions() {
        let origin = state.origins().start.get(partition).copied().unwrap_or(0);
        let mut wanted = Offsets::from_range(origin..accounted.low());
        if let Some(covered) = covered.get(partition) {
            wanted.subtract(covered);
        }
        if !wanted.is_empty() {
            found.push(violation("I1", format!("{partition}: {wanted:?} below low are in no entry")));
        }
    }
    found
}

/// I4 and I6: what is visible is what the log names. `overwritten`: files whose key a later entry took over.
#[must_use]
pub fn i4_i6_visible(entries: &[Entry], seen: &[Seen]) -> Vec<Violation> {
    let mut named: BTreeMap<&str, Vec<Named<'_>>> = BTreeMap::new();
    // By file: its key, what it holds by now, and the attempt that counts.
    let mut latest: BTreeMap<FileRef, (&str, u64, u32)> = BTreeMap::new();
    for entry in entries {
        for (index, file) in (0u32..).zip(&entry.files) {
            latest.insert(FileRef { seq: entry.seq, file: index }, (&file.key, file.records, 0));
            let name = Named { token: &file.token, parts: &file.parts, bytes: file.bytes, records: file.records };
            named.entry(&file.key).or_default().push(name);
        }
    }
    for entry in entries {
        for rebuilt in &entry.rebuilt {
            // The first entry for an attempt wins; nobody completes the upload of another.
            if let Some((key, records, attempt)) = latest.get_mut(&rebuilt.file_ref())
                && attempt.checked_add(1) == Some(rebuilt.attempt)
            {
                *attempt = rebuilt.attempt;
                *records = records.saturating_sub(rebuilt.missing_records());
                let (token, parts, bytes) = (&rebuilt.token, &rebuilt.parts, rebuilt.bytes);
                named.entry(key).or_default().push(Named { token, parts, bytes, records: *records });
            }
        }
    }
    let mut found = Vec::new();
    for object in seen {
        let names = named.get(object.key.as_str()).map_or(&[][..], Vec::as_slice);
        let Some(name) = names.iter().find(|name| Some(name.token.as_str()) == object.token.as_deref()) else {
            let token = object.token.as_deref().unwrap_or("none");
            found.push(violation("I4", format!("{} is visible with token {token}, which no entry names", object.key)));
            continue;
        };
        let parts_bytes: u64 = name.parts.iter().map(|part| part.size_bytes).sum();
        if object.bytes != name.bytes || parts_bytes != name.bytes {
            let what = format!("{} has {} bytes, its entry says {}", object.key, object.bytes, name.bytes);
            found.push(violation("I6", what));
        }
        if let Some(counted) = object.records
            && counted != name.records
        {
            let what = format!("{} has {counted} records, its entry says {}", object.key, name.records);
            found.push(violation("I6", what));
        }
    }
    found
}

struct Named<'a> {
    token: &'a Token,
    parts: &'a [Part],
    bytes: u64,
    records: u64,
}

/// I5: the group's committed offset (exclusive) never runs ahead of what is visible.
#[must_use]
pub fn i5_commit_not_ahead(
    state: &LogState,
    visible: &BTreeSet<FileRef>,
    committed: &BTreeMap<SourcePartition, u64>,
) -> Vec<Violation> {
    committed
        .iter()
        .filter(|(partition, _)| state.partitions().contains_key(*partition))
        .filter_map(|(partition, committed)| {
            let low = state.visible_low(partition, visible);
            (*committed > low).then(|| {
                violation("I5", format!("{partition}: committed offset {committed} is above the visible low {low}"))
            })
        })
        .collect()
}
