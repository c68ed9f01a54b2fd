//! Commands to the consumer and answers to the group. Everything here happens on the polling thread.

use std::collections::BTreeSet;

use landfall_format::rotate::Trigger;
use landfall_kafka::{Source, SourceErrorKind, TopicPartition};

use super::Engine;
use super::file::Phase as FilePhase;
use super::partition::{Partition, Phase};
use crate::effect::FileId;
use crate::now::Now;

#[derive(Debug)]
pub enum GroupEvent {
    Assigned(Vec<TopicPartition>),
    Revoked(Vec<TopicPartition>),
    Lost(Vec<TopicPartition>),
}

#[derive(Debug, Default)]
pub struct GroupEvents {
    events: Vec<GroupEvent>,
    /// Of the last recovery asked for.
    pub epoch: u64,
    pub asked: BTreeSet<TopicPartition>,
}

impl GroupEvents {
    pub fn push(&mut self, event: GroupEvent) {
        self.events.push(event);
    }
}

impl Engine {
    /// Carries out what the engine wants of the consumer.
    pub fn drive(&mut self, source: &mut dyn Source, now: Now) {
        self.now = now;
        for event in std::mem::take(&mut self.group.events) {
            self.counters.rebalances += 1;
            match event {
                GroupEvent::Assigned(partitions) => {
                    self.accepted_by_kafka();
                    self.assigned(source, partitions);
                }
                GroupEvent::Revoked(partitions) => self.revoked(source, &partitions),
                GroupEvent::Lost(partitions) => self.lost(&partitions),
            }
        }
        self.release_due(source);
        self.start_partitions(source);
        self.pause_and_resume(source);
        if !self.kafka_commits.is_empty() {
            let commits = std::mem::take(&mut self.kafka_commits);
            if let Err(error) = source.commit(&commits) {
                self.on_committed(Some(error), &commits);
            }
        }
    }

    fn assigned(&mut self, source: &mut dyn Source, partitions: Vec<TopicPartition>) {
        for topic_partition in partitions {
            tracing::info!(job = %self.identity.job, job_uid = %self.identity.uid, topic = %topic_partition.topic, partition = topic_partition.partition, "partition assigned");
            let slot = source.slot_of(&topic_partition) as usize;
            if self.partitions.len() <= slot {
                self.partitions.resize_with(slot + 1, || None);
            }
            self.group.asked.remove(&topic_partition);
            let partition = Partition::new(topic_partition, &self.plan.spec.source.cluster);
            if let Some(place) = self.partitions.get_mut(slot) {
                *place = Some(partition);
            }
        }
        self.recover_waiting();
    }

    fn revoked(&mut self, source: &mut dyn Source, partitions: &[TopicPartition]) {
        let deadline_ms = self.now.mono_ms + self.settings.revoke_budget_ms;
        for topic_partition in partitions {
            tracing::info!(job = %self.identity.job, job_uid = %self.identity.uid, topic = %topic_partition.topic, partition = topic_partition.partition, "partition revoked");
            match self.slot_of(topic_partition) {
                Some(slot) => {
                    if let Some(partition) = self.partition_mut(slot) {
                        partition.phase = Phase::Revoking { deadline_ms };
                    }
                    for id in self.files_of(slot) {
                        self.close_file(id, Trigger::Revoke);
                    }
                }
                // Unknown here: nothing to land.
                None => self.release(source, std::slice::from_ref(topic_partition)),
            }
        }
    }

    fn lost(&mut self, partitions: &[TopicPartition]) {
        for topic_partition in partitions {
            tracing::warn!(job = %self.identity.job, job_uid = %self.identity.uid, topic = %topic_partition.topic, partition = topic_partition.partition, "partition lost");
            if let Some(slot) = self.slot_of(topic_partition) {
                self.forget_partition(slot, "its partition was lost");
            }
        }
    }

    /// Gives back what is landed, or what had its time.
    fn release_due(&mut self, source: &mut dyn Source) {
        let now_ms = self.now.mono_ms;
        let mut due = Vec::new();
        for (slot, partition) in (0u32..).zip(&self.partitions) {
            let Some(partition) = partition else { continue };
            if let Phase::Revoking { deadline_ms } = partition.phase {
                let nothing_left = self.files_of(slot).is_empty() && partition.in_letters.is_empty();
                if nothing_left || now_ms >= deadline_ms || self.control.failed.is_some() {
                    due.push((slot, partition.topic_partition.clone()));
                }
            }
        }
        for (slot, topic_partition) in due {
            self.commit_before_release(slot);
            if !self.kafka_commits.is_empty() {
                let commits = std::mem::take(&mut self.kafka_commits);
                if let Err(error) = source.commit(&commits) {
                    self.on_committed(Some(error), &commits);
                }
            }
            self.forget_partition(slot, "its partition was given back");
            self.release(source, &[topic_partition]);
        }
    }

