//! What happens to partitions between librdkafka and the caller: events in, starts and pauses out. The group's side
//! of it is in `group`.
//!
//! Three filters stand before the caller: librdkafka drops what was fetched before the last seek or pause, the phase
//! of the slot drops what was not started, and the slot's next offset drops what librdkafka delivers twice around its
//! own pauses.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::events::{Event, EventQueue, ListEntry, Message, Place, read_partition_list};
use crate::lists::list_of;
use crate::rebalance::Revocations;
use crate::slots::{Phase, Slots};
use crate::source::{CommitOffset, Headers, RecordRef, SourceError, SourceErrorKind, SourceEvent, TopicPartition};

/// How long a seek may wait for librdkafka's main thread; no network is involved.
const SEEK_TIMEOUT: Duration = Duration::from_secs(5);
/// After so many refused seeks in a row the partition is assigned anew instead.
const MAX_PUT_OFF: u32 = 50;

pub(crate) type Visit<'v> = &'v mut dyn FnMut(SourceEvent<'_>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) slots: Slots,
    pub(crate) revocations: Revocations,
}

impl State {
    pub(crate) fn dispatch(&mut self, queue: &EventQueue, event: Event<'_>, visit: Visit<'_>) -> usize {
        match event {
            Event::Message(message) => self.record(&message, visit),
            Event::EndOfPartition { place } => self.end_of_partition(&place, visit),
            Event::Error { code, message, fatal, place } => {
                let mut error = SourceError::from_code(code, message);
                if fatal {
                    error.kind = SourceErrorKind::Fatal;
                }
                self.error(queue, error, place, visit)
            }
            Event::Assign(entries) => self.assigned(queue, &entries, visit),
            Event::Revoke(entries) => self.revoked(queue, &entries, visit),
            Event::Committed { error, offsets } => self.committed(error, offsets, visit),
            Event::Log { level, facility, line } => {
                queue.consumer().context().log_line(level, facility.trim(), line.trim());
                0
            }
            Event::Ignored => 0,
        }
    }

    #[inline]
    pub(crate) fn record(&mut self, message: &Message<'_>, visit: Visit<'_>) -> usize {
        let Some((slot, state)) = self.slots.started(message) else { return 0 };
        let offset = message.offset();
        if offset < state.next {
            return 0;
        }
        state.next = offset + 1;
        visit(SourceEvent::Record(RecordRef {
            slot,
            offset,
            timestamp_ms: message.timestamp_ms(),
            key: message.key(),
            value: message.value(),
            headers: Headers::from_source(message),
        }));
        1
    }

    pub(crate) fn end_of_partition(&mut self, place: &Place, visit: Visit<'_>) -> usize {
        let Some(slot) = self.slots.find(&place.topic, place.partition) else { return 0 };
        let Some(state) = self.slots.get_mut(slot) else { return 0 };
        if state.phase != Phase::Started || place.offset < state.next {
            return 0;
        }
        state.next = place.offset;
        visit(SourceEvent::EndOfPartition { slot, offset: place.offset });
        1
    }

    pub(crate) fn error(
        &mut self,
        queue: &EventQueue,
        error: SourceError,
        place: Option<Place>,
        visit: Visit<'_>,
    ) -> usize {
        let Some(place) = place.filter(|place| place.partition >= 0) else {
            visit(SourceEvent::Error { slot: None, error });
            return 1;
        };
        let partition = self.slots.intern(&place.topic, place.partition);
        let slot = self.slots.ensure(&partition);
        let Some(state) = self.slots.get_mut(slot) else { return 0 };
        match error.kind {
            SourceErrorKind::OffsetOutOfRange => {
                state.stalled = true;
                if state.phase != Phase::Started {
                    // The silent fetch at offset 0 before the start: the start will assign it anew.
                    return 0;
                }
                if place.offset < state.start && !self.revocations.is_pending() {
                    // An older generation's error overtook the seek and stopped the new one.
                    let next = state.next;
                    if self.reassign(queue, &partition, next).is_ok() {
                        return 0;
                    }
                }
                self.silence(slot);
            }
            SourceErrorKind::Corrupt if state.phase == Phase::Started => {
                self.silence(slot);
                if let Err(error) = self.set_paused(queue, std::slice::from_ref(&partition), true) {
                    tracing::warn!(%error, topic = &*partition.topic, partition = partition.partition, "not paused");
                }
            }
            _ => {}
        }
        visit(SourceEvent::Error { slot: Some(slot), error });
        1
    }

    /// Nothing more is delivered until the partition is started again.
    pub(crate) fn silence(&mut self, slot: u32) {
        if let Some(state) = self.slots.get_mut(slot)
            && state.phase == Phase::Started
        {
            state.phase = Phase::Assigned;
        }
    }

