//! A Kafka in memory: partitions with gaps, one consumer group with cooperative rebalances, zombies and commits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use landfall_commit::SourcePartition;
use landfall_commit::recover::Facts;
use landfall_kafka::{
    CommitOffset, Headers, RangeError, RecordRef, Source, SourceError, SourceErrorKind, SourceEvent, TopicPartition,
};
use landfall_worker::effect::Found;
use landfall_worker::io::{Facted, KafkaPort};

pub const TOPIC: &str = "bids";

#[derive(Debug, Default)]
pub struct Broker {
    /// By partition: offset → value. Offsets may be missing (compaction, control records).
    pub records: Vec<BTreeMap<i64, Vec<u8>>>,
    /// Exclusive; may lie beyond the last record.
    pub ends: Vec<i64>,
    pub committed: BTreeMap<i32, (i64, String)>,
    /// Who owns what, as the coordinator sees it.
    pub owners: BTreeMap<i32, u64>,
    /// Partitions that are to move: from whom.
    revoking: BTreeMap<i32, u64>,
    members: BTreeSet<u64>,
    inbox: BTreeMap<u64, VecDeque<Group>>,
}

#[derive(Debug, Clone)]
enum Group {
    Assigned(i32),
    Revoked(i32),
    Lost(i32),
}

pub type Shared = Arc<Mutex<Broker>>;

impl Broker {
    pub fn join(&mut self, member: u64) {
        self.members.insert(member);
        self.balance();
    }

    /// The member is gone, or its session timed out: it learns of it only when it polls again.
    pub fn expire(&mut self, member: u64) {
        self.members.remove(&member);
        let lost: Vec<i32> = self.owners.iter().filter(|(_, m)| **m == member).map(|(p, _)| *p).collect();
        for partition in lost {
            self.owners.remove(&partition);
            self.revoking.remove(&partition);
            self.inbox.entry(member).or_default().push_back(Group::Lost(partition));
        }
        self.balance();
    }

    /// Moves one partition to another member, if there is one.
    pub fn shuffle(&mut self, partition: i32) -> bool {
        let Some(owner) = self.owners.get(&partition).copied() else { return false };
        if self.members.len() < 2 || self.revoking.contains_key(&partition) {
            return false;
        }
        self.revoking.insert(partition, owner);
        self.inbox.entry(owner).or_default().push_back(Group::Revoked(partition));
        true
    }

    fn released(&mut self, member: u64, partition: i32) {
        if self.revoking.remove(&partition) == Some(member) {
            self.owners.remove(&partition);
            let others: Vec<u64> = self.members.iter().copied().filter(|m| *m != member).collect();
            if let Some(next) = others.get(partition.unsigned_abs() as usize % others.len().max(1)) {
                self.owners.insert(partition, *next);
                self.inbox.entry(*next).or_default().push_back(Group::Assigned(partition));
            }
            self.balance();
        }
    }

    fn balance(&mut self) {
        let members: Vec<u64> = self.members.iter().copied().collect();
        if members.is_empty() {
            return;
        }
        for partition in 0..i32::try_from(self.records.len()).unwrap() {
            let member = members[partition.unsigned_abs() as usize % members.len()];
            if let std::collections::btree_map::Entry::Vacant(free) = self.owners.entry(partition) {
                free.insert(member);
                self.inbox.entry(member).or_default().push_back(Group::Assigned(partition));
            }
        }
    }
}

/// One member's consumer.
pub struct SimSource {
    pub broker: Shared,
    pub member: u64,
    slots: Vec<TopicPartition>,
    /// By partition: the next offset to deliver, and whether it is paused.
    positions: BTreeMap<i32, (Option<i64>, bool)>,
    told_end: BTreeMap<i32, i64>,
    refuse_start: u32,
}

impl SimSource {
    pub fn new(broker: Shared, member: u64) -> Self {
        Self {
            broker,
            member,
            slots: Vec::new(),
            positions: BTreeMap::new(),
            told_end: BTreeMap::new(),
            refuse_start: 0,
        }
    }
}

fn tp(partition: i32) -> TopicPartition {
    TopicPartition { topic: TOPIC.into(), partition }
}

