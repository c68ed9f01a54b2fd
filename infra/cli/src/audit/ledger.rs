//! One lane of the log, taken in entry by entry: pure, and in memory no more than its folded state and a row a file.
//!
//! Damage does not end the reading. An entry that is gone, cannot be read or cannot stand where it stands is a finding;
//! what its sidecar says it held is accounted in its stead, so that one damage is not told as a hundred consequences.
//! Where no sidecar tells, `blind` says that the lane's offsets mean less than they seem to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use landfall_commit::invariants::i3_sidecar;
use landfall_commit::{Entry, FileSets, JobUid, Lane, LogState, Lost, Offsets, Seq, SourcePartition, Token};

use super::kind::Kind;
use super::report::{Finding, Placed};
use super::rows::{Fate, FileRow};

/// What lies at one number of the log.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) seq: Seq,
    pub(super) entry: EntrySeen,
    pub(super) sidecar: SidecarSeen,
}

#[derive(Debug, Clone)]
pub(super) enum EntrySeen {
    There(Box<Entry>),
    /// Why, in words.
    Unreadable(String),
    Gone,
}

#[derive(Debug, Clone)]
pub(super) enum SidecarSeen {
    /// Not looked at: the entry has no files, or is out of the audit's scope.
    NotWanted,
    There(FileSets),
    /// Why it cannot be used, in words that follow its name.
    Bad(String),
}

/// What the entries so far add up to.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    lane: Lane,
    /// Entry 0 as the job's record would have it.
    beginning: Entry,
    pub(super) state: Option<LogState>,
    pub(super) entries: u64,
    /// Ascending by entry and file.
    pub(super) rows: Vec<FileRow>,
    pub(super) skipped: BTreeMap<String, u64>,
    pub(super) absent: u64,
    /// Offsets that a later entry claims a second time.
    pub(super) doubled: u64,
    pub(super) findings: Vec<Placed>,
    /// Offsets were held that nothing tells any more.
    pub(super) blind: bool,
    /// Entries whose sidecar says nothing that could be relied on.
    pub(super) untrusted: BTreeSet<u64>,
    hole: Option<Hole>,
    after_closing: bool,
    buckets: BTreeSet<Arc<str>>,
}

#[derive(Debug, Clone)]
struct Hole {
    first: Seq,
    last: Seq,
    held: BTreeMap<SourcePartition, Offsets>,
    untold: bool,
}

impl Ledger {
    pub(super) fn new(lane: Lane, beginning: Entry) -> Self {
        Self {
            lane,
            beginning,
            state: None,
            entries: 0,
            rows: Vec::new(),
            skipped: BTreeMap::new(),
            absent: 0,
            doubled: 0,
            findings: Vec::new(),
            blind: false,
            untrusted: BTreeSet::new(),
            hole: None,
            after_closing: false,
            buckets: BTreeSet::new(),
        }
    }

    /// Goes on where an earlier audit has found nothing wrong.
    pub(super) fn resume(
        &mut self,
        state: LogState,
        rows: Vec<FileRow>,
        entries: u64,
        skipped: BTreeMap<String, u64>,
        absent: u64,
    ) {
        (self.rows, self.entries, self.skipped, self.absent) = (rows, entries, skipped, absent);
        self.rows.sort_by_key(|row| (row.seq, row.file));
        self.state = Some(state);
    }

    pub(super) fn lane(&self) -> Lane {
        self.lane
    }

    /// The number of the next entry.
    pub(super) fn next_seq(&self) -> Seq {
        self.state.as_ref().map_or(Seq(0), LogState::next_seq)
    }

    /// Takes in what lies at the next number. Numbers come in order and none is left out.
    pub(super) fn take(&mut self, slot: Slot) {
        match (slot.entry, slot.sidecar) {
            (EntrySeen::There(entry), sidecar) => {
                self.end_hole();
                self.entries += 1;
                match misplaced(&entry, slot.seq, self.lane, &self.beginning.job_uid) {
                    Some(problem) => self.replace(slot.seq, &problem, &sidecar),
                    None => self.take_entry(*entry, &sidecar),
                }
            }
            (EntrySeen::Unreadable(problem), sidecar) => {
                self.end_hole();
                self.entries += 1;
                self.replace(slot.seq, &problem, &sidecar);
            }
            (EntrySeen::Gone, sidecar) => {
                let held = self.fold_in_its_stead(slot.seq, &sidecar);
                let hole = self.hole.get_or_insert_with(|| Hole {
                    first: slot.seq,
                    last: slot.seq,
                    held: BTreeMap::new(),
                    untold: false,
                });
                hole.last = slot.seq;
                hole.untold |= held.is_none();
                for (partition, offsets) in held.unwrap_or_default() {
                    hole.held.entry(partition).or_default().union_with(&offsets);
                }
            }
        }
    }

    /// Entries are gone and it is not said yet which: the hole may go on.
    pub(super) fn in_hole(&self) -> bool {
        self.hole.is_some()
    }

