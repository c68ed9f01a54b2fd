//! What Kafka says of assigned partitions, and dead letters to a topic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use landfall_commit::recover::Facts;
use landfall_commit::{Seq, SourcePartition};
use landfall_dlq::Letter;
use landfall_kafka::{
    ClusterClient, ClusterError, Connection, Isolation, RangeError, RecordRef, SourceSettings, TopicPartition, Topics,
    read_range,
};

use super::Io;
use crate::effect::{Found, Outcome};

/// What was found, and which partitions do not exist.
pub type Facted = (Vec<Found>, Vec<TopicPartition>);

/// What the I/O side asks of Kafka outside the consumer; calls block. Injected, so that a simulation answers them.
pub trait KafkaPort: Send + Sync + std::fmt::Debug {
    /// Commits, ids and bounds of partitions. An error is waited out.
    fn facts(&self, partitions: &[TopicPartition]) -> Result<Facted, String>;
    /// Delivers the records of `from` (inclusive) to `end` (exclusive), in order.
    fn read_range(
        &self,
        partition: &TopicPartition,
        from: i64,
        end: i64,
        visit: &mut dyn FnMut(RecordRef<'_>) -> bool,
    ) -> Result<(), RangeError>;
}

/// A real cluster, as one job's group sees it.
#[derive(Debug)]
pub struct ClusterPort {
    pub client: ClusterClient,
    pub connection: Connection,
    pub cluster: String,
    pub group: String,
    pub isolation: Isolation,
}

/// A rebuild that sees no record for so long gives up for now.
const IDLE: Duration = Duration::from_secs(60);
/// The fetch queue of a rebuild, in KiB.
const RANGE_QUEUE_KBYTES: u32 = 8_192;

impl KafkaPort for ClusterPort {
    fn facts(&self, partitions: &[TopicPartition]) -> Result<Facted, String> {
        facts(&self.client, &self.cluster, &self.group, self.isolation, partitions).map_err(|e| e.to_string())
    }

    fn read_range(
        &self,
        partition: &TopicPartition,
        from: i64,
        end: i64,
        visit: &mut dyn FnMut(RecordRef<'_>) -> bool,
    ) -> Result<(), RangeError> {
        let topics = Topics::Names(vec![partition.topic.to_string()]);
        let mut settings = SourceSettings::new(self.connection.clone(), self.group.clone(), topics);
        settings.isolation = self.isolation;
        settings.queue_kbytes = RANGE_QUEUE_KBYTES;
        read_range(&settings, partition, from, end, IDLE, visit)
    }
}

impl Io {
    /// The group's commits first, then the log: an entry appended in between is then at worst folded twice.
    pub(super) async fn recover(&self, epoch: u64, partitions: Vec<TopicPartition>, from: Seq) {
        let ticket = self.inner.patience.ticket();
        let mut attempt = 0;
        let (found, missing) = loop {
            let (sender, receiver) = futures::channel::oneshot::channel();
            let (kafka, wanted) = (Arc::clone(&self.inner.parts.kafka), partitions.clone());
            self.inner.parts.spawner.blocking(Box::new(move || {
                let _ = sender.send(kafka.facts(&wanted));
            }));
            match receiver.await {
                Ok(Ok(facts)) => break facts,
                Ok(Err(error)) => self.inner.patience.pause(ticket, attempt, error).await,
                Err(_) => return,
            }
            attempt = attempt.saturating_add(1);
        };
        self.inner.patience.resume(ticket);
        let entries = self.tail(from).await;
        self.send(Outcome::Recovered { epoch, found, missing, entries });
    }

    pub(super) async fn produce_letters(&self, batch: u64, letters: Vec<Letter>) {
        let Some(writer) = self.inner.parts.letters.as_ref().map(Arc::clone) else {
            return self.send(Outcome::LettersAcked { batch });
        };
        let ticket = self.inner.patience.ticket();
        let mut attempt = 0;
        while let Err(error) = writer.send_batch(letters.clone()).await {
            self.inner.patience.pause(ticket, attempt, format!("kafka dead-letter topic: {error}")).await;
            attempt = attempt.saturating_add(1);
        }
        self.inner.patience.resume(ticket);
        self.send(Outcome::LettersAcked { batch });
    }
}

fn facts(
    kafka: &ClusterClient,
    cluster: &str,
    group: &str,
    isolation: Isolation,
    partitions: &[TopicPartition],
) -> Result<Facted, ClusterError> {
    let committed = kafka.committed(group, partitions)?;
    let mut names: Vec<String> = partitions.iter().map(|p| p.topic.to_string()).collect();
    names.sort_unstable();
    names.dedup();
    let topics = kafka.describe(&names)?;
    let (there, missing): (Vec<_>, Vec<_>) = partitions
        .iter()
        .cloned()
        .partition(|p| topics.get(p.topic.as_ref()).is_some_and(|topic| topic.partitions.contains(&p.partition)));
    let watermarks: BTreeMap<TopicPartition, _> = kafka.watermarks(&there)?.into_iter().collect();
    let mut found = Vec::new();
    for topic_partition in there {
        let Some(marks) = watermarks.get(&topic_partition) else { continue };
        let offset = |offset: i64| u64::try_from(offset).unwrap_or(0);
        let own = committed.iter().find(|commit| commit.partition == topic_partition);
        let topic_id = topics.get(topic_partition.topic.as_ref()).and_then(|topic| topic.id.clone());
        let source = SourcePartition {
            cluster: cluster.to_owned(),
            topic: topic_partition.topic.to_string(),
            topic_id: topic_id.unwrap_or_default(),
            partition: topic_partition.partition,
        };
        // The end asked for is the last stable offset; a job that reads uncommitted records may rightly be beyond it.
        let end = match isolation {
            Isolation::ReadCommitted => offset(marks.end),
            Isolation::ReadUncommitted => u64::MAX,
        };
        let facts = Facts {
            committed: own.map(|commit| (offset(commit.offset), commit.metadata.clone())),
            log_start: offset(marks.start),
            end,
        };
        found.push(Found { topic_partition, source, facts });
    }
    Ok((found, missing))
}
