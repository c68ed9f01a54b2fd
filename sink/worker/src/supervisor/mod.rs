//! The jobs of one worker: which of the pool's jobs it takes part in, what each shall do, and what it tells of them.
//!
//! One pass every second: read what changed in the job store, start and stop runners, tell them what is new; a
//! heartbeat every few seconds. Correctness never depends on it: two workers that disagree only share work badly.

mod beat;
mod metric;
mod start;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use landfall_kafka::Connection;
use landfall_s3::{SharedStore, Timer};
use landfall_store::record::{Desired, Failure, JobRecord};
use landfall_store::{Heartbeat, HeartbeatStore, JobStore, StateLocation, participates};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::engine::plan::JobPlan;
use crate::engine::{Goal, JobPhase};
use crate::io::{Scratch, Spawner};
use crate::runner::{Command, Runner};
use crate::settings::EngineSettings;

pub use beat::JobReport;
use start::Started;

const PASS_EVERY: Duration = Duration::from_secs(1);
/// A job that could not be started is tried again after this long.
const RETRY_START: Duration = Duration::from_secs(10);
/// A start that hangs must not keep the heartbeat and the other jobs waiting.
const START_TIMEOUT: Duration = Duration::from_secs(15);

/// What a worker is made of.
#[derive(Debug, Clone)]
pub struct WorkerParts {
    pub id: String,
    pub pool: String,
    pub version: String,
    /// Routes by bucket.
    pub store: SharedStore,
    pub state: StateLocation,
    pub clusters: BTreeMap<String, Connection>,
    pub rack: Option<String>,
    pub budget: Arc<Budget>,
    pub scratch: Option<Scratch>,
    pub engine: EngineSettings,
    /// Between SIGTERM and the end.
    pub drain_timeout: Duration,
    pub beat: Duration,
    pub timer: Arc<dyn Timer>,
    pub spawner: Arc<dyn Spawner>,
    pub upload_slots: Arc<Semaphore>,
    /// What librdkafka's fetch queues may hold, over all jobs, in KiB.
    pub fetch_kbytes: u32,
}

/// One job of this worker.
#[derive(Debug)]
struct Running {
    record: JobRecord,
    runner: Option<Runner>,
    degraded_because: Vec<String>,
    report: JobReport,
    /// Its end was told to the store.
    ended_told: bool,
    /// A start that failed: why, and when to try again.
    start_failed: Option<(String, tokio::time::Instant)>,
}

/// A worker.
#[derive(Debug)]
pub struct Worker {
    parts: WorkerParts,
    jobs: JobStore,
    heartbeats: HeartbeatStore,
    records: HashMap<String, JobRecord>,
    etags: HashMap<String, String>,
    running: BTreeMap<String, Running>,
    live: Vec<String>,
    /// Stopped jobs that came to rest here, by uid.
    rested: HashMap<String, String>,
    started_at: Timestamp,
}

impl Worker {
    #[must_use]
    pub fn new(parts: WorkerParts) -> Self {
        let jobs = JobStore::new(Arc::clone(&parts.store), parts.state.clone(), Arc::clone(&parts.timer));
        let heartbeats = HeartbeatStore::new(Arc::clone(&parts.store), parts.state.clone());
        Self {
            parts,
            jobs,
            heartbeats,
            records: HashMap::new(),
            etags: HashMap::new(),
            running: BTreeMap::new(),
            live: Vec::new(),
            rested: HashMap::new(),
            started_at: Timestamp::now(),
        }
    }

    /// Runs until told to end; then lands what can be landed within the drain time-out. `ready` is called once the job
    /// store was read.
    pub async fn run(mut self, end: CancellationToken, ready: impl FnOnce()) {
        let mut ready = Some(ready);
        let mut next_beat = tokio::time::Instant::now();
        // Who else is there, before jobs are joined that are others'.
        if let Ok(live) = self.heartbeats.read(Timestamp::now()).await {
            self.live = live.live_ids(&self.parts.pool);
        }
        loop {
            if self.read_jobs().await
                && let Some(ready) = ready.take()
            {
                ready();
            }
            self.pass().await;
            if tokio::time::Instant::now() >= next_beat {
                next_beat = tokio::time::Instant::now() + self.parts.beat;
                self.beat(false).await;
            }
            tokio::select! {
                () = end.cancelled() => break,
                () = tokio::time::sleep(PASS_EVERY) => {}
            }
        }
        self.shut_down().await;
        self.beat(true).await;
    }

    async fn read_jobs(&mut self) -> bool {
        match self.jobs.changes(&self.etags).await {
            Ok(changes) => {
                for stored in changes.changed {
                    self.records.insert(stored.record.name.clone(), stored.record);
                }
                for name in changes.removed {
                    self.records.remove(&name);
                }
                for broken in changes.broken {
                    tracing::error!(job = %broken.name, error = %broken.reason, "job record cannot be read");
                }
                self.etags = changes.etags;
                true
            }
            Err(error) => {
                tracing::warn!(error = %error, "cannot read the job store; going on with what is known");
                false
            }
        }
    }

