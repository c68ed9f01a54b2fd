//! What an audit found, as scripts read it: format 1, described in `docs/audit.md`. Offsets are exclusive but for
//! `origin` and `log_start`; runs of offsets are half-open.

use std::collections::BTreeMap;

use landfall_commit::{Offsets, Seq, SourcePartition};
use serde::Serialize;

pub(crate) use super::kind::{Kind, NoteKind};

/// The only format this version writes.
const FORMAT: u32 = 1;
/// Findings, or notes, of one kind that are told one by one; the rest is only counted.
const MAX_TOLD: usize = 1_000;

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    pub(crate) what: String,
    pub(crate) key: Option<String>,
    /// How many records are concerned, where that is known.
    pub(crate) records: Option<u64>,
}

/// A finding with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "FindingDocument")]
pub(crate) struct Placed {
    pub(crate) finding: Finding,
    pub(super) seq: Option<Seq>,
    pub(super) offsets: BTreeMap<SourcePartition, Offsets>,
}

impl Placed {
    pub(super) fn at(finding: Finding, seq: Seq) -> Self {
        Self { finding, seq: Some(seq), offsets: BTreeMap::new() }
    }

    pub(super) fn holding(mut self, offsets: BTreeMap<SourcePartition, Offsets>) -> Self {
        self.offsets = offsets;
        self
    }
}

impl From<Finding> for Placed {
    fn from(finding: Finding) -> Self {
        Self { finding, seq: None, offsets: BTreeMap::new() }
    }
}

#[derive(Serialize)]
struct FindingDocument {
    kind: Kind,
    invariant: Option<&'static str>,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<Seq>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    offsets: BTreeMap<SourcePartition, Offsets>,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u64>,
    remedy: &'static str,
}

impl From<Placed> for FindingDocument {
    fn from(placed: Placed) -> Self {
        let Placed { finding, seq, offsets } = placed;
        let (invariant, remedy) = (finding.kind.invariant(), finding.kind.remedy());
        let Finding { kind, what, key, records } = finding;
        Self { kind, invariant, what, key, seq, offsets, records, remedy }
    }
}

/// Something to know that is no damage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Note {
    pub(crate) kind: NoteKind,
    pub(crate) what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) records: Option<u64>,
}

/// Every record of the log, by where it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Tally {
    /// Visible in data objects.
    pub(crate) landed: u64,
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
    /// Visible in dead-letter objects.
    pub(crate) dead_letters: u64,
    pub(crate) dead_letter_objects: u64,
    /// Passed over, by declared reason.
    pub(crate) skipped: BTreeMap<String, u64>,
    /// Offsets that hold no record.
    pub(crate) absent: u64,
    /// Declared lost, with their file or because a rebuild no longer found them.
    pub(crate) lost: u64,
    /// In files that the log calls completed and that are gone: deleted by a reader, or by whom it may be.
    pub(crate) deleted: u64,
    /// In files that are not visible yet.
    pub(crate) pending: u64,
    pub(crate) missing: u64,
    pub(crate) doubled: u64,
    /// In Kafka and not in the log: still to be landed.
    pub(crate) unlanded: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PartitionRow {
    pub(crate) partition: String,
    pub(crate) origin: u64,
    /// Everything below it is accounted for.
    pub(crate) landed: u64,
    /// Everything below it is visible.
    pub(crate) visible: u64,
    pub(crate) committed: Option<u64>,
    pub(crate) log_start: Option<u64>,
    pub(crate) end: Option<u64>,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Scope {
    /// Files of earlier entries were not looked at.
    pub(crate) from_seq: Option<u64>,
    /// Files of entries written before were not looked at.
    pub(crate) since: Option<jiff::Timestamp>,
    pub(crate) expect_all: bool,
    pub(crate) pending_after_ms: u64,
    pub(crate) orphan_after_ms: u64,
}

/// What was done for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Work {
    /// Entries read; the rest of the log is from the state.
    pub(crate) entries_read: u64,
    pub(crate) sidecars_read: u64,
    /// Objects under the job's prefixes whose ETag and size were listed.
    pub(crate) objects_listed: u64,
    /// Objects asked for their token and size, one by one.
    pub(crate) objects_looked_at: u64,
    /// Files whose object is, by ETag and size, the one that an earlier audit found right.
    pub(crate) objects_from_state: u64,
    /// Files outside of `scope`.
    pub(crate) objects_out_of_scope: u64,
    /// Objects read as a whole in this run.
    pub(crate) objects_read: u64,
    pub(crate) bytes_read: u64,
    /// Objects read as a whole by an earlier audit, and the same since.
    pub(crate) deep_from_state: u64,
    /// Of those read now: the offsets in the object were compared with the sidecar.
    pub(crate) offsets_compared: u64,
    pub(crate) requests: Requests,
    pub(crate) took_ms: u64,
}

