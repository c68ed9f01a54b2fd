//! What Kafka says of assigned partitions, and dead letters to a topic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use landfall_commit::recover::Facts;
use landfall_commit::{Seq, SourcePartition, Token};
use landfall_dlq::{DlqError, Letter, TopicWriter};
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
    /// The present ids of topics; one that does not exist, or has none, is left out.
    fn topic_ids(&self, topics: &[String]) -> Result<BTreeMap<String, String>, String>;
    /// Delivers the records of `from` (inclusive) to `end` (exclusive), in order.
    fn read_range(
        &self,
        partition: &TopicPartition,
        from: i64,
        end: i64,
        visit: &mut dyn FnMut(RecordRef<'_>) -> bool,
    ) -> Result<(), RangeError>;
}

/// Where letters to a topic go. Injected, so that a simulation refuses them.
#[async_trait]
pub trait LetterPort: Send + Sync + std::fmt::Debug {
    /// Sends the letters at the indices `todo` until each is acknowledged; answers those that were not, in ascending
    /// order. See [`TopicWriter::send_batch`].
    async fn send_batch(&self, letters: &[Letter], todo: &[usize]) -> Vec<(usize, DlqError)>;
}

#[async_trait]
impl LetterPort for TopicWriter {
    async fn send_batch(&self, letters: &[Letter], todo: &[usize]) -> Vec<(usize, DlqError)> {
        Self::send_batch(self, letters, todo).await
    }
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

    fn topic_ids(&self, topics: &[String]) -> Result<BTreeMap<String, String>, String> {
        let described = self.client.describe(topics).map_err(|e| e.to_string())?;
        Ok(described.into_iter().filter_map(|(name, topic)| Some((name, topic.id?))).collect())
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
    /// The group's commits first, then the log: an entry appended in between is then at worst folded twice. Bounds are
    /// looked up again after the log: an end from before would be judged against a newer `low`.
    pub(super) async fn recover(&self, epoch: u64, partitions: Vec<TopicPartition>, from: Seq) {
        let Some((before, _)) = self.facts(&partitions).await else { return };
        let tail = self.tail(from).await;
        let Some((mut found, missing)) = self.facts(&partitions).await else { return };
        for found in &mut found {
            if let Some(first) = before.iter().find(|before| before.topic_partition == found.topic_partition) {
                found.facts.committed.clone_from(&first.facts.committed);
            }
        }
        self.send(Outcome::Recovered { epoch, found, missing, tail });
    }

    /// Until they are told; `None` when the worker ends.
    async fn facts(&self, partitions: &[TopicPartition]) -> Option<Facted> {
        let partitions = partitions.to_vec();
        self.ask_kafka(move |kafka| kafka.facts(&partitions)).await
    }

    pub(super) async fn verify_topics(&self, seq: Seq, token: Token, ids: BTreeMap<String, String>) {
        let topics: Vec<String> = ids.keys().cloned().collect();
        let Some(now) = self.ask_kafka(move |kafka| kafka.topic_ids(&topics)).await else { return };
        let changed =
            ids.into_iter().find(|(topic, id)| now.get(topic).is_some_and(|now| now != id)).map(|(topic, _)| topic);
        self.send(Outcome::TopicsVerified { seq, token, changed });
    }

    /// Asks on a blocking thread until there is an answer; `None` when the worker ends.
    async fn ask_kafka<T: Send + 'static>(
        &self,
        ask: impl Fn(&dyn KafkaPort) -> Result<T, String> + Clone + Send + 'static,
    ) -> Option<T> {
        let ticket = self.inner.patience.ticket();
        let mut attempt = 0;
        loop {
            let (sender, receiver) = futures::channel::oneshot::channel();
            let (kafka, ask) = (Arc::clone(&self.inner.parts.kafka), ask.clone());
            self.inner.parts.spawner.blocking(Box::new(move || {
                let _ = sender.send(ask(kafka.as_ref()));
            }));
            match receiver.await {
                Ok(Ok(answer)) => {
                    self.inner.patience.resume(ticket);
                    return Some(answer);
                }
                Ok(Err(error)) => self.inner.patience.pause(ticket, attempt, error).await,
                Err(_) => return None,
            }
            attempt = attempt.saturating_add(1);
        }
    }

    pub(super) async fn produce_letters(&self, batch: u64, letters: Arc<[Letter]>) {
        let Some(writer) = self.inner.parts.letters.as_ref().map(Arc::clone) else {
            // Never acknowledge what was not produced: the supervisor starts the job again with a writer.
            let ticket = self.inner.patience.ticket();
            return self.inner.patience.waits().set(
                ticket,
                "a restart of the job: it has a dead-letter topic now".to_owned(),
                jiff::Timestamp::now().as_millisecond(),
            );
        };
        let ticket = self.inner.patience.ticket();
        let (mut attempt, mut too_large) = (0, Vec::new());
        let mut todo: Vec<usize> = (0..letters.len()).collect();
        loop {
            // What the topic took is not sent again; what is too large for it never will be.
            let failed = writer.send_batch(&letters, &todo).await;
            todo.clear();
            let mut waits_for = None;
            for (index, error) in failed {
                match error {
                    DlqError::TooLarge { .. } => too_large.push((index, error.to_string())),
                    error => {
                        todo.push(index);
                        waits_for.get_or_insert(error);
                    }
                }
            }
            let Some(error) = waits_for else { break };
            self.inner.patience.pause(ticket, attempt, format!("kafka dead-letter topic: {error}")).await;
            attempt = attempt.saturating_add(1);
        }
        self.inner.patience.resume(ticket);
        self.send(Outcome::LettersAcked { batch, too_large });
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
    let watermarks: BTreeMap<TopicPartition, _> = kafka.watermarks(&there, isolation)?.into_iter().collect();
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
        let facts = Facts {
            committed: own.map(|commit| (offset(commit.offset), commit.metadata.clone())),
            log_start: offset(marks.start),
            end: offset(marks.end),
        };
        found.push(Found { topic_partition, source, facts });
    }
    Ok((found, missing))
}
