//! The pure merge behind the status document: live heartbeats first, what Kafka and the log say for the rest,
//! and the last words of workers that are gone where nothing better is known.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::heartbeat::{
    DeadLetterCounts, Delivery, DeliveryMode, JobBeat, JobState, MAX_ERRORS_LISTED, PartitionBeat, Throughput,
    WaitingFor,
};
use crate::heartbeats::SeenHeartbeat;
use crate::record::{Desired, JobRecord};
use crate::status::{
    FailureStatus, Lag, PartitionId, PartitionStatus, State, StatusDocument, StatusInputs, WorkerStatus,
};

/// One worker's word on the job.
struct Word<'a> {
    seen: &'a SeenHeartbeat,
    beat: &'a JobBeat,
}

impl Word<'_> {
    fn live(&self) -> bool {
        self.seen.live()
    }
}

pub(crate) fn merge(inputs: &StatusInputs<'_>) -> StatusDocument {
    let record = inputs.record;
    let words: Vec<Word<'_>> =
        inputs.workers.iter().filter_map(|seen| Some(Word { seen, beat: seen.job(&record.uid)? })).collect();
    let live: Vec<&Word<'_>> = words.iter().filter(|word| word.live()).collect();

    let (partitions, oldest) = partitions(inputs, &words);
    let throughput = throughput(&live);
    let lag = lag(&partitions, &oldest, &throughput, inputs.now);
    let uncompleted_entries = uncompleted(inputs, &live);
    let state = state(record, &live, uncompleted_entries);
    let open_files_total = live.iter().map(|word| word.beat.open_files_total).sum();
    let drained = lag.records == Some(0)
        && lag.unknown_partitions == 0
        && open_files_total == 0
        && live.iter().all(|word| word.beat.drained)
        && uncompleted_entries.unwrap_or(0) == 0
        && partitions.iter().filter(|p| p.worker.is_none()).all(uncovered_and_landed);

    StatusDocument {
        name: record.name.clone(),
        uid: record.uid.clone(),
        state,
        desired: record.desired.name().to_owned(),
        drained,
        generation: record.generation,
        config_version: record.config_version,
        applied_config_version: live.iter().map(|word| word.beat.config_version).min(),
        delivery: delivery(&live),
        lag,
        throughput,
        partitions,
        open_files: live.iter().flat_map(|word| word.beat.open_files.iter().cloned()).collect(),
        open_files_total,
        waiting_for: waiting_for(record, state, &live, inputs.now),
        dead_letters: dead_letters(&words),
        gaps: words.iter().flat_map(|w| w.beat.gaps.iter().cloned()).collect::<BTreeSet<_>>().into_iter().collect(),
        last_entry: words
            .iter()
            .filter_map(|word| word.beat.last_entry.clone())
            .chain(inputs.log.and_then(|log| log.last_entry.clone()))
            .max_by_key(|entry| (entry.seq, entry.at)),
        uncompleted_entries,
        errors: errors(&words),
        failed: record.failed.as_ref().map(FailureStatus::from),
        finished_at: record.finished_at,
        workers: words.iter().map(worker_status).collect(),
    }
}

fn worker_status(word: &Word<'_>) -> WorkerStatus {
    let heartbeat = &word.seen.heartbeat;
    WorkerStatus {
        worker: heartbeat.worker.clone(),
        version: heartbeat.version.clone(),
        pool: heartbeat.pool.clone(),
        state: word.beat.state,
        config_version: word.beat.config_version,
        at: heartbeat.at,
        stale: !word.live(),
        partitions: u64::try_from(word.beat.partitions.len()).unwrap_or(u64::MAX),
    }
}

