//! One job on its thread: poll, decide, carry out, again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use landfall_kafka::Source;

use crate::effect::Outcome;
use crate::engine::plan::JobPlan;
use crate::engine::{Engine, Goal, JobPhase};
use crate::io::Io;
use crate::now::Now;
use crate::snapshot::Snapshot;

/// A poll of an idle consumer waits so long; answers of S3 wait for it at most.
const POLL_IDLE: Duration = Duration::from_millis(20);
/// How often the snapshot is renewed.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(500);
/// After a failure or at shutdown, undecided appends and completions get so long.
const REST_BOUND: Duration = Duration::from_secs(10);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What the supervisor tells a running job.
#[derive(Debug, Clone)]
pub enum Command {
    Goal(Goal),
    Plan(Arc<JobPlan>),
    Writers(u64),
    /// Land what can be landed within this time, then end.
    ShutDown {
        within: Duration,
    },
    /// End now, dropping what is not in the log.
    Drop,
}

/// Tells the time to the engine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl SystemClock {
    #[must_use]
    pub fn now(&self) -> Now {
        let mono_ms = i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX);
        Now { wall_ms: jiff::Timestamp::now().as_millisecond(), mono_ms }
    }
}

/// A job that runs on its own thread.
#[derive(Debug)]
pub struct Runner {
    commands: crossbeam_channel::Sender<Command>,
    snapshot: Arc<Mutex<Snapshot>>,
    thread: Option<JoinHandle<()>>,
}

impl Runner {
    /// Starts the thread. `engine` was made with the clock's time.
    pub fn start(
        name: &str,
        engine: Engine,
        source: Box<dyn Source>,
        io: Io,
        outcomes: Receiver<Outcome>,
        clock: SystemClock,
    ) -> std::io::Result<Self> {
        let (commands, inbox) = crossbeam_channel::unbounded();
        let snapshot = Arc::new(Mutex::new(engine.snapshot()));
        let shared = Arc::clone(&snapshot);
        let job = Loop { engine, source, io, outcomes, inbox, clock, snapshot: shared };
        let thread = thread::Builder::new().name(format!("job-{name}")).spawn(move || job.run())?;
        Ok(Self { commands, snapshot, thread: Some(thread) })
    }

    pub fn tell(&self, command: Command) {
        // A job that has ended hears nothing.
        let _ = self.commands.send(command);
    }

    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[must_use]
    pub fn ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the thread; call after [`Command::ShutDown`] or once it has ended.
    pub fn join(&mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a job's thread panicked; its partitions go to other workers when the session times out");
        }
    }
}

impl Drop for Runner {
    /// A runner nobody holds any more must not keep its place in the group.
    fn drop(&mut self) {
        self.tell(Command::Drop);
    }
}

struct Loop {
    engine: Engine,
    source: Box<dyn Source>,
    io: Io,
    outcomes: Receiver<Outcome>,
    inbox: Receiver<Command>,
    clock: SystemClock,
    snapshot: Arc<Mutex<Snapshot>>,
}

impl Loop {
    fn run(mut self) {
        let mut deadline: Option<Instant> = None;
        let mut next_snapshot = Instant::now();
        let mut dropped = false;
        loop {
            while let Ok(command) = self.inbox.try_recv() {
                match command {
                    Command::Goal(goal) => self.engine.set_goal(goal),
                    Command::Plan(plan) => self.engine.set_plan(plan),
                    Command::Writers(writers) => self.engine.set_writers(writers),
                    Command::ShutDown { within } => {
                        deadline = Some(Instant::now() + within);
                        self.engine.shut_down();
                    }
                    Command::Drop => dropped = true,
                }
            }
            self.turn();
            let phase = self.engine.phase();
            if Instant::now() >= next_snapshot {
                self.publish();
                next_snapshot = Instant::now() + SNAPSHOT_EVERY;
            }
            let over = match phase {
                JobPhase::Stopped | JobPhase::Closed | JobPhase::Finished => true,
                JobPhase::Failed(_) => {
                    let bound = *deadline.get_or_insert_with(|| Instant::now() + REST_BOUND);
                    self.engine.at_rest_after_failure() || Instant::now() >= bound
                }
                JobPhase::Starting | JobPhase::Running | JobPhase::Landing | JobPhase::Paused => false,
            };
            if over || dropped || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                break;
            }
        }
        // The last commits, then out of the group.
        self.engine.commit_now();
        self.turn();
        self.source.close(CLOSE_TIMEOUT);
        self.publish();
    }

    /// One round: answers, records, time, commands.
    fn turn(&mut self) {
        while let Ok(outcome) = self.outcomes.try_recv() {
            self.engine.on_outcome(outcome, self.clock.now());
        }
        self.engine.account();
        let now = self.clock.now();
        if self.engine.throttled() {
            // Events of the group come through, records of paused partitions do not; those of others wait a moment.
            match self.outcomes.recv_timeout(POLL_IDLE) {
                Ok(outcome) => self.engine.on_outcome(outcome, self.clock.now()),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if self.engine.polls_although_throttled() {
                let engine = &mut self.engine;
                self.source.poll(Duration::ZERO, 1, &mut |event| engine.on_source(event, now));
            }
        } else {
            let batch = self.engine.poll_batch();
            let engine = &mut self.engine;
            self.source.poll(POLL_IDLE, batch, &mut |event| engine.on_source(event, now));
        }
        let now = self.clock.now();
        self.engine.tick(now);
        self.engine.drive(self.source.as_mut(), now);
        for effect in self.engine.take_effects() {
            self.io.run(effect);
        }
    }

    fn publish(&self) {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = self.engine.snapshot();
    }
}

/// Where a bounded job ends, as the engine takes it.
#[must_use]
pub fn ends_of(ends: &[(String, i32, i64)]) -> BTreeMap<(String, i32), u64> {
    ends.iter().map(|(topic, partition, end)| ((topic.clone(), *partition), u64::try_from(*end).unwrap_or(0))).collect()
}
