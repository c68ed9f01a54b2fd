//! What the job shall do, and when it has done it: run, pause, stop, delete, finish, fail.

use std::collections::BTreeSet;

use landfall_commit::{LogState, SourcePartition};
use landfall_format::rotate::Trigger;
use landfall_kafka::SourceError;

use super::Engine;
use super::completions::Completions;
use super::plan::JobPlan;
use crate::effect::{Fatal, Outcome};
use crate::now::Now;
use std::sync::Arc;

/// What is wanted of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Goal {
    #[default]
    Run,
    /// Land the open files, stop consuming, stay in the group.
    Pause,
    /// Land the open files and end.
    Stop,
    /// As stop, then close the log.
    Delete,
}

/// Where the engine stands, for people and for the runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    Starting,
    Running,
    /// Landing what is open.
    Landing,
    Paused,
    /// Everything is landed; the runner may end.
    Stopped,
    /// As stopped, and the log is closed.
    Closed,
    /// A bounded job landed everything up to its ends.
    Finished,
    Failed(Fatal),
}

#[derive(Debug, Default)]
pub struct Control {
    goal: Goal,
    landing: bool,
    pub failed: Option<Fatal>,
    finished: bool,
    closing: bool,
    /// The process ends: what cannot be known in time is left to others.
    shutting_down: bool,
    landed_since_ms: Option<i64>,
    refused_by_kafka: u32,
}

/// Before the log of a deleted job is closed, other workers get this long to append what they hold.
const CLOSE_GRACE_MS: i64 = 3_000;

impl Control {
    pub fn consuming(&self) -> bool {
        self.goal == Goal::Run && self.failed.is_none()
    }

    /// Appends are not paced while the job is to come to rest.
    pub fn hurried(&self) -> bool {
        self.landing
    }

    pub fn closing_is_ours(&self) -> bool {
        self.goal == Goal::Delete
    }

    /// The closing entry comes last: nothing pending in the log that this entry does not call completed.
    pub fn may_close(&self, log: &LogState, completions: &Completions) -> bool {
        completions.idle() && log.pending().keys().all(|file| completions.visible().contains(file))
    }
}

impl Engine {
    /// Takes an answer to an effect.
    pub fn on_outcome(&mut self, outcome: Outcome, now: Now) {
        self.now = now;
        match outcome {
            Outcome::Encoded { file, number, bytes } => self.on_encoded(file, number, bytes),
            Outcome::EncodedInOrder { file, encoder, bytes, finished } => {
                self.on_encoded_in_order(file, encoder, bytes, finished);
            }
            Outcome::UploadCreated { file, result } => self.on_upload_created(file, result),
            Outcome::PartUploaded { file, part, result } => self.on_part(file, part, result),
            Outcome::Spilled { file, result } => self.on_spilled(file, result),
            Outcome::KeyLooked { file, found } => self.on_key_looked(file, found),
            Outcome::UploadChecked { file, intact } => self.on_upload_checked(file, intact),
            Outcome::SidecarPut { key } => self.on_sidecar(&key),
            Outcome::TopicsVerified { seq, token, changed } => self.on_topics_verified(seq, &token, changed.as_deref()),
            Outcome::Appended { seq, token, answer, error } => self.on_appended(seq, &token, &answer, error.as_deref()),
            Outcome::EntryRead { seq, token, existing, error } => self.on_entry_read(seq, &token, existing, error),
            Outcome::LogLoaded { result } => self.on_log_loaded(result),
            Outcome::Tail { tail } => self.on_tail(tail),
            Outcome::Completion { file_ref, attempt, answer, etag, error } => {
                self.on_completion(file_ref, attempt, answer, etag, error);
            }
            Outcome::Recovered { epoch, found, missing, tail } => {
                self.on_recovered(epoch, &found, &missing, tail);
            }
            Outcome::LettersAcked { batch, too_large } => self.on_letters_acked(batch, &too_large),
            Outcome::Rebuilt { file_ref, attempt, result } => self.on_rebuilt(file_ref, attempt, result),
        }
    }

    /// A new wish of the operator.
    pub fn set_goal(&mut self, goal: Goal) {
        if self.control.goal == goal {
            return;
        }
        self.control.goal = goal;
        self.control.landing = goal != Goal::Run;
        self.control.landed_since_ms = None;
        if goal == Goal::Run {
            self.recover_waiting();
        } else {
            self.close_all(Trigger::Pause);
            self.take_over();
        }
    }

    /// A new version of the document: files that are open are closed under the old one.
    pub fn set_plan(&mut self, plan: Arc<JobPlan>) {
        tracing::info!(job = %self.identity.job, job_uid = %self.identity.uid, config_version = plan.config_version, "job changed; open files are closed");
        self.ratio.set_max(plan.spec.dead_letter.max_ratio);
        self.close_all(Trigger::ConfigChange);
        self.scratch = landfall_format::Scratch::new(&plan.format);
        self.plan = plan;
        let topics: BTreeSet<String> =
            self.partitions.iter().flatten().map(|partition| partition.source.topic.clone()).collect();
        for topic in topics {
            if self.meets_state_folder(&topic) {
                return;
            }
        }
    }

