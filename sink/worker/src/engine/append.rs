//! The committer: batches closed files into one entry, appends it, and folds what others appended.
//!
//! One append at a time. While the fate of one is unknown the same body is sent again and nothing else is appended.

use std::collections::BTreeMap;

use landfall_commit::decide::{self, AppendAnswer, AppendStep, Existing, ExistingStep};
use landfall_commit::{FileRef, Lost, Rebuilt, Seq, SkipReason, Token};

use super::Engine;
use super::batch::Batch;
use super::file::Phase as FilePhase;
use crate::effect::{Effect, FileId};
use crate::now::Now;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// The sidecar is written, and the topics are looked at, before the append.
    Preparing {
        sidecar: bool,
        topics: bool,
    },
    Put,
    Read,
    /// Send again (or read again) at this time.
    Wait {
        until_ms: i64,
        read: bool,
    },
}

#[derive(Debug)]
pub struct Appender {
    pub(super) batch: Option<(Batch, At)>,
    attempts: u32,
    last_append_ms: i64,
    /// When the last entry of ours came into the log that declares offsets and nothing else.
    declared_ms: i64,
    /// When something first waited to be said by an entry without files.
    news_since_ms: Option<i64>,
    pub(super) folding: bool,
    /// The fold under way is only for freshness before an append.
    fold_is_courtesy: bool,
    pub(super) fold_wanted: bool,
    pub(super) next_poll_ms: i64,
    /// When the last fold ended.
    pub(super) folded_ms: i64,
    /// Files whose key is taken, to be judged after a fold.
    pub(super) doubted: Vec<(FileId, String, Option<String>, u64)>,
    /// Folds started so far: a verdict needs one that began after the doubt.
    pub(super) folds: u64,
    /// Rebuilt and lost files to be said in the next entry.
    pub rebuilt: Vec<Rebuilt>,
    /// With the attempt that failed.
    pub lost: Vec<(Lost, u32)>,
    pub close_log: bool,
    last_checkpoint: Seq,
    pub(super) wait_id: u64,
}

impl Appender {
    pub fn new(now: Now) -> Self {
        Self {
            batch: None,
            attempts: 0,
            last_append_ms: i64::MIN / 2,
            declared_ms: i64::MIN / 2,
            news_since_ms: None,
            folding: false,
            fold_is_courtesy: false,
            fold_wanted: false,
            next_poll_ms: now.mono_ms,
            folded_ms: i64::MIN / 2,
            doubted: Vec::new(),
            folds: 0,
            rebuilt: Vec::new(),
            lost: Vec::new(),
            close_log: false,
            last_checkpoint: Seq(0),
            wait_id: u64::MAX,
        }
    }

    pub fn want_fold(&mut self) {
        self.fold_wanted = true;
    }

    pub fn idle(&self) -> bool {
        self.batch.is_none() && self.rebuilt.is_empty() && self.lost.is_empty() && self.doubted.is_empty()
    }

    /// No append is under way whose fate is unknown.
    pub fn settled(&self) -> bool {
        self.batch.is_none()
    }

    /// The log is there; the first checkpoint is due some entries later.
    pub fn loaded(&mut self, last: Seq) {
        self.last_checkpoint = last;
    }
}

impl Engine {
    pub(super) fn tick_append(&mut self) {
        if self.log.is_none() {
            return;
        }
        let now_ms = self.now.mono_ms;
        if now_ms >= self.appender.next_poll_ms {
            self.appender.next_poll_ms = now_ms + self.settings.tail_poll_ms;
            self.appender.fold_wanted = true;
        }
        if self.appender.fold_wanted && !self.appender.folding {
            self.fold_tail();
        }
        match self.appender.batch.take() {
            Some((batch, At::Wait { until_ms, read })) if now_ms >= until_ms => self.send(batch, read),
            Some(other) => self.appender.batch = Some(other),
            None => self.maybe_append(),
        }
    }

    fn fold_tail(&mut self) {
        if let Some(log) = &self.log {
            self.appender.folding = true;
            self.appender.fold_is_courtesy = false;
            self.appender.folds += 1;
            self.appender.fold_wanted = false;
            self.effects.push(Effect::FoldTail { from: log.next_seq() });
        }
    }

    /// Between two appends of this worker: the log takes a few entries a second, whoever writes them.
    fn append_interval_ms(&self) -> i64 {
        self.settings.append_interval_ms.saturating_mul(i64::try_from(self.writers).unwrap_or(1))
    }

