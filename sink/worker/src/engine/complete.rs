//! Roll-forward: every committed file of own partitions becomes visible, whoever wrote it; then Kafka's offsets follow.

use landfall_commit::complete::Answer;
use landfall_commit::{Completion, FileRef, Lost, Rebuilt, Step, Verdict};
use landfall_job::ExistingObject;
use landfall_kafka::{CommitOffset, SourceError};

use super::Engine;
use super::completions::{State, TAKEN_OVER, UnderWay};
use super::partition::Phase;
use crate::effect::{Effect, Rebuild};

/// After a rebuild that failed; doubled with each that fails again, 32 times this at the most.
const REBUILD_AGAIN_MS: i64 = 10_000;

/// What a completion waits under.
pub(super) fn wait_id(file: FileRef) -> u64 {
    (file.seq.0 << 20) | u64::from(file.file) | (1 << 63)
}

impl Engine {
    /// Whoever folds an entry completes its files for the partitions it owns: a late PUT of a dead worker has no
    /// other completer.
    pub(super) fn take_over(&mut self) {
        let Some(log) = &self.log else { return };
        let owned = self.owned_sources();
        let mut taken = Vec::new();
        for file_ref in log.pending().keys() {
            if self.completions.work.contains_key(file_ref) || self.completions.visible.contains(file_ref) {
                continue;
            }
            let ours = log.partitions_of(file_ref.seq).is_some_and(|of| of.keys().any(|p| owned.contains(p)));
            // A job that comes to rest leaves nothing behind, whoever wrote it.
            if ours || !self.control.consuming() {
                taken.push(*file_ref);
            }
        }
        for file_ref in taken {
            self.counters.recovery("take_over");
            tracing::info!(
                job = %self.identity.job, job_uid = %self.identity.uid, seq = file_ref.seq.0, file = file_ref.file,
                "recovery: completing a file of the log"
            );
            self.completions.take_over(file_ref);
        }
    }

    pub(super) fn tick_completions(&mut self) {
        let now_ms = self.now.mono_ms;
        let mut room = self
            .settings
            .max_completions
            .saturating_sub(self.completions.work.values().filter(|work| matches!(work.state, State::Asked)).count());
        let mut due = Vec::new();
        for (file_ref, work) in &self.completions.work {
            match work.state {
                State::Queued if room > 0 => {
                    room -= 1;
                    due.push(*file_ref);
                }
                State::Waiting { until_ms } if now_ms >= until_ms => due.push(*file_ref),
                State::Queued
                | State::Waiting { .. }
                | State::Asked
                | State::Folding { .. }
                | State::Gone
                | State::Rebuilding
                | State::Saying => {}
            }
        }
        if let Some(file_ref) = self.completions.next_rebuild() {
            self.start_rebuild(file_ref);
        }
        for file_ref in due {
            self.step_completion(file_ref, None);
        }
    }

    /// Moves one completion on, with an answer or because its time came.
    fn step_completion(&mut self, file_ref: FileRef, answer: Option<Answer>) {
        let Some(log) = &self.log else { return };
        let Some(pending) = log.pending().get(&file_ref).cloned() else {
            self.completions.work.remove(&file_ref);
            self.waits.clear(wait_id(file_ref));
            return;
        };
        let (now_ms, grace_ms) = (self.now.mono_ms, self.settings.complete_grace_ms);
        let Some(work) = self.completions.work.get_mut(&file_ref) else { return };
        let step = match (&mut work.machine, answer) {
            (Some(machine), Some(answer)) => machine.advance(answer, now_ms),
            (Some(machine), None) => work.next.take().unwrap_or_else(|| machine.advance(Answer::Waited, now_ms)),
            (None, _) => {
                let mut machine =
                    Completion::new(&pending.file, work.taken_over, grace_ms).or_earlier(&pending.earlier);
                work.attempt = pending.attempt;
                let step = machine.advance(Answer::Start, now_ms);
                work.machine = Some(machine);
                step
            }
        };
        match step {
            Step::Wait { ms, alarm } => {
                let jitter = self.ids.number() % (ms / 4 + 1);
                let wait = i64::try_from(ms + jitter).unwrap_or(i64::MAX / 4);
                work.state = State::Waiting { until_ms: now_ms.saturating_add(wait) };
                if !alarm && work.machine.as_ref().is_some_and(Completion::doubts) {
                    let (key, seconds) = (&pending.file.key, ms.div_ceil(1_000));
                    let what = format!(
                        "{key}: the store denies its upload; it is looked for again in {seconds} s, then rebuilt from kafka"
                    );
                    self.waits.set(wait_id(file_ref), what, self.now.wall_ms);
                }
                if alarm {
                    let who = wait_id(file_ref);
                    let what = self.waits.what(who).unwrap_or_else(|| format!("object {}", pending.file.key));
                    self.waits.alarm(who, what, self.now.wall_ms);
                }
            }
            Step::FoldAgain => {
                work.state = State::Folding { since: self.appender.folds };
                self.appender.want_fold();
            }
            Step::Finished(verdict) => self.verdict(file_ref, verdict),
            step @ (Step::Head | Step::Complete { .. } | Step::ListParts | Step::ProveReadable | Step::Abort) => {
                work.state = State::Asked;
                let effect = Effect::Complete {
                    file_ref,
                    pending: Box::new(pending),
                    step,
                    replaces: work.replaces.clone(),
                    last_seq: log.last_seq(),
                    known: log.known_object().cloned(),
                };
                self.effects.push(effect);
            }
        }
    }

