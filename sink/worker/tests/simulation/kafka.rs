//! A Kafka in memory: partitions with gaps, open transactions, compaction and retention; one consumer group with
//! cooperative rebalances, zombies, and commits that are refused or whose answers are lost.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use landfall_commit::SourcePartition;
use landfall_commit::recover::Facts;
use landfall_dlq::{DlqError, Letter};
use landfall_kafka::{
    CommitOffset, Headers, RangeError, RecordRef, Source, SourceError, SourceErrorKind, SourceEvent, TopicPartition,
};
use landfall_worker::effect::Found;
use landfall_worker::io::{Facted, KafkaPort, LetterPort};

use super::points::{Moment, Point, Trap};

pub const TOPIC: &str = "bids";

#[derive(Debug, Default)]
pub struct Partition {
    /// Offset → value. Offsets may be missing (compaction, control records).
    pub records: BTreeMap<i64, Vec<u8>>,
    /// Inclusive: what is below is deleted.
    pub start: i64,
    /// Exclusive: what is beyond belongs to an open transaction.
    pub stable: i64,
    /// Exclusive; may lie beyond the last record.
    pub end: i64,
}

#[derive(Debug)]
pub struct Broker {
    pub partitions: Vec<Partition>,
    pub topic_id: String,
    pub committed: BTreeMap<i32, (i64, String)>,
    /// How many were taken.
    pub commits: u64,
    /// Who owns what, as the coordinator sees it.
    pub owners: BTreeMap<i32, u64>,
    /// Acknowledged letters, by partition and offset, with repeats.
    pub letters: Vec<(i32, i64)>,
    /// The next commits are refused (false), or taken and their answers lost (true).
    pub spoil_commits: VecDeque<bool>,
    /// So many questions outside the group go unanswered.
    pub spoil_asks: u32,
    /// So many batches of letters are refused (false), or taken and their acknowledgements lost (true).
    pub spoil_letters: VecDeque<bool>,
    pub trap: Trap,
    /// Records of a partition that one poll brings at most.
    pub fetch: usize,
    /// Partitions that are to move: from whom.
    revoking: BTreeMap<i32, u64>,
    members: BTreeSet<u64>,
    inbox: BTreeMap<u64, VecDeque<Message>>,
}

#[derive(Debug, Clone)]
enum Message {
    Assigned(i32),
    Revoked(i32),
    Lost(i32),
    Problem(i32, SourceErrorKind),
    Committed(Vec<CommitOffset>, Option<SourceError>),
}

pub type Shared = Arc<Mutex<Broker>>;

fn problem(kind: SourceErrorKind) -> SourceError {
    SourceError { kind, code: format!("{kind:?}"), message: "injected fault".to_owned() }
}

impl Broker {
    pub fn new() -> Self {
        Self {
            partitions: Vec::new(),
            topic_id: "id".to_owned(),
            committed: BTreeMap::new(),
            commits: 0,
            owners: BTreeMap::new(),
            letters: Vec::new(),
            spoil_commits: VecDeque::new(),
            spoil_asks: 0,
            spoil_letters: VecDeque::new(),
            trap: Trap::default(),
            fetch: 7,
            revoking: BTreeMap::new(),
            members: BTreeSet::new(),
            inbox: BTreeMap::new(),
        }
    }

    pub fn numbers(&self) -> std::ops::Range<i32> {
        0..i32::try_from(self.partitions.len()).unwrap()
    }

    pub fn partition(&self, number: i32) -> &Partition {
        &self.partitions[usize::try_from(number).unwrap()]
    }

    pub fn partition_mut(&mut self, number: i32) -> &mut Partition {
        &mut self.partitions[usize::try_from(number).unwrap()]
    }

    pub fn join(&mut self, member: u64) {
        self.members.insert(member);
        self.balance();
    }

    /// The member is gone, or its session timed out: it learns of it only when it polls again.
    pub fn expire(&mut self, member: u64) {
        self.members.remove(&member);
        for partition in self.owned(member) {
            self.owners.remove(&partition);
            self.revoking.remove(&partition);
            self.inbox.entry(member).or_default().push_back(Message::Lost(partition));
        }
        self.balance();
    }

    pub fn owned(&self, member: u64) -> Vec<i32> {
        self.owners.iter().filter(|(_, m)| **m == member).map(|(p, _)| *p).collect()
    }

    /// Moves one partition to another member, or to the same one where there is no other.
    pub fn shuffle(&mut self, partition: i32) -> bool {
        let Some(owner) = self.owners.get(&partition).copied() else { return false };
        if self.revoking.contains_key(&partition) {
            return false;
        }
        self.revoking.insert(partition, owner);
        self.inbox.entry(owner).or_default().push_back(Message::Revoked(partition));
        true
    }

