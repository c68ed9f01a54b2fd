//! I7 to I9: that work ends, that nothing is left lying about, that limits hold.

use std::collections::{BTreeMap, BTreeSet};

use super::{Violation, violation};
use crate::entry::FileRef;
use crate::ids::SourcePartition;
use crate::state::LogState;

/// I7, once nothing fails any more and there was time enough: every file of the log is visible, or known to have been,
/// and every partition is accounted for up to its end.
///
/// `visible`: pending files whose objects are there; `ends`: exclusive.
#[must_use]
pub fn i7_all_landed(
    state: &LogState,
    visible: &BTreeSet<FileRef>,
    ends: &BTreeMap<SourcePartition, u64>,
) -> Vec<Violation> {
    let invisible = state.pending().iter().filter(|(file, _)| !visible.contains(*file)).map(|(file, pending)| {
        violation("I7", format!("{} of entry {} did not become visible", pending.file.key, file.seq))
    });
    let behind = ends.iter().filter_map(|(partition, end)| {
        let low = state.visible_low(partition, visible);
        (low < *end).then(|| violation("I7", format!("{partition}: landed up to {low}, its end is {end}")))
    });
    invisible.chain(behind).collect()
}

/// A multipart upload that was begun and neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    pub key: String,
    pub upload_id: String,
    /// Milliseconds since the epoch, by the store's clock.
    pub initiated_ms: i64,
}

/// I8: an upload that is `older_than_ms` or older and that nobody will complete or abort. `named`: the upload ids of
/// pending files of the log and of live writers.
#[must_use]
pub fn i8_no_forgotten_upload(
    open: &[OpenUpload],
    named: &BTreeSet<&str>,
    now_ms: i64,
    older_than_ms: u64,
) -> Vec<Violation> {
    let age_ms = |upload: &OpenUpload| u64::try_from(now_ms.saturating_sub(upload.initiated_ms)).unwrap_or(0);
    open.iter()
        .filter(|upload| !named.contains(upload.upload_id.as_str()) && age_ms(upload) >= older_than_ms)
        .map(|upload| {
            let (id, key, age_s) = (&upload.upload_id, &upload.key, age_ms(upload) / 1_000);
            violation("I8", format!("upload {id} of {key} is open for {age_s} s, and nobody names it"))
        })
        .collect()
}

/// What a worker holds of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holding {
    pub memory_bytes: u64,
    pub open_files: u64,
    /// Records of one partition that are read and in no entry yet, of the partition where they are most.
    pub span: u64,
}

/// The most that [`Holding`] may say, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub memory_bytes: u64,
    pub open_files: u64,
    pub span: u64,
}

/// I9.
#[must_use]
pub fn i9_within_limits(holding: &Holding, limits: &Limits) -> Vec<Violation> {
    let all = [
        ("bytes of memory", holding.memory_bytes, limits.memory_bytes),
        ("open files", holding.open_files, limits.open_files),
        ("records of one partition in no entry", holding.span, limits.span),
    ];
    all.into_iter()
        .filter(|(_, held, limit)| held > limit)
        .map(|(what, held, limit)| violation("I9", format!("{held} {what}, the limit is {limit}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Holding, Limits, OpenUpload, i7_all_landed, i8_no_forgotten_upload, i9_within_limits};
    use crate::entry::FileRef;
    use crate::ids::Seq;
    use crate::invariants::fixture::{bids, file, holding, state_of, told, zero};
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn i7_every_file_is_visible_and_every_partition_landed_up_to_its_end() {
        let state = state_of(&[zero(), holding(1, 0..10, vec![file("a", 10)])]);
        let all = BTreeSet::from([FileRef { seq: Seq(1), file: 0 }]);
        let found =
            |visible: &BTreeSet<FileRef>, end| told(&i7_all_landed(&state, visible, &BTreeMap::from([(bids(), end)])));
        let none: [&str; 0] = [];
        assert_eq!(found(&all, 10), none);
        assert_eq!(found(&all, 9), none);
        assert_eq!(found(&all, 11), ["I7: main/bids/id/3: landed up to 10, its end is 11"]);
        assert_eq!(
            found(&BTreeSet::new(), 10),
            ["I7: k-a of entry 1 did not become visible", "I7: main/bids/id/3: landed up to 0, its end is 10"]
        );
    }

    #[test]
    fn i8_only_an_old_upload_that_nobody_names_is_forgotten() {
        let upload = |id: &str, initiated_ms| OpenUpload { key: "k".into(), upload_id: id.into(), initiated_ms };
        let open = [upload("named", 0), upload("young", 1_001), upload("old", 1_000)];
        let named = BTreeSet::from(["named"]);
        let found = i8_no_forgotten_upload(&open, &named, 61_000, 60_000);
        assert_eq!(found.len(), 1);
        assert!(found[0].invariant == "I8" && found[0].what.contains("upload old of k is open for 60 s"), "{found:?}");
        // A clock behind the store's makes nothing old.
        assert_eq!(i8_no_forgotten_upload(&open, &named, -5, 1), vec![]);
    }

    #[test]
    fn i9_a_limit_is_the_most_that_may_be_held() {
        let limits = Limits { memory_bytes: 10, open_files: 2, span: 100 };
        assert_eq!(i9_within_limits(&Holding { memory_bytes: 10, open_files: 2, span: 100 }, &limits), vec![]);
        let found = i9_within_limits(&Holding { memory_bytes: 11, open_files: 3, span: 101 }, &limits);
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|violation| violation.invariant == "I9"));
    }
}