/// Without a live worker the job's own state follows from the record alone, except that a pause or stop is done
/// only when the log is known to hold no unfinished file.
fn state(record: &JobRecord, live: &[&Word<'_>], uncompleted_entries: Option<u64>) -> State {
    if record.closed {
        return State::Deleted;
    }
    if record.desired == Desired::Deleted {
        return State::Deleting;
    }
    if record.failed.is_some() {
        return State::Failed;
    }
    if record.finished_at.is_some() {
        return State::Finished;
    }
    let settled = |state: JobState| uncompleted_entries == Some(0) && live.iter().all(|word| word.beat.state == state);
    match record.desired {
        Desired::Paused if settled(JobState::Paused) => State::Paused,
        Desired::Stopped if settled(JobState::Stopped) => State::Stopped,
        Desired::Running if !live.is_empty() && live.iter().all(|word| word.beat.state == JobState::Failed) => {
            State::Failed
        }
        Desired::Running | Desired::Paused | Desired::Stopped | Desired::Deleted => State::Running,
    }
}

/// Each worker folds the same log; the one that lags behind may still count what another has completed already,
/// so the largest number is told.
fn uncompleted(inputs: &StatusInputs<'_>, live: &[&Word<'_>]) -> Option<u64> {
    live.iter().map(|word| word.beat.uncompleted_entries).max().or(inputs.log.map(|log| log.uncompleted_entries))
}