    /// Starts an append when there is something to say and it is time.
    fn maybe_append(&mut self) {
        let now_ms = self.now.mono_ms;
        let hurried = self.control.hurried() || self.partitions.iter().flatten().any(|p| !p.owned());
        // A fold under way after a long sleep or a doubt comes first.
        if self.appender.folding && !(hurried && self.appender.fold_is_courtesy)
            || self.appender.fold_wanted
            || self.log.as_ref().is_none_or(landfall_commit::LogState::closing)
        {
            return;
        }
        if !hurried && now_ms < self.appender.last_append_ms.saturating_add(self.append_interval_ms()) {
            return;
        }
        let has_files = !self.files.ready.is_empty();
        if !has_files {
            let outcomes = self.has_outcomes();
            if !outcomes && !self.has_declarations() {
                self.appender.news_since_ms = None;
                return;
            }
            let since = *self.appender.news_since_ms.get_or_insert(now_ms);
            // To say of each file at once that it is visible would take an entry a file.
            let unhurried = !hurried || self.completions.at_work();
            let mut due_ms = since.saturating_add(self.settings.idle_entry_ms);
            if !outcomes {
                due_ms = due_ms.max(self.appender.declared_ms.saturating_add(self.settings.declare_again_ms));
            }
            if unhurried && now_ms < due_ms {
                return;
            }
        }
        // Where others write, the log has most likely grown since the last fold, and an append behind its old end costs a
        // sidecar, a PUT, a GET and a LIST for nothing. When hurried there may be no time for both.
        if !hurried
            && self.writers > 1
            && now_ms > self.appender.folded_ms.saturating_add(self.settings.append_interval_ms)
        {
            self.fold_tail();
            self.appender.fold_is_courtesy = true;
            return;
        }
        self.appender.news_since_ms = None;
        if let Some(batch) = self.build_batch() {
            self.appender.last_append_ms = now_ms;
            self.appender.attempts = 0;
            self.put_sidecar_or_append(batch);
        }
    }

    fn put_sidecar_or_append(&mut self, batch: Batch) {
        if batch.files.is_empty() {
            self.send(batch, false);
        } else {
            let topics: BTreeMap<String, String> = batch
                .entry
                .held
                .keys()
                .filter(|source| !source.topic_id.is_empty())
                .map(|source| (source.topic.clone(), source.topic_id.clone()))
                .collect();
            let known = topics.is_empty();
            if !known {
                let (seq, token) = (batch.entry.seq, batch.entry.token.clone());
                self.effects.push(Effect::VerifyTopics { seq, token, ids: topics });
            }
            self.appender.batch = Some((batch, At::Preparing { sidecar: false, topics: known }));
        }
    }

    pub(super) fn on_sidecar(&mut self, key: &str) {
        let ours =
            |batch: &Batch, paths: &landfall_commit::Paths| paths.sidecar(batch.entry.seq, &batch.entry.token) == key;
        match self.appender.batch.take() {
            Some((batch, At::Preparing { topics, .. })) if ours(&batch, &self.paths) => {
                self.prepared(batch, true, topics);
            }
            other => self.appender.batch = other,
        }
    }

    pub(super) fn on_topics_verified(&mut self, seq: Seq, token: &Token, changed: Option<&str>) {
        match self.appender.batch.take() {
            Some((batch, At::Preparing { sidecar, .. })) if batch.entry.seq == seq && batch.entry.token == *token => {
                let Some(topic) = changed else { return self.prepared(batch, sidecar, true) };
                // Nothing was appended: the files go with the job's end.
                for id in batch.files {
                    self.drop_file(id, "its topic was created again");
                }
                self.fail(
                    "topic_recreated",
                    format!("topic {topic} was deleted and re-created: its offsets mean other records now; create a new generation of the job"),
                );
            }
            other => self.appender.batch = other,
        }
    }

    fn prepared(&mut self, batch: Batch, sidecar: bool, topics: bool) {
        if sidecar && topics {
            self.send(batch, false);
        } else {
            self.appender.batch = Some((batch, At::Preparing { sidecar, topics }));
        }
    }

    fn send(&mut self, batch: Batch, read: bool) {
        let (seq, token) = (batch.entry.seq, batch.entry.token.clone());
        if read {
            self.effects.push(Effect::ReadEntry { seq, token });
            self.appender.batch = Some((batch, At::Read));
        } else {
            let (key, body) = (self.paths.entry(seq), batch.body.clone());
            self.effects.push(Effect::Append { key, seq, token, body });
            self.appender.batch = Some((batch, At::Put));
        }
    }

    fn wait(&mut self, batch: Batch, read: bool) {
        self.appender.attempts = self.appender.attempts.saturating_add(1);
        let longest = 100u64.saturating_mul(1 << self.appender.attempts.min(8)).min(20_000);
        let delay = i64::try_from(1 + self.ids.number() % longest).unwrap_or(1_000);
        self.appender.batch = Some((batch, At::Wait { until_ms: self.now.mono_ms + delay, read }));
    }

    pub(super) fn on_appended(&mut self, seq: Seq, token: &Token, answer: &AppendAnswer, error: Option<&str>) {
        let Some((batch, At::Put)) =
            self.appender.batch.take_if(|(b, at)| *at == At::Put && b.entry.seq == seq && b.entry.token == *token)
        else {
            return;
        };
        let wait_id = self.appender.wait_id;
        match (error, answer) {
            (Some(error), AppendAnswer::Unknown) => self.waits.set(wait_id, error.to_owned(), self.now.wall_ms),
            (Some(error), AppendAnswer::Refused) => self.waits.alarm(wait_id, error.to_owned(), self.now.wall_ms),
            (_, AppendAnswer::Created | AppendAnswer::Exists) | (None, _) => {
                self.waits.clear(wait_id);
            }
        }
        match decide::after_append(answer) {
            AppendStep::Committed => self.committed(batch),
            AppendStep::ReadExisting => {
                self.counters.appends_met_other += 1;
                self.send(batch, true);
            }
            AppendStep::RetrySame | AppendStep::WaitAndRetrySame => self.wait(batch, false),
        }
    }