    pub(super) fn on_completion(
        &mut self,
        file_ref: FileRef,
        attempt: u32,
        answer: Answer,
        etag: Option<String>,
        error: Option<String>,
    ) {
        let Some(work) = self.completions.work.get_mut(&file_ref) else { return };
        if work.attempt != attempt || !matches!(work.state, State::Asked) {
            return;
        }
        // Said until the file is visible or somebody else's: one question that was answered does not end the trouble of the
        // other, and its age would begin anew with each try.
        if let Some(error) = error {
            self.waits.set(wait_id(file_ref), error, self.now.wall_ms);
        }
        if etag.is_some() {
            work.seen_etag = etag;
        }
        self.step_completion(file_ref, Some(answer));
    }

    fn verdict(&mut self, file_ref: FileRef, verdict: Verdict) {
        let Some(pending) = self.log.as_ref().and_then(|log| log.pending().get(&file_ref)).cloned() else { return };
        let key = pending.file.key.clone();
        if verdict != Verdict::Gone {
            self.waits.clear(wait_id(file_ref));
        }
        match verdict {
            Verdict::Visible => {
                tracing::debug!(job = %self.identity.job, job_uid = %self.identity.uid, key = %key, seq = file_ref.seq.0, "object visible");
                let work = self.completions.work.remove(&file_ref);
                self.completions.visible.insert(file_ref);
                let data = pending.file.kind == landfall_commit::FileKind::Data;
                self.counters.landed_file(pending.file.records, data, work.map_or(TAKEN_OVER, |work| work.closed_by));
            }
            Verdict::Superseded => {
                self.completions.work.remove(&file_ref);
            }
            Verdict::Gone => {
                self.counters.recovery("rebuild");
                tracing::warn!(
                    job = %self.identity.job, job_uid = %self.identity.uid, key = %key, seq = file_ref.seq.0,
                    "recovery: the upload is gone; rebuilding the file from kafka"
                );
                if let Some(work) = self.completions.work.get_mut(&file_ref) {
                    work.state = State::Gone;
                }
            }
            Verdict::Foreign { token } => {
                let policy = self.plan.spec.sink.on_existing_object;
                let work = self.completions.work.get_mut(&file_ref);
                match (policy, work) {
                    (ExistingObject::Overwrite, Some(work))
                        if work.seen_etag.is_some() && work.replaces != work.seen_etag =>
                    {
                        work.replaces = work.seen_etag.clone();
                        work.machine = None;
                        work.taken_over = false;
                        work.state = State::Queued;
                    }
                    (ExistingObject::Overwrite | ExistingObject::Fail, _) => {
                        let whose = token.map_or_else(
                            || "carries no token of ours".to_owned(),
                            |t| format!("carries the token {t}"),
                        );
                        self.fail(
                            "overwritten",
                            format!("{key} was written by somebody else: the object there {whose}"),
                        );
                    }
                }
            }
            Verdict::Damaged { length_bytes } => {
                let wanted = pending.file.bytes;
                self.fail("damaged_object", format!("{key} has {length_bytes} bytes, {wanted} were uploaded"));
            }
        }
    }

    fn start_rebuild(&mut self, file_ref: FileRef) {
        let Some(pending) = self.log.as_ref().and_then(|log| log.pending().get(&file_ref)).cloned() else {
            self.completions.work.remove(&file_ref);
            self.waits.clear(wait_id(file_ref));
            return;
        };
        if let Some(work) = self.completions.work.get_mut(&file_ref) {
            work.state = State::Rebuilding;
        }
        let what = format!("{}: rebuilding it from kafka, its upload is gone", pending.file.key);
        self.waits.set(wait_id(file_ref), what, self.now.wall_ms);
        // By the document the file was written under, as far as it is known.
        let plan = match self.plan.of_version(pending.config_version) {
            Ok(plan) => plan,
            Err(error) => return self.on_rebuilt(file_ref, pending.attempt + 1, Rebuild::Failed(error.to_string())),
        };
        let token = landfall_commit::Token(self.ids.token());
        let (bucket, key) = (pending.file.bucket.clone(), pending.file.key.clone());
        self.completions.under_way = Some(UnderWay { bucket, key });
        self.effects.push(Effect::Rebuild { file_ref, pending: Box::new(pending), token, plan });
    }

