//! A member of a group in a test: polls, keeps what came, and checks at every record what must always hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use landfall_kafka::{
    CommitOffset, KafkaSource, Source, SourceError, SourceErrorKind, SourceEvent, SourceSettings, TopicPartition,
};

use crate::cluster::WAIT;

pub(crate) struct Member {
    pub(crate) source: KafkaSource,
    /// Values in the order they came, by partition.
    pub(crate) values: BTreeMap<TopicPartition, Vec<(i64, String)>>,
    pub(crate) ends: BTreeMap<TopicPartition, i64>,
    pub(crate) assigned: BTreeSet<TopicPartition>,
    pub(crate) revoked: Vec<TopicPartition>,
    pub(crate) lost: Vec<TopicPartition>,
    pub(crate) errors: Vec<(Option<TopicPartition>, SourceError)>,
    pub(crate) commits: Vec<(Result<(), SourceError>, Vec<CommitOffset>)>,
    /// Where each started partition stands; a record of a partition that is not here fails the test.
    pub(crate) positions: BTreeMap<TopicPartition, i64>,
    pub(crate) max_events: usize,
}

impl Member {
    pub(crate) fn new(settings: &SourceSettings) -> Self {
        Self {
            source: KafkaSource::connect(settings).unwrap(),
            values: BTreeMap::new(),
            ends: BTreeMap::new(),
            assigned: BTreeSet::new(),
            revoked: Vec::new(),
            lost: Vec::new(),
            errors: Vec::new(),
            commits: Vec::new(),
            positions: BTreeMap::new(),
            max_events: 10_000,
        }
    }

    pub(crate) fn poll(&mut self) -> usize {
        let mut records = Vec::new();
        let mut ends = Vec::new();
        let mut errors = Vec::new();
        let (assigned, revoked, lost, commits) =
            (&mut self.assigned, &mut self.revoked, &mut self.lost, &mut self.commits);
        let delivered = self.source.poll(Duration::from_millis(100), self.max_events, &mut |event| match event {
            SourceEvent::Record(record) => {
                let value = record.value.map(|v| String::from_utf8_lossy(v).into_owned()).unwrap_or_default();
                records.push((record.slot, record.offset, value));
            }
            SourceEvent::EndOfPartition { slot, offset } => ends.push((slot, offset)),
            SourceEvent::Assigned(partitions) => assigned.extend(partitions),
            SourceEvent::Revoked(partitions) => revoked.extend(partitions),
            SourceEvent::Lost(partitions) => lost.extend(partitions),
            SourceEvent::Committed { result, offsets } => commits.push((result, offsets)),
            SourceEvent::Error { slot, error } => errors.push((slot, error)),
        });
        assert!(delivered <= self.max_events);
        for (slot, offset, value) in records {
            let partition = self.source.slot(slot).clone();
            let position = self.positions.get_mut(&partition);
            let position = position.unwrap_or_else(|| panic!("{partition:?} was not started, yet {offset} came"));
            assert!(offset >= *position, "{partition:?}: {offset} after {position}");
            *position = offset + 1;
            self.values.entry(partition).or_default().push((offset, value));
        }
        for (slot, offset) in ends {
            self.ends.insert(self.source.slot(slot).clone(), offset);
        }
        for (slot, error) in errors {
            self.errors.push((slot.map(|slot| self.source.slot(slot).clone()), error));
        }
        for partition in self.revoked.iter().chain(&self.lost) {
            self.positions.remove(partition);
        }
        delivered
    }

    /// Polls until `done`; fails with `what` when it takes far too long.
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + WAIT;
        while !done(self) {
            assert!(
                Instant::now() < deadline,
                "waited in vain until {what}: assigned {:?}, revoked {:?}, ends {:?}, errors {:?}",
                self.assigned,
                self.revoked,
                self.ends,
                self.errors
            );
            self.poll();
        }
    }

    /// Starts a partition as a worker does: again and again while it is told to come later.
    pub(crate) fn start(&mut self, partition: &TopicPartition, offset: i64) {
        let deadline = Instant::now() + WAIT;
        self.ends.remove(partition);
        // Until the start is through, no record may come.
        self.positions.remove(partition);
        while let Err(error) = self.source.start(partition, offset) {
            assert_eq!(error.kind, SourceErrorKind::Transient, "{error}");
            assert!(Instant::now() < deadline, "never started: {error}");
            self.poll();
        }
        self.positions.insert(partition.clone(), offset);
    }

    /// Waits for `count` partitions and starts each at 0.
    pub(crate) fn start_all(&mut self, count: usize) {
        self.until("partitions are assigned", |m| m.assigned.len() >= count);
        for partition in self.assigned.clone() {
            if !self.positions.contains_key(&partition) {
                self.start(&partition, 0);
            }
        }
    }

    /// Answers what was revoked, as a worker that has nothing open.
    pub(crate) fn release(&mut self) -> Vec<TopicPartition> {
        let revoked = std::mem::take(&mut self.revoked);
        for partition in &revoked {
            self.assigned.remove(partition);
        }
        self.source.release(&revoked).unwrap();
        revoked
    }

    pub(crate) fn count(&self) -> usize {
        self.values.values().map(Vec::len).sum()
    }
}
