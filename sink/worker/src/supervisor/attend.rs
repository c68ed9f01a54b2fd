//! Which jobs this worker takes part in, and what their runners are told.

use std::sync::Arc;

use landfall_store::participates;
use landfall_store::record::{Desired, JobRecord};
use tokio::time::Instant;

use super::{JobReport, RETRY_SOON, RETRY_START, Running, START_TIMEOUT, StartFailed, Worker, metric, start};
use crate::engine::Goal;
use crate::engine::plan::JobPlan;
use crate::runner::Command;

impl Worker {
    pub(super) async fn pass(&mut self) {
        self.settle_ended().await;
        let wanted: Vec<JobRecord> = self.records.values().filter(|record| self.wants(record)).cloned().collect();
        let names: Vec<String> = wanted.iter().map(|record| record.name.clone()).collect();
        let jobs_here = wanted.len();
        for record in wanted {
            self.attend(record, jobs_here);
        }
        let not_wanted: Vec<String> = self.running.keys().filter(|name| !names.contains(name)).cloned().collect();
        for name in not_wanted {
            self.leave(&name);
        }
        self.probe_again();
    }

    /// Does this worker work on the job now?
    fn wants(&self, record: &JobRecord) -> bool {
        let spec = &record.spec;
        let at_work = self.running.get(&record.name).is_some_and(|r| r.record.uid == record.uid && r.runner.is_some());
        let live = match record.desired {
            Desired::Running | Desired::Paused => true,
            // Once a process: a worker that died may have left entries whose files are not visible.
            Desired::Stopped => at_work || !self.has_rested(record),
            Desired::Deleted => true,
        };
        live && spec.pool == self.parts.pool
            && !record.closed
            && record.finished_at.is_none()
            // A job that one worker found it must stop is stopped on all of them.
            && (record.failed.is_none() || record.desired == Desired::Deleted)
            && (at_work || participates(&self.parts.id, &record.name, spec.max_workers, &self.live))
            && (participates(&self.parts.id, &record.name, spec.max_workers, &self.live)
                || record.desired != Desired::Running)
    }

    fn has_rested(&self, record: &JobRecord) -> bool {
        self.rested.get(&record.name).is_some_and(|(uid, restarts)| (uid, *restarts) == (&record.uid, record.restarts))
    }

    /// Starts the job, or tells its runner what is new.
    fn attend(&mut self, record: JobRecord, jobs_here: usize) {
        let name = record.name.clone();
        let Some(running) = self.running.get_mut(&name) else { return self.begin_start(record, jobs_here) };
        if running.starting {
            // What is new is told once it runs.
            return;
        }
        let again = running.record.uid != record.uid
            || running.record.restarts != record.restarts
            || needs_other_clients(&running.record, &record);
        match &running.runner {
            // Its end is told before anything else becomes of it.
            Some(runner) if runner.ended() => {}
            Some(_) if again => self.land_and_end(&name),
            Some(_) if running.leaving => {}
            Some(_) => {
                tell_what_is_new(running, &record, self.parts.engine.max_record_bytes);
                running.record = record;
            }
            None if again => self.begin_start(record, jobs_here),
            None => {
                let wait = running.start_failed.as_ref().is_some_and(|failed| Instant::now() < failed.again);
                if running.ended_told || wait {
                    running.record = record;
                } else {
                    self.begin_start(record, jobs_here);
                }
            }
        }
    }

    /// A start asks S3 and Kafka: it runs beside the pass.
    fn begin_start(&mut self, record: JobRecord, jobs_here: usize) {
        let (name, before) = (record.name.clone(), self.running.remove(&record.name));
        let running = Running {
            record: record.clone(),
            runner: None,
            degraded_because: Vec::new(),
            probe_at: Instant::now() + self.parts.probe_every,
            report: JobReport::default(),
            starting: true,
            leaving: false,
            ended_told: false,
            // Until it is known better, what went wrong last time is what there is to say.
            start_failed: before.and_then(|before| before.start_failed),
        };
        self.running.insert(name, running);
        let (parts, slots) = (self.parts.clone(), Arc::clone(&self.start_slots));
        self.starts.spawn(async move {
            let _slot = slots.acquire_owned().await;
            let starting = tokio::time::timeout(START_TIMEOUT, start::start(&parts, &record, jobs_here));
            let started = starting.await.unwrap_or_else(|_| {
                Err(start::NotStarted {
                    code: "Timeout".to_owned(),
                    message: "the buckets did not answer the probe in time".to_owned(),
                    for_good: false,
                })
            });
            (record, started)
        });
    }

