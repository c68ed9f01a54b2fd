//! [`Source`] on librdkafka: one consumer, one queue, one thread.
//!
//! A partition that the group assigns is taken into librdkafka's assignment at once, at offset 0 and paused, so that
//! the group never waits while the worker reads its log; `start` seeks and resumes.

use std::cell::Cell;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;

use crate::context::Context;
use crate::events::{EventQueue, read_partition_list};
use crate::lists::{commit_list, list_of};
use crate::sasl;
use crate::settings::{SettingsError, SourceSettings};
use crate::slots::Phase;
use crate::source::{
    CommitOffset, CommittedOffsets, Source, SourceError, SourceErrorKind, SourceEvent, TopicPartition,
};
use crate::state::{State, Visit};

/// A poll ends after about so many bytes of keys and values, however few the records: whoever takes them looks at its
/// memory between two polls.
const POLL_BYTES: usize = 4 << 20;

/// The consumer of one job on one cluster.
pub struct KafkaSource {
    /// `None` once closed.
    queue: Option<EventQueue>,
    state: State,
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
        let consumer = sasl::consumer(&settings.client_config()?, Context::of(&settings.connection))?;
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
        let bytes = Cell::new(0);
        let mut weighed = |event: SourceEvent<'_>| {
            if let SourceEvent::Record(record) = &event {
                let payload = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
                bytes.set(bytes.get() + payload);
            }
            visit(event);
        };
        // Dropped records count as well: a poll never takes longer than its bounds say.
        let mut read = 0;
        let mut wait = timeout;
        let mut deadline = None;
        while read < max_events && bytes.get() < POLL_BYTES {
            let Some(mut event) = queue.poll(wait) else { break };
            read += 1;
            delivered += self.state.dispatch(queue, event.read(), &mut weighed);
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

    fn committed(&mut self, partitions: &[TopicPartition], timeout: Duration) -> Result<CommittedOffsets, SourceError> {
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

fn closed() -> SourceError {
    SourceError {
        kind: SourceErrorKind::Fatal,
        code: "_DESTROY".to_owned(),
        message: "the consumer is closed".to_owned(),
    }
}
