//! Reading a stretch of one partition outside any group: to rebuild a lost upload, to audit, to replay. Records come
//! through [`crate::events`] as a job's own do, so that the same record has the same headers on both ways.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::context::Context;
use crate::error::kind_of;
use crate::events::{Event, EventQueue, Message};
use crate::sasl;
use crate::settings::{SettingsError, SourceSettings, check_topic_name};
use crate::source::{Headers, RecordRef, SourceErrorKind, TopicPartition};

const STEP: Duration = Duration::from_millis(200);

/// Why a stretch could not be read whole.
#[derive(Debug, thiserror::Error)]
pub enum RangeError {
    /// The broker no longer has the first offset.
    #[error("kafka no longer has {topic}/{partition} at offset {offset}: {message}")]
    Gone { topic: String, partition: i32, offset: i64, message: String },
    #[error("no record came within {after_ms} ms; last problem: {last}")]
    TimedOut { after_ms: u128, last: String },
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("kafka: {0}")]
    Kafka(#[from] KafkaError),
}

/// Delivers the records of `from` (inclusive) to `end` (exclusive) in order; offsets without a record are passed over.
/// Blocks, with a bound of `idle` between two records. `visit` answers false to stop early.
///
/// # Errors
/// See [`RangeError`].
pub fn read_range(
    settings: &SourceSettings,
    partition: &TopicPartition,
    from: i64,
    end: i64,
    idle: Duration,
    visit: &mut dyn FnMut(RecordRef<'_>) -> bool,
) -> Result<(), RangeError> {
    if from >= end {
        return Ok(());
    }
    let queue = assigned(settings, partition, from)?;
    let mut last_seen = Instant::now();
    let mut last = "none".to_owned();
    while last_seen.elapsed() <= idle {
        let Some(mut event) = queue.poll(STEP) else { continue };
        match event.read() {
            Event::Message(message) => {
                last_seen = Instant::now();
                if message.offset() >= end || !visit(record(&message)) || message.offset() + 1 >= end {
                    return Ok(());
                }
            }
            // One partition is assigned, so the end that is reached is its own.
            Event::EndOfPartition { .. } => return Ok(()),
            Event::Error {
                code: RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
                message,
                ..
            } => {
                return Err(RangeError::Gone {
                    topic: partition.topic.to_string(),
                    partition: partition.partition,
                    offset: from,
                    message,
                });
            }
            // librdkafka would go on behind the batch: its records are there, only not readable now.
            Event::Error { code, .. } if kind_of(code) == SourceErrorKind::Corrupt => {
                return Err(KafkaError::MessageConsumption(code).into());
            }
            Event::Error { code, message, .. } => last = format!("{message} ({code})"),
            Event::Log { level, facility, line } => {
                queue.consumer().context().log_line(level, facility.trim(), line.trim());
            }
            Event::Assign(_) | Event::Revoke(_) | Event::Committed { .. } | Event::Ignored => {}
        }
    }
    Err(RangeError::TimedOut { after_ms: idle.as_millis(), last })
}

/// A consumer that reads the one partition, in no group.
fn assigned(settings: &SourceSettings, partition: &TopicPartition, from: i64) -> Result<EventQueue, RangeError> {
    check_topic_name(&partition.topic)?;
    let consumer = sasl::consumer(&settings.client_config()?, Context::of(&settings.connection))?;
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(from))?;
    consumer.assign(&wanted)?;
    EventQueue::new(consumer).ok_or(RangeError::Settings(SettingsError::NoGroup))
}

fn record<'m>(message: &'m Message<'_>) -> RecordRef<'m> {
    RecordRef {
        slot: 0,
        offset: message.offset(),
        timestamp_ms: message.timestamp_ms(),
        key: message.key(),
        value: message.value(),
        headers: Headers::from_source(message),
    }
}
