//! The pure merge behind the status document: live heartbeats first, what Kafka and the log say for the rest,
//! and the last words of workers that are gone where nothing better is known.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::heartbeat::{
    DeadLetterCounts, Delivery, DeliveryMode, JobBeat, JobState, MAX_ERRORS_LISTED, PartitionBeat, Throughput,
    WaitingFor,
};
use crate::heartbeats::SeenHeartbeat;
use crate::lag::{self, PartitionFacts};
use crate::record::{Desired, JobRecord};
use crate::status::{
    FailureStatus, Lag, PartitionId, PartitionStatus, State, StatusDocument, StatusInputs, WorkerStatus,
};
use crate::why::why;

/// One worker's word on the job.
struct Word<'a> {
    seen: &'a SeenHeartbeat,
    beat: &'a JobBeat,
}

impl Word<'_> {
    /// The worker is there and has the job now.
    fn live(&self) -> bool {
        self.seen.live() && !self.beat.past
    }
}

pub(crate) fn merge(inputs: &StatusInputs<'_>) -> StatusDocument {
    let record = inputs.record;
    let words: Vec<Word<'_>> =
        inputs.workers.iter().filter_map(|seen| Some(Word { seen, beat: seen.job(&record.uid)? })).collect();
    let live: Vec<&Word<'_>> = words.iter().filter(|word| word.live()).collect();

    let throughput = throughput(&live);
    let (partitions, facts) = partitions(inputs, &words);
    let lag = lag(partitions.len(), &facts, &throughput, inputs.now);
    let uncompleted_entries = uncompleted(inputs, &live);
    let state = state(record, &live, uncompleted_entries);
    let open_files_total = live.iter().map(|word| word.beat.open_files_total).sum();
    let drained = lag.records == Some(0)
        && lag.unknown_partitions == 0
        && open_files_total == 0
        && live.iter().all(|word| word.beat.drained)
        && uncompleted_entries.unwrap_or(0) == 0
        && partitions.iter().all(|partition| landed(record, partition));

    let mut status = StatusDocument {
        reasons: Vec::new(),
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
        dead_letters: dead_letters(inputs, &words),
        lost_files: most(&words, |beat| beat.lost_files).max(inputs.log.map_or(0, |log| log.lost_files)),
        lost_records: most(&words, |beat| beat.lost_records).max(inputs.log.map_or(0, |log| log.lost_records)),
        gaps: gaps(inputs, &words),
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
    };
    status.reasons = why(&status, record, inputs.scaling, inputs.now);
    status
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
    let by_word = (inputs.at_its_word && live.is_empty()).then_some(0);
    let told = live.iter().map(|word| word.beat.uncompleted_entries).max();
    told.or(inputs.log.map(|log| log.uncompleted_entries)).or(by_word)
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
    // From 0 on: the sum of nothing is -0 to an iterator of floats.
    let total = |of: fn(&Throughput) -> f64| live.iter().fold(0.0, |sum, word| sum + of(&word.beat.throughput));
    Throughput {
        records_per_second: total(|rate| rate.records_per_second),
        bytes_per_second: total(|rate| rate.bytes_per_second),
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

/// Every worker folds the same log: the one that has folded most knows most of what it says.
fn most(words: &[Word<'_>], of: impl Fn(&JobBeat) -> u64) -> u64 {
    words.iter().map(|word| of(word.beat)).max().unwrap_or(0)
}

/// What the log accounts for, and what live workers hold beside it.
fn dead_letters(inputs: &StatusInputs<'_>, words: &[Word<'_>]) -> DeadLetterCounts {
    let folded = words.iter().map(|word| &word.beat.dead_letters).chain(inputs.log.map(|log| &log.dead_letters));
    let in_log = folded.max_by_key(|counts| counts.total).cloned().unwrap_or_default();
    let open = words.iter().filter(|word| word.live()).map(|word| &word.beat.dead_letters_open);
    open.fold(in_log, DeadLetterCounts::plus)
}

fn gaps(inputs: &StatusInputs<'_>, words: &[Word<'_>]) -> Vec<crate::heartbeat::GapBeat> {
    let told = words.iter().flat_map(|word| &word.beat.gaps).chain(inputs.log.into_iter().flat_map(|log| &log.gaps));
    told.cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

fn errors(words: &[Word<'_>]) -> Vec<crate::heartbeat::RecordError> {
    let mut errors: Vec<_> = words.iter().flat_map(|word| word.beat.errors.iter().cloned()).collect();
    errors.sort_by_key(|error| error.at);
    let surplus = errors.len().saturating_sub(MAX_ERRORS_LISTED);
    errors.drain(..surplus);
    errors
}

/// Every partition somebody knows of, and the facts of its lag where its end is known.
fn partitions(inputs: &StatusInputs<'_>, words: &[Word<'_>]) -> (Vec<PartitionStatus>, Vec<PartitionFacts>) {
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
    let mut facts = Vec::new();
    let statuses = known
        .into_iter()
        .map(|(id, claim)| {
            let (status, own) = partition(inputs, id, claim);
            facts.extend(own);
            status
        })
        .collect();
    (statuses, facts)
}

fn partition(
    inputs: &StatusInputs<'_>,
    id: PartitionId,
    claim: Option<(&Word<'_>, &PartitionBeat)>,
) -> (PartitionStatus, Option<PartitionFacts>) {
    let kafka = inputs.kafka.and_then(|offsets| offsets.get(&id)).copied().unwrap_or_default();
    let covered = claim.filter(|(word, _)| word.live());
    let said = claim.map(|(_, beat)| beat);
    let end_offset = match covered {
        Some((_, beat)) => beat.end_offset.max(kafka.end_offset),
        None => kafka.end_offset.or(said.and_then(|beat| beat.end_offset)),
    };
    let committed_offset = kafka.committed_offset.max(said.and_then(|beat| beat.committed_offset));
    let position = covered.and_then(|(_, beat)| beat.position);
    let facts = end_offset.map(|end_offset| PartitionFacts {
        cluster: id.cluster.clone(),
        topic: id.topic.clone(),
        partition: id.partition,
        start_offset: kafka.start_offset.unwrap_or(0),
        end_offset,
        origin: origin(inputs.record, &id),
        stop_offset: stop(inputs.record, &id),
        position,
        committed: committed_offset,
        oldest_unconsumed_ms: covered.and_then(|(_, beat)| beat.oldest_unconsumed_at).map(Timestamp::as_millisecond),
    });
    let landed_in_log = inputs.log.and_then(|log| log.landed.get(&id)).copied();
    let status = PartitionStatus {
        worker: covered.map(|(word, _)| word.seen.heartbeat.worker.clone()),
        stale: claim.is_some() && covered.is_none(),
        end_offset,
        position,
        landed_offset: said.and_then(|beat| beat.landed_offset).max(landed_in_log),
        committed_offset,
        lag: facts.as_ref().map(PartitionFacts::lag),
        cluster: id.cluster,
        topic: id.topic,
        partition: id.partition,
    };
    (status, facts)
}

/// Where the job begins in a partition; one that appeared after it was created begins at 0.
fn origin(record: &JobRecord, id: &PartitionId) -> i64 {
    let of = |o: &&crate::record::Origin| o.cluster == id.cluster && o.topic == id.topic && o.partition == id.partition;
    record.origins.iter().find(of).map_or(0, |origin| origin.start_offset)
}

/// Where a bounded job ends in a partition (exclusive).
fn stop(record: &JobRecord, id: &PartitionId) -> Option<i64> {
    let of = |e: &&crate::record::End| e.cluster == id.cluster && e.topic == id.topic && e.partition == id.partition;
    record.ends.iter().flatten().find(of).map(|end| end.end_offset)
}

/// What was consumed of a partition under a live worker is visible. Elsewhere lag is counted from the commit, and
/// offsets are committed only when everything below is visible.
fn landed(record: &JobRecord, partition: &PartitionStatus) -> bool {
    let Some(position) = partition.position else { return partition.lag == Some(0) };
    let id = PartitionId {
        cluster: partition.cluster.clone(),
        topic: partition.topic.clone(),
        partition: partition.partition,
    };
    let consumed = stop(record, &id).map_or(position, |stop| stop.min(position));
    partition.landed_offset.unwrap_or_else(|| origin(record, &id)) >= consumed
}

/// `partitions`: how many are known of at all.
fn lag(partitions: usize, facts: &[PartitionFacts], throughput: &Throughput, now: Timestamp) -> Lag {
    let report = lag::report(facts, now.as_millisecond(), Some(throughput.records_per_second));
    let age = report.age.filter(|_| !facts.is_empty());
    Lag {
        records: (!facts.is_empty()).then_some(report.records),
        seconds: age.map(|age| age.seconds),
        seconds_estimated: age.is_some_and(|age| age.estimated),
        unknown_partitions: u64::try_from(partitions - facts.len()).unwrap_or(u64::MAX),
    }
}
