//! What an engine says of itself at one moment: plain data, turned into the heartbeat and the metrics elsewhere.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::JobPhase;
use crate::wait::Waiting;

/// Counted since the engine started.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    pub records_consumed: u64,
    pub bytes_consumed: u64,
    pub records_landed: u64,
    pub bytes_uploaded: u64,
    pub landed_by_trigger: BTreeMap<&'static str, u64>,
    pub dead_letters: u64,
    pub dead_letters_by_reason: BTreeMap<&'static str, u64>,
    pub appends: u64,
    /// Appends that met another worker's entry.
    pub appends_met_other: u64,
    pub recoveries: BTreeMap<&'static str, u64>,
    pub rebalances: u64,
    pub files_dropped: u64,
    /// Files sealed because memory was short.
    pub sealed_early: u64,
    pub errors: VecDeque<ErrorView>,
}

impl Counters {
    pub fn count_dead_letter(&mut self, reason: &'static str) {
        self.dead_letters += 1;
        *self.dead_letters_by_reason.entry(reason).or_default() += 1;
    }

    pub fn recovery(&mut self, action: &'static str) {
        *self.recoveries.entry(action).or_default() += 1;
    }

    pub(crate) fn landed_file(&mut self, records: u64, data: bool, trigger: &'static str) {
        if data {
            self.records_landed += records;
        }
        *self.landed_by_trigger.entry(trigger).or_default() += 1;
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorView {
    pub at_wall_ms: i64,
    pub stage: String,
    pub message: String,
    pub topic: Option<String>,
    pub partition: Option<i32>,
    pub offset: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapView {
    pub topic: String,
    pub partition: i32,
    /// Inclusive.
    pub from_offset: u64,
    /// Exclusive.
    pub to_offset: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFile {
    pub key: String,
    pub records: u64,
    pub bytes: u64,
    pub opened_wall_ms: i64,
    pub next_trigger: &'static str,
    pub due_wall_ms: Option<i64>,
}

/// All offsets exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionView {
    pub topic: String,
    pub partition: i32,
    pub end_offset: Option<u64>,
    pub position: Option<u64>,
    pub landed_offset: Option<u64>,
    pub committed_offset: Option<u64>,
    pub at_end: bool,
    /// When the oldest record not yet read was made, if there is one and it is known.
    pub oldest_unread_ms: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct Snapshot {
    pub phase: JobPhase,
    pub config_version: u64,
    pub partitions: Vec<PartitionView>,
    pub open_files: Vec<OpenFile>,
    pub open_files_total: u64,
    /// Offsets between `low` and the position of the partition where they are most.
    pub widest_span: u64,
    pub waiting_for: Option<Waiting>,
    /// Waits that somebody must end.
    pub alarms: u64,
    /// As declared in the log, and those that its next entry will declare; the first ones of each partition.
    pub gaps: Vec<GapView>,
    /// By reason: what the log accounts for, by whichever worker, since the job was created.
    pub letters_in_log: BTreeMap<String, u64>,
    /// By reason: what this worker set aside and no entry accounts for yet.
    pub letters_open: BTreeMap<String, u64>,
    /// Seq and wall time in ms.
    pub last_entry: Option<(u64, i64)>,
    pub uncompleted_entries: u64,
    /// Declared losses: files whose uploads were lost after Kafka had let their records go, and these records.
    pub lost_files: u64,
    pub lost_records: u64,
    /// When the oldest file was opened, or its entry written, whose records are not visible; by the wall clock.
    pub oldest_unlanded_wall_ms: Option<i64>,
    /// When the oldest entry with a file that is not visible was written; by its writer's clock.
    pub oldest_uncompleted_wall_ms: Option<i64>,
    /// Own partitions are read to their ends and all of it is visible.
    pub drained: bool,
    pub counters: Counters,
}
