//! What happens when partitions are assigned: read what Kafka and the log say, decide the start, take over files.

use landfall_commit::recover::{self, Start, Stop};
use landfall_commit::{LogState, OffsetSet, Offsets, SkipReason};
use landfall_job::{OnGap, OnOffsetReset};
use landfall_kafka::TopicPartition;

use super::Engine;
use super::partition::Phase;
use crate::effect::{Effect, Fatal, Found, Tail};

/// A topic is called deleted after it was missing this often, seconds apart.
const MISSING_LOOKS: u32 = 3;

impl Engine {
    pub(super) fn on_log_loaded(&mut self, result: Result<Box<LogState>, Fatal>) {
        match result {
            Ok(state) if state.closing() && self.control.closing_is_ours() => self.log = Some(*state),
            Ok(state) if state.closing() => {
                self.fail("closed", "the log of this generation of the job is closed".to_owned());
            }
            Ok(state) => {
                self.appender.loaded(state.last_seq());
                self.log = Some(*state);
                // A job that comes to rest may get no partition at all.
                self.take_over();
                self.recover_waiting();
            }
            Err(fatal) => self.fail(&fatal.code, fatal.message),
        }
    }

    /// Asks for what the decision needs, for every partition that was assigned and not asked for yet.
    pub(super) fn recover_waiting(&mut self) {
        let Some(log) = &self.log else { return };
        let partitions: Vec<TopicPartition> = self
            .partitions
            .iter()
            .flatten()
            .filter(|p| p.phase == Phase::Recovering && self.now.mono_ms >= p.recover_not_before_ms)
            .filter(|p| !self.group.asked.contains(&p.topic_partition))
            .map(|p| p.topic_partition.clone())
            .collect();
        if partitions.is_empty() {
            return;
        }
        self.group.asked.extend(partitions.iter().cloned());
        self.group.epoch += 1;
        let epoch = self.group.epoch;
        for partition in self.partitions.iter_mut().flatten().filter(|p| partitions.contains(&p.topic_partition)) {
            partition.asked_epoch = epoch;
        }
        self.effects.push(Effect::Recover { epoch: self.group.epoch, partitions, from: log.next_seq() });
    }

    /// The position no longer exists, or the topic does not: decide anew.
    pub(super) fn recover_again(&mut self, slot: u32) {
        if let Some(partition) = self.partition_mut(slot)
            && matches!(partition.phase, Phase::Consuming | Phase::Starting { .. })
        {
            partition.phase = Phase::Recovering;
            partition.unbroken = false;
            let wanted = partition.topic_partition.clone();
            self.group.asked.remove(&wanted);
            self.recover_waiting();
        }
    }

    pub(super) fn on_recovered(
        &mut self,
        epoch: u64,
        found: &[Found],
        missing: &[TopicPartition],
        tail: Result<Tail, Fatal>,
    ) {
        let more = match tail {
            Ok(tail) => {
                self.take_in(&tail.entries);
                tail.more
            }
            Err(fatal) => return self.fail(&fatal.code, fatal.message),
        };
        // An answer to an older question says nothing of a partition that was given back and assigned again meanwhile.
        let current = |engine: &Self, tp: &TopicPartition| {
            engine.slot_of(tp).and_then(|slot| engine.partition(slot)).is_some_and(|p| p.asked_epoch == epoch)
        };
        if more {
            // Where a partition starts is decided by the whole log: ask once more, from where this part ends.
            let asked = found.iter().map(|found| &found.topic_partition).chain(missing);
            for again in asked.filter(|asked| current(self, asked)).cloned().collect::<Vec<_>>() {
                self.group.asked.remove(&again);
            }
            self.recover_waiting();
            return;
        }
        for gone in missing.iter().filter(|gone| current(self, gone)).cloned().collect::<Vec<_>>() {
            let again_ms = self.now.mono_ms + 3_000;
            self.group.asked.remove(&gone);
            let Some(partition) = self.slot_of(&gone).and_then(|slot| self.partition_mut(slot)) else { continue };
            // One broker with stale metadata is no proof: look again.
            partition.missing_looks += 1;
            if partition.missing_looks < MISSING_LOOKS {
                partition.recover_not_before_ms = again_ms;
                continue;
            }
            let name = format!("{}/{}", gone.topic, gone.partition);
            return self.fail(
                "topic_deleted",
                format!("{name} does not exist any more: the topic was deleted; create it again under a new generation of the job, or remove the topic from it"),
            );
        }
        for found in found {
            if !current(self, &found.topic_partition) {
                continue;
            }
            self.group.asked.remove(&found.topic_partition);
            if let Some(slot) = self.slot_of(&found.topic_partition) {
                self.decide_start(slot, found);
            }
        }
        self.take_over();
    }

