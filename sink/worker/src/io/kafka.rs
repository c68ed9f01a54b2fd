//! What Kafka says of assigned partitions, and dead letters to a topic.

use std::collections::BTreeMap;
use std::sync::Arc;

use landfall_commit::recover::Facts;
use landfall_commit::{Seq, SourcePartition};
use landfall_dlq::Letter;
use landfall_kafka::{ClusterClient, ClusterError, Isolation, TopicPartition};

use super::Io;
use crate::effect::{Found, Outcome};

type Facted = (Vec<Found>, Vec<TopicPartition>);

impl Io {
    /// The group's commits first, then the log: an entry appended in between is then at worst folded twice.
    pub(super) async fn recover(&self, epoch: u64, partitions: Vec<TopicPartition>, from: Seq) {
        let ticket = self.inner.patience.ticket();
        let mut attempt = 0;
        let (found, missing) = loop {
            let (sender, receiver) = futures::channel::oneshot::channel();
            let (parts, wanted) = (self.inner.parts.clone(), partitions.clone());
            self.inner.parts.spawner.blocking(Box::new(move || {
                let _ = sender.send(facts(&parts.kafka, &parts.cluster, &parts.group, parts.isolation, &wanted));
            }));
            match receiver.await {
                Ok(Ok(facts)) => break facts,
                Ok(Err(error)) => self.inner.patience.pause(ticket, attempt, error.to_string()).await,
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
