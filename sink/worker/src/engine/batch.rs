//! What the next entry says: every closed file that has not lost, and what else there is to declare.

use std::collections::BTreeMap;

use bytes::Bytes;
use landfall_commit::{Entry, FileRef, FileSets, Lane, LogState, SkipReason, Token};

use super::Engine;
use super::append::Appender;
use super::file::Phase as FilePhase;
use super::partition::Partition;
use crate::effect::{Effect, FileId, FileOffsets};

/// An entry on its way into the log.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) entry: Entry,
    pub(super) body: Bytes,
    pub(super) files: Vec<FileId>,
}

impl Appender {
    /// Another worker's rebuild or verdict came first: ours for the same attempt is not said any more. A loss said after
    /// a rebuild would take good records out of sight.
    fn drop_outdated(&mut self, log: &LogState, effects: &mut Vec<Effect>) {
        let current = |file: FileRef, attempt: u32| {
            log.pending().get(&file).is_some_and(|pending| pending.attempt.checked_add(1) == Some(attempt))
        };
        self.lost.retain(|(lost, attempt)| current(lost.file_ref(), *attempt));
        let (kept, outdated) = std::mem::take(&mut self.rebuilt)
            .into_iter()
            .partition::<Vec<_>, _>(|rebuilt| current(rebuilt.file_ref(), rebuilt.attempt));
        self.rebuilt = kept;
        for rebuilt in outdated {
            // A file the log no longer has pending tells no key: the lifecycle rule ends its upload.
            if let Some(pending) = log.pending().get(&rebuilt.file_ref())
                && pending.file.upload_id != rebuilt.upload_id
            {
                let (bucket, key) = (pending.file.bucket.clone(), pending.file.key.clone());
                effects.push(Effect::Abort { bucket, key, upload_id: rebuilt.upload_id });
            }
        }
    }

    pub fn doubt_key(&mut self, id: FileId, key: String, token: Option<String>) {
        self.doubted.push((id, key, token, self.folds));
        self.fold_wanted = true;
    }
}

impl Engine {
    /// Something of a file, or the end of the log, is to be written down.
    pub(super) fn has_outcomes(&self) -> bool {
        self.completions.visible_pending(self.log.as_ref())
            || !self.appender.rebuilt.is_empty()
            || !self.appender.lost.is_empty()
            || self.appender.close_log
    }

    /// Offsets are to be declared that no file holds.
    pub(super) fn has_declarations(&self) -> bool {
        let declares = |p: &Partition| !p.absent.is_empty() || p.skipped.values().any(|s| !s.is_empty());
        self.partitions.iter().flatten().any(declares)
    }

