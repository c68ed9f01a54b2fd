//! [`Source`] on librdkafka: one consumer, one queue, one thread.
//!
//! A partition that the group assigns is taken into librdkafka's assignment at once, at offset 0 and paused, so that
//! the group never waits while the worker reads its log; `start` seeks and resumes. Records reach the caller through
//! three filters: librdkafka drops what was fetched before the last seek or pause, the phase of the slot drops what
//! was not started, and the slot's next offset drops what librdkafka delivers twice around its own pauses.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::context::Context;
use crate::events::{Event, EventQueue, ListEntry, Message, Place, read_partition_list};
use crate::rebalance::Revocations;
use crate::settings::{SettingsError, SourceSettings};
use crate::slots::{Phase, Slots};
use crate::source::{
    CommitOffset, Headers, RecordRef, Source, SourceError, SourceErrorKind, SourceEvent, TopicPartition,
};

/// How long a seek may wait for librdkafka's main thread; no network is involved.
const SEEK_TIMEOUT: Duration = Duration::from_secs(5);
/// After so many refused seeks in a row the partition is assigned anew instead.
const MAX_PUT_OFF: u32 = 50;
/// The longest wait for one event while closing.
const CLOSE_STEP: Duration = Duration::from_millis(100);

type Visit<'v> = &'v mut dyn FnMut(SourceEvent<'_>);
type Committed = Vec<(TopicPartition, Option<(i64, String)>)>;

/// The consumer of one job on one cluster.
pub struct KafkaSource {
    /// `None` once closed.
    queue: Option<EventQueue>,
    state: State,
}

#[derive(Default)]
struct State {
    slots: Slots,
    revocations: Revocations,
}

impl std::fmt::Debug for KafkaSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaSource").field("slots", &self.state.slots).finish_non_exhaustive()
    }
}

impl KafkaSource {
    /// Makes the consumer and subscribes. No broker need be up: what is wrong with the cluster comes as events.
    ///
    /// # Errors
    /// The settings cannot be those of a client.
    pub fn connect(settings: &SourceSettings) -> Result<Self, SettingsError> {
        let topics = settings.subscription()?;
        let context = Context::new(&settings.connection.client_id);
        let consumer: BaseConsumer<Context> =
            settings.client_config()?.create_with_context(context).map_err(SettingsError::from_kafka)?;
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(SettingsError::from_kafka)?;
        let queue = EventQueue::new(consumer).ok_or(SettingsError::NoGroup)?;
        Ok(Self { queue: Some(queue), state: State::default() })
    }

    fn queue(&self) -> Result<&EventQueue, SourceError> {
        self.queue.as_ref().ok_or_else(closed)
    }
}

impl Source for KafkaSource {
    fn poll(&mut self, timeout: Duration, max_events: usize, visit: Visit<'_>) -> usize {
        let Some(queue) = &self.queue else { return 0 };
        let mut delivered = 0;
        // Dropped records count as well: a poll never takes longer than its bounds say.
        let mut read = 0;
        let mut wait = timeout;
        let mut deadline = None;
        while read < max_events {
            let Some(mut event) = queue.poll(wait) else { break };
            read += 1;
            delivered += self.state.dispatch(queue, event.read(), visit);
            wait = if delivered > 0 || timeout.is_zero() {
                Duration::ZERO
            } else {
                // Only while nothing was delivered is the clock read.
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + timeout);
                deadline.saturating_duration_since(Instant::now())
            };
        }
        delivered
    }

    fn slot(&self, slot: u32) -> &TopicPartition {
        static NOWHERE: std::sync::LazyLock<TopicPartition> =
            std::sync::LazyLock::new(|| TopicPartition { topic: "".into(), partition: -1 });
        self.state.slots.get(slot).map_or(&NOWHERE, |slot| &slot.partition)
    }

    fn slot_of(&mut self, partition: &TopicPartition) -> u32 {
        self.state.slots.ensure(partition)
    }

    fn start(&mut self, partition: &TopicPartition, offset: i64) -> Result<(), SourceError> {
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        self.state.start(queue, partition, offset)
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        let chosen = self.state.choose(partitions, |phase, paused| phase == Phase::Started && !paused);
        self.state.set_paused(queue, &chosen, true)
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        // librdkafka goes back to an old position when it resumes what is not paused.
        let chosen = self.state.choose(partitions, |phase, paused| phase == Phase::Started && paused);
        self.state.set_paused(queue, &chosen, false)
    }

    fn release(&mut self, partitions: &[TopicPartition]) -> Result<(), SourceError> {
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        for partition in partitions {
            self.state.revocations.release(partition);
        }
        while let Some(complete) = self.state.revocations.next_complete() {
            self.state.unassign(queue, &complete)?;
        }
        Ok(())
    }

    fn commit(&mut self, offsets: &[CommitOffset]) -> Result<(), SourceError> {
        if offsets.is_empty() {
            return Ok(());
        }
        let list = commit_list(offsets)?;
        let sent = self.queue()?.commit(&list);
        sent.map_err(|code| SourceError::from_code(code, format!("commit of offsets: {code}")))
    }

    fn committed(&mut self, partitions: &[TopicPartition], timeout: Duration) -> Result<Committed, SourceError> {
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let doing = "read of committed offsets";
        let answer = self
            .queue()?
            .consumer()
            .committed_offsets(list_of(partitions.iter().map(|p| (p, None)))?, timeout)
            .map_err(|error| SourceError::from_kafka(&error, doing))?;
        read_partition_list(&answer)
            .into_iter()
            .map(|entry| {
                if let Some(code) = entry.error {
                    let place = format!("{doing} of {} partition {}", entry.topic, entry.partition);
                    return Err(SourceError::from_code(code, format!("{place}: {code}")));
                }
                let offset = (entry.offset >= 0).then(|| (entry.offset, entry.metadata.unwrap_or_default()));
                Ok((self.state.slots.intern(&entry.topic, entry.partition), offset))
            })
            .collect()
    }

    fn cached_end(&self, partition: &TopicPartition) -> Option<i64> {
        self.queue.as_ref()?.cached_high_watermark(&partition.topic, partition.partition)
    }

    /// Leaves the group and frees the client. librdkafka ends in its own time; what is not done after `timeout` is
    /// done on a thread of its own, which ends when librdkafka's requests time out.
    fn close(&mut self, timeout: Duration) {
        let Some(queue) = self.queue.take() else { return };
        let deadline = Instant::now() + timeout;
        let (done, ended) = mpsc::sync_channel(1);
        let mut state = std::mem::take(&mut self.state);
        let spawned = std::thread::Builder::new().name("kafka-close".to_owned()).spawn(move || {
            state.leave(&queue, deadline);
            drop(queue);
            // Nobody may be waiting any more.
            let _ = done.send(());
        });
        match spawned {
            Ok(_) if ended.recv_timeout(timeout).is_ok() => {}
            Ok(_) => tracing::warn!("kafka consumer is still closing after {} ms", timeout.as_millis()),
            // The closure is gone, and the client with it: closed after all.
            Err(error) => tracing::warn!(%error, "kafka consumer was closed without leaving its group"),
        }
    }
}