/// Requests that the audit sent, retries not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Requests {
    pub(crate) list: u64,
    pub(crate) head: u64,
    pub(crate) get: u64,
}

/// What was taken from the state of an earlier audit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct FromState {
    pub(crate) file: String,
    /// When the state was saved; none where there was none.
    pub(crate) saved_at: Option<jiff::Timestamp>,
    /// Entries that were not read again: their ETags and sizes, and their sidecars', are those of then.
    pub(crate) entries: u64,
    /// The oldest look at an object that was relied upon.
    pub(crate) oldest_look_at: Option<jiff::Timestamp>,
    /// The oldest whole reading of an object that was relied upon.
    pub(crate) oldest_deep_at: Option<jiff::Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    pub(crate) format: u32,
    pub(crate) job: String,
    pub(crate) uid: String,
    pub(crate) generation: u32,
    /// Nothing was found.
    pub(crate) clean: bool,
    /// False where the audit was interrupted.
    pub(crate) complete: bool,
    /// True when every object in scope was read, now or by an earlier audit.
    pub(crate) deep: bool,
    /// How many of each kind; `findings` tells at most 1,000 of a kind.
    pub(crate) found: BTreeMap<Kind, u64>,
    pub(crate) findings: Vec<Placed>,
    pub(crate) noted: BTreeMap<NoteKind, u64>,
    pub(crate) notes: Vec<Note>,
    pub(crate) tally: Tally,
    pub(crate) partitions: Vec<PartitionRow>,
    pub(crate) entries: u64,
    /// Objects under the job's prefixes that are none of its business.
    pub(crate) other_objects: u64,
    /// Uploads under the job's prefixes that are open and neither named nor old; `None` where the store does not tell.
    pub(crate) open_uploads: Option<u64>,
    pub(crate) scope: Scope,
    pub(crate) work: Work,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<FromState>,
}

impl Report {
    /// Nothing was seen, nothing found.
    pub(crate) fn empty() -> Self {
        Self {
            format: FORMAT,
            job: String::new(),
            uid: String::new(),
            generation: 1,
            clean: true,
            complete: true,
            deep: false,
            found: BTreeMap::new(),
            findings: Vec::new(),
            noted: BTreeMap::new(),
            notes: Vec::new(),
            tally: Tally::default(),
            partitions: Vec::new(),
            entries: 0,
            other_objects: 0,
            open_uploads: None,
            scope: Scope::default(),
            work: Work::default(),
            state: None,
        }
    }

    pub(crate) fn add(&mut self, finding: impl Into<Placed>) {
        let placed = finding.into();
        self.clean = false;
        let count = self.found.entry(placed.finding.kind).or_default();
        *count += 1;
        if *count <= MAX_TOLD as u64 {
            self.findings.push(placed);
        }
    }

    pub(super) fn note(&mut self, kind: NoteKind, what: String, key: Option<String>, records: Option<u64>) {
        let count = self.noted.entry(kind).or_default();
        *count += 1;
        if *count <= MAX_TOLD as u64 {
            self.notes.push(Note { kind, what, key, records });
        }
    }

    /// In an order that does not depend on which answer came first.
    pub(super) fn sort(&mut self) {
        self.findings.sort_by(|a, b| {
            let order = |placed: &Placed| (placed.finding.kind, placed.seq);
            order(a)
                .cmp(&order(b))
                .then_with(|| (&a.finding.key, &a.finding.what).cmp(&(&b.finding.key, &b.finding.what)))
        });
        self.notes.sort_by(|a, b| (a.kind, &a.key, &a.what).cmp(&(b.kind, &b.key, &b.what)));
    }
}