    /// A fetch of the partition's owner goes wrong.
    pub fn disturb(&mut self, partition: i32, kind: SourceErrorKind) -> bool {
        let Some(owner) = self.owners.get(&partition).copied() else { return false };
        self.inbox.entry(owner).or_default().push_back(Message::Problem(partition, kind));
        true
    }

    /// New partitions go to members at once.
    pub fn balance(&mut self) {
        let members: Vec<u64> = self.members.iter().copied().collect();
        if members.is_empty() {
            return;
        }
        for partition in self.numbers() {
            let member = members[partition.unsigned_abs() as usize % members.len()];
            if let std::collections::btree_map::Entry::Vacant(free) = self.owners.entry(partition) {
                free.insert(member);
                self.inbox.entry(member).or_default().push_back(Message::Assigned(partition));
            }
        }
    }

    fn released(&mut self, member: u64, partition: i32) {
        if self.revoking.remove(&partition) == Some(member) {
            self.owners.remove(&partition);
            let others: Vec<u64> = self.members.iter().copied().filter(|m| *m != member).collect();
            if let Some(next) = others.get(partition.unsigned_abs() as usize % others.len().max(1)) {
                self.owners.insert(partition, *next);
                self.inbox.entry(*next).or_default().push_back(Message::Assigned(partition));
            }
            self.balance();
        }
    }

