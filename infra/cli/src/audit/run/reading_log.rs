//! The log's part of a run: what may be taken from the state, every other entry, and whether the end is the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use anyhow::Context;
use futures::StreamExt;
use landfall_commit::{Checkpoint, Entry, JobUid, Lane, Origins, Seq, SourcePartition, Token};
use landfall_store::JobRecord;

use super::super::judge;
use super::super::kafka::KafkaPartition;
use super::super::kept::{Kept, KeptEntry, KeptLane};
use super::super::kind::Kind;
use super::super::ledger::{EntrySeen, Ledger, SidecarSeen, Slot};
use super::super::log::{self, LaneListing, Listed};
use super::super::report::{Finding, FromState, Placed};
use super::super::rows::FileRow;
use super::super::tail::{TailEvidence, lost_tail};
use super::{LaneRun, Run, in_scope};

const ENTRIES_A_BATCH: u64 = 512;
/// Sidecars after the end of a log that are read: one of each worker that was about to append.
const MAX_TAILS: usize = 16;

impl Run<'_> {
    /// Lists each lane and takes what may be taken from the state.
    pub(super) async fn begin(&mut self, kept: Option<Kept>) -> anyhow::Result<()> {
        let record = &self.target.record;
        let (header, mut entries, mut files, others) = match kept {
            Some(Kept { header, entries, files, others }) => (Some(header), entries, files, others),
            None => (None, Vec::new(), Vec::new(), BTreeMap::new()),
        };
        self.report.state = self.options.state.as_ref().map(|path| FromState {
            file: path.display().to_string(),
            saved_at: header.as_ref().and_then(|header| jiff::Timestamp::from_millisecond(header.saved_at_ms).ok()),
            ..FromState::default()
        });
        let mut kept_lanes: BTreeMap<u32, KeptLane> =
            header.into_iter().flat_map(|header| header.lanes).map(|lane| (lane.lane, lane)).collect();
        for lane in (0..record.lanes).map(Lane) {
            let listing = log::list(self.target, &self.store, lane).await?;
            let of_lane = |number: u32| number == lane.0;
            let before: Vec<KeptEntry> = entries.extract_if(.., |entry| of_lane(entry.lane)).collect();
            let rows: Vec<FileRow> = files.extract_if(.., |row| of_lane(row.lane)).collect();
            let ledger = Ledger::new(lane, beginning(record, lane));
            let mut run = LaneRun {
                ledger,
                changed: changed(&before, &listing),
                listing,
                marks: Vec::new(),
                before: kept_lanes.remove(&lane.0).map(|kept| (kept, before)),
                earlier_rows: HashMap::new(),
                damage: Vec::new(),
                settled_to: None,
            };
            let rows = self.resume(&mut run, rows)?;
            run.earlier_rows = rows.into_iter().map(|row| ((row.seq, row.file), row)).collect();
            self.lanes.push(run);
        }
        self.others = others;
        Ok(())
    }

    /// Takes over the folded log of an earlier audit where nothing of it has changed. Answers the rows that are left.
    pub(super) fn resume(&mut self, run: &mut LaneRun, mut rows: Vec<FileRow>) -> anyhow::Result<Vec<FileRow>> {
        let Some((kept, marks)) = &run.before else { return Ok(rows) };
        if !run.changed.is_empty() {
            return Ok(rows);
        }
        let uid = JobUid::from(self.target.record.uid.as_str());
        let folded = Checkpoint::from_json(kept.folded.get().as_bytes(), &uid, run.ledger.lane());
        let state = folded.context("the folded log in the state cannot be used: give --full")?;
        let next = state.next_seq().0;
        // What the state does not say to be there was not seen to be there.
        if !dense(marks, next) {
            return Ok(rows);
        }
        let later = rows.extract_if(.., |row| row.seq >= next).collect();
        run.ledger.resume(state, rows, kept.entries, kept.skipped.clone(), kept.absent);
        run.marks.clone_from(marks);
        if let Some(from) = &mut self.report.state {
            from.entries += kept.entries;
        }
        Ok(later)
    }

    /// Reads the rest of a lane's log, as far as it gets before it is cancelled.
    pub(super) async fn read_log(&mut self, at: usize) -> anyhow::Result<()> {
        let Some(lane) = self.lanes.get_mut(at) else { return Ok(()) };
        let Some(last) = lane.listing.last() else {
            let what = format!("lane {} has no entry: its log was deleted or expired", lane.ledger.lane());
            lane.damage.push(Finding { kind: Kind::NoLog, what, key: None, records: None }.into());
            return Ok(());
        };
        let mut next = lane.ledger.next_seq().0;
        self.progress.begin("log", (last + 1).saturating_sub(next));
        while next <= last && !self.cancel.is_cancelled() {
            let to = u64::min(last + 1, next + ENTRIES_A_BATCH);
            self.read_entries(at, next..to).await?;
            self.progress.add(to - next);
            next = to;
            self.save_now_and_then()?;
        }
        // Where the audit is interrupted the hole may go on: what was seen of it is told.
        if let Some(lane) = self.lanes.get_mut(at) {
            lane.ledger.end_hole();
        }
        Ok(())
    }

    pub(super) async fn read_entries(&mut self, at: usize, numbers: Range<u64>) -> anyhow::Result<()> {
        let Self { target, store, options, report, lanes, .. } = self;
        let Some(LaneRun { ledger, listing, marks, earlier_rows, .. }) = lanes.get_mut(at) else { return Ok(()) };
        let (lane, listing) = (ledger.lane(), &*listing);
        let nothing = Listed::default();
        let wanted = |entry: &Entry| in_scope(options, entry.seq.0, entry.written_at_ms);
        let mut slots = futures::stream::iter(numbers)
            .map(|seq| log::slot(target, store, lane, seq, listing.slots.get(&seq).unwrap_or(&nothing), wanted))
            .buffered(log::READ_CONCURRENCY);
        while let Some(slot) = slots.next().await {
            let slot = slot?;
            report.work.entries_read += 1;
            report.work.sidecars_read += u64::from(!matches!(slot.sidecar, SidecarSeen::NotWanted));
            marks.extend(mark(&slot, listing, lane));
            let rows_before = ledger.rows.len();
            ledger.take(slot);
            for row in ledger.rows.iter_mut().skip(rows_before) {
                recognise(row, earlier_rows);
            }
        }
        Ok(())
    }

    /// Whether the logs go on where they seem to end, and whether they changed since an earlier audit.
    pub(super) async fn judge_log_ends(
        &mut self,
        kafka: &BTreeMap<(String, i32), KafkaPartition>,
    ) -> anyhow::Result<()> {
        for lane in &mut self.lanes {
            let number = lane.ledger.lane();
            let last = lane.listing.last().unwrap_or(0);
            let mut tail = TailEvidence { checkpoint: lane.listing.checkpoint, ..TailEvidence::default() };
            let earlier = lane.before.iter().flat_map(|(_, entries)| entries).map(|entry| Seq(entry.seq)).max();
            tail.state = earlier;
            let after = lane.listing.slots.range(last + 1..).take(MAX_TAILS);
            for (seq, (token, _)) in
                after.flat_map(|(seq, listed)| listed.sidecars.iter().map(move |found| (seq, found)))
            {
                let token = Token::from(&**token);
                let read = log::sidecar(self.target, &self.store, number, Seq(*seq), &token).await?;
                if let SidecarSeen::There(sets) = read {
                    tail.sidecars.push((Seq(*seq), token, sets));
                }
            }
            let committed = match &lane.ledger.state {
                Some(state) => judge::own_commits(&self.target.record, state, kafka),
                None => BTreeMap::new(),
            };
            lane.damage.extend(lost_tail(&mut lane.ledger, &tail, &committed));
            let told: BTreeSet<u64> =
                lane.ledger.findings.iter().filter_map(|found| found.seq).map(|seq| seq.0).collect();
            let new = lane.changed.iter().filter(|(seq, _)| {
                let gone = lane.listing.slots.get(seq).is_none_or(|listed| listed.entry.is_none());
                !told.contains(seq) && !gone
            });
            let saved_at = self.report.state.as_ref().and_then(|state| state.saved_at);
            let since = saved_at.map(|at| format!("{at:.0}")).unwrap_or_default();
            let new: Vec<Placed> = new
                .map(|(seq, what)| {
                    let what = format!("{what} of lane {number} since the audit of {since}");
                    Placed::at(Finding { kind: Kind::LogChanged, what, key: None, records: None }, Seq(*seq))
                })
                .collect();
            lane.damage.extend(new);
        }
        Ok(())
    }
}

