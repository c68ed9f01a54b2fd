//! What the log says by now of files that were pending when it was read. A job goes on while its objects are looked at:
//! a file may be completed, and deleted by who has read it, or rebuilt under another token, between the two.

use std::collections::BTreeSet;

use super::super::judge::{Looked, Trouble};
use super::super::ledger::EntrySeen;
use super::super::log::{self, Listed};
use super::super::objects;
use super::super::rows::{Fate, FileRow};
use super::{At, Run};

/// Entries that are read after the end of a log as it was listed.
const MAX_LATER_ENTRIES: u64 = 10_000;

/// Whether an entry that was not read yet may explain it.
pub(super) fn unsettled(row: &FileRow, trouble: Option<&Trouble>) -> bool {
    row.fate == Fate::Pending && matches!(trouble, Some(Trouble::Gone | Trouble::Overwritten(_)))
}

impl Run<'_> {
    /// Judges again what is pending and looks gone or not ours. Answers the rows that are not any more.
    pub(super) async fn settle(&mut self) -> anyhow::Result<Vec<At>> {
        let unsettled = std::mem::take(&mut self.unsettled);
        let lanes: BTreeSet<usize> = unsettled.iter().map(|((lane, _), _)| *lane).collect();
        for lane in lanes {
            self.read_on(lane).await?;
        }
        let mut decided = Vec::new();
        for (at, visible) in &unsettled {
            match visible {
                // The log is the later one now: it names the token that was seen.
                Some(_) => self.looked_at(*at, visible.as_ref()),
                // It may have become visible after it was looked for.
                None if self.row(*at).is_some_and(|row| row.fate != Fate::Pending) => decided.push(*at),
                None => {}
            }
        }
        let rows = decided.iter().filter_map(|at| Some((*at, self.row(*at)?)));
        let places = rows.map(|(at, row)| (at, &*row.bucket, &*row.key));
        let seen = objects::look(&self.store, places, self.cancel).await?;
        for (at, visible) in seen {
            self.looked_at(at, visible.as_ref());
        }
        // Once is enough: every later entry that could explain it was read.
        self.unsettled.clear();
        if self.cancel.is_cancelled() {
            // Not every one of them was read: nothing is said of these files.
            for (at, _) in &unsettled {
                self.looked.remove(at);
            }
            return Ok(Vec::new());
        }
        let gone = |looked: &Looked| matches!(looked.trouble, Some(Trouble::Gone | Trouble::Overwritten(_)));
        let there = |at: &At| self.looked.get(at).is_some_and(|looked| !gone(looked));
        Ok(unsettled.into_iter().map(|(at, _)| at).filter(there).collect())
    }

    /// Reads the entries that came since the log was listed, for what they say of earlier files.
    async fn read_on(&mut self, at: usize) -> anyhow::Result<()> {
        let Some(lane) = self.lanes.get_mut(at) else { return Ok(()) };
        let listed_to = lane.listing.last().map_or(0, |last| last + 1);
        let mut next = lane.settled_to.unwrap_or(listed_to);
        for _ in 0..MAX_LATER_ENTRIES {
            if self.cancel.is_cancelled() {
                break;
            }
            let number = lane.ledger.lane();
            let slot = log::slot(self.target, &self.store, number, next, &Listed::default(), |_| false).await?;
            let EntrySeen::There(entry) = slot.entry else { break };
            self.report.work.entries_read += 1;
            if !lane.ledger.take_later(&entry, slot.seq) {
                break;
            }
            next += 1;
        }
        lane.settled_to = Some(next);
        Ok(())
    }
}