    pub(super) fn on_entry_read(&mut self, seq: Seq, token: &Token, existing: Existing, error: Option<String>) {
        let Some((batch, At::Read)) =
            self.appender.batch.take_if(|(b, at)| *at == At::Read && b.entry.seq == seq && b.entry.token == *token)
        else {
            return;
        };
        match error {
            Some(error) => self.waits.set(self.appender.wait_id, error, self.now.wall_ms),
            None => {
                self.waits.clear(self.appender.wait_id);
            }
        }
        match decide::after_existing(&existing, &self.identity.uid, seq, token) {
            ExistingStep::OursCommitted => self.committed(batch),
            ExistingStep::FoldOther => {
                // Somebody was quicker. The files go back; what overlaps is found when the next batch is built.
                for id in batch.files {
                    let Some(file) = self.files.get_mut(id) else { continue };
                    if file.must_check_upload {
                        file.phase = FilePhase::Closing;
                        self.advance_file(id);
                    } else {
                        file.phase = FilePhase::Ready;
                        self.files.ready.push(id);
                    }
                }
                self.drop_unowned();
                self.appender.fold_wanted = true;
                // Soon again, not a whole interval later: by then all the others have appended, and it would be late
                // for ever. The jitter lets one of those that lost go first.
                let spread = u64::try_from(self.settings.append_interval_ms).unwrap_or(1).saturating_mul(2).max(1);
                let jitter = i64::try_from(self.ids.number() % spread).unwrap_or(0);
                self.appender.last_append_ms = self.now.mono_ms - self.append_interval_ms() + jitter;
            }
            ExistingStep::ReadAgain => self.wait(batch, true),
            ExistingStep::RetrySame => self.wait(batch, false),
            ExistingStep::Stop => {
                let key = self.paths.entry(seq);
                let what = match existing {
                    Existing::Bad(bad) => format!("{key}: {bad}"),
                    Existing::Entry(_) | Existing::Missing | Existing::Unknown => {
                        format!("{key} is an entry of another job; the state prefix is shared")
                    }
                };
                self.appender.batch = None;
                self.fail("bad_log", what);
            }
        }
    }

    /// Our entry is in the log: fold it, make its files visible.
    pub(super) fn committed(&mut self, batch: Batch) {
        let entry = batch.entry;
        self.counters.appends += 1;
        if entry.files.is_empty() && entry.completed.is_empty() && entry.rebuilt.is_empty() && entry.lost.is_empty() {
            self.appender.declared_ms = self.now.mono_ms;
        }
        tracing::info!(
            job = %self.identity.job, job_uid = %self.identity.uid, seq = entry.seq.0, files = entry.files.len(),
            records = entry.files.iter().map(|f| f.records).sum::<u64>(), "entry appended"
        );
        if let Err(e) = self.fold_one(&entry) {
            return self.fail("bad_log", e);
        }
        for (index, id) in (0u32..).zip(&batch.files) {
            if let Some(file) = self.files.remove(*id) {
                self.effects.push(Effect::Forget { file: *id, abort: None });
                let trigger = file.closed_by.map_or("unknown", landfall_format::rotate::Trigger::as_str);
                self.completions.add(FileRef { seq: entry.seq, file: index }, file.replaces, trigger);
            }
        }
        for partition in self.partitions.iter_mut().flatten() {
            if let Some(said) = entry.skipped.get(&partition.source) {
                if let Some(to_topic) = said.get(&SkipReason::DeadLetterTopic) {
                    for letters in partition.topic_letters.values_mut() {
                        letters.subtract(to_topic);
                    }
                }
                for (reason, set) in said {
                    if let Some(pending) = partition.skipped.get_mut(reason) {
                        pending.subtract(set);
                    }
                }
            }
            if let Some(said) = entry.absent.get(&partition.source) {
                partition.absent.subtract(said);
            }
        }
        self.appender.rebuilt.retain(|rebuilt| !entry.rebuilt.contains(rebuilt));
        self.appender.lost.retain(|(lost, _)| !entry.lost.contains(lost));
        if entry.closing {
            self.appender.close_log = false;
        }
        self.after_fold(&entry);
        self.maybe_checkpoint();
    }

    fn maybe_checkpoint(&mut self) {
        let Some(log) = &self.log else { return };
        let last = log.last_seq();
        if last.0 < self.appender.last_checkpoint.0 + self.settings.checkpoint_every {
            return;
        }
        self.appender.last_checkpoint = last;
        if let Ok(body) = landfall_commit::Checkpoint::to_json(log) {
            self.effects.push(Effect::PutCheckpoint { key: self.paths.checkpoint(last), body });
        }
    }
}
