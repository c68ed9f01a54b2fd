//! Runners that have ended: how they ended is told to the store, and kept as the job's last word.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use landfall_store::LogStore;
use landfall_store::record::{Desired, EventKind, Failure, JobRecord};
use tokio::time::Instant;

use super::{MAX_PAST, RETRY_START, StartFailed, Worker, beat};
use crate::engine::JobPhase;
use crate::runner::Runner;

/// A store that hangs must not keep the beat and the other jobs waiting.
const TELL_TIMEOUT: Duration = Duration::from_secs(5);

/// Verdicts on the job itself. Any other failure is a refusal that this worker met: another one may not, and a job that
/// has worked before waits for what refuses it.
const OF_THE_JOB: &[&str] = &[
    "bad_entry",
    "bad_log",
    "closed",
    "damaged_object",
    "empty_log",
    "encode",
    "existing_object",
    "gap",
    "letter_too_large",
    "max_ratio",
    "offset_reset",
    "overwritten",
    "too_many_parts",
    "topic_deleted",
    "topic_recreated",
    "topic_truncated",
];

impl Worker {
    /// Tells the store of the runners that have ended.
    pub(super) async fn settle_ended(&mut self) {
        let ended: Vec<String> = self
            .running
            .iter()
            .filter(|(_, r)| r.runner.as_ref().is_some_and(Runner::ended) && !r.ended_told)
            .map(|(name, _)| name.clone())
            .collect();
        for name in ended {
            self.settle(&name).await;
        }
    }

    async fn settle(&mut self, name: &str) {
        let Some(running) = self.running.get_mut(name) else { return };
        let Some(runner) = running.runner.as_mut() else { return };
        runner.join();
        let snapshot = runner.snapshot();
        let record = running.record.clone();
        running.report.keep(&snapshot);
        // The last counts, and the last word.
        let last = beat::job_beat(running, Timestamp::now());
        tracing::info!(job = %name, job_uid = %record.uid, phase = ?snapshot.phase, "job ended here");
        let mut own_fault = None;
        let told = match &snapshot.phase {
            JobPhase::Failed(fatal) if fatal.code == "closed" && record.desired == Desired::Deleted => {
                self.tell(name, &record, |record| record.closed = true).await
            }
            JobPhase::Failed(fatal)
                if !OF_THE_JOB.contains(&fatal.code.as_str()) && self.once_worked(&record).await =>
            {
                own_fault = Some(fatal.message.clone());
                true
            }
            JobPhase::Failed(fatal) => self.tell_failed(name, &record, &fatal.code, &fatal.message).await,
            JobPhase::Finished => {
                self.tell(name, &record, |record| {
                    if record.finished_at.is_none() {
                        let now = Timestamp::now();
                        record.finished_at = Some(now);
                        record.note(now, &self.parts.id, EventKind::Finished, "landed everything up to its stop");
                    }
                })
                .await
            }
            JobPhase::Closed => self.tell(name, &record, |record| record.closed = true).await,
            JobPhase::Starting | JobPhase::Running | JobPhase::Landing | JobPhase::Paused | JobPhase::Stopped => true,
        };
        if !told {
            return;
        }
        if snapshot.phase == JobPhase::Stopped && record.desired == Desired::Stopped {
            self.rested.insert(name.to_owned(), (record.uid.clone(), record.restarts));
        }
        self.past.insert(record.uid.clone(), (Instant::now(), landfall_store::JobBeat { past: true, ..last }));
        while self.past.len() > MAX_PAST {
            let oldest = self.past.iter().min_by_key(|(_, (at, _))| *at).map(|(uid, _)| uid.clone());
            self.past.remove(&oldest.unwrap_or_default());
        }
        let Some(running) = self.running.get_mut(name) else { return };
        running.runner = None;
        running.leaving = false;
        let deleting = record.desired == Desired::Deleted;
        if let Some(message) = own_fault.or_else(|| failure_of(&snapshot.phase).filter(|_| deleting)) {
            // Tried again after a while: by this worker's next start, or because nothing else can close the log.
            running.start_failed = Some(StartFailed {
                refused: true,
                message,
                since: Timestamp::now(),
                again: Instant::now() + RETRY_START,
            });
            return;
        }
        let over = matches!(snapshot.phase, JobPhase::Failed(_) | JobPhase::Finished | JobPhase::Closed) && !deleting;
        running.ended_told = over;
        if !over {
            self.running.remove(name);
            super::metric::job_left(&record);
        }
    }

    /// Another live worker has the job and has not failed it, as its heartbeat told last.
    pub(super) fn others_run(&self, uid: &str) -> bool {
        let of = |seen: &&landfall_store::SeenHeartbeat| seen.live() && seen.heartbeat.worker != self.parts.id;
        let mut others = self.seen.seen.iter().filter(of).filter_map(|seen| seen.job(uid));
        others.any(|job| !job.past && job.state != landfall_store::JobState::Failed)
    }

    /// What refuses the job now has served it before, here or on another worker: it is waited for. So it is where the log
    /// does not tell: a store that gives no answer is no reason to fail a job.
    pub(super) async fn once_worked(&self, record: &JobRecord) -> bool {
        if self.others_run(&record.uid) {
            return true;
        }
        let (store, timer) = (Arc::clone(&self.parts.store), Arc::clone(&self.parts.timer));
        let log = LogStore::new(store, self.parts.state.clone(), timer, self.parts.id.clone());
        let asked = tokio::time::timeout(TELL_TIMEOUT, log.has_grown(record)).await;
        let error = match asked {
            Ok(Ok(grown)) => return grown,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(job = %record.name, job_uid = %record.uid, error, "cannot see whether the job has worked before; it is tried again");
        true
    }

    pub(super) async fn tell_failed(&self, name: &str, of: &JobRecord, code: &str, message: &str) -> bool {
        self.tell(name, of, |record| {
            if record.failed.is_none() {
                let at = Timestamp::now();
                record.failed = Some(Failure { at, code: code.to_owned(), message: message.to_owned() });
                record.note(at, &self.parts.id, EventKind::Failed, format!("{code}: {message}"));
            }
        })
        .await
    }

    /// Changes the job's record, if it is still this generation and was not restarted meanwhile.
    async fn tell(&self, name: &str, of: &JobRecord, change: impl Fn(&mut JobRecord)) -> bool {
        let writing = self.jobs.update::<std::convert::Infallible>(name, |record| {
            if record.uid == of.uid && record.restarts == of.restarts {
                change(record);
            }
            Ok(())
        });
        let error = match tokio::time::timeout(TELL_TIMEOUT, writing).await {
            Ok(Ok(_)) => return true,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(job = %name, job_uid = %of.uid, error, "cannot write the job's record; trying again");
        false
    }
}

fn failure_of(phase: &JobPhase) -> Option<String> {
    match phase {
        JobPhase::Failed(fatal) => Some(fatal.message.clone()),
        _ => None,
    }
}