    pub(crate) fn committed(
        &mut self,
        error: Option<RDKafkaErrorCode>,
        offsets: Vec<ListEntry>,
        visit: Visit<'_>,
    ) -> usize {
        // The answer as a whole, or else the first partition's.
        let error = error.or_else(|| offsets.iter().find_map(|entry| entry.error));
        let result =
            error.map_or(Ok(()), |code| Err(SourceError::from_code(code, format!("commit of offsets: {code}"))));
        let offsets = offsets
            .into_iter()
            .filter(|entry| entry.offset >= 0)
            .map(|entry| CommitOffset {
                partition: self.slots.intern(&entry.topic, entry.partition),
                offset: entry.offset,
                metadata: entry.metadata.unwrap_or_default(),
            })
            .collect();
        visit(SourceEvent::Committed { result, offsets });
        1
    }

    pub(crate) fn start(
        &mut self,
        queue: &EventQueue,
        partition: &TopicPartition,
        offset: i64,
    ) -> Result<(), SourceError> {
        let named = || format!("{} partition {}", partition.topic, partition.partition);
        if offset < 0 {
            return Err(SourceError::refused(format!("start of {} at offset {offset}: give 0 or more", named())));
        }
        let slot = self.slots.ensure(partition);
        let (phase, stalled, put_off) =
            self.slots.get(slot).map_or((Phase::Unassigned, false, 0), |s| (s.phase, s.stalled, s.put_off));
        match phase {
            Phase::Assigned | Phase::Started => {}
            Phase::Revoked => return Err(SourceError::refused(format!("start of {}: it is revoked", named()))),
            Phase::Unassigned => return Err(SourceError::refused(format!("start of {}: not assigned to us", named()))),
        }
        if stalled || put_off >= MAX_PUT_OFF {
            if self.revocations.is_pending() {
                return Err(SourceError::later(format!("start of {}: a revocation is waiting for release", named())));
            }
            self.reassign(queue, partition, offset)?;
        } else if let Err(error) = seek(queue, partition, offset) {
            if let Some(state) = self.slots.get_mut(slot) {
                state.put_off += 1;
            }
            return Err(error);
        }
        if let Some(state) = self.slots.get_mut(slot) {
            state.phase = Phase::Started;
            state.start = offset;
            state.next = offset;
            state.stalled = false;
            state.put_off = 0;
        }
        let paused = self.slots.get(slot).is_some_and(|s| s.paused);
        if paused { self.set_paused(queue, std::slice::from_ref(partition), false) } else { Ok(()) }
    }

    /// Takes the partition out of librdkafka's assignment and in again at `offset`: the only way out of the state in
    /// which an offset error leaves it. Never while a revocation waits: it would be taken as its answer.
    pub(crate) fn reassign(
        &mut self,
        queue: &EventQueue,
        partition: &TopicPartition,
        offset: i64,
    ) -> Result<(), SourceError> {
        let consumer = queue.consumer();
        self.slots.forget_addresses();
        let doing = "new assignment after an error";
        consumer
            .incremental_unassign(&list_of([(partition, None)])?)
            .and_then(|()| match list_of([(partition, Some(offset))]) {
                Ok(list) => consumer.incremental_assign(&list),
                Err(error) => Err(KafkaError::Subscription(error.message)),
            })
            .map_err(|error| SourceError::from_kafka(&error, doing))?;
        let slot = self.slots.ensure(partition);
        if let Some(state) = self.slots.get_mut(slot) {
            state.stalled = false;
        }
        Ok(())
    }

    pub(crate) fn choose(
        &self,
        partitions: &[TopicPartition],
        wanted: impl Fn(Phase, bool) -> bool,
    ) -> Vec<TopicPartition> {
        let fits = |p: &&TopicPartition| self.slots.of(p).is_some_and(|slot| wanted(slot.phase, slot.paused));
        partitions.iter().filter(fits).cloned().collect()
    }

    pub(crate) fn set_paused(
        &mut self,
        queue: &EventQueue,
        partitions: &[TopicPartition],
        paused: bool,
    ) -> Result<(), SourceError> {
        if partitions.is_empty() {
            return Ok(());
        }
        let list = list_of(partitions.iter().map(|p| (p, None)))?;
        let done = if paused { queue.consumer().pause(&list) } else { queue.consumer().resume(&list) };
        done.map_err(|error| SourceError::from_kafka(&error, if paused { "pause" } else { "resume" }))?;
        for partition in partitions {
            let slot = self.slots.ensure(partition);
            if let Some(state) = self.slots.get_mut(slot) {
                state.paused = paused;
            }
        }
        Ok(())
    }
}

fn seek(queue: &EventQueue, partition: &TopicPartition, offset: i64) -> Result<(), SourceError> {
    let doing = format!("seek of {} partition {} to {offset}", partition.topic, partition.partition);
    let answer = queue
        .consumer()
        .seek_partitions(list_of([(partition, Some(offset))])?, SEEK_TIMEOUT)
        .map_err(|error| SourceError::from_kafka(&error, &doing))?;
    match read_partition_list(&answer).first().and_then(|entry| entry.error) {
        None => Ok(()),
        // Both mean that the assignment is still on its way inside librdkafka.
        Some(code @ (RDKafkaErrorCode::UnknownPartition | RDKafkaErrorCode::State)) => {
            Err(SourceError { kind: SourceErrorKind::Transient, ..SourceError::from_code(code, doing) })
        }
        Some(code) => Err(SourceError::from_code(code, format!("{doing}: {code}"))),
    }
}