/// Entry 0 as the job's record would have it, for a log that lost its own.
fn beginning(record: &JobRecord, lane: Lane) -> Entry {
    let start = record.origins.iter().map(|origin| {
        let partition = SourcePartition {
            cluster: origin.cluster.clone(),
            topic: origin.topic.clone(),
            topic_id: origin.topic_id.clone().unwrap_or_default(),
            partition: origin.partition,
        };
        (partition, u64::try_from(origin.start_offset).unwrap_or(0))
    });
    let origins = Origins {
        start: start.collect(),
        bucket: record.spec.sink.bucket.clone(),
        lanes: record.lanes,
        created_at_ms: record.created_at.as_millisecond(),
    };
    Entry::zero(JobUid::from(record.uid.as_str()), lane, Token::from(""), "", origins)
}

/// What was kept of the log and is not as it was, by number.
fn changed(before: &[KeptEntry], listing: &LaneListing) -> BTreeMap<u64, String> {
    let mut changed = BTreeMap::new();
    for kept in before {
        let seq = kept.seq;
        let now = listing.slots.get(&seq);
        let what = match now.and_then(|now| now.entry.as_ref()) {
            None => format!("entry {seq} is gone"),
            Some(mark) if *mark != kept.entry => format!("entry {seq} was replaced"),
            Some(_) => {
                let Some((token, mark)) = &kept.sidecar else { continue };
                let of_token = now.and_then(|now| now.sidecars.iter().find(|(name, _)| name == token));
                match of_token {
                    None => format!("the sidecar of entry {seq} is gone"),
                    Some((_, now)) if now != mark => format!("the sidecar of entry {seq} was replaced"),
                    Some(_) => continue,
                }
            }
        };
        changed.insert(seq, what);
    }
    changed
}

