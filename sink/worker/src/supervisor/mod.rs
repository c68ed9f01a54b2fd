//! The jobs of one worker: which of the pool's jobs it takes part in, what each shall do, and what it tells of them.
//!
//! One pass every second, which waits for nobody: the job store is read, jobs are started and heartbeats exchanged in
//! tasks beside it, so that a store that hangs delays no command, no beat and no end. Correctness never depends on it:
//! two workers that disagree only share work badly.

mod attend;
mod beat;
mod metric;
mod reprobe;
mod settle;
mod start;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use landfall_kafka::Connection;
use landfall_s3::{SharedStore, Timer};
use landfall_store::record::JobRecord;
use landfall_store::{
    Changes, HeartbeatStore, JobBeat, JobStore, JobStoreError, LiveWorkers, Neighbours, StateLocation,
};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::io::{Scratch, Spawner};
use crate::resident::resident_bytes;
use crate::runner::{Command, Runner};
use crate::settings::EngineSettings;

pub use beat::JobReport;
use start::{NotStarted, Started};

const PASS_EVERY: Duration = Duration::from_secs(1);
/// A job that could not be started is tried again after this long.
const RETRY_START: Duration = Duration::from_secs(10);
/// ... or this long, where a store or a broker was only busy.
const RETRY_SOON: Duration = Duration::from_secs(2);
/// A start that hangs is given up and tried again.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Jobs that are started at once.
const STARTS_AT_ONCE: usize = 8;
/// The last heartbeat, which says that the worker has ended, may take so long.
const LAST_BEAT_TIMEOUT: Duration = Duration::from_secs(5);
const MEASURE_EVERY: Duration = Duration::from_millis(100);
/// Last words of jobs that this worker had, and how long they are told.
const MAX_PAST: usize = 200;
const PAST_FOR: Duration = Duration::from_secs(3_600);

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
    /// The limit of the whole process, as it is shown.
    pub memory_bytes: u64,
    pub budget: Arc<Budget>,
    pub scratch: Option<Scratch>,
    pub engine: EngineSettings,
    /// How long the S3 server keeps open uploads, where the operator declared it.
    pub upload_lifetime_ms: Option<u64>,
    /// What exactly-once rests on is asked again after this long.
    pub probe_every: Duration,
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
    probe_at: Instant,
    report: JobReport,
    /// A task is starting it.
    starting: bool,
    /// It was told to land what it can and end, for another start or because it is not this worker's any more.
    leaving: bool,
    /// Its end was told to the store.
    ended_told: bool,
    /// A start that failed: why, since when, and when to try again.
    start_failed: Option<StartFailed>,
}

#[derive(Debug)]
struct StartFailed {
    /// Somebody must mend something.
    refused: bool,
    message: String,
    since: Timestamp,
    again: Instant,
}

type StartResult = (JobRecord, Result<Started, NotStarted>);

/// A worker.
#[derive(Debug)]
pub struct Worker {
    parts: WorkerParts,
    jobs: Arc<JobStore>,
    heartbeats: HeartbeatStore,
    records: HashMap<String, JobRecord>,
    etags: HashMap<String, String>,
    running: BTreeMap<String, Running>,
    live: Vec<String>,
    /// All workers, as the last beat saw them.
    seen: LiveWorkers,
    /// Stopped jobs that came to rest here, by name: uid and `restarts`. One that ran again elsewhere may have left files
    /// once more.
    rested: HashMap<String, (String, u64)>,
    /// Last words, by uid.
    past: BTreeMap<String, (Instant, JobBeat)>,
    started_at: Timestamp,
    reading: Option<JoinHandle<Result<Changes, JobStoreError>>>,
    starts: JoinSet<StartResult>,
    probes: JoinSet<reprobe::Probed>,
    start_slots: Arc<Semaphore>,
    beating: Option<JoinHandle<(Neighbours, Option<LiveWorkers>)>>,
    neighbours: Neighbours,
}