    /// Takes from an entry after those that were read what it says of files of theirs. False: it does not belong there.
    pub(super) fn take_later(&mut self, entry: &Entry, seq: Seq) -> bool {
        let belongs = misplaced(entry, seq, self.lane, &self.beginning.job_uid).is_none();
        if belongs {
            self.decide_earlier(entry);
        }
        belongs
    }

    /// Says what is still to be said of a hole; to be called after the last slot.
    pub(super) fn end_hole(&mut self) {
        let Some(hole) = self.hole.take() else { return };
        let (first, last) = (hole.first, hole.last);
        let which = if first == last {
            format!("entry {first} of lane {} is gone", self.lane)
        } else {
            format!("entries {first} to {last} of lane {} are gone", self.lane)
        };
        let held = told_of_held(&hole.held, hole.untold);
        let finding =
            Finding { kind: Kind::Hole, what: format!("{which}; {held}"), key: None, records: sum(&hole.held) };
        self.findings.push(Placed::at(finding, first).holding(hole.held));
    }

    /// An entry that cannot be used.
    fn replace(&mut self, seq: Seq, problem: &str, sidecar: &SidecarSeen) {
        let held = self.fold_in_its_stead(seq, sidecar);
        let told = told_of_held(held.as_ref().unwrap_or(&BTreeMap::new()), held.is_none());
        let records = held.as_ref().and_then(sum);
        let what = format!("entry {seq} of lane {}: {problem}; {told}", self.lane);
        let finding = Finding { kind: Kind::BadEntry, what, key: None, records };
        self.findings.push(Placed::at(finding, seq).holding(held.unwrap_or_default()));
    }

    /// Folds an entry that holds what the sidecar tells. Answers that, where there is a sidecar.
    fn fold_in_its_stead(&mut self, seq: Seq, sidecar: &SidecarSeen) -> Option<BTreeMap<SourcePartition, Offsets>> {
        let held = match sidecar {
            SidecarSeen::There(sets) => Some(union(sets)),
            SidecarSeen::NotWanted | SidecarSeen::Bad(_) => None,
        };
        if seq == Seq(0) {
            // It holds nothing.
            self.state = LogState::open(&self.beginning).ok();
            return held;
        }
        self.blind |= held.is_none();
        let Some(state) = &mut self.state else { return held };
        let written_at_ms = state.last_written_at_ms();
        let uid = state.job_uid().clone();
        let mut entry = Entry::empty(uid, self.lane, seq, Token::from(""), "", written_at_ms);
        entry.held = held.clone().unwrap_or_default();
        strip(&mut entry, state);
        // It claims nothing that is taken and has the number that is due.
        self.blind |= state.fold(&entry).is_err();
        held
    }

    fn take_entry(&mut self, mut entry: Entry, sidecar: &SidecarSeen) {
        let Some(state) = &mut self.state else {
            match LogState::open(&entry) {
                Ok(state) => self.state = Some(state),
                Err(error) => self.replace(entry.seq, &error.to_string(), sidecar),
            }
            return;
        };
        if state.closing() {
            // Whatever follows is the same damage.
            if !std::mem::replace(&mut self.after_closing, true) {
                let what = format!("entry {} of lane {} comes after the log was closed", entry.seq, self.lane);
                self.findings.push(Placed::at(plain(Kind::BadEntry, what), entry.seq));
            }
            return;
        }
        for (partition, offsets) in &entry.absent {
            let known = state.accounted_part(partition, offsets).len();
            self.absent += offsets.len() - known;
        }
        for (reason, offsets) in entry.skipped.values().flatten() {
            *self.skipped.entry(reason.as_str().to_owned()).or_default() += offsets.len();
        }
        let bad_sidecar = judge_sidecar(&entry, sidecar);
        self.untrusted.extend(bad_sidecar.as_ref().map(|_| entry.seq.0));
        let twice = strip(&mut entry, state);
        if twice.is_empty() {
            if let Some(problem) = bad_sidecar {
                let what = format!("the sidecar of entry {} of lane {} {problem}", entry.seq, self.lane);
                self.findings.push(Placed::at(plain(Kind::BadSidecar, what), entry.seq));
            }
        } else {
            let records = sum(&twice);
            self.doubled += records.unwrap_or(0);
            let offsets = told(&twice);
            let beside = bad_sidecar.map(|problem| format!("; its sidecar {problem}")).unwrap_or_default();
            let what = format!(
                "entry {} of lane {} claims offsets that were accounted for before it: {offsets}{beside}",
                entry.seq, self.lane
            );
            let finding = Finding { kind: Kind::Overlap, what, key: None, records };
            self.findings.push(Placed::at(finding, entry.seq).holding(twice));
        }
        if let Err(error) = state.fold(&entry) {
            return self.replace(entry.seq, &error.to_string(), &SidecarSeen::NotWanted);
        }
        self.add_rows(&entry);
    }

