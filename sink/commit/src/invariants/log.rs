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

#[cfg(test)]
mod tests {
    use super::{i1_i2_cover, i3_disjoint_and_dense, i3_sidecar};
    use crate::entry::Entry;
    use crate::ids::Seq;
    use crate::invariants::fixture::{bids, empty, file, holding, state_of, told, zero};
    use crate::offsets::Offsets;
    use crate::sidecar::FileSets;
    use std::collections::BTreeMap;
    use std::ops::Range;

    const NOTHING: [&str; 0] = [];

    /// One range of offsets a file.
    fn sidecar(ranges: &[Range<u64>]) -> FileSets {
        let sets = ranges.iter().map(|range| BTreeMap::from([(bids(), Offsets::from_range(range.clone()))]));
        FileSets::new(sets.collect())
    }

    #[test]
    fn i3_a_sidecar_fits_its_entry_file_by_file_and_as_a_whole() {
        let found = |held, records: [u64; 2], ranges: &[Range<u64>]| {
            let entry = holding(1, held, vec![file("a", records[0]), file("b", records[1])]);
            told(&i3_sidecar(&entry, &sidecar(ranges)))
        };
        assert_eq!(found(0..10, [6, 4], &[0..6, 6..10]), NOTHING);
        let few = std::slice::from_ref(&(0..6));
        assert_eq!(found(0..10, [6, 4], few), ["I3: entry 1 has 2 files, its sidecar 1"]);
        let twice = "I3: two files of entry 1 hold the same offset of main/bids/id/3";
        assert_eq!(found(0..10, [6, 5], &[0..6, 5..10]), [twice]);
        assert_eq!(
            found(0..10, [6, 4], &[0..5, 5..10]),
            ["I3: k-a names 6 records and holds 5 offsets", "I3: k-b names 4 records and holds 5 offsets"]
        );
        let sum = "I3: the sidecar of entry 1 does not add up to what it holds";
        assert_eq!(found(0..11, [6, 4], &[0..6, 6..10]), [sum]);
    }

    #[test]
    fn i3_the_first_entry_that_does_not_fold_is_told_and_the_state_is_that_before_it() {
        let log = [zero(), holding(1, 0..10, vec![file("a", 10)]), empty(3)];
        let (state, found) = i3_disjoint_and_dense(&log, &BTreeMap::new());
        assert_eq!(state, Some(state_of(&log[..2])));
        assert_eq!(told(&found), ["I3: log entry 3 where 2 was expected: an entry is missing or was deleted"]);
        let sets = BTreeMap::from([(Seq(1), sidecar(&[]))]);
        let (_, found) = i3_disjoint_and_dense(&log[..2], &sets);
        assert_eq!(told(&found), ["I3: entry 1 has 1 files, its sidecar 0"]);
    }

    #[test]
    fn i1_i2_every_offset_below_low_is_claimed_once_or_absent() {
        let held = holding(1, 0..10, vec![file("a", 10)]);
        let absent = Entry { absent: BTreeMap::from([(bids(), Offsets::from_range(10..12))]), ..empty(2) };
        let log = [zero(), held.clone(), absent.clone()];
        let state = state_of(&log);
        assert_eq!(told(&i1_i2_cover(&log, &state)), NOTHING);
        assert_eq!(
            told(&i1_i2_cover(&[zero(), absent], &state)),
            ["I1: main/bids/id/3: {0..10} below low are in no entry"]
        );
        assert_eq!(
            told(&i1_i2_cover(&[&log[..], &[held]].concat(), &state)),
            ["I2: entry 1 claims offsets of main/bids/id/3 a second time"]
        );
    }
}