impl Worker {
    #[must_use]
    pub fn new(parts: WorkerParts) -> Self {
        let jobs = JobStore::new(Arc::clone(&parts.store), parts.state.clone(), Arc::clone(&parts.timer));
        let heartbeats = HeartbeatStore::new(Arc::clone(&parts.store), parts.state.clone());
        Self {
            parts,
            jobs: Arc::new(jobs),
            heartbeats,
            records: HashMap::new(),
            etags: HashMap::new(),
            running: BTreeMap::new(),
            live: Vec::new(),
            seen: LiveWorkers::default(),
            rested: HashMap::new(),
            past: BTreeMap::new(),
            started_at: Timestamp::now(),
            reading: None,
            starts: JoinSet::new(),
            probes: JoinSet::new(),
            start_slots: Arc::new(Semaphore::new(STARTS_AT_ONCE)),
            beating: None,
            neighbours: Neighbours::default(),
        }
    }

    /// Runs until told to end; then lands what can be landed within the drain time-out. `ready` is called once the job
    /// store was read.
    pub async fn run(mut self, end: CancellationToken, ready: impl FnOnce()) {
        let measuring = measure_memory(Arc::clone(&self.parts.budget));
        let mut ready = Some(ready);
        tokio::select! {
            () = end.cancelled() => {}
            () = self.meet_neighbours() => {}
        }
        let mut next_beat = Instant::now();
        while !end.is_cancelled() {
            if self.read_jobs().await
                && let Some(ready) = ready.take()
            {
                ready();
            }
            self.take_started().await;
            self.take_beat().await;
            tokio::select! {
                () = end.cancelled() => break,
                () = self.pass() => {}
            }
            if Instant::now() >= next_beat && self.beating.is_none() {
                next_beat = Instant::now() + self.parts.beat;
                self.begin_beat();
            }
            // While the first reading is under way there is nothing else to do than to look often.
            let pause = if ready.is_some() { Duration::from_millis(20) } else { PASS_EVERY };
            tokio::select! {
                () = end.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.shut_down().await;
        measuring.abort();
    }

    /// Who else is there, before jobs are joined that are others'.
    async fn meet_neighbours(&mut self) {
        let looking = self.heartbeats.look(&mut self.neighbours, Timestamp::now());
        if let Ok(Ok(live)) = tokio::time::timeout(LAST_BEAT_TIMEOUT, looking).await {
            self.live = live.live_ids(&self.parts.pool);
            self.seen = live;
        }
    }

    /// Takes in a reading that has ended and begins the next. Answers whether one was taken in.
    async fn read_jobs(&mut self) -> bool {
        let Some(reading) = self.reading.take_if(|reading| reading.is_finished()) else {
            if self.reading.is_none() {
                self.begin_reading();
            }
            return false;
        };
        let read = reading.await;
        let taken = match read {
            Ok(Ok(changes)) => {
                self.take_changes(changes);
                true
            }
            Ok(Err(error)) => {
                tracing::warn!(error = %error, "cannot read the job store; going on with what is known");
                false
            }
            Err(_) => false,
        };
        self.begin_reading();
        taken
    }

    fn begin_reading(&mut self) {
        let (jobs, etags) = (Arc::clone(&self.jobs), self.etags.clone());
        self.reading = Some(tokio::spawn(async move { jobs.changes(&etags).await }));
    }

    fn take_changes(&mut self, changes: Changes) {
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
    }

    /// Lands what can be landed, within the time the operator gave.
    async fn shut_down(&mut self) {
        let within = self.parts.drain_timeout;
        while self.starts.try_join_next().is_some() {}
        self.starts.abort_all();
        self.probes.abort_all();
        tracing::info!(jobs = self.running.len(), within_ms = within.as_millis(), "draining");
        for running in self.running.values() {
            if let Some(runner) = &running.runner {
                runner.tell(Command::ShutDown { within });
            }
        }
        let deadline = Instant::now() + within + Duration::from_secs(6);
        let mut drained = true;
        while self.running.values().any(|r| r.runner.as_ref().is_some_and(|runner| !runner.ended())) {
            if Instant::now() >= deadline {
                tracing::warn!("not everything was landed in time; the rest is read again by others");
                drained = false;
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if drained {
            tracing::info!("drained");
        }
        if let Some(beating) = self.beating.take() {
            beating.abort();
        }
        self.last_beat().await;
    }
}

/// Keeps the budget told of what the process really holds.
fn measure_memory(budget: Arc<Budget>) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Some(resident) = resident_bytes() {
            budget.measured(resident);
            tokio::time::sleep(MEASURE_EVERY).await;
        }
    })
}