    /// The process is asked to end: as a stop, whatever the goal.
    pub fn shut_down(&mut self) {
        if self.control.goal != Goal::Delete {
            self.control.goal = Goal::Stop;
        }
        self.control.shutting_down = true;
        self.control.landing = true;
        self.control.landed_since_ms = None;
        self.close_all(Trigger::Shutdown);
    }

    pub(super) fn tick_control(&mut self) {
        if self.control.failed.is_some() {
            self.letters.forget_pending();
            return;
        }
        if self.control.goal != Goal::Run && self.files.open_count() > 0 {
            // Records that were on their way when the wish came opened files once more.
            self.close_all(Trigger::Pause);
        }
        if self.control.goal == Goal::Run && self.ends.is_some() && !self.control.finished {
            self.maybe_finish();
        }
        if self.control.goal == Goal::Delete && self.all_landed() {
            let since = *self.control.landed_since_ms.get_or_insert(self.now.mono_ms);
            if self.now.mono_ms >= since + CLOSE_GRACE_MS && !self.control.closing {
                self.control.closing = true;
                self.appender.want_fold();
                self.appender.close_log = true;
            }
        }
    }

    /// A bounded job: once every partition is read to its end, what is open is closed; once the log accounts for
    /// everything and all of it is visible, the job is finished, whoever landed it.
    fn maybe_finish(&mut self) {
        let owned = self.partitions.iter().flatten().filter(|p| p.owned());
        let read = owned.clone().all(|p| p.stop_at.is_some_and(|stop| p.position >= stop));
        if read && owned.clone().next().is_some() {
            self.control.landing = true;
            self.close_all(Trigger::End);
        } else {
            self.control.landing = false;
        }
        let (Some(ends), Some(log)) = (&self.ends, &self.log) else { return };
        let low_of = |topic: &str, number: i32| {
            let ours = |p: &&SourcePartition| p.topic == topic && p.partition == number;
            log.partitions().keys().find(ours).map_or(0, |p| log.visible_low(p, self.completions.visible()))
        };
        let landed = ends.iter().all(|((topic, number), end)| low_of(topic, *number) >= *end);
        if landed
            && self.appender.idle()
            && self.completions.idle()
            && !self.completions.visible_pending(self.log.as_ref())
        {
            self.control.finished = true;
        }
    }

    /// Nothing of this engine is anywhere but in visible objects.
    pub(super) fn all_landed(&self) -> bool {
        self.files.len() == 0
            && self.letters_settled()
            && self.appender.idle()
            && self.completions.idle()
            && !self.completions.visible_pending(self.log.as_ref())
            && (self.control.goal == Goal::Run
                || self.control.shutting_down
                || self.log.as_ref().is_none_or(|log| log.pending().is_empty()))
            && self
                .partitions
                .iter()
                .flatten()
                .all(|p| p.skipped.values().all(landfall_commit::Offsets::is_empty) && p.in_letters.is_empty())
    }

    #[must_use]
    pub fn phase(&self) -> Phase {
        if let Some(fatal) = &self.control.failed {
            return Phase::Failed(fatal.clone());
        }
        if self.control.finished {
            return Phase::Finished;
        }
        match (self.control.goal, &self.log) {
            (Goal::Run, None) => Phase::Starting,
            (Goal::Stop, None) if self.control.shutting_down => Phase::Stopped,
            // A job that is to stop may have entries that a dead worker left: they are seen to first.
            (Goal::Pause | Goal::Stop | Goal::Delete, None) => Phase::Starting,
            (Goal::Run, Some(_)) => Phase::Running,
            (Goal::Pause, Some(_)) if self.all_landed() => Phase::Paused,
            (Goal::Stop, Some(_)) if self.all_landed() => Phase::Stopped,
            (Goal::Delete, Some(log)) if log.closing() => Phase::Closed,
            (Goal::Pause | Goal::Stop | Goal::Delete, Some(_)) => Phase::Landing,
        }
    }

    /// A failed job is at rest once its append is decided and its files are visible; the runner does not wait longer
    /// than its own bound.
    #[must_use]
    pub fn at_rest_after_failure(&self) -> bool {
        self.appender.settled() && self.completions.idle()
    }

    /// The cluster takes us: what it refused before was no first contact.
    pub(super) fn accepted_by_kafka(&mut self) {
        self.control.refused_by_kafka = 0;
    }

    pub(super) fn on_refused_by_kafka(&mut self, error: &SourceError) {
        self.control.refused_by_kafka += 1;
        // librdkafka goes on trying. At first contact nobody is helped by that; later it may be a broker's hiccup.
        if self.counters.records_consumed == 0 && self.control.refused_by_kafka >= 3 {
            self.fail(
                "kafka_refused",
                format!("{error}; mend the cluster's properties or the rights of its user, then restart the job"),
            );
        }
    }
}
