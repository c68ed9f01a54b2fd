//! From an engine's snapshot to the heartbeat document, and its exchange with the other workers'.

use jiff::Timestamp;
use landfall_store::heartbeat::{
    DeadLetterCounts, Delivery, DeliveryMode, GapBeat, HEARTBEAT_FORMAT, Heartbeat, JobBeat, JobState, LastEntry,
    MemoryBeat, OpenFileBeat, PartitionBeat, RecordError, Throughput, WaitingFor,
};

use super::{LAST_BEAT_TIMEOUT, PAST_FOR, Running, Worker, metric};
use crate::budget::{Budget, Use};
use crate::engine::JobPhase;
use crate::resident::resident_bytes;
use crate::runner::Command;
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

/// What each use is charged, and what the process as a whole is seen to hold.
fn memory(limit_bytes: u64, budget: &Budget) -> MemoryBeat {
    let charged = Use::ALL.into_iter().map(|what| (what.as_str().to_owned(), budget.used_by(what)));
    let process = resident_bytes().map(|bytes| ("process".to_owned(), bytes));
    MemoryBeat { limit_bytes, used_bytes: charged.chain(process).collect() }
}

impl Worker {
    /// Writes this worker's document and looks at the others', beside the pass.
    pub(super) fn begin_beat(&mut self) {
        let heartbeat = self.heartbeat(false);
        let (store, mut neighbours) = (self.heartbeats.clone(), std::mem::take(&mut self.neighbours));
        self.beating = Some(tokio::spawn(async move {
            if let Err(error) = store.write(&heartbeat).await {
                tracing::warn!(error = %error, "cannot write the heartbeat");
            }
            let looked = store.look(&mut neighbours, Timestamp::now()).await;
            if let Err(error) = &looked {
                tracing::warn!(error = %error, "cannot read the other workers' heartbeats");
            }
            (neighbours, looked.ok())
        }));
    }

    /// Says that this worker has ended.
    pub(super) async fn last_beat(&mut self) {
        let heartbeat = self.heartbeat(true);
        let written = tokio::time::timeout(LAST_BEAT_TIMEOUT, self.heartbeats.write(&heartbeat)).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::warn!("the last heartbeat could not be written; others see this worker gone when it is stale");
        }
    }

    fn heartbeat(&mut self, ended: bool) -> Heartbeat {
        let now = Timestamp::now();
        metric::process(&self.parts);
        self.past.retain(|_, (at, _)| at.elapsed() < PAST_FOR);
        let running = self.running.values_mut().map(|running| job_beat(running, now));
        let jobs: Vec<JobBeat> = running.collect();
        let past = self.past.values().filter(|(_, beat)| !jobs.iter().any(|job| job.uid == beat.uid));
        let past: Vec<JobBeat> = past.map(|(_, beat)| beat.clone()).collect();
        Heartbeat {
            format: HEARTBEAT_FORMAT,
            worker: self.parts.id.clone(),
            version: self.parts.version.clone(),
            pool: self.parts.pool.clone(),
            started_at: self.started_at,
            at: now,
            beat_ms: u64::try_from(self.parts.beat.as_millis()).unwrap_or(u64::MAX),
            ended,
            memory: memory(self.parts.memory_bytes, &self.parts.budget),
            jobs: jobs.into_iter().chain(past).collect(),
        }
    }

    /// Takes in what a beat brought: who is there, and how many work on each job.
    pub(super) async fn take_beat(&mut self) {
        let Some(beating) = self.beating.take_if(|beating| beating.is_finished()) else { return };
        let Ok((neighbours, live)) = beating.await else { return };
        self.neighbours = neighbours;
        let Some(live) = live else { return };
        self.live = live.live_ids(&self.parts.pool);
        self.seen = live;
        let live = &self.seen;
        for running in self.running.values() {
            let uid = &running.record.uid;
            let writers = live.seen.iter().filter(|seen| seen.live() && seen.job(uid).is_some_and(|job| !job.past));
            if let Some(runner) = &running.runner {
                runner.tell(Command::Writers(u64::try_from(writers.count()).unwrap_or(1).max(1)));
            }
        }
    }
}

pub(super) fn job_beat(running: &mut Running, now: Timestamp) -> JobBeat {
    let snapshot = match &running.runner {
        Some(runner) => Some(runner.snapshot()),
        None => running.report.final_snapshot.clone(),
    };
    let mode = if running.degraded_because.is_empty() { DeliveryMode::ExactlyOnce } else { DeliveryMode::AtLeastOnce };
    let delivery = Delivery { mode, degraded_because: running.degraded_because.clone() };
    let (name, uid) = (running.record.name.clone(), running.record.uid.clone());
    metric::alarms(running);
    let Some(snapshot) = snapshot else {
        return not_started(running, name, uid, delivery, now);
    };
    let throughput = running.report.throughput(now, &snapshot);
    metric::job(&mut running.report.told, &running.record, &snapshot);
    let cluster = running.record.spec.source.cluster.clone();
    let counters = &snapshot.counters;
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
        dead_letters: DeadLetterCounts::of(snapshot.letters_in_log.clone()),
        dead_letters_open: DeadLetterCounts::of(snapshot.letters_open.clone()),
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
        lost_files: snapshot.lost_files,
        lost_records: snapshot.lost_records,
        drained: snapshot.drained,
        past: false,
    }
}

/// A job whose start failed: it says why.
fn not_started(running: &Running, name: String, uid: String, delivery: Delivery, now: Timestamp) -> JobBeat {
    let errors = running.start_failed.iter().map(|failed| RecordError {
        at: now,
        stage: "start".to_owned(),
        message: failed.message.clone(),
        topic: None,
        partition: None,
        offset: None,
    });
    let waiting_for =
        running.start_failed.as_ref().map(|failed| WaitingFor { what: failed.message.clone(), since: failed.since });
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
        dead_letters_open: DeadLetterCounts::default(),
        lost_files: 0,
        lost_records: 0,
        gaps: Vec::new(),
        last_entry: None,
        uncompleted_entries: 0,
        throughput: Throughput::default(),
        errors: errors.collect(),
        drained: false,
        past: false,
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
        oldest_unconsumed_at: view.oldest_unread_ms.map(time),
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
