//! The deep part of a run: objects read back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::StreamExt;
use landfall_commit::{Offsets, SourcePartition};

use super::super::content::Flaw;
use super::super::deep::{self, Read, Reader};
use super::super::judge::{self, Looked, Trouble};
use super::super::log;
use super::super::rows::{Fate, FileRow, Flawed, Seen};
use super::settling::unsettled;
use super::{At, LaneRun, Run, in_scope};

/// Objects between two looks at the clock.
const READS_A_BATCH: usize = 64;
/// How often what was rebuilt while it was read is read again.
const MAX_ROUNDS: u32 = 3;
/// Troubled files whose offsets are asked for, one sidecar each.
const MAX_OFFSETS_ASKED: usize = 200;

impl Run<'_> {
    /// Reads what no earlier audit has read under the same ETag.
    pub(super) async fn read_files(&mut self) -> anyhow::Result<()> {
        let (mut wanted, mut known) = (Vec::new(), Vec::new());
        for (at, row) in self.rows() {
            // What has other bytes than it should may also hold a record twice.
            let right = self.looked.get(&at).is_some_and(|looked| {
                matches!(looked.trouble, None | Some(Trouble::Changed(_) | Trouble::Unproven(_)))
            });
            let read_before = row.seen.as_ref().and_then(|seen| seen.deep_ms).filter(|_| self.unchanged(row));
            match read_before {
                Some(at_ms) => known.push(at_ms),
                None if right && in_scope(self.options, row.seq, row.written_at_ms) => wanted.push(at),
                None => {}
            }
        }
        self.report.work.deep_from_state = known.len() as u64;
        if let Some(state) = &mut self.report.state {
            let oldest = known.into_iter().min();
            state.oldest_deep_at = oldest.and_then(|at_ms| jiff::Timestamp::from_millisecond(at_ms).ok());
        }
        self.report.deep = true;
        self.progress.begin("reading", wanted.len() as u64);
        for _ in 0..MAX_ROUNDS {
            self.read_each(&wanted).await?;
            // What turns out to be a rebuild is read as well.
            wanted = self.settle().await?;
            if wanted.is_empty() {
                break;
            }
        }
        self.report.deep &= wanted.is_empty();
        Ok(())
    }

    async fn read_each(&mut self, wanted: &[At]) -> anyhow::Result<()> {
        let (target, cancel) = (self.target, self.cancel);
        let untrusted = self.untrusted();
        for batch in wanted.chunks(READS_A_BATCH) {
            let bytes = |at: &At| self.looked.get(at).map_or(0, |looked| looked.bytes);
            let rows = batch.iter().filter_map(|at| Some((*at, self.row(*at)?, bytes(at))));
            // A reader a batch: the sidecars it keeps are of the files at hand.
            let reader = Reader::new(target, &self.store, &untrusted);
            let reads = reader.read_all(rows, self.options.parallel, cancel).await?;
            drop(reader);
            self.progress.add(reads.len() as u64);
            for (at, read) in reads {
                self.has_read(at, read);
            }
            self.save_now_and_then()?;
            if cancel.is_cancelled() {
                self.report.deep = false;
                break;
            }
        }
        Ok(())
    }

    pub(super) fn has_read(&mut self, at: At, read: Read) {
        let now_ms = self.rules.now_ms;
        let Looked { attempt: before_attempt, bytes, trouble: before } = self.looked.remove(&at).unwrap_or_default();
        let Some(row) = self.lanes.get_mut(at.0).and_then(|lane| lane.ledger.rows.get_mut(at.1)) else { return };
        let (attempt, trouble, visible) = match read {
            Read::Checked { visible, attempt, checked } => {
                self.report.work.objects_read += 1;
                self.report.work.bytes_read += visible.bytes;
                self.report.work.offsets_compared += u64::from(checked.compared);
                let right = checked.flaws.is_empty();
                let trouble = match before {
                    _ if !right => Some(Trouble::Flawed(checked.flaws)),
                    None | Some(Trouble::Unproven(_)) => None,
                    // Right bytes do not mend what its metadata is wrong about.
                    before => before,
                };
                match &trouble {
                    None => {
                        let deep_ms = Some(now_ms);
                        row.found_right(Seen { etag: visible.etag.clone(), at_ms: now_ms, attempt, deep_ms });
                    }
                    Some(Trouble::Flawed(flaws)) => {
                        let (_, what, _) = judge::told_of_flaws(row, Some(attempt), flaws);
                        row.found_wrong(&visible.etag, Some(Flawed { at_ms: now_ms, what }));
                    }
                    Some(_) => row.found_wrong(&visible.etag, None),
                }
                (Some(attempt), trouble, Some(visible))
            }
            Read::Overwritten(visible) => {
                row.found_wrong(&visible.etag, None);
                (before_attempt, Some(judge::overwritten(&visible)), Some(visible))
            }
            // It was visible when it was looked at.
            Read::Gone => (before_attempt, Some(Trouble::Gone), None),
            Read::TooLarge(why) => {
                self.report.deep = false;
                (before_attempt, Some(judge::unread(before, why)), None)
            }
        };
        if unsettled(row, trouble.as_ref()) {
            self.unsettled.push((at, visible));
        }
        self.looked.insert(at, Looked { attempt, bytes, trouble });
    }

    /// The offsets of the first files that are in trouble, from their sidecars.
    pub(super) async fn offsets_of_troubled(&self) -> anyhow::Result<HashMap<At, BTreeMap<SourcePartition, Offsets>>> {
        let tells = |row: &FileRow, trouble: &Trouble| match trouble {
            Trouble::Gone => match row.fate {
                Fate::Lost => false,
                Fate::Completed => self.rules.expect_all,
                Fate::Pending => true,
            },
            Trouble::Overwritten(_) | Trouble::Changed(_) | Trouble::Unproven(_) => true,
            Trouble::Flawed(flaws) => !flaws.iter().any(|flaw| matches!(flaw, Flaw::Twice(_) | Flaw::Lacks(_))),
            Trouble::TooLarge(_) => false,
        };
        let untrusted = self.untrusted();
        let troubled = self.rows().filter(|(at, row)| {
            !untrusted.contains(&(row.lane, row.seq))
                && self
                    .looked
                    .get(at)
                    .and_then(|looked| looked.trouble.as_ref())
                    .is_some_and(|trouble| tells(row, trouble))
        });
        let troubled: Vec<(At, &FileRow)> = troubled.take(MAX_OFFSETS_ASKED).collect();
        let mut offsets = HashMap::new();
        let mut reads = futures::stream::iter(troubled)
            .map(|(at, row)| async move { (at, deep::offsets_of(self.target, &self.store, row).await) })
            .buffer_unordered(log::READ_CONCURRENCY);
        while let Some((at, read)) = reads.next().await {
            offsets.insert(at, read?);
        }
        Ok(offsets)
    }

    /// Lane and number of the entries whose sidecar is a finding already.
    pub(super) fn untrusted(&self) -> BTreeSet<(u32, u64)> {
        let of_lane = |lane: &LaneRun| (lane.ledger.lane().0, lane.ledger.untrusted.clone());
        self.lanes.iter().map(of_lane).flat_map(|(lane, seqs)| seqs.into_iter().map(move |seq| (lane, seq))).collect()
    }
}