impl Source for SimSource {
    fn poll(&mut self, _: Duration, max_events: usize, visit: &mut dyn FnMut(SourceEvent<'_>)) -> usize {
        let mut delivered = 0;
        let events: Vec<Group> = {
            let mut broker = self.broker.lock().unwrap();
            broker.inbox.get_mut(&self.member).map(std::mem::take).unwrap_or_default().into()
        };
        for event in events {
            delivered += 1;
            match event {
                Group::Assigned(p) => {
                    self.positions.insert(p, (None, true));
                    visit(SourceEvent::Assigned(vec![tp(p)]));
                }
                Group::Revoked(p) => {
                    if let Some(position) = self.positions.get_mut(&p) {
                        position.1 = true;
                    }
                    visit(SourceEvent::Revoked(vec![tp(p)]));
                }
                Group::Lost(p) => {
                    self.positions.remove(&p);
                    visit(SourceEvent::Lost(vec![tp(p)]));
                }
            }
        }
        let limit = max_events.min(7);
        let partitions: Vec<i32> = self.positions.keys().copied().collect();
        for p in partitions {
            let slot = self.slot_of(&tp(p));
            for _ in 0..limit {
                let Some((Some(position), false)) = self.positions.get(&p).copied() else { break };
                let (record, end) = {
                    let broker = self.broker.lock().unwrap();
                    let index = usize::try_from(p).unwrap();
                    let next = broker.records[index].range(position..).next().map(|(o, v)| (*o, v.clone()));
                    (next, broker.ends[index])
                };
                delivered += 1;
                match record {
                    Some((offset, value)) => {
                        self.positions.insert(p, (Some(offset + 1), false));
                        visit(SourceEvent::Record(RecordRef {
                            slot,
                            offset,
                            timestamp_ms: 1_760_000_000_000,
                            key: None,
                            value: Some(&value),
                            headers: Headers::none(),
                        }));
                    }
                    None => {
                        if self.told_end.insert(p, end) != Some(end) {
                            visit(SourceEvent::EndOfPartition { slot, offset: end });
                        }
                        break;
                    }
                }
            }
        }
        delivered
    }

    fn slot(&self, slot: u32) -> &TopicPartition {
        &self.slots[slot as usize]
    }

    fn slot_of(&mut self, partition: &TopicPartition) -> u32 {
        if let Some(index) = self.slots.iter().position(|known| known == partition) {
            return u32::try_from(index).unwrap();
        }
        self.slots.push(partition.clone());
        u32::try_from(self.slots.len() - 1).unwrap()
    }

    fn start(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), SourceError> {
        self.refuse_start += 1;
        if self.refuse_start % 3 == 1 {
            let (kind, code) = (SourceErrorKind::Transient, "_STATE".to_owned());
            return Err(SourceError { kind, code, message: "not yet".to_owned() });
        }
        self.told_end.remove(&partition.partition);
        if let Some(position) = self.positions.get_mut(&partition.partition) {
            *position = (Some(offset), false);
        }
        Ok(())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        for partition in partitions {
            if let Some(position) = self.positions.get_mut(&partition.partition) {
                position.1 = true;
            }
        }
        Ok(())
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        for partition in partitions {
            if let Some(position) = self.positions.get_mut(&partition.partition) {
                position.1 = false;
            }
        }
        Ok(())
    }

    fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        let mut broker = self.broker.lock().unwrap();
        for partition in partitions {
            self.positions.remove(&partition.partition);
            broker.released(self.member, partition.partition);
        }
        Ok(())
    }

    /// Only the owner may commit: the coordinator refuses a member of an older generation.
    fn commit(&mut self, offsets: &[CommitOffset]) -> Result<(), SourceError> {
        let mut broker = self.broker.lock().unwrap();
        for commit in offsets {
            if broker.owners.get(&commit.partition.partition) == Some(&self.member) {
                broker.committed.insert(commit.partition.partition, (commit.offset, commit.metadata.clone()));
            }
        }
        Ok(())
    }

    fn committed(
        &mut self,
        _: &[TopicPartition],
        _: Duration,
    ) -> Result<Vec<(TopicPartition, Option<(i64, String)>)>, SourceError> {
        Ok(Vec::new())
    }

    fn cached_end(&self, partition: &TopicPartition) -> Option<i64> {
        Some(self.broker.lock().unwrap().ends[usize::try_from(partition.partition).unwrap()])
    }

    fn close(&mut self, _: Duration) {
        self.broker.lock().unwrap().expire(self.member);
    }
}

/// What is asked of the cluster outside the group.
#[derive(Debug)]
pub struct SimKafka(pub Shared);

impl KafkaPort for SimKafka {
    fn facts(&self, partitions: &[TopicPartition]) -> Result<Facted, String> {
        let broker = self.0.lock().unwrap();
        let found = partitions.iter().map(|partition| Found {
            topic_partition: partition.clone(),
            source: SourcePartition {
                cluster: "main".into(),
                topic: TOPIC.into(),
                topic_id: "id".into(),
                partition: partition.partition,
            },
            facts: Facts {
                committed: broker
                    .committed
                    .get(&partition.partition)
                    .map(|(o, m)| (u64::try_from(*o).unwrap(), m.clone())),
                log_start: 0,
                end: u64::try_from(broker.ends[usize::try_from(partition.partition).unwrap()]).unwrap(),
            },
        });
        Ok((found.collect(), Vec::new()))
    }

    fn topic_ids(&self, topics: &[String]) -> Result<BTreeMap<String, String>, String> {
        Ok(topics.iter().map(|topic| (topic.clone(), "id".to_owned())).collect())
    }

    fn read_range(
        &self,
        partition: &TopicPartition,
        from: i64,
        end: i64,
        visit: &mut dyn FnMut(RecordRef<'_>) -> bool,
    ) -> Result<(), RangeError> {
        let records = self.0.lock().unwrap().records[usize::try_from(partition.partition).unwrap()].clone();
        for (offset, value) in records.range(from..end) {
            let record = RecordRef {
                slot: 0,
                offset: *offset,
                timestamp_ms: 1_760_000_000_000,
                key: None,
                value: Some(value),
                headers: Headers::none(),
            };
            if !visit(record) {
                break;
            }
        }
        Ok(())
    }
}
