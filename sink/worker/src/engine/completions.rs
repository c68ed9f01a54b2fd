//! The files on their way to being visible, and how far each of them is.

use std::collections::{BTreeMap, BTreeSet};

use landfall_commit::complete::Answer;
use landfall_commit::{Completion, Entry, FileRef, LogState, Lost, Rebuilt, Step};

/// The trigger of a file that was closed elsewhere, or rebuilt.
pub(super) const TAKEN_OVER: &str = "taken_over";

#[derive(Debug)]
pub(super) enum State {
    Queued,
    Asked,
    Waiting {
        until_ms: i64,
    },
    Folding {
        since: u64,
    },
    /// Proven gone; waits for its turn to be rebuilt.
    Gone,
    /// See [`Completions::under_way`].
    Rebuilding,
    /// Uploaded again; the next entry says so.
    Saying,
}

#[derive(Debug)]
pub(super) struct Work {
    pub(super) machine: Option<Completion>,
    pub(super) attempt: u32,
    pub(super) taken_over: bool,
    pub(super) replaces: Option<String>,
    /// What closed the file, where it was closed here.
    pub(super) closed_by: &'static str,
    /// What a HEAD saw last: the object to replace, by the job's policy.
    pub(super) seen_etag: Option<String>,
    pub(super) state: State,
    pub(super) next: Option<Step>,
    /// Rebuilds of this attempt that failed.
    pub(super) rebuilds_failed: u32,
}

/// A rebuild that was begun and did not answer yet.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) bucket: String,
    pub(super) key: String,
}

/// The files on their way to being visible.
#[derive(Debug, Default)]
pub struct Completions {
    pub(super) work: BTreeMap<FileRef, Work>,
    /// Seen visible; the log does not say so yet.
    pub(super) visible: BTreeSet<FileRef>,
    /// The rebuild that goes on: to its end, even when somebody else's won or the file is no longer pending.
    pub(super) under_way: Option<UnderWay>,
    /// Tokens of rebuilds of ours, to tell whether they won.
    pub(super) rebuilt: BTreeMap<FileRef, Rebuilt>,
}

impl Completions {
    /// A file of our own entry, closed by `closed_by`.
    pub fn add(&mut self, file_ref: FileRef, replaces: Option<String>, closed_by: &'static str) {
        self.queue(file_ref, false, replaces, closed_by);
    }

    /// A file learnt from the log: somebody may have completed it already.
    pub fn take_over(&mut self, file_ref: FileRef) {
        self.queue(file_ref, true, None, TAKEN_OVER);
    }

    fn queue(&mut self, file_ref: FileRef, taken_over: bool, replaces: Option<String>, closed_by: &'static str) {
        let state = State::Queued;
        let work = Work {
            machine: None,
            attempt: 0,
            taken_over,
            replaces,
            closed_by,
            seen_etag: None,
            state,
            next: None,
            rebuilds_failed: 0,
        };
        self.work.entry(file_ref).or_insert(work);
    }

    /// The oldest file that may be rebuilt now: one at a time, each reads from Kafka and holds parts.
    pub(super) fn next_rebuild(&self) -> Option<FileRef> {
        if self.rebuilding() {
            return None;
        }
        self.work.iter().find(|(_, work)| matches!(work.state, State::Gone)).map(|(file, _)| *file)
    }

    pub fn rebuilding(&self) -> bool {
        self.under_way.is_some()
    }

    /// Nothing is under way.
    pub fn idle(&self) -> bool {
        self.work.is_empty()
    }

    /// Answers are on their way that the next entry can say with those that are there.
    pub fn at_work(&self) -> bool {
        self.work.values().any(|work| matches!(work.state, State::Queued | State::Asked))
    }

    pub fn visible(&self) -> &BTreeSet<FileRef> {
        &self.visible
    }

    /// True when files were seen visible that the log does not call completed.
    pub fn visible_pending(&self, log: Option<&LogState>) -> bool {
        log.is_some_and(|log| self.visible.iter().any(|file| log.pending().contains_key(file)))
    }

    pub fn to_record(&self, log: &LogState) -> Vec<FileRef> {
        self.visible.iter().filter(|file| log.pending().contains_key(file)).copied().collect()
    }

    /// What the fold calls completed, lost or rebuilt is not worked on in its old attempt any more.
    pub fn entry_folded(&mut self, entry: &Entry, log: Option<&LogState>) {
        for file in entry.completed.iter().copied().chain(entry.lost.iter().map(Lost::file_ref)) {
            self.work.remove(&file);
            self.visible.remove(&file);
        }
        for rebuilt in &entry.rebuilt {
            let file = rebuilt.file_ref();
            let current = log.and_then(|log| log.pending().get(&file));
            if current.is_some_and(|pending| pending.attempt == rebuilt.attempt && pending.file.token == rebuilt.token)
            {
                self.work.remove(&file);
                let ours = self.rebuilt.get(&file).is_some_and(|r| r.token == rebuilt.token);
                self.queue(file, !ours, None, TAKEN_OVER);
            }
        }
    }

    /// A fold was done: whoever waited for one goes on.
    pub fn wants_fold(&self) -> bool {
        self.work.values().any(|work| matches!(work.state, State::Folding { .. }))
    }

    /// `number`: of the fold that ended. One that began before the doubt proves nothing.
    pub fn folded(&mut self, log: Option<&LogState>, number: u64) {
        for (file, work) in &mut self.work {
            if matches!(work.state, State::Folding { since } if since < number) {
                let same =
                    log.and_then(|log| log.pending().get(file)).is_some_and(|pending| pending.attempt == work.attempt);
                work.state = State::Waiting { until_ms: i64::MIN };
                work.next = Some(Step::FoldAgain);
                if let Some(machine) = work.machine.as_mut() {
                    work.next = Some(machine.advance(Answer::Folded { same }, 0));
                }
            }
        }
    }
}
