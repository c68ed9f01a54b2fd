//! From an engine's snapshot to the heartbeat document.

use std::collections::BTreeMap;

use jiff::Timestamp;
use landfall_store::heartbeat::{
    DeadLetterCounts, Delivery, DeliveryMode, GapBeat, JobBeat, JobState, LastEntry, MemoryBeat, OpenFileBeat,
    PartitionBeat, RecordError, Throughput, WaitingFor,
};

use super::{Running, metric};
use crate::budget::{Budget, Use};
use crate::engine::JobPhase;
use crate::snapshot::{ErrorView, OpenFile, PartitionView, Snapshot};

/// What was told last of a job, to tell rates by.
#[derive(Debug, Default)]
pub struct JobReport {
    pub(super) last: Option<(Timestamp, u64, u64)>,
    pub(super) told: metric::Told,
    final_snapshot: Option<Snapshot>,
}

impl JobReport {
    /// The last word of a runner that has ended.
    pub(super) fn keep(&mut self, snapshot: &Snapshot) {
        self.final_snapshot = Some(snapshot.clone());
    }

    fn throughput(&mut self, now: Timestamp, snapshot: &Snapshot) -> Throughput {
        let (records, bytes) = (snapshot.counters.records_consumed, snapshot.counters.bytes_consumed);
        let Some((then, records_then, bytes_then)) = self.last.replace((now, records, bytes)) else {
            return Throughput::default();
        };
        let seconds = now.duration_since(then).as_secs_f64().max(0.001);
        #[allow(clippy::cast_precision_loss)] // a rate for people
        let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
        Throughput { records_per_second: rate(records, records_then), bytes_per_second: rate(bytes, bytes_then) }
    }
}

fn time(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

pub(super) fn memory(budget: &Budget) -> MemoryBeat {
    let used_bytes = Use::ALL.into_iter().map(|what| (what.as_str().to_owned(), budget.used_by(what))).collect();
    MemoryBeat { limit_bytes: budget.limit_bytes(), used_bytes }
}

pub(super) fn job_beat(running: &mut Running, now: Timestamp) -> JobBeat {
    let snapshot = match &running.runner {
        Some(runner) => Some(runner.snapshot()),
        None => running.report.final_snapshot.clone(),
    };
    let mode = if running.degraded_because.is_empty() { DeliveryMode::ExactlyOnce } else { DeliveryMode::AtLeastOnce };
    let delivery = Delivery { mode, degraded_because: running.degraded_because.clone() };
    let (name, uid) = (running.record.name.clone(), running.record.uid.clone());
    let Some(snapshot) = snapshot else {
        return not_started(running, name, uid, delivery, now);
    };
    let throughput = running.report.throughput(now, &snapshot);
    metric::job(&mut running.report.told, &running.record, &snapshot);
    let cluster = running.record.spec.source.cluster.clone();
    let counters = &snapshot.counters;
    let by_reason: BTreeMap<String, u64> =
        counters.dead_letters_by_reason.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
    JobBeat {
        name,
        uid,
        config_version: snapshot.config_version,
        state: state(&snapshot.phase),
        delivery,
        partitions: snapshot.partitions.iter().map(|p| partition(&cluster, p)).collect(),
        open_files: snapshot.open_files.iter().map(open_file).collect(),
        open_files_total: snapshot.open_files_total,
        waiting_for: snapshot
            .waiting_for
            .as_ref()
            .map(|waiting| WaitingFor { what: waiting.what.clone(), since: time(waiting.since_wall_ms) }),
        dead_letters: DeadLetterCounts { total: counters.dead_letters, by_reason },
        gaps: snapshot
            .gaps
            .iter()
            .map(|gap| GapBeat {
                cluster: cluster.clone(),
                topic: gap.topic.clone(),
                partition: gap.partition,
                from_offset: signed(gap.from_offset),
                to_offset: signed(gap.to_offset),
            })
            .collect(),
        last_entry: snapshot.last_entry.map(|(seq, at)| LastEntry { seq, at: time(at) }),
        uncompleted_entries: snapshot.uncompleted_entries,
        throughput,
        errors: counters.errors.iter().map(error).collect(),
        drained: snapshot.drained,
    }
}

/// A job whose start failed: it says why.
fn not_started(running: &Running, name: String, uid: String, delivery: Delivery, now: Timestamp) -> JobBeat {
    let errors = running.start_failed.iter().map(|(message, _)| RecordError {
        at: now,
        stage: "start".to_owned(),
        message: message.clone(),
        topic: None,
        partition: None,
        offset: None,
    });
    let waiting_for =
        running.start_failed.as_ref().map(|(message, _)| WaitingFor { what: message.clone(), since: now });
    JobBeat {
        name,
        uid,
        config_version: running.record.config_version,
        state: if running.ended_told { JobState::Failed } else { JobState::Starting },
        delivery,
        partitions: Vec::new(),
        open_files: Vec::new(),
        open_files_total: 0,
        waiting_for,
        dead_letters: DeadLetterCounts::default(),
        gaps: Vec::new(),
        last_entry: None,
        uncompleted_entries: 0,
        throughput: Throughput::default(),
        errors: errors.collect(),
        drained: false,
    }
}

fn state(phase: &JobPhase) -> JobState {
    match phase {
        JobPhase::Starting => JobState::Starting,
        // Until everything is complete, a job that is to stop still runs.
        JobPhase::Running | JobPhase::Landing => JobState::Running,
        JobPhase::Paused => JobState::Paused,
        JobPhase::Stopped | JobPhase::Closed => JobState::Stopped,
        JobPhase::Finished => JobState::Finished,
        JobPhase::Failed(_) => JobState::Failed,
    }
}

fn partition(cluster: &str, view: &PartitionView) -> PartitionBeat {
    PartitionBeat {
        cluster: cluster.to_owned(),
        topic: view.topic.clone(),
        partition: view.partition,
        end_offset: view.end_offset.map(signed),
        position: view.position.map(signed),
        landed_offset: view.landed_offset.map(signed),
        committed_offset: view.committed_offset.map(signed),
        oldest_unconsumed_at: None,
    }
}

fn open_file(file: &OpenFile) -> OpenFileBeat {
    OpenFileBeat {
        key: file.key.clone(),
        records: file.records,
        bytes: file.bytes,
        opened_at: time(file.opened_wall_ms),
        next_trigger: file.next_trigger.to_owned(),
        due_at: file.due_wall_ms.map(time),
    }
}

fn error(view: &ErrorView) -> RecordError {
    RecordError {
        at: time(view.at_wall_ms),
        stage: view.stage.clone(),
        message: view.message.clone(),
        topic: view.topic.clone(),
        partition: view.partition,
        offset: view.offset,
    }
}