    fn take(&mut self, commit: &CommitOffset) {
        self.commits += 1;
        self.committed.insert(commit.partition.partition, (commit.offset, commit.metadata.clone()));
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

    /// The group's messages, up to one before which the process is killed.
    fn messages(&self) -> Vec<Message> {
        let mut broker = self.broker.lock().unwrap();
        let mut waiting = broker.inbox.remove(&self.member).unwrap_or_default();
        let mut taken = Vec::new();
        while let Some(message) = waiting.pop_front() {
            let point = match message {
                Message::Assigned(_) => Some(Point::Assigned),
                Message::Revoked(_) => Some(Point::Revoked),
                Message::Lost(_) => Some(Point::Lost),
                Message::Problem(..) | Message::Committed(..) => None,
            };
            if point.and_then(|point| broker.trap.hit(point)) == Some(Moment::Before) {
                break;
            }
            taken.push(message);
        }
        taken
    }

    fn deliver(&mut self, message: Message, visit: &mut dyn FnMut(SourceEvent<'_>)) {
        match message {
            Message::Assigned(p) => {
                self.positions.insert(p, (None, true));
                visit(SourceEvent::Assigned(vec![tp(p)]));
            }
            Message::Revoked(p) => {
                if let Some(position) = self.positions.get_mut(&p) {
                    position.1 = true;
                }
                visit(SourceEvent::Revoked(vec![tp(p)]));
            }
            Message::Lost(p) => {
                self.positions.remove(&p);
                visit(SourceEvent::Lost(vec![tp(p)]));
            }
            Message::Problem(p, kind) => {
                let slot = self.slot_of(&tp(p));
                let (Some(position), stops) = (self.positions.get_mut(&p), kind == SourceErrorKind::Corrupt) else {
                    return;
                };
                match (stops, position.0) {
                    // Delivers nothing more until it is started again.
                    (true, _) => position.0 = None,
                    // librdkafka goes on, and what it could not read is passed over.
                    (false, Some(at)) => position.0 = Some(at + 2),
                    (false, None) => {}
                }
                visit(SourceEvent::Error { slot: Some(slot), error: problem(kind) });
            }
            Message::Committed(offsets, error) => {
                visit(SourceEvent::Committed { result: error.map_or(Ok(()), Err), offsets });
            }
        }
    }

    fn answer(&self, broker: &mut Broker, offsets: &[CommitOffset], error: Option<SourceError>) {
        broker.inbox.entry(self.member).or_default().push_back(Message::Committed(offsets.to_vec(), error));
    }
}

fn tp(partition: i32) -> TopicPartition {
    TopicPartition { topic: TOPIC.into(), partition }
}

enum Fetched {
    Record(i64, Vec<u8>),
    End(i64),
    OutOfRange,
}

impl Source for SimSource {
    fn poll(&mut self, _: Duration, max_events: usize, visit: &mut dyn FnMut(SourceEvent<'_>)) -> usize {
        let messages = self.messages();
        let mut delivered = messages.len();
        for message in messages {
            self.deliver(message, visit);
        }
        if self.broker.lock().unwrap().trap.verdict.is_some() {
            return delivered;
        }
        let limit = max_events.min(self.broker.lock().unwrap().fetch);
        let partitions: Vec<i32> = self.positions.keys().copied().collect();
        for p in partitions {
            let slot = self.slot_of(&tp(p));
            for _ in 0..limit {
                let Some((Some(position), false)) = self.positions.get(&p).copied() else { break };
                let fetched = {
                    let broker = self.broker.lock().unwrap();
                    let partition = broker.partition(p);
                    match partition.records.range(position..partition.stable.max(position)).next() {
                        _ if position < partition.start || position > partition.end => Fetched::OutOfRange,
                        Some((offset, value)) => Fetched::Record(*offset, value.clone()),
                        None => Fetched::End(partition.stable),
                    }
                };
                delivered += 1;
                match fetched {
                    Fetched::Record(offset, value) => {
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
                    Fetched::End(end) => {
                        if self.told_end.insert(p, end) != Some(end) {
                            visit(SourceEvent::EndOfPartition { slot, offset: end });
                        }
                        break;
                    }
                    Fetched::OutOfRange => {
                        self.positions.insert(p, (None, false));
                        let error = problem(SourceErrorKind::OffsetOutOfRange);
                        visit(SourceEvent::Error { slot: Some(slot), error });
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
            return Err(problem(SourceErrorKind::Transient));
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
        let moment = broker.trap.hit(Point::KafkaCommit);
        if moment == Some(Moment::Before) {
            return Ok(());
        }
        let refused = offsets.iter().any(|c| broker.owners.get(&c.partition.partition) != Some(&self.member));
        let spoilt = if moment == Some(Moment::AnswerLost) { Some(true) } else { broker.spoil_commits.pop_front() };
        if refused || spoilt == Some(false) {
            self.answer(&mut broker, offsets, Some(problem(SourceErrorKind::Other)));
            return Ok(());
        }
        for commit in offsets {
            broker.take(commit);
        }
        let error = (spoilt == Some(true)).then(|| problem(SourceErrorKind::Transient));
        self.answer(&mut broker, offsets, error);
        if moment == Some(Moment::Twice) {
            self.answer(&mut broker, offsets, None);
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

    /// The high watermark: a client may know of records that a transaction still holds back.
    fn cached_end(&self, partition: &TopicPartition) -> Option<i64> {
        Some(self.broker.lock().unwrap().partition(partition.partition).end)
    }

    fn close(&mut self, _: Duration) {
        self.broker.lock().unwrap().expire(self.member);
    }
}

/// What is asked of the cluster outside the group.
#[derive(Debug)]
pub struct SimKafka(pub Shared);

impl SimKafka {
    fn ask(&self) -> Result<std::sync::MutexGuard<'_, Broker>, String> {
        let mut broker = self.0.lock().unwrap();
        if broker.spoil_asks > 0 {
            broker.spoil_asks -= 1;
            return Err("injected fault".to_owned());
        }
        Ok(broker)
    }
}

impl KafkaPort for SimKafka {
    fn facts(&self, partitions: &[TopicPartition]) -> Result<Facted, String> {
        let broker = self.ask()?;
        let found = partitions.iter().map(|partition| Found {
            topic_partition: partition.clone(),
            source: SourcePartition {
                cluster: "main".into(),
                topic: TOPIC.into(),
                topic_id: broker.topic_id.clone(),
                partition: partition.partition,
            },
            facts: Facts {
                committed: broker
                    .committed
                    .get(&partition.partition)
                    .map(|(o, m)| (u64::try_from(*o).unwrap(), m.clone())),
                log_start: u64::try_from(broker.partition(partition.partition).start).unwrap(),
                end: u64::try_from(broker.partition(partition.partition).stable).unwrap(),
            },
        });
        Ok((found.collect(), Vec::new()))
    }

    fn topic_ids(&self, topics: &[String]) -> Result<BTreeMap<String, String>, String> {
        let id = self.ask()?.topic_id.clone();
        Ok(topics.iter().map(|topic| (topic.clone(), id.clone())).collect())
    }

    fn read_range(
        &self,
        partition: &TopicPartition,
        from: i64,
        end: i64,
        visit: &mut dyn FnMut(RecordRef<'_>) -> bool,
    ) -> Result<(), RangeError> {
        let (records, start) = {
            let broker = self.0.lock().unwrap();
            let partition = broker.partition(partition.partition);
            (partition.records.clone(), partition.start)
        };
        if from < start {
            let (topic, partition) = (partition.topic.to_string(), partition.partition);
            return Err(RangeError::Gone { topic, partition, offset: from, message: "retention".to_owned() });
        }
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

/// The dead-letter topic.
#[derive(Debug)]
pub struct SimLetters(pub Shared);

#[async_trait]
impl LetterPort for SimLetters {
    async fn send_batch(&self, letters: &[Letter], todo: &[usize]) -> Vec<(usize, DlqError)> {
        let mut broker = self.0.lock().unwrap();
        let spoilt = broker.spoil_letters.pop_front();
        if spoilt != Some(false) {
            let taken = todo.iter().map(|index| (letters[*index].partition, letters[*index].offset));
            broker.letters.extend(taken);
        }
        if spoilt.is_none() {
            return Vec::new();
        }
        let refused = || DlqError::Unreachable { topic: "dlq".to_owned(), message: "injected fault".to_owned() };
        todo.iter().map(|index| (*index, refused())).collect()
    }
}