fn delivery(live: &[&Word<'_>]) -> Delivery {
    let reasons: BTreeSet<&String> = live.iter().flat_map(|word| word.beat.delivery.degraded_because.iter()).collect();
    let degraded = live.iter().any(|word| word.beat.delivery.mode == DeliveryMode::AtLeastOnce);
    Delivery {
        mode: if degraded { DeliveryMode::AtLeastOnce } else { DeliveryMode::ExactlyOnce },
        degraded_because: reasons.into_iter().cloned().collect(),
    }
}

fn throughput(live: &[&Word<'_>]) -> Throughput {
    Throughput {
        records_per_second: live.iter().map(|word| word.beat.throughput.records_per_second).sum(),
        bytes_per_second: live.iter().map(|word| word.beat.throughput.bytes_per_second).sum(),
    }
}

/// The longest wait of any worker; a job that wants to run and has no worker waits for one.
fn waiting_for(record: &JobRecord, state: State, live: &[&Word<'_>], now: Timestamp) -> Option<WaitingFor> {
    let longest = live.iter().filter_map(|word| word.beat.waiting_for.clone()).min_by_key(|waiting| waiting.since);
    let needs_worker = live.is_empty() && matches!(state, State::Running | State::Deleting);
    longest.or_else(|| {
        needs_worker.then(|| WaitingFor {
            what: format!("a live worker of pool {}", record.spec.pool),
            since: record.changed_at.min(now),
        })
    })
}

/// Workers count what they set aside since they started the job: the sum over all that are known.
fn dead_letters(words: &[Word<'_>]) -> DeadLetterCounts {
    let mut merged = DeadLetterCounts::default();
    for word in words {
        merged.total = merged.total.saturating_add(word.beat.dead_letters.total);
        for (reason, count) in &word.beat.dead_letters.by_reason {
            let sum: &mut u64 = merged.by_reason.entry(reason.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    merged
}

fn errors(words: &[Word<'_>]) -> Vec<crate::heartbeat::RecordError> {
    let mut errors: Vec<_> = words.iter().flat_map(|word| word.beat.errors.iter().cloned()).collect();
    errors.sort_by_key(|error| error.at);
    let surplus = errors.len().saturating_sub(MAX_ERRORS_LISTED);
    errors.drain(..surplus);
    errors
}

/// Every partition somebody knows of, and for those with a live worker when their oldest unread record was made.
fn partitions(inputs: &StatusInputs<'_>, words: &[Word<'_>]) -> (Vec<PartitionStatus>, Vec<Timestamp>) {
    let mut known: BTreeMap<PartitionId, Option<(&Word<'_>, &PartitionBeat)>> = BTreeMap::new();
    for origin in &inputs.record.origins {
        known.insert(
            PartitionId { cluster: origin.cluster.clone(), topic: origin.topic.clone(), partition: origin.partition },
            None,
        );
    }
    for id in inputs.kafka.into_iter().flat_map(BTreeMap::keys) {
        known.entry(id.clone()).or_insert(None);
    }
    for word in words {
        for beat in &word.beat.partitions {
            let id =
                PartitionId { cluster: beat.cluster.clone(), topic: beat.topic.clone(), partition: beat.partition };
            let best = known.entry(id).or_insert(None);
            let rank = |word: &Word<'_>, beat: &PartitionBeat| (word.live(), beat.position, word.seen.heartbeat.at);
            if best.is_none_or(|(other, theirs)| rank(word, beat) > rank(other, theirs)) {
                *best = Some((word, beat));
            }
        }
    }
    let mut oldest = Vec::new();
    let statuses = known
        .into_iter()
        .map(|(id, claim)| {
            let status = partition(inputs, id, claim);
            if let Some((word, beat)) = claim
                && word.live()
                && status.lag.is_some_and(|lag| lag > 0)
            {
                oldest.extend(beat.oldest_unconsumed_at);
            }
            status
        })
        .collect();
    (statuses, oldest)
}

fn partition(
    inputs: &StatusInputs<'_>,
    id: PartitionId,
    claim: Option<(&Word<'_>, &PartitionBeat)>,
) -> PartitionStatus {
    let kafka = inputs.kafka.and_then(|offsets| offsets.get(&id)).copied().unwrap_or_default();
    let covered = claim.filter(|(word, _)| word.live());
    let said = claim.map(|(_, beat)| beat);
    let end_offset = match covered {
        Some((_, beat)) => beat.end_offset.max(kafka.end_offset),
        None => kafka.end_offset.or(said.and_then(|beat| beat.end_offset)),
    };
    let committed_offset = kafka.committed_offset.max(said.and_then(|beat| beat.committed_offset));
    let position = covered.and_then(|(_, beat)| beat.position);
    // A group that never committed begins where the job was told to begin.
    let origin = || {
        let found = inputs.record.origins.iter().find(|origin| {
            origin.cluster == id.cluster && origin.topic == id.topic && origin.partition == id.partition
        });
        Some(found.map_or(0, |origin| origin.start_offset))
    };
    let reached = if covered.is_some() { position } else { committed_offset.or_else(origin) };
    let stop = inputs
        .record
        .ends
        .iter()
        .flatten()
        .find(|end| end.cluster == id.cluster && end.topic == id.topic && end.partition == id.partition);
    let wanted = match (end_offset, stop) {
        (Some(end), Some(stop)) => Some(end.min(stop.end_offset)),
        (end, _) => end,
    };
    let lag = wanted.zip(reached).map(|(end, reached)| u64::try_from(end.saturating_sub(reached)).unwrap_or(0));
    let landed_in_log = inputs.log.and_then(|log| log.landed.get(&id)).copied();
    PartitionStatus {
        worker: covered.map(|(word, _)| word.seen.heartbeat.worker.clone()),
        stale: claim.is_some() && covered.is_none(),
        end_offset,
        position,
        landed_offset: said.and_then(|beat| beat.landed_offset).max(landed_in_log),
        committed_offset,
        lag,
        cluster: id.cluster,
        topic: id.topic,
        partition: id.partition,
    }
}

/// Offsets are committed only when everything below is visible.
fn uncovered_and_landed(partition: &PartitionStatus) -> bool {
    partition.lag == Some(0)
}

fn lag(partitions: &[PartitionStatus], oldest: &[Timestamp], throughput: &Throughput, now: Timestamp) -> Lag {
    let known: Vec<u64> = partitions.iter().filter_map(|partition| partition.lag).collect();
    let records = (!known.is_empty()).then(|| known.iter().fold(0_u64, |sum, lag| sum.saturating_add(*lag)));
    let unknown_partitions = u64::try_from(partitions.len() - known.len()).unwrap_or(u64::MAX);
    let (seconds, seconds_estimated) = match (records, oldest.iter().min()) {
        (Some(0), _) => (Some(0.0), false),
        (_, Some(oldest)) => (Some(now.duration_since(*oldest).as_secs_f64().max(0.0)), false),
        (Some(records), None) if throughput.records_per_second > 0.0 => {
            (Some(as_f64(records) / throughput.records_per_second), true)
        }
        _ => (None, false),
    };
    Lag { records, seconds, seconds_estimated, unknown_partitions }
}

/// Exact up to 2^53 records, which is more than an estimate needs.
#[allow(clippy::cast_precision_loss)]
fn as_f64(records: u64) -> f64 {
    records as f64
}
