//! The slot table: what the source knows of each partition it ever met, and the way from a record to its slot
//! without allocating or hashing strings.
//!
//! Invariants: a slot number means one partition for ever; in one generation offsets rise; the cache of topic
//! addresses is dropped whenever a partition leaves the assignment, as librdkafka may then free the topic's object
//! and give its address to another.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::events::Message;
use crate::source::TopicPartition;

const NO_SLOT: u32 = u32::MAX;

/// Where a partition stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not ours.
    Unassigned,
    /// Ours, and silent: not started, or stopped by an error until it is started again.
    Assigned,
    Started,
    /// The group wants it back.
    Revoked,
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) partition: TopicPartition,
    pub(crate) phase: Phase,
    /// The lowest offset this generation may still deliver.
    pub(crate) next: i64,
    /// Where this generation began (inclusive).
    pub(crate) start: i64,
    /// Paused in librdkafka at our request.
    pub(crate) paused: bool,
    /// librdkafka gave up fetching: only a new assignment of the partition brings it back.
    pub(crate) stalled: bool,
    /// How often in a row a start was put off.
    pub(crate) put_off: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Slots {
    all: Vec<Slot>,
    by_name: HashMap<TopicPartition, u32>,
    names: HashSet<Arc<str>>,
    by_address: FxHashMap<usize, Vec<u32>>,
    last: (usize, Vec<u32>),
}

impl Slots {
    /// How many slots there are: their numbers are 0 to this, exclusive.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(NO_SLOT)
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Slot> {
        self.all.get(slot as usize)
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Slot> {
        self.all.get_mut(slot as usize)
    }

    pub(crate) fn find(&self, topic: &str, partition: i32) -> Option<u32> {
        let topic = self.names.get(topic)?.clone();
        self.by_name.get(&TopicPartition { topic, partition }).copied()
    }

    pub(crate) fn of(&self, partition: &TopicPartition) -> Option<&Slot> {
        self.by_name.get(partition).and_then(|slot| self.get(*slot))
    }

    /// The slot of a partition, made at need.
    pub(crate) fn ensure(&mut self, partition: &TopicPartition) -> u32 {
        if let Some(slot) = self.by_name.get(partition) {
            return *slot;
        }
        let slot = self.len();
        self.all.push(Slot {
            partition: partition.clone(),
            phase: Phase::Unassigned,
            next: 0,
            start: 0,
            paused: false,
            stalled: false,
            put_off: 0,
        });
        self.names.insert(partition.topic.clone());
        self.by_name.insert(partition.clone(), slot);
        slot
    }

    /// One name for all partitions of a topic, so that they share one allocation.
    pub(crate) fn intern(&mut self, topic: &str, partition: i32) -> TopicPartition {
        let topic = if let Some(known) = self.names.get(topic) {
            known.clone()
        } else {
            let new = Arc::from(topic);
            self.names.insert(Arc::clone(&new));
            new
        };
        TopicPartition { topic, partition }
    }

    /// The slot a record belongs to, or `None` if its partition is not started.
    #[inline]
    pub(crate) fn started(&mut self, message: &Message<'_>) -> Option<(u32, &mut Slot)> {
        let (address, partition) = (message.topic_address(), usize::try_from(message.partition()).ok()?);
        if self.last.0 != address {
            self.switch_to(address);
        }
        let slot = match self.last.1.get(partition) {
            Some(slot) if *slot != NO_SLOT => *slot,
            _ => self.learn(message, partition)?,
        };
        let state = self.all.get_mut(slot as usize)?;
        (state.phase == Phase::Started).then_some((slot, state))
    }

    /// Forgets the addresses of topics; to be called when partitions leave the assignment.
    pub(crate) fn forget_addresses(&mut self) {
        self.by_address.clear();
        self.last = (0, Vec::new());
    }

    /// The current topic's partitions live in `last`, all others' in the map.
    fn switch_to(&mut self, address: usize) {
        let next = self.by_address.remove(&address).unwrap_or_default();
        let (old_address, old) = std::mem::replace(&mut self.last, (address, next));
        if old_address != 0 {
            self.by_address.insert(old_address, old);
        }
    }

    #[cold]
    fn learn(&mut self, message: &Message<'_>, partition: usize) -> Option<u32> {
        let slot = self.find(&message.topic(), message.partition())?;
        if self.get(slot)?.phase != Phase::Started {
            return None;
        }
        let slots = &mut self.last.1;
        if slots.len() <= partition {
            slots.resize(partition + 1, NO_SLOT);
        }
        slots[partition] = slot;
        Some(slot)
    }
}
