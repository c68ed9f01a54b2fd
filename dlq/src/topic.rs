//! Letters to a Kafka topic: produced with `acks=all` and idempotence, done when every one of a batch is
//! acknowledged. At least once: a letter whose acknowledgement was lost is sent again, and `landfall.source` tells
//! repeats apart. Memory is bounded by the producer's queue, time by its delivery time limit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use landfall_kafka::{Connection, SettingsError, SignedIn};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer};

use crate::headers::headers;
use crate::letter::Letter;

/// What a letter may weigh: the largest record with its headers, and room for what is added.
const MAX_MESSAGE_BYTES: u32 = 64 * 1024 * 1024;
/// What the producer's queue may hold, in KiB.
const QUEUE_KBYTES: u32 = 65_536;
/// How many letters the producer's queue may hold.
const QUEUE_LETTERS: u32 = 10_000;
/// How long librdkafka tries to deliver one letter.
const DELIVERY_MS: u32 = 60_000;
/// How long the number of the topic's partitions is believed.
const PARTITIONS_FOR: Duration = Duration::from_secs(60);
const METADATA_TIMEOUT: Duration = Duration::from_secs(10);

/// A producer to one dead-letter topic.
pub struct TopicWriter {
    producer: FutureProducer<SignedIn>,
    topic: String,
    partitions: Mutex<Option<(i32, Instant)>>,
}

impl std::fmt::Debug for TopicWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TopicWriter").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// Why a letter is not in the topic. It may be tried again, but for one that is too large for the topic as it is.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DlqError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("dead-letter topic {topic} gave no answer: {message}")]
    Unreachable { topic: String, message: String },
    #[error("dead-letter topic {topic} does not exist: create it, or set dead_letter.create")]
    UnknownTopic { topic: String },
    #[error("dead-letter topic {topic} may not be written with our credentials")]
    Authorization { topic: String },
    #[error("dead letter of {source_record} is too large for topic {topic}: raise its max.message.bytes")]
    TooLarge { topic: String, source_record: String },
    #[error("dead letter of {source_record} was not delivered to topic {topic}: {message}")]
    NotDelivered { topic: String, source_record: String, message: String },
}

impl TopicWriter {
    /// Makes the producer; nothing is sent yet.
    ///
    /// # Errors
    /// The connection cannot be that of a producer.
    pub fn connect(connection: &Connection, topic: &str) -> Result<Self, DlqError> {
        let config = connection.producer_config(&[
            ("message.max.bytes", MAX_MESSAGE_BYTES.to_string()),
            ("message.timeout.ms", DELIVERY_MS.to_string()),
            ("queue.buffering.max.kbytes", QUEUE_KBYTES.to_string()),
            ("queue.buffering.max.messages", QUEUE_LETTERS.to_string()),
            ("linger.ms", "5".to_owned()),
            ("compression.type", "zstd".to_owned()),
        ])?;
        let producer = config.create_with_context(SignedIn::by(connection)).map_err(|error: KafkaError| {
            DlqError::Unreachable { topic: topic.to_owned(), message: error.to_string() }
        })?;
        Ok(Self { producer, topic: topic.to_owned(), partitions: Mutex::new(None) })
    }

    /// Sends the letters at the indices `todo` and waits until each is acknowledged by all in-sync replicas. Answers
    /// those that were not, in ascending order, with the reason: only these are to be sent again, and not those that
    /// are too large, which the topic refused each by itself.
    pub async fn send_batch(&self, letters: &[Letter], todo: &[usize]) -> Vec<(usize, DlqError)> {
        let mut failed = BTreeMap::new();
        let partitions = match self.partition_count().await {
            Ok(partitions) => partitions,
            Err(error) => return todo.iter().map(|index| (*index, error.clone())).collect(),
        };
        let mut sent = VecDeque::with_capacity(todo.len());
        for (index, letter) in todo.iter().filter_map(|index| Some((*index, letters.get(*index)?))) {
            while let Err(error) = self.enqueue(index, letter, partitions, &mut sent) {
                let full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
                // Room comes when a letter is acknowledged; with none of ours on the way, others fill the queue.
                match sent.pop_front() {
                    Some(oldest) if full => failed.extend(self.settle(oldest).await),
                    None if full => tokio::time::sleep(Duration::from_millis(20)).await,
                    oldest => {
                        sent.extend(oldest);
                        failed.insert(index, self.error(letter.source(), &error));
                        break;
                    }
                }
            }
        }
        // All are waited for, also after an error: none may arrive behind the caller's back.
        for delivery in sent {
            failed.extend(self.settle(delivery).await);
        }
        // A broker refuses a whole batch for its size: which letter was too large shows when each is sent alone.
        let doubtful = failed.iter().filter(|(_, error)| matches!(error, DlqError::TooLarge { .. }));
        for index in doubtful.map(|(index, _)| *index).collect::<Vec<_>>() {
            failed.remove(&index);
            failed.extend(self.send_alone(index, letters, partitions).await);
        }
        failed.into_iter().collect()
    }