    async fn pass(&mut self) {
        self.settle_ended().await;
        let wanted: Vec<JobRecord> = self.records.values().filter(|record| self.wants(record)).cloned().collect();
        let names: Vec<String> = wanted.iter().map(|record| record.name.clone()).collect();
        for record in wanted {
            self.attend(record).await;
        }
        let not_wanted: Vec<String> = self.running.keys().filter(|name| !names.contains(name)).cloned().collect();
        for name in not_wanted {
            self.leave(&name);
        }
    }

    /// Does this worker work on the job now?
    fn wants(&self, record: &JobRecord) -> bool {
        let spec = &record.spec;
        let at_work = self.running.get(&record.name).is_some_and(|r| r.record.uid == record.uid && r.runner.is_some());
        let live = match record.desired {
            Desired::Running | Desired::Paused => true,
            // Once a process: a worker that died may have left entries whose files are not visible.
            Desired::Stopped => at_work || self.rested.get(&record.name) != Some(&record.uid),
            Desired::Deleted => true,
        };
        live && spec.pool == self.parts.pool
            && !record.closed
            && record.finished_at.is_none()
            && (record.failed.is_none() || record.desired == Desired::Deleted || at_work)
            && (at_work || participates(&self.parts.id, &record.name, spec.max_workers, &self.live))
            && (participates(&self.parts.id, &record.name, spec.max_workers, &self.live)
                || record.desired != Desired::Running)
    }

    /// Starts the job, or tells its runner what is new.
    async fn attend(&mut self, record: JobRecord) {
        let name = record.name.clone();
        if let Some(running) = self.running.get_mut(&name) {
            let again = running.record.uid != record.uid
                || running.record.restarts != record.restarts
                || needs_other_clients(&running.record, &record);
            if again {
                match &running.runner {
                    Some(runner) if !runner.ended() => {
                        runner.tell(Command::Goal(Goal::Stop));
                        return;
                    }
                    Some(_) | None => {
                        self.running.remove(&name);
                    }
                }
            } else {
                if running.runner.is_some() {
                    tell_what_is_new(running, &record);
                    running.record = record;
                    return;
                }
                let wait = running.start_failed.as_ref().is_some_and(|(_, again)| tokio::time::Instant::now() < *again);
                if running.ended_told || wait {
                    running.record = record;
                    return;
                }
                self.running.remove(&name);
            }
        }
        self.start(record).await;
    }

    async fn start(&mut self, record: JobRecord) {
        let name = record.name.clone();
        let jobs_here = self.running.len() + 1;
        let starting = tokio::time::timeout(START_TIMEOUT, start::start(&self.parts, &record, jobs_here));
        let started = starting.await.unwrap_or_else(|_| {
            Err(start::NotStarted {
                code: "Timeout".to_owned(),
                message: "the buckets did not answer the probe in time".to_owned(),
                for_good: false,
            })
        });
        match started {
            Ok(Started { runner, degraded_because }) => {
                tracing::info!(job = %name, job_uid = %record.uid, "job started");
                runner.tell(Command::Goal(goal(record.desired)));
                let running = Running {
                    record,
                    runner: Some(runner),
                    degraded_because,
                    report: JobReport::default(),
                    ended_told: false,
                    start_failed: None,
                };
                self.running.insert(name, running);
            }
            Err(failure) => {
                tracing::error!(job = %name, code = %failure.code, error = %failure.message, "job could not be started");
                // A job that is to be deleted is tried again: nothing else can close its log.
                let for_good = failure.for_good && record.desired != Desired::Deleted;
                if for_good {
                    self.tell_failed(&name, &record, &failure.code, &failure.message).await;
                }
                let again = tokio::time::Instant::now() + RETRY_START;
                let running = Running {
                    record,
                    runner: None,
                    degraded_because: Vec::new(),
                    report: JobReport::default(),
                    ended_told: for_good,
                    start_failed: Some((failure.message, again)),
                };
                self.running.insert(name, running);
            }
        }
    }

    /// The job is not this worker's any more.
    fn leave(&mut self, name: &str) {
        let Some(running) = self.running.get_mut(name) else { return };
        match &running.runner {
            Some(runner) if !runner.ended() => runner.tell(Command::Goal(Goal::Stop)),
            Some(_) | None => {
                self.running.remove(name);
            }
        }
    }