/// Whether each number before `next` was read, and kept.
fn dense(marks: &[KeptEntry], next: u64) -> bool {
    let numbers: BTreeSet<u64> = marks.iter().map(|mark| mark.seq).filter(|seq| *seq < next).collect();
    numbers.len() as u64 == next
}

/// What the state keeps of an entry that was read.
fn mark(slot: &Slot, listing: &LaneListing, lane: Lane) -> Option<KeptEntry> {
    let EntrySeen::There(entry) = &slot.entry else { return None };
    let listed = listing.slots.get(&slot.seq.0)?;
    let own = listed.sidecars.iter().find(|(token, _)| **token == *entry.token.as_str());
    Some(KeptEntry { lane: lane.0, seq: slot.seq.0, entry: listed.entry.clone()?, sidecar: own.cloned() })
}

/// What an earlier audit saw of the same file stays valid although its entry was read again.
fn recognise(row: &mut FileRow, earlier: &mut HashMap<(u64, u32), FileRow>) {
    if let Some(before) = earlier.remove(&(row.seq, row.file))
        && before.key == row.key
        && before.bucket == row.bucket
        && before.entry_token == row.entry_token
    {
        (row.seen, row.flawed) = (before.seen, before.flawed);
    }
}

#[cfg(test)]
#[path = "reading_log_tests.rs"]
mod tests;