    /// Fails the job where objects of the topic could lie in the fleet's own folder. The API cannot tell of topics that come
    /// later.
    pub(super) fn meets_state_folder(&mut self, topic: &str) -> bool {
        let (sink, own) = (&self.plan.spec.sink, &self.identity);
        let meets = sink.bucket == own.state_bucket && sink.key.could_lie_in(topic, &own.state_prefix);
        if meets {
            let what = format!(
                "objects of topic {topic} would lie in {}, where the fleet keeps its own: begin sink.key with another folder, or leave the topic out of the job",
                own.state_prefix
            );
            self.fail("state_folder", what);
        }
        meets
    }

    fn decide_start(&mut self, slot: u32, found: &Found) {
        if let Some(partition) = self.partition_mut(slot)
            && partition.phase == Phase::Recovering
        {
            let known = &partition.source.topic_id;
            if !known.is_empty() && *known != found.source.topic_id {
                let what =
                    format!("topic of {} was deleted and re-created; create a new generation of the job", found.source);
                return self.fail("topic_recreated", what);
            }
            partition.source = std::sync::Arc::new(found.source.clone());
        }
        if self.meets_state_folder(&found.source.topic) {
            return;
        }
        let held = self.held_of(slot);
        let Some(log) = &self.log else { return };
        let Some(partition) = self.partitions.get_mut(slot as usize).and_then(Option::as_mut) else { return };
        if partition.phase != Phase::Recovering {
            return;
        }
        // A reader of uncommitted records is told no end here; the consumer tells it.
        partition.end_offset = (found.facts.end != u64::MAX).then_some(found.facts.end);
        let key = (partition.topic_partition.topic.to_string(), partition.topic_partition.partition);
        let first = recover::first_offset(log, &found.source, &found.facts, self.origins.get(&key).copied());
        if first > 0 {
            partition.skipped.entry(SkipReason::BeforeOrigin).or_default().insert_range(0..first);
        }
        let (low, mut facts) = (log.accounted(&found.source).low().max(first), found.facts.clone());
        let mut start = recover::start(log, &found.source, &facts, &held, first);
        if let Start::Stop(Stop::OffsetReset { committed, .. }) = &start {
            let committed = *committed;
            match self.plan.spec.source.on_offset_reset {
                OnOffsetReset::Stop => {}
                OnOffsetReset::Ignore | OnOffsetReset::Skip => {
                    facts.committed = None;
                    start = recover::start(log, &found.source, &facts, &held, first);
                }
            }
            if self.plan.spec.source.on_offset_reset == OnOffsetReset::Skip {
                let mut declared = Offsets::from_range(low..committed.min(found.facts.end));
                declared.subtract(log.accounted(&found.source).above());
                declared.subtract(&held);
                partition.skipped.entry(SkipReason::Declared).or_default().union_with(&declared);
                if let Start::At { offset, .. } = &mut start {
                    *offset = (*offset).max(committed);
                }
            }
        }
        match start {
            Start::At { offset, gap } => {
                if !gap.is_empty() {
                    if self.plan.spec.source.on_gap == OnGap::Stop {
                        let what = format!(
                            "{} has lost {} offsets to retention before they landed ({gap:?}); source.on_gap is stop",
                            found.source,
                            gap.len()
                        );
                        return self.fail("gap", what);
                    }
                    tracing::warn!(job = %self.identity.job, job_uid = %self.identity.uid, partition = %found.source, gap = ?gap, "offsets are gone from kafka; declared as a gap");
                    partition.skipped.entry(SkipReason::Gap).or_default().union_with(&gap);
                }
                partition.stop_at = self.ends.as_ref().map(|ends| ends.get(&key).copied().unwrap_or(0));
                partition.phase = Phase::Starting { at: offset, not_before_ms: 0 };
                partition.position = offset;
                partition.committed =
                    facts.committed.filter(|(_, uid)| uid == self.identity.uid.as_str()).map(|(o, _)| o);
            }
            Start::Stop(stop) => {
                let code = match stop {
                    Stop::Recreated { .. } => "topic_recreated",
                    Stop::Truncated { .. } => "topic_truncated",
                    Stop::OffsetReset { .. } => "offset_reset",
                };
                self.fail(code, stop.to_string());
            }
        }
    }

    /// A new generation of deliveries begins at `at`: what is known of the partition's future.
    pub(super) fn generation_started(&mut self, slot: u32, at: u64) {
        let held = self.held_of(slot);
        let Some(log) = &self.log else { return };
        let Some(partition) = self.partitions.get_mut(slot as usize).and_then(Option::as_mut) else { return };
        let above = |set: &Offsets| set.max().map_or(0, |max| max + 1);
        let mut fresh_from = log.partitions().get(&partition.source).map_or(0, OffsetSet::frontier);
        fresh_from = fresh_from.max(above(&held)).max(above(&partition.in_letters));
        for set in partition.skipped.values() {
            fresh_from = fresh_from.max(above(set));
        }
        partition.fresh_from = fresh_from;
        partition.held_before = held;
        partition.position = at;
        partition.unbroken = true;
        partition.phase = Phase::Consuming;
        partition.last_file = None;
    }
}
