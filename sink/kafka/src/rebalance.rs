//! Revocations that the worker has not answered yet.
//!
//! librdkafka takes the first `incremental_unassign` after a revocation as the answer to the whole of it, whatever
//! list it carries. So partitions are given back together, when the last of one revocation is released; until then
//! nothing else may be unassigned.

use std::collections::{HashSet, VecDeque};

use crate::source::TopicPartition;

#[derive(Debug, Default)]
pub(crate) struct Revocations {
    open: VecDeque<Revocation>,
}

#[derive(Debug)]
struct Revocation {
    all: Vec<TopicPartition>,
    waiting: HashSet<TopicPartition>,
}

impl Revocations {
    /// Opens one. An empty one has nothing to wait for and must be answered by the caller at once.
    pub(crate) fn add(&mut self, partitions: Vec<TopicPartition>) {
        if !partitions.is_empty() {
            self.open.push_back(Revocation { waiting: partitions.iter().cloned().collect(), all: partitions });
        }
    }

    pub(crate) fn is_pending(&self) -> bool {
        !self.open.is_empty()
    }

    /// Marks one partition as released.
    pub(crate) fn release(&mut self, partition: &TopicPartition) {
        for revocation in &mut self.open {
            revocation.waiting.remove(partition);
        }
    }

    /// The next revocation that is released as a whole, in the order they came.
    pub(crate) fn next_complete(&mut self) -> Option<Vec<TopicPartition>> {
        if self.open.front().is_some_and(|revocation| revocation.waiting.is_empty()) {
            return self.open.pop_front().map(|revocation| revocation.all);
        }
        None
    }

    /// Everything is lost: whatever waited is answered already.
    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn partition(partition: i32) -> TopicPartition {
        TopicPartition { topic: "t".into(), partition }
    }

    #[test]
    fn a_revocation_is_answered_once_when_its_last_partition_is_released() {
        let mut revocations = Revocations::default();
        revocations.add(vec![partition(0), partition(1)]);
        revocations.release(&partition(1));
        assert_eq!(revocations.next_complete(), None);
        assert!(revocations.is_pending());
        revocations.release(&partition(0));
        assert_eq!(revocations.next_complete().unwrap(), [partition(0), partition(1)]);
        assert!(!revocations.is_pending());
        assert_eq!(revocations.next_complete(), None);
    }

    #[test]
    fn revocations_are_answered_in_the_order_they_came() {
        let mut revocations = Revocations::default();
        revocations.add(vec![partition(0)]);
        revocations.add(vec![partition(1)]);
        revocations.release(&partition(1));
        assert_eq!(revocations.next_complete(), None);
        revocations.release(&partition(0));
        assert_eq!(revocations.next_complete().unwrap(), [partition(0)]);
        assert_eq!(revocations.next_complete().unwrap(), [partition(1)]);
    }
}
