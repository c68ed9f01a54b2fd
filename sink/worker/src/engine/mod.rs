//! The engine of one job: all its state, on one thread, without I/O and without a clock.
//!
//! It is driven by four calls: [`Engine::on_source`] (a record, a rebalance), [`Engine::on_outcome`] (an answer),
//! [`Engine::tick`] (the time) and [`Engine::drive`] (commands to the consumer); it asks for I/O by effects.
//! Each stage is a file: `route`, `files` (open, seal), `upload`, `batch`, `append`, `complete`, `recover`, `control`.

mod append;
mod batch;
mod complete;
mod completions;
mod control;
mod drive;
mod file;
mod files;
mod fold;
mod letters;
mod memory;
mod partition;
pub mod plan;
mod ratio;
mod recover;
mod route;
mod upload;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use landfall_commit::{JobUid, Lane, LogState, Paths};
use landfall_format::Scratch;
use landfall_kafka::{CommitOffset, TopicPartition};

use crate::budget::Account;
use crate::effect::{Effect, Fatal};
use crate::ids::Ids;
use crate::now::Now;
use crate::settings::EngineSettings;
use crate::snapshot::Counters;
use crate::wait::Waits;

use append::Appender;
use completions::Completions;
pub use control::{Goal, Phase as JobPhase};
pub use file::Sealed;
use files::Files;
use letters::Letters;
use partition::Partition;
use plan::JobPlan;
use ratio::Ratio;

/// Who the engine works as.
#[derive(Debug, Clone)]
pub struct Identity {
    pub job: String,
    pub uid: JobUid,
    pub worker: String,
    /// Where the fleet keeps its own.
    pub state_bucket: String,
    /// The fleet's state prefix, ending in `/`.
    pub state_prefix: String,
}

/// What an engine is made of.
#[derive(Debug)]
pub struct Parts {
    pub identity: Identity,
    pub plan: Arc<JobPlan>,
    /// Exclusive, by topic and partition: where a bounded job ends.
    pub ends: Option<BTreeMap<(String, i32), u64>>,
    /// Inclusive, by topic and partition: where the job begins in topics that were added after its log was opened.
    pub origins: BTreeMap<(String, i32), u64>,
    pub settings: EngineSettings,
    pub account: Account,
    pub ids: Ids,
    pub waits: Waits,
    /// Spilling is possible.
    pub scratch: bool,
    pub now: Now,
}

#[derive(Debug)]
pub struct Engine {
    identity: Identity,
    paths: Paths,
    settings: EngineSettings,
    plan: Arc<JobPlan>,
    ends: Option<BTreeMap<(String, i32), u64>>,
    origins: BTreeMap<(String, i32), u64>,
    scratch: Scratch,
    ids: Ids,
    waits: Waits,
    account: Account,
    now: Now,
    last_tick: Now,
    upload_refusals: u32,
    /// By slot.
    partitions: Vec<Option<Partition>>,
    /// Events of the group that wait for [`Engine::drive`].
    group: drive::GroupEvents,
    files: Files,
    log: Option<LogState>,
    appender: Appender,
    completions: Completions,
    letters: Letters,
    ratio: Ratio,
    memory: memory::Memory,
    control: control::Control,
    effects: Vec<Effect>,
    counters: Counters,
    /// Other live workers on this job, for pacing appends.
    writers: u64,
    /// Offsets between `low` and the position of the partition where they are most.
    widest_span: u64,
    next_check_ms: i64,
    kafka_commits: Vec<CommitOffset>,
}

