//! The fold: entries of others, what lost against them, what is taken over.

use std::collections::BTreeSet;

use landfall_commit::{Entry, SourcePartition};

use super::Engine;
use super::file::Phase as FilePhase;
use crate::effect::{Fatal, FileId, Tail};

impl Engine {
    /// Folds one entry that is in the log. An entry below the end was folded already.
    pub(super) fn fold_one(&mut self, entry: &Entry) -> Result<(), String> {
        let Some(log) = self.log.as_mut() else { return Ok(()) };
        if entry.seq < log.next_seq() {
            return Ok(());
        }
        log.fold(entry).map_err(|e| e.to_string())?;
        let touched: BTreeSet<&SourcePartition> = entry.claimed().map(|(p, _)| p).chain(entry.absent.keys()).collect();
        for partition in self.partitions.iter_mut().flatten().filter(|p| touched.contains(p.source.as_ref())) {
            let frontier = log.partitions().get(&partition.source).map_or(0, landfall_commit::OffsetSet::frontier);
            partition.fresh_from = partition.fresh_from.max(frontier);
        }
        Ok(())
    }

    /// Entries of others (or our own, seen again): fold them, drop what lost, take over what is incomplete.
    pub(super) fn on_tail(&mut self, tail: Result<Tail, Fatal>) {
        self.appender.folding = false;
        let tail = match tail {
            Ok(tail) => tail,
            Err(fatal) => return self.fail(&fatal.code, fatal.message),
        };
        if tail.more {
            self.take_in(&tail.entries);
            // Nothing is concluded from a part of the log.
            self.appender.fold_wanted = true;
            return;
        }
        self.appender.next_poll_ms = self.now.mono_ms + self.settings.tail_poll_ms;
        self.appender.folded_ms = self.now.mono_ms;
        self.take_in(&tail.entries);
        self.completions.folded(self.log.as_ref(), self.appender.folds);
        self.appender.fold_wanted |= self.completions.wants_fold();
        self.judge_doubted();
    }

    /// The part of a fold that an assignment shares.
    pub(super) fn take_in(&mut self, entries: &[Entry]) {
        for entry in entries {
            // Our own append may have reached the log although its answer did not reach us: the answer, or the next
            // attempt, will say so; folding it here would make its files look lost.
            if self
                .appender
                .batch
                .as_ref()
                .is_some_and(|(b, _)| b.entry.seq == entry.seq && b.entry.token == entry.token)
            {
                if let Some((batch, _)) = self.appender.batch.take() {
                    self.waits.clear(self.appender.wait_id);
                    self.committed(batch);
                }
                continue;
            }
            let new = self.log.as_ref().is_some_and(|log| entry.seq >= log.next_seq());
            if let Err(e) = self.fold_one(entry) {
                return self.fail("bad_log", e);
            }
            if new {
                self.after_fold(entry);
            }
        }
        self.drop_losers();
    }

    pub(super) fn after_fold(&mut self, entry: &Entry) {
        for file in entry.completed.iter().copied().chain(entry.lost.iter().map(landfall_commit::Lost::file_ref)) {
            self.waits.clear(super::complete::wait_id(file));
        }
        self.completions.entry_folded(entry, self.log.as_ref());
        self.take_over();
        if entry.closing && !self.control.closing_is_ours() {
            self.fail("closed", "the job was deleted or replaced by a new generation; its log is closed".to_owned());
        }
    }

    /// Files that hold what another entry holds have lost. One of an append of unknown fate is left to that append.
    fn drop_losers(&mut self) {
        let Some(log) = &self.log else { return };
        let losers: Vec<FileId> = self
            .files
            .iter()
            .filter(|file| file.phase != FilePhase::Appending)
            .filter(|file| {
                file.held.iter().any(|of| {
                    log.partitions().get(&of.source).is_some_and(|a| !a.overlap(&of.held.offsets()).is_empty())
                })
            })
            .map(|file| file.id)
            .collect();
        for id in losers {
            self.drop_file(id, "its offsets are in another entry");
        }
    }

    /// Files of partitions that were given back while their append was undecided.
    pub(super) fn drop_unowned(&mut self) {
        for id in std::mem::take(&mut self.files.ready) {
            let owned =
                self.files.get(id).is_some_and(|file| file.held.iter().all(|of| self.partition(of.slot).is_some()));
            if owned {
                self.files.ready.push(id);
            } else {
                self.drop_file(id, "its partition was given back");
            }
        }
    }

    fn judge_doubted(&mut self) {
        for (id, key, token, since) in std::mem::take(&mut self.appender.doubted) {
            if since >= self.appender.folds {
                self.appender.doubted.push((id, key, token, since));
                self.appender.fold_wanted = true;
                continue;
            }
            // Dropped by the fold: it was a lost race within our own log.
            if self.files.get(id).is_some() {
                let whose = token
                    .map_or_else(|| "an object without our token".to_owned(), |t| format!("an object with token {t}"));
                self.fail(
                    "existing_object",
                    format!("{key} exists already ({whose}) and sink.on_existing_object is fail; move it away, or add {{unique}} to sink.key"),
                );
            }
        }
    }
}