impl State {
    fn dispatch(&mut self, queue: &EventQueue, event: Event<'_>, visit: Visit<'_>) -> usize {
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
    fn record(&mut self, message: &Message<'_>, visit: Visit<'_>) -> usize {
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

    fn end_of_partition(&mut self, place: &Place, visit: Visit<'_>) -> usize {
        let Some(slot) = self.slots.find(&place.topic, place.partition) else { return 0 };
        let Some(state) = self.slots.get_mut(slot) else { return 0 };
        if state.phase != Phase::Started || place.offset < state.next {
            return 0;
        }
        state.next = place.offset;
        visit(SourceEvent::EndOfPartition { slot, offset: place.offset });
        1
    }

    fn error(&mut self, queue: &EventQueue, error: SourceError, place: Option<Place>, visit: Visit<'_>) -> usize {
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
    fn silence(&mut self, slot: u32) {
        if let Some(state) = self.slots.get_mut(slot) {
            if state.phase == Phase::Started {
                state.phase = Phase::Assigned;
            }
        }
    }

    fn assigned(&mut self, queue: &EventQueue, entries: &[ListEntry], visit: Visit<'_>) -> usize {
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

    fn revoked(&mut self, queue: &EventQueue, entries: &[ListEntry], visit: Visit<'_>) -> usize {
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

    fn committed(&mut self, error: Option<RDKafkaErrorCode>, offsets: Vec<ListEntry>, visit: Visit<'_>) -> usize {
        // The answer as a whole, or else the first partition's.
        let error = error.or_else(|| offsets.iter().find_map(|entry| entry.error));
        let result = error.map_or(Ok(()), |code| Err(SourceError::from_code(code, format!("commit of offsets: {code}"))));
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

    fn start(&mut self, queue: &EventQueue, partition: &TopicPartition, offset: i64) -> Result<(), SourceError> {
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
    fn reassign(&mut self, queue: &EventQueue, partition: &TopicPartition, offset: i64) -> Result<(), SourceError> {
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

    fn unassign(&mut self, queue: &EventQueue, partitions: &[TopicPartition]) -> Result<(), SourceError> {
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

    fn assignment(&mut self, queue: &EventQueue) -> Vec<TopicPartition> {
        let list = queue.consumer().assignment().map(|list| read_partition_list(&list)).unwrap_or_default();
        list.iter().map(|entry| self.slots.intern(&entry.topic, entry.partition)).collect()
    }

    fn choose(&self, partitions: &[TopicPartition], wanted: impl Fn(Phase, bool) -> bool) -> Vec<TopicPartition> {
        let fits = |p: &&TopicPartition| self.slots.of(p).is_some_and(|slot| wanted(slot.phase, slot.paused));
        partitions.iter().filter(fits).cloned().collect()
    }

    fn set_paused(&mut self, queue: &EventQueue, partitions: &[TopicPartition], paused: bool) -> Result<(), SourceError> {
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

    /// Gives everything back to the group; the leave itself is sent when the client is dropped.
    fn leave(&mut self, queue: &EventQueue, deadline: Instant) {
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

/// A native list; topic names are checked, as rdkafka panics on a NUL.
fn list_of<'a>(
    partitions: impl IntoIterator<Item = (&'a TopicPartition, Option<i64>)>,
) -> Result<TopicPartitionList, SourceError> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in partitions {
        if partition.topic.contains('\0') {
            return Err(SourceError::refused(format!("{:?} is no topic name", partition.topic)));
        }
        let mut element = list.add_partition(&partition.topic, partition.partition);
        if let Some(offset) = offset {
            element.set_offset(Offset::Offset(offset)).map_err(|error| SourceError::from_kafka(&error, "offset"))?;
        }
    }
    Ok(list)
}

pub(crate) fn commit_list(offsets: &[CommitOffset]) -> Result<TopicPartitionList, SourceError> {
    let list = list_of(offsets.iter().map(|commit| (&commit.partition, Some(commit.offset))))?;
    for (element, commit) in list.elements().iter_mut().zip(offsets) {
        if !commit.metadata.is_empty() {
            element.set_metadata(&commit.metadata);
        }
    }
    Ok(list)
}

fn closed() -> SourceError {
    SourceError {
        kind: SourceErrorKind::Fatal,
        code: "_DESTROY".to_owned(),
        message: "the consumer is closed".to_owned(),
    }
}
