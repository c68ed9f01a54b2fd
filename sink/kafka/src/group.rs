//! The group's calls and their answers: partitions assigned, revoked, lost, released, and the way out.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;

use crate::events::{Event, EventQueue, ListEntry, read_partition_list};
use crate::lists::list_of;
use crate::slots::Phase;
use crate::source::{SourceError, SourceEvent, TopicPartition};
use crate::state::{State, Visit};

/// The longest wait for one event while closing.
const CLOSE_STEP: Duration = Duration::from_millis(100);

impl State {
    pub(crate) fn assigned(&mut self, queue: &EventQueue, entries: &[ListEntry], visit: Visit<'_>) -> usize {
        let partitions: Vec<_> = entries.iter().map(|e| self.slots.intern(&e.topic, e.partition)).collect();
        let answered = list_of(partitions.iter().map(|p| (p, Some(0)))).and_then(|list| {
            queue.consumer().incremental_assign(&list).map_err(|error| SourceError::from_kafka(&error, "assignment"))
        });
        if let Err(error) = answered {
            // Some are in the assignment already: take the others, so that the group's call is answered.
            let known = self.assignment(queue);
            let missing = partitions.iter().filter(|p| !known.contains(p)).map(|p| (p, Some(0)));
            let retried = list_of(missing).and_then(|list| {
                let done = queue.consumer().incremental_assign(&list);
                done.map_err(|error| SourceError::from_kafka(&error, "assignment"))
            });
            tracing::warn!(%error, retried = retried.is_ok(), "the group's assignment was not taken as it came");
        }
        for partition in &partitions {
            let slot = self.slots.ensure(partition);
            if let Some(state) = self.slots.get_mut(slot) {
                state.phase = Phase::Assigned;
                state.stalled = false;
                state.put_off = 0;
            }
        }
        if let Err(error) = self.set_paused(queue, &partitions, true) {
            // Not paused they fetch in vain: the phase drops the records and the start seeks back.
            tracing::warn!(%error, "new partitions could not be paused");
        }
        if partitions.is_empty() {
            return 0;
        }
        visit(SourceEvent::Assigned(partitions));
        1
    }

    pub(crate) fn revoked(&mut self, queue: &EventQueue, entries: &[ListEntry], visit: Visit<'_>) -> usize {
        let partitions: Vec<_> = entries.iter().map(|e| self.slots.intern(&e.topic, e.partition)).collect();
        if queue.consumer().assignment_lost() || partitions.is_empty() {
            if let Err(error) = self.unassign(queue, &partitions) {
                tracing::warn!(%error, "lost partitions could not be unassigned");
            }
            self.revocations.clear();
            if partitions.is_empty() {
                return 0;
            }
            visit(SourceEvent::Lost(partitions));
            return 1;
        }
        for partition in &partitions {
            let slot = self.slots.ensure(partition);
            if let Some(state) = self.slots.get_mut(slot) {
                state.phase = Phase::Revoked;
            }
        }
        if let Err(error) = self.set_paused(queue, &partitions, true) {
            tracing::warn!(%error, "revoked partitions could not be paused");
        }
        self.revocations.add(partitions.clone());
        visit(SourceEvent::Revoked(partitions));
        1
    }

    pub(crate) fn unassign(&mut self, queue: &EventQueue, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        self.slots.forget_addresses();
        for partition in partitions {
            let slot = self.slots.ensure(partition);
            if let Some(state) = self.slots.get_mut(slot) {
                state.phase = Phase::Unassigned;
            }
        }
        let list = list_of(partitions.iter().map(|p| (p, None)))?;
        let doing = "release of partitions";
        let Err(error) = queue.consumer().incremental_unassign(&list) else { return Ok(()) };
        // One that is not there any more fails the whole call, and the group would wait for ever.
        let known = self.assignment(queue);
        let left = list_of(partitions.iter().filter(|p| known.contains(p)).map(|p| (p, None)))?;
        tracing::warn!(%error, left = left.count(), of = partitions.len(), "partitions were gone before their release");
        queue.consumer().incremental_unassign(&left).map_err(|error| SourceError::from_kafka(&error, doing))
    }

    pub(crate) fn assignment(&mut self, queue: &EventQueue) -> Vec<TopicPartition> {
        let list = queue.consumer().assignment().map(|list| read_partition_list(&list)).unwrap_or_default();
        list.iter().map(|entry| self.slots.intern(&entry.topic, entry.partition)).collect()
    }

    /// Gives everything back to the group; the leave itself is sent when the client is dropped.
    pub(crate) fn leave(&mut self, queue: &EventQueue, deadline: Instant) {
        for slot in 0..self.slots.len() {
            if let Some(partition) = self.slots.get(slot).map(|slot| slot.partition.clone()) {
                self.revocations.release(&partition);
            }
        }
        while let Some(complete) = self.revocations.next_complete() {
            if let Err(error) = self.unassign(queue, &complete) {
                tracing::warn!(%error, "revoked partitions could not be released while closing");
            }
        }
        queue.consumer().unsubscribe();
        while !self.assignment(queue).is_empty() && Instant::now() < deadline {
            let Some(mut event) = queue.poll(CLOSE_STEP) else { continue };
            match event.read() {
                Event::Revoke(entries) => {
                    let partitions: Vec<_> = entries.iter().map(|e| self.slots.intern(&e.topic, e.partition)).collect();
                    if let Err(error) = self.unassign(queue, &partitions) {
                        tracing::warn!(%error, "partitions could not be released while closing");
                    }
                }
                Event::Assign(entries) => {
                    // One that was on its way: taken, so that it can be given back.
                    self.assigned(queue, &entries, &mut |_| {});
                }
                Event::Log { level, facility, line } => {
                    queue.consumer().context().log_line(level, facility.trim(), line.trim());
                }
                _ => {}
            }
        }
    }
}