    /// Runners that have ended tell the store how.
    async fn settle_ended(&mut self) {
        let ended: Vec<String> = self
            .running
            .iter()
            .filter(|(_, r)| r.runner.as_ref().is_some_and(Runner::ended) && !r.ended_told)
            .map(|(name, _)| name.clone())
            .collect();
        for name in ended {
            let Some(running) = self.running.get_mut(&name) else { continue };
            let Some(runner) = running.runner.as_mut() else { continue };
            runner.join();
            let snapshot = runner.snapshot();
            let (record, phase) = (running.record.clone(), snapshot.phase.clone());
            running.report.keep(&snapshot);
            tracing::info!(job = %name, phase = ?phase, "job ended here");
            let told = match phase {
                JobPhase::Failed(fatal) if fatal.code == "closed" && record.desired == Desired::Deleted => {
                    self.tell(&name, &record, |record| record.closed = true).await
                }
                JobPhase::Failed(fatal) => self.tell_failed(&name, &record, &fatal.code, &fatal.message).await,
                JobPhase::Finished => {
                    self.tell(&name, &record, |record| {
                        record.finished_at.get_or_insert(Timestamp::now());
                    })
                    .await
                }
                JobPhase::Closed => self.tell(&name, &record, |record| record.closed = true).await,
                JobPhase::Starting | JobPhase::Running | JobPhase::Landing | JobPhase::Paused | JobPhase::Stopped => {
                    true
                }
            };
            if told && let Some(running) = self.running.get_mut(&name) {
                running.runner = None;
                let over = matches!(snapshot.phase, JobPhase::Failed(_) | JobPhase::Finished | JobPhase::Closed)
                    && record.desired != Desired::Deleted;
                if snapshot.phase == JobPhase::Stopped && record.desired == Desired::Stopped {
                    self.rested.insert(name.clone(), record.uid.clone());
                }
                running.ended_told = over;
                if !over {
                    self.running.remove(&name);
                }
            }
        }
    }

    async fn tell_failed(&self, name: &str, of: &JobRecord, code: &str, message: &str) -> bool {
        self.tell(name, of, |record| {
            if record.failed.is_none() {
                record.failed =
                    Some(Failure { at: Timestamp::now(), code: code.to_owned(), message: message.to_owned() });
            }
        })
        .await
    }

    /// Changes the job's record, if it is still this generation and was not restarted meanwhile.
    async fn tell(&self, name: &str, of: &JobRecord, change: impl Fn(&mut JobRecord)) -> bool {
        let result = self
            .jobs
            .update::<std::convert::Infallible>(name, |record| {
                if record.uid == of.uid && record.restarts == of.restarts {
                    change(record);
                }
                Ok(())
            })
            .await;
        match result {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(job = %name, error = %error, "cannot write the job's record; trying again");
                false
            }
        }
    }

    async fn beat(&mut self, ended: bool) {
        let now = Timestamp::now();
        match self.heartbeats.read(now).await {
            Ok(live) => {
                self.live = live.live_ids(&self.parts.pool);
                for (name, running) in &self.running {
                    let writers =
                        live.seen.iter().filter(|seen| seen.live() && seen.job(&running.record.uid).is_some());
                    if let Some(runner) = &running.runner {
                        runner.tell(Command::Writers(u64::try_from(writers.count()).unwrap_or(1).max(1)));
                    }
                    tracing::trace!(job = %name, "beat");
                }
            }
            Err(error) => tracing::warn!(error = %error, "cannot read the other workers' heartbeats"),
        }
        let jobs = self.running.values_mut().map(|running| beat::job_beat(running, now)).collect();
        metric::process(&self.parts);
        let heartbeat = Heartbeat {
            format: landfall_store::heartbeat::HEARTBEAT_FORMAT,
            worker: self.parts.id.clone(),
            version: self.parts.version.clone(),
            pool: self.parts.pool.clone(),
            started_at: self.started_at,
            at: now,
            beat_ms: u64::try_from(self.parts.beat.as_millis()).unwrap_or(u64::MAX),
            ended,
            memory: beat::memory(&self.parts.budget),
            jobs,
        };
        if let Err(error) = self.heartbeats.write(&heartbeat).await {
            tracing::warn!(error = %error, "cannot write the heartbeat");
        }
    }

    /// Lands what can be landed, within the time the operator gave.
    async fn shut_down(&mut self) {
        let within = self.parts.drain_timeout;
        tracing::info!(jobs = self.running.len(), within_ms = within.as_millis(), "draining");
        for running in self.running.values() {
            if let Some(runner) = &running.runner {
                runner.tell(Command::ShutDown { within });
            }
        }
        let deadline = tokio::time::Instant::now() + within + Duration::from_secs(6);
        while self.running.values().any(|r| r.runner.as_ref().is_some_and(|runner| !runner.ended())) {
            if tokio::time::Instant::now() >= deadline {
                tracing::warn!("not everything was landed in time; the rest is read again by others");
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tracing::info!("drained");
    }
}

fn goal(desired: Desired) -> Goal {
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

fn tell_what_is_new(running: &mut Running, record: &JobRecord) {
    let Some(runner) = &running.runner else { return };
    if record.config_version != running.record.config_version {
        match JobPlan::compile(record.spec.clone(), record.config_version) {
            Ok(plan) => runner.tell(Command::Plan(Arc::new(plan))),
            Err(error) => {
                tracing::error!(job = %record.name, error = %error, "the changed job cannot be compiled; going on with the old one");
            }
        }
    }
    // Told each time: a worker that left for lack of a place may be wanted again.
    runner.tell(Command::Goal(goal(record.desired)));
}