    /// Takes in the starts that have ended.
    pub(super) async fn take_started(&mut self) {
        while let Some(ended) = self.starts.try_join_next() {
            let Ok((record, started)) = ended else {
                tracing::error!("a job's start ended badly; it is tried again");
                self.running.retain(|_, running| !running.starting);
                continue;
            };
            let name = record.name.clone();
            match started {
                Ok(started) => {
                    tracing::info!(job = %name, job_uid = %record.uid, "job started");
                    started.runner.tell(Command::Goal(goal(record.desired)));
                    self.past.remove(&record.uid);
                    let running = Running {
                        record,
                        runner: Some(started.runner),
                        degraded_because: started.degraded_because,
                        probe_at: Instant::now() + self.parts.probe_every,
                        report: JobReport::default(),
                        starting: false,
                        leaving: false,
                        ended_told: false,
                        start_failed: None,
                    };
                    self.running.insert(name, running);
                }
                Err(failure) => self.not_started(record, failure).await,
            }
        }
    }

    async fn not_started(&mut self, record: JobRecord, failure: start::NotStarted) {
        let name = record.name.clone();
        tracing::error!(job = %name, job_uid = %record.uid, code = %failure.code, error = %failure.message, "job could not be started");
        // A job that is to be deleted is tried again: nothing else can close its log. One that others run, or that has
        // worked before, is not failed by a fault of this worker, of a bucket or of a right that was taken away.
        let for_good = failure.for_good && record.desired != Desired::Deleted && !self.once_worked(&record).await;
        if for_good {
            self.tell_failed(&name, &record, &failure.code, &failure.message).await;
        }
        let Some(running) = self.running.get_mut(&name) else { return };
        let since = running.start_failed.as_ref().map_or_else(jiff::Timestamp::now, |before| before.since);
        running.starting = false;
        running.ended_told = for_good;
        let wait = if failure.for_good { RETRY_START } else { RETRY_SOON };
        running.start_failed = Some(StartFailed {
            refused: failure.for_good,
            message: failure.message,
            since,
            again: Instant::now() + wait,
        });
    }

    /// The job is not this worker's any more.
    fn leave(&mut self, name: &str) {
        let Some(running) = self.running.get(name) else { return };
        match &running.runner {
            // Its end is told first.
            Some(runner) if runner.ended() && !running.ended_told => {}
            Some(runner) if !runner.ended() => {
                let stopped = self
                    .records
                    .get(name)
                    .is_some_and(|record| record.uid == running.record.uid && record.failed.is_none());
                if stopped && self.records.get(name).is_some_and(|record| record.desired != Desired::Running) {
                    runner.tell(Command::Goal(Goal::Stop));
                } else {
                    self.land_and_end(name);
                }
            }
            None if running.starting => {}
            Some(_) | None => {
                if let Some(running) = self.running.remove(name) {
                    metric::job_left(&running.record);
                }
            }
        }
    }

    /// Lands what can be landed within the drain time, then ends: safe by the protocol, and bounded, so that a letter
    /// topic or a file of another worker that cannot be waited for keeps nobody from starting anew.
    fn land_and_end(&mut self, name: &str) {
        let within = self.parts.drain_timeout;
        if let Some(running) = self.running.get_mut(name)
            && !running.leaving
            && let Some(runner) = &running.runner
        {
            running.leaving = true;
            runner.tell(Command::ShutDown { within });
        }
    }
}

pub(super) fn goal(desired: Desired) -> Goal {
    match desired {
        Desired::Running => Goal::Run,
        Desired::Paused => Goal::Pause,
        Desired::Stopped => Goal::Stop,
        Desired::Deleted => Goal::Delete,
    }
}

/// A change that the running consumer or letter writer cannot take: the job is stopped and started.
fn needs_other_clients(old: &JobRecord, new: &JobRecord) -> bool {
    let (old, new) = (&old.spec, &new.spec);
    old.source.topics != new.source.topics
        || old.dead_letter.topic != new.dead_letter.topic
        || old.dead_letter.cluster != new.dead_letter.cluster
}

fn tell_what_is_new(running: &mut Running, record: &JobRecord, max_record_bytes: u64) {
    let Some(runner) = &running.runner else { return };
    if record.config_version != running.record.config_version {
        match JobPlan::compile(record.spec.clone(), record.config_version) {
            Ok(plan) => {
                let plan = plan.with_earlier(record.earlier_specs()).within(max_record_bytes);
                runner.tell(Command::Plan(Arc::new(plan)));
            }
            Err(error) => {
                tracing::error!(job = %record.name, error = %error, "the changed job cannot be compiled; going on with the old one");
            }
        }
    }
    // Told each time: a worker that left for lack of a place may be wanted again.
    runner.tell(Command::Goal(goal(record.desired)));
}
