//! Reading a stretch of one partition outside any group: to rebuild a lost upload, to audit, to replay.

use std::time::{Duration, Instant};

use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::settings::{SettingsError, SourceSettings};
use crate::source::{HeaderSource, Headers, RecordRef, TopicPartition};

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

struct MessageHeaders<'a>(&'a BorrowedMessage<'a>);

impl HeaderSource for MessageHeaders<'_> {
    fn read(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let Some(headers) = self.0.headers() else { return Vec::new() };
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    }
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
    let consumer: BaseConsumer = settings.client_config()?.create()?;
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(from))?;
    consumer.assign(&wanted)?;
    let mut last_seen = Instant::now();
    let mut last = "none".to_owned();
    loop {
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => {
                last_seen = Instant::now();
                if message.offset() >= end {
                    return Ok(());
                }
                let headers = MessageHeaders(&message);
                let record = RecordRef {
                    slot: 0,
                    offset: message.offset(),
                    timestamp_ms: message.timestamp().to_millis().unwrap_or(-1),
                    key: message.key(),
                    value: message.payload(),
                    headers: Headers::from_source(&headers),
                };
                let done = message.offset() + 1 >= end;
                if !visit(record) || done {
                    return Ok(());
                }
            }
            // One partition is assigned, so the end that is reached is its own.
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(()),
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                    return Err(RangeError::Gone {
                        topic: partition.topic.to_string(),
                        partition: partition.partition,
                        offset: from,
                        message: error.to_string(),
                    });
                }
                Some(_) | None => last = error.to_string(),
            },
            None => {}
        }
        if last_seen.elapsed() > idle {
            return Err(RangeError::TimedOut { after_ms: idle.as_millis(), last });
        }
    }
}
