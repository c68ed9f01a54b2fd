//! The timestamps of single records, read outside any group: how old is the oldest record that nobody has consumed?

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::admin::{ClusterClient, NO_GROUP};
use crate::cluster_error::ClusterError;
use crate::events::{Event, EventQueue};
use crate::sasl;
use crate::settings::{SettingsError, check_topic_name};
use crate::source::TopicPartition;

const STEP: Duration = Duration::from_millis(100);

impl ClusterClient {
    /// For each partition the timestamp (milliseconds since the epoch) of the first committed record at or after the
    /// given offset. Partitions whose record did not come in time, has no timestamp, or is not there are missing.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn timestamps_at(
        &self,
        wanted: &[(TopicPartition, i64)],
    ) -> Result<BTreeMap<TopicPartition, i64>, ClusterError> {
        let mut found = BTreeMap::new();
        let mut open: BTreeMap<(String, i32), TopicPartition> = BTreeMap::new();
        let mut list = TopicPartitionList::new();
        for (partition, offset) in wanted {
            check_topic_name(&partition.topic)?;
            let mut element = list.add_partition(&partition.topic, partition.partition);
            element.set_offset(Offset::Offset((*offset).max(0))).map_err(SettingsError::from_kafka)?;
            open.insert((partition.topic.to_string(), partition.partition), partition.clone());
        }
        if open.is_empty() {
            return Ok(found);
        }
        let mut config = self.config().clone();
        config
            .set("group.id", NO_GROUP)
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            // One record of each is wanted, not a stream.
            .set("fetch.message.max.bytes", "16384")
            .set("queued.max.messages.kbytes", "1024");
        let consumer = sasl::consumer(&config, self.context().named("landfall-peek"))?;
        consumer.assign(&list).map_err(SettingsError::from_kafka)?;
        let deadline = Instant::now() + self.timeout();
        let queue = EventQueue::new(consumer).ok_or(SettingsError::NoGroup)?;
        while !open.is_empty() && Instant::now() < deadline {
            let Some(mut event) = queue.poll(STEP) else { continue };
            let place = match event.read() {
                Event::Message(message) => {
                    let place = (message.topic(), message.partition());
                    if message.timestamp_ms() >= 0
                        && let Some(partition) = open.get(&place)
                    {
                        found.insert(partition.clone(), message.timestamp_ms());
                    }
                    place
                }
                Event::EndOfPartition { place } => (place.topic, place.partition),
                Event::Error { message, place: Some(place), .. } => {
                    tracing::debug!(topic = place.topic, partition = place.partition, "no timestamp: {message}");
                    (place.topic, place.partition)
                }
                _ => continue,
            };
            open.remove(&place);
        }
        Ok(found)
    }
}
