//! I1 to I3: what the log says of itself.

use std::collections::BTreeMap;

use super::{Violation, violation};
use crate::entry::Entry;
use crate::ids::{Seq, SourcePartition};
use crate::offsets::Offsets;
use crate::sidecar::FileSets;
use crate::state::LogState;

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