    fn commit_before_release(&mut self, slot: u32) {
        if let Some(partition) = self.partition_mut(slot) {
            partition.committed_at_ms = i64::MIN / 2;
        }
        self.plan_kafka_commits();
    }

    fn release(&mut self, source: &mut dyn Source, partitions: &[TopicPartition]) {
        if let Err(error) = source.release(partitions) {
            self.note_error("source", format!("giving back partitions: {error}"), None);
        }
    }

    fn files_of(&self, slot: u32) -> Vec<FileId> {
        let mut ids: Vec<FileId> = self.files.iter().filter(|file| file.holds_slot(slot)).map(|file| file.id).collect();
        ids.sort_unstable();
        ids
    }

    /// The partition is not ours any more. Its unappended files are dropped; one of an append of unknown fate stays
    /// until that is decided.
    fn forget_partition(&mut self, slot: u32, why: &str) {
        if let Some(place) = self.partitions.get_mut(slot as usize)
            && let Some(partition) = place.take()
        {
            self.group.asked.remove(&partition.topic_partition);
        }
        for id in self.files_of(slot) {
            if self.files.get(id).is_some_and(|file| file.phase != FilePhase::Appending) {
                self.drop_file(id, why);
            }
        }
    }

    fn start_partitions(&mut self, source: &mut dyn Source) {
        if !self.control.consuming() {
            return;
        }
        let now_ms = self.now.mono_ms;
        for slot in 0..u32::try_from(self.partitions.len()).unwrap_or(0) {
            let Some(partition) = self.partition(slot) else { continue };
            let Phase::Starting { at, not_before_ms } = partition.phase else { continue };
            if now_ms < not_before_ms {
                continue;
            }
            let topic_partition = partition.topic_partition.clone();
            let started = i64::try_from(at).map(|offset| source.start(&topic_partition, offset));
            match started {
                Ok(Ok(())) => self.generation_started(slot, at),
                Ok(Err(error)) => {
                    let again = if error.kind == SourceErrorKind::Transient { 50 } else { 1_000 };
                    if error.kind != SourceErrorKind::Transient {
                        let place = Some((topic_partition.topic.as_ref(), topic_partition.partition, -1));
                        self.note_error("source", error.to_string(), place);
                    }
                    if let Some(partition) = self.partition_mut(slot) {
                        partition.phase = Phase::Starting { at, not_before_ms: now_ms + again };
                    }
                }
                Err(_) => self.fail("bad_log", format!("offset {at} is beyond what kafka knows")),
            }
            if let Some(partition) = self.partition_mut(slot)
                && partition.phase == Phase::Consuming
            {
                partition.paused = false;
            }
        }
    }

    /// Partitions that should deliver nothing are paused at the consumer, the others resumed.
    fn pause_and_resume(&mut self, source: &mut dyn Source) {
        let all = self.memory.paused || !self.control.consuming();
        let wall_ms = self.now.wall_ms;
        let (mut pause, mut resume) = (Vec::new(), Vec::new());
        for partition in self.partitions.iter_mut().flatten() {
            if partition.phase != Phase::Consuming {
                continue;
            }
            if let Some(end) = source.cached_end(&partition.topic_partition).and_then(|end| u64::try_from(end).ok()) {
                partition.end_offset = Some(partition.end_offset.unwrap_or(0).max(end));
            }
            if partition.at_end() && !partition.paused {
                partition.caught_up_wall_ms = Some(wall_ms);
            }
            let wanted = all || partition.far_ahead || partition.stop_at.is_some_and(|stop| partition.position >= stop);
            if wanted != partition.paused {
                partition.paused = wanted;
                if wanted { &mut pause } else { &mut resume }.push(partition.topic_partition.clone());
            }
        }
        let outcome =
            [(!pause.is_empty()).then(|| source.pause(&pause)), (!resume.is_empty()).then(|| source.resume(&resume))];
        for error in outcome.into_iter().flatten().filter_map(Result::err) {
            self.note_error("source", format!("pause or resume: {error}"), None);
        }
    }
}