    fn add_rows(&mut self, entry: &Entry) {
        let token: Arc<str> = Arc::from(entry.token.as_str());
        for (index, file) in (0_u32..).zip(&entry.files) {
            let bucket = match self.buckets.get(file.bucket.as_str()) {
                Some(bucket) => Arc::clone(bucket),
                None => {
                    let bucket: Arc<str> = Arc::from(file.bucket.as_str());
                    self.buckets.insert(Arc::clone(&bucket));
                    bucket
                }
            };
            self.rows.push(FileRow::new(entry, index, file, &token, &bucket));
        }
        self.decide_earlier(entry);
    }

    /// What an entry says of files of earlier ones; saying it twice is saying it once.
    fn decide_earlier(&mut self, entry: &Entry) {
        for done in &entry.completed {
            self.decide(done.seq, done.file, Fate::Completed);
        }
        for rebuilt in &entry.rebuilt {
            if let Some(row) = self.row(rebuilt.seq, rebuilt.file) {
                row.rebuild(rebuilt);
            }
        }
        for Lost { seq, file, .. } in &entry.lost {
            self.decide(*seq, *file, Fate::Lost);
        }
    }

    fn decide(&mut self, seq: Seq, file: u32, fate: Fate) {
        if let Some(row) = self.row(seq, file)
            && row.fate == Fate::Pending
        {
            row.fate = fate;
        }
    }

    fn row(&mut self, seq: Seq, file: u32) -> Option<&mut FileRow> {
        let at = self.rows.binary_search_by_key(&(seq.0, file), |row| (row.seq, row.file)).ok()?;
        self.rows.get_mut(at)
    }
}

/// Why an entry does not belong where it lies.
fn misplaced(entry: &Entry, seq: Seq, lane: Lane, uid: &JobUid) -> Option<String> {
    if entry.seq != seq {
        return Some(format!("it says that it is entry {}", entry.seq));
    }
    if entry.lane != lane {
        return Some(format!("it says that it is of lane {}", entry.lane));
    }
    (entry.job_uid != *uid).then(|| format!("it says that it is of job uid {}", entry.job_uid))
}

/// Takes from an entry what is accounted for already, and answers that.
fn strip(entry: &mut Entry, state: &LogState) -> BTreeMap<SourcePartition, Offsets> {
    let mut twice: BTreeMap<SourcePartition, Offsets> = BTreeMap::new();
    for overlap in state.overlaps(entry) {
        twice.entry(overlap.partition).or_default().union_with(&overlap.offsets);
    }
    for (partition, offsets) in &twice {
        if let Some(held) = entry.held.get_mut(partition) {
            held.subtract(offsets);
        }
        for skipped in entry.skipped.get_mut(partition).into_iter().flat_map(BTreeMap::values_mut) {
            skipped.subtract(offsets);
        }
    }
    twice
}

fn judge_sidecar(entry: &Entry, sidecar: &SidecarSeen) -> Option<String> {
    match sidecar {
        SidecarSeen::NotWanted => None,
        SidecarSeen::Bad(problem) => Some(problem.clone()),
        SidecarSeen::There(sets) => {
            let problems: Vec<String> = i3_sidecar(entry, sets).into_iter().map(|found| found.what).collect();
            (!problems.is_empty()).then(|| format!("does not fit it: {}", problems.join(", ")))
        }
    }
}

pub(super) fn union(sets: &FileSets) -> BTreeMap<SourcePartition, Offsets> {
    let mut all: BTreeMap<SourcePartition, Offsets> = BTreeMap::new();
    for (partition, offsets) in sets.files.iter().flatten() {
        all.entry(partition.clone()).or_default().union_with(offsets);
    }
    all
}

fn told_of_held(held: &BTreeMap<SourcePartition, Offsets>, untold: bool) -> String {
    match (held.is_empty(), untold) {
        (true, _) => "no sidecar tells what it held".to_owned(),
        (false, false) => format!("by its sidecar it held {}", told(held)),
        (false, true) => format!("by the sidecars that are there it held {}", told(held)),
    }
}

/// Partitions told in one line, and runs of one partition.
const MAX_TOLD: usize = 4;

/// Offsets for people: the first runs of the first partitions.
pub(super) fn told(sets: &BTreeMap<SourcePartition, Offsets>) -> String {
    let one = |(partition, offsets): (&SourcePartition, &Offsets)| {
        let runs: Vec<String> =
            offsets.runs().take(MAX_TOLD).map(|run| format!("{}..{}", run.start, run.end)).collect();
        let more = if offsets.runs().nth(MAX_TOLD).is_some() { " ..." } else { "" };
        format!("{}/{}/{} {}{more}", partition.cluster, partition.topic, partition.partition, runs.join(","))
    };
    let mut text = sets.iter().take(MAX_TOLD).map(one).collect::<Vec<_>>().join(", ");
    if sets.len() > MAX_TOLD {
        text.push_str(&format!(" and {} partitions more", sets.len() - MAX_TOLD));
    }
    text
}

fn sum(sets: &BTreeMap<SourcePartition, Offsets>) -> Option<u64> {
    (!sets.is_empty()).then(|| sets.values().map(Offsets::len).sum())
}

fn plain(kind: Kind, what: String) -> Finding {
    Finding { kind, what, key: None, records: None }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