    /// The next entry: everything that is ready and not lost, and what else there is to say.
    pub(super) fn build_batch(&mut self) -> Option<Batch> {
        let log = self.log.as_ref()?;
        let token = Token(self.ids.token());
        let mut entry = Entry::empty(
            self.identity.uid.clone(),
            Lane(0),
            log.next_seq(),
            token,
            &self.identity.worker,
            self.now.wall_ms,
        );
        let ready = self.take_ready();
        let version = ready.first().and_then(|id| self.version_of(*id));
        entry.config_version = version.unwrap_or(self.plan.config_version);
        let (mut files, mut sets, mut losers) = (Vec::new(), Vec::new(), Vec::new());
        for id in ready {
            let Some(offsets) = self.file_offsets(id) else { continue };
            let overlaps = offsets.iter().any(|(p, set)| entry.held.get(p).is_some_and(|held| !held.is_disjoint(set)));
            if overlaps || self.log.as_ref().is_none_or(|log| log.has_lost(&offsets)) {
                losers.push(id);
                continue;
            }
            let Some(file) = self.files.get_mut(id) else { continue };
            file.phase = FilePhase::Appending;
            entry.files.push(file.entry());
            for (reason, letters) in &file.letters {
                *entry.dead_letters.entry((*reason).to_owned()).or_default() += letters;
            }
            for (partition, set) in &offsets {
                entry.held.entry(partition.clone()).or_default().union_with(set);
            }
            files.push(id);
            sets.push(offsets);
        }
        for id in losers {
            self.drop_file(id, "its offsets are in another entry");
        }
        self.add_declarations(&mut entry);
        let log = self.log.as_ref()?;
        entry.completed = self.completions.to_record(log);
        self.appender.drop_outdated(log, &mut self.effects);
        entry.rebuilt.clone_from(&self.appender.rebuilt);
        entry.lost = self.appender.lost.iter().map(|(lost, _)| lost.clone()).collect();
        entry.closing = self.appender.close_log && files.is_empty() && self.control.may_close(log, &self.completions);
        if entry.says_nothing() {
            return None;
        }
        for set in entry.held.values_mut() {
            set.optimize();
        }
        // Entries are never deleted: one that our own fold refuses would end the job for good.
        if let Some(overlap) = self.log.as_ref().and_then(|log| log.overlaps(&entry).into_iter().next()) {
            self.fail(
                "bad_entry",
                format!("the next log entry would claim {:?} of {} twice", overlap.offsets, overlap.partition),
            );
            return None;
        }
        let body = match entry.to_json() {
            Ok(body) => Bytes::from(body),
            Err(e) => {
                self.fail("bad_log", e.to_string());
                return None;
            }
        };
        if !sets.is_empty() {
            match FileSets::new(sets).to_json() {
                Ok(json) => {
                    self.effects.push(Effect::PutSidecar { key: self.paths.sidecar(entry.seq, &entry.token), json });
                }
                Err(e) => {
                    self.fail("bad_log", e.to_string());
                    return None;
                }
            }
        }
        Some(Batch { entry, body, files })
    }

    /// The files of the next entry. They are of one version of the job: the entry tells it, and a file that must be
    /// rebuilt is written as that version says.
    fn take_ready(&mut self) -> Vec<FileId> {
        let ready = std::mem::take(&mut self.files.ready);
        let version = ready.first().and_then(|id| self.version_of(*id));
        let (mut taken, others) = ready.into_iter().partition::<Vec<_>, _>(|id| self.version_of(*id) == version);
        let mut left = taken.split_off(taken.len().min(self.settings.max_entry_files));
        left.extend(others);
        self.files.ready = left;
        taken
    }

    fn version_of(&self, id: FileId) -> Option<u64> {
        self.files.get(id).map(|file| file.plan.config_version)
    }

    /// Skips and absences of owned partitions, less what the log accounts for already.
    fn add_declarations(&mut self, entry: &mut Entry) {
        let Some(log) = &self.log else { return };
        for partition in self.partitions.iter_mut().flatten() {
            let accounted = log.accounted(&partition.source);
            let mut said = landfall_commit::Offsets::new();
            for (reason, set) in &mut partition.skipped {
                let already = accounted.overlap(set);
                set.subtract(&already);
                // One offset has one reason: the first that was given.
                set.subtract(&said);
                said.union_with(set);
                if let Some(held) = entry.held.get(&partition.source) {
                    set.subtract(held);
                }
                if !set.is_empty() {
                    entry.skipped.entry(partition.source.as_ref().clone()).or_default().insert(*reason, set.clone());
                }
            }
            let to_topic =
                entry.skipped.get(&*partition.source).and_then(|said| said.get(&SkipReason::DeadLetterTopic));
            if let Some(to_topic) = to_topic {
                for (reason, letters) in &partition.topic_letters {
                    let said = letters.intersection(to_topic).len();
                    if said > 0 {
                        *entry.dead_letters.entry((*reason).to_owned()).or_default() += said;
                    }
                }
            }
            let already = accounted.overlap(&partition.absent);
            partition.absent.subtract(&already);
            if !partition.absent.is_empty() {
                entry.absent.insert(partition.source.as_ref().clone(), partition.absent.clone());
            }
        }
    }

    pub(super) fn file_offsets(&self, id: FileId) -> Option<FileOffsets> {
        let file = self.files.get(id)?;
        let mut offsets: FileOffsets = BTreeMap::new();
        for of in &file.held {
            offsets.insert(of.source.as_ref().clone(), of.held.offsets());
        }
        Some(offsets)
    }
}