    pub(super) fn on_rebuilt(&mut self, file_ref: FileRef, attempt: u32, result: Rebuild) {
        let under_way = self.completions.under_way.take();
        let Some(pending) = self.log.as_ref().and_then(|log| log.pending().get(&file_ref)) else {
            // It was completed or given up by somebody else meanwhile.
            if let (Rebuild::Done { upload_id, .. }, Some(UnderWay { bucket, key })) = (result, under_way) {
                self.effects.push(Effect::Abort { bucket, key, upload_id });
            }
            return;
        };
        let (bucket, key, current) = (pending.file.bucket.clone(), pending.file.key.clone(), pending.attempt);
        match result {
            Rebuild::Done { token, upload_id, parts, bytes, missing } if current + 1 == attempt => {
                let (seq, file) = (file_ref.seq, file_ref.file);
                let rebuilt = Rebuilt { seq, file, attempt, token, upload_id, parts, bytes, missing };
                if rebuilt.missing_records() > 0 {
                    let message =
                        format!("{} records of {key} are lost: kafka no longer has them", rebuilt.missing_records());
                    self.note_error("commit", message, None);
                }
                self.waits.clear(wait_id(file_ref));
                self.completions.rebuilt.insert(file_ref, rebuilt.clone());
                self.appender.rebuilt.push(rebuilt);
                if let Some(work) = self.completions.work.get_mut(&file_ref) {
                    work.state = State::Saying;
                }
            }
            // Somebody else's rebuild won meanwhile.
            Rebuild::Done { upload_id, .. } => self.effects.push(Effect::Abort { bucket, key, upload_id }),
            Rebuild::Lost(_) | Rebuild::Failed(_) if current + 1 != attempt => {}
            Rebuild::Lost(reason) => {
                tracing::error!(job = %self.identity.job, job_uid = %self.identity.uid, key = %key, reason = %reason, "records are lost: kafka no longer has them");
                self.waits.clear(wait_id(file_ref));
                self.note_error("commit", format!("{key} is lost: {reason}"), None);
                self.appender.lost.push((Lost { seq: file_ref.seq, file: file_ref.file, reason }, attempt));
                if let Some(work) = self.completions.work.get_mut(&file_ref) {
                    work.state = State::Saying;
                }
            }
            Rebuild::Failed(error) => {
                let what = format!("rebuilding {key}: {error}");
                self.waits.set(wait_id(file_ref), what.clone(), self.now.wall_ms);
                self.note_error("commit", what, None);
                if let Some(work) = self.completions.work.get_mut(&file_ref) {
                    // The next look may find it after all.
                    if let Some(machine) = work.machine.as_mut() {
                        machine.look_again();
                    }
                    work.next = None;
                    // Each try may read a whole file from Kafka.
                    let wait_ms = REBUILD_AGAIN_MS << work.rebuilds_failed.min(5);
                    work.rebuilds_failed += 1;
                    work.state = State::Waiting { until_ms: self.now.mono_ms.saturating_add(wait_ms) };
                }
            }
        }
    }

    /// Offsets to commit: per partition, the `low` below which every file is visible.
    pub(super) fn plan_kafka_commits(&mut self) {
        let now_ms = self.now.mono_ms;
        let (interval, again) = (self.settings.commit_interval_ms, self.settings.commit_again_ms);
        let Some(log) = &self.log else { return };
        for partition in self.partitions.iter_mut().flatten() {
            if matches!(partition.phase, Phase::Recovering)
                || now_ms < partition.committed_at_ms.saturating_add(interval)
            {
                continue;
            }
            let low = log.visible_low(&partition.source, &self.completions.visible);
            let due = match partition.committed {
                None => low > 0,
                Some(committed) => low > committed || now_ms >= partition.committed_at_ms.saturating_add(again),
            };
            if due && let Ok(offset) = i64::try_from(low) {
                partition.committed_at_ms = now_ms;
                partition.committed = Some(low);
                self.kafka_commits.push(CommitOffset {
                    partition: partition.topic_partition.clone(),
                    offset,
                    metadata: self.identity.uid.to_string(),
                });
            }
        }
    }

    pub(super) fn on_committed(&mut self, error: Option<SourceError>, offsets: &[CommitOffset]) {
        let Some(error) = error else { return };
        self.note_error("commit", format!("kafka offset commit: {error}"), None);
        for offset in offsets {
            if let Some(partition) = self.slot_of(&offset.partition).and_then(|slot| self.partition_mut(slot)) {
                // Again at the next interval.
                partition.committed = None;
            }
        }
    }
}