    async fn send_alone(&self, index: usize, letters: &[Letter], partitions: i32) -> Option<(usize, DlqError)> {
        let (letter, mut sent) = (letters.get(index)?, VecDeque::new());
        if let Err(error) = self.enqueue(index, letter, partitions, &mut sent) {
            return Some((index, self.error(letter.source(), &error)));
        }
        self.settle(sent.pop_front()?).await
    }

    fn enqueue<'l>(
        &self,
        index: usize,
        letter: &'l Letter,
        partitions: i32,
        sent: &mut VecDeque<(usize, &'l Letter, DeliveryFuture)>,
    ) -> Result<(), KafkaError> {
        let all = headers(letter);
        let mut own = OwnedHeaders::new_with_capacity(all.len());
        for (name, value) in &all {
            own = own.insert(Header { key: name, value: value.as_deref() });
        }
        let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&self.topic).headers(own);
        record.key = letter.key.as_deref();
        record.payload = letter.value.as_deref();
        record.timestamp = (letter.timestamp_ms >= 0).then_some(letter.timestamp_ms);
        record.partition = (0..partitions).contains(&letter.partition).then_some(letter.partition);
        let delivery = self.producer.send_result(record).map_err(|(error, _)| error)?;
        sent.push_back((index, letter, delivery));
        Ok(())
    }

    async fn settle(&self, (index, letter, delivery): (usize, &Letter, DeliveryFuture)) -> Option<(usize, DlqError)> {
        match delivery.await {
            Ok(Ok(_)) => None,
            Ok(Err((error, _))) => Some((index, self.error(letter.source(), &error))),
            Err(_) => Some((index, self.error(letter.source(), &KafkaError::Canceled))),
        }
    }

    /// How many partitions the topic has: a letter keeps its partition where the topic has it.
    async fn partition_count(&self) -> Result<i32, DlqError> {
        let known = *self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, at)) = known
            && at.elapsed() < PARTITIONS_FOR
        {
            return Ok(count);
        }
        let (producer, topic) = (self.producer.clone(), self.topic.clone());
        let asked =
            tokio::task::spawn_blocking(move || producer.client().fetch_metadata(Some(&topic), METADATA_TIMEOUT));
        let unreachable = |message: String| DlqError::Unreachable { topic: self.topic.clone(), message };
        let metadata = asked.await.map_err(|error| unreachable(error.to_string()))?;
        let metadata = metadata.map_err(|error| self.topic_error(error.rdkafka_error_code(), error.to_string()))?;
        let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == self.topic) else {
            return Err(DlqError::UnknownTopic { topic: self.topic.clone() });
        };
        if let Some(code) = topic.error() {
            let code = RDKafkaErrorCode::from(code);
            return Err(self.topic_error(Some(code), code.to_string()));
        }
        let count = i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX);
        *self.partitions.lock().unwrap_or_else(PoisonError::into_inner) = Some((count, Instant::now()));
        Ok(count)
    }

    fn topic_error(&self, code: Option<RDKafkaErrorCode>, message: String) -> DlqError {
        let topic = self.topic.clone();
        match code {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                DlqError::UnknownTopic { topic }
            }
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => DlqError::Authorization { topic },
            _ => DlqError::Unreachable { topic, message },
        }
    }

    fn error(&self, source_record: String, error: &KafkaError) -> DlqError {
        // Whatever it was, the topic may have changed: ask for it again before the next batch.
        *self.partitions.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let topic = self.topic.clone();
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                DlqError::UnknownTopic { topic }
            }
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => DlqError::Authorization { topic },
            Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::MessageBatchTooLarge) => {
                DlqError::TooLarge { topic, source_record }
            }
            _ => DlqError::NotDelivered { topic, source_record, message: error.to_string() },
        }
    }
}