impl Engine {
    /// Asks for the log at once; nothing else happens before it is there.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let paths = Paths::new(&parts.identity.state_prefix, &parts.identity.uid, Lane(0));
        let ratio = Ratio::new(parts.plan.spec.dead_letter.max_ratio);
        Self {
            identity: parts.identity,
            paths,
            settings: parts.settings,
            ends: parts.ends,
            origins: parts.origins,
            scratch: Scratch::new(&parts.plan.format),
            plan: parts.plan,
            ids: parts.ids,
            waits: parts.waits,
            account: parts.account,
            now: parts.now,
            last_tick: parts.now,
            upload_refusals: 0,
            partitions: Vec::new(),
            group: drive::GroupEvents::default(),
            files: Files::default(),
            log: None,
            appender: Appender::new(parts.now),
            completions: Completions::default(),
            letters: Letters::default(),
            ratio,
            memory: memory::Memory::new(parts.scratch),
            control: control::Control::default(),
            effects: vec![Effect::LoadLog],
            counters: Counters::default(),
            writers: 1,
            widest_span: 0,
            next_check_ms: parts.now.mono_ms,
            kafka_commits: Vec::new(),
        }
    }

    /// What to do, in order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Commits what may be committed now, without regard to the interval; before the consumer is closed.
    pub fn commit_now(&mut self) {
        for partition in self.partitions.iter_mut().flatten() {
            partition.committed_at_ms = i64::MIN / 2;
        }
        self.plan_kafka_commits();
    }

    /// How many workers append to this job's log, this one included.
    pub fn set_writers(&mut self, writers: u64) {
        self.writers = writers.max(1);
    }

    /// Time-driven work; called often, at least a few times a second.
    pub fn tick(&mut self, now: Now) {
        // Against the last tick, not the last call: an answer that is handled first must not hide a sleep. The wall
        // clock tells of a suspended machine, whose monotonic clock stood still.
        let mono_ms = now.mono_ms.saturating_sub(self.last_tick.mono_ms);
        let slept_ms = mono_ms.max(now.wall_ms.saturating_sub(self.last_tick.wall_ms));
        (self.now, self.last_tick) = (now, now);
        if slept_ms > self.settings.frozen_after_ms {
            self.woke_up(slept_ms);
        }
        if now.mono_ms >= self.next_check_ms {
            self.next_check_ms = now.mono_ms + 100;
            self.rotate_files();
            self.limit_span();
            self.check_memory();
            self.flush_letters();
            self.recover_waiting();
        }
        self.tick_completions();
        self.tick_append();
        self.tick_control();
        self.plan_kafka_commits();
    }

    /// The process was frozen (SIGSTOP, a suspended machine): others may have taken over. Look at the log and at the
    /// uploads before anything is appended or judged.
    fn woke_up(&mut self, slept_ms: i64) {
        tracing::warn!(job = %self.identity.job, job_uid = %self.identity.uid, slept_ms, "the process was frozen; folding the log again");
        for file in self.files.iter_mut() {
            file.must_check_upload |= file.next_part > 1;
        }
        self.files.recheck_ready();
        for id in self.files.ids() {
            self.advance_file(id);
        }
        self.appender.want_fold();
    }

    /// Stops the job: nothing more is consumed, and what is not in the log is dropped (it is read again later).
    fn fail(&mut self, code: &str, message: String) {
        if self.control.failed.is_none() {
            tracing::error!(job = %self.identity.job, job_uid = %self.identity.uid, code, error = %message, "job stopped");
            self.note_error("job", message.clone(), None);
            self.control.failed = Some(Fatal { code: code.to_owned(), message });
            self.drop_all_unappended();
        }
    }

    fn partition(&self, slot: u32) -> Option<&Partition> {
        self.partitions.get(slot as usize).and_then(Option::as_ref)
    }

    fn partition_mut(&mut self, slot: u32) -> Option<&mut Partition> {
        self.partitions.get_mut(slot as usize).and_then(Option::as_mut)
    }

    fn slot_of(&self, wanted: &TopicPartition) -> Option<u32> {
        let index = self.partitions.iter().position(|p| p.as_ref().is_some_and(|p| p.topic_partition == *wanted))?;
        u32::try_from(index).ok()
    }

    /// Own partitions whose offsets an entry of the log names.
    fn owned_sources(&self) -> BTreeSet<&landfall_commit::SourcePartition> {
        self.partitions.iter().flatten().filter(|p| p.owned()).map(|p| p.source.as_ref()).collect()
    }
}
