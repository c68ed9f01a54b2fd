//! What Kafka says of the job's partitions, asked without joining its group: first what the group has committed, and
//! once the log was read how far the partitions go. A job that runs moves both ahead between the questions.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use landfall_job::Topics as SpecTopics;
use landfall_kafka::{ClusterClient, ClusterError, Isolation, TopicPartition, TopicPattern, Topics};
use landfall_store::JobRecord;

use super::Target;

/// What Kafka says of one partition. Offsets are exclusive but for the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct KafkaPartition {
    pub(super) topic_id: Option<String>,
    /// Of the job's group, with the commit's metadata.
    pub(super) committed: Option<(u64, String)>,
    pub(super) log_start: Option<u64>,
    /// As far as the job's isolation lets it read.
    pub(super) end: Option<u64>,
}

/// The job's partitions by topic and number, those of topics that are gone too.
#[derive(Debug, Default)]
pub(super) struct Partitions {
    pub(super) known: BTreeMap<(String, i32), KafkaPartition>,
    there: Vec<TopicPartition>,
}

/// Topics and committed offsets.
pub(super) async fn commits(target: &Target) -> anyhow::Result<Partitions> {
    let (client, record) = (Arc::clone(&target.kafka), target.record.clone());
    let topics = match &record.spec.source.topics {
        SpecTopics::Named(names) => Topics::Names(names.clone()),
        SpecTopics::Matching(pattern) => Topics::Pattern(TopicPattern::parse(pattern.as_str())?),
    };
    ask(move || ask_commits(&client, &record, &topics)).await
}

/// The partitions with their first and end offsets.
pub(super) async fn ends(
    target: &Target,
    mut partitions: Partitions,
) -> anyhow::Result<BTreeMap<(String, i32), KafkaPartition>> {
    let (client, isolation) = (Arc::clone(&target.kafka), isolation(&target.record));
    ask(move || {
        for (partition, marks) in client.watermarks(&partitions.there, isolation)? {
            let at = partitions.known.entry((partition.topic.to_string(), partition.partition)).or_default();
            at.log_start = Some(unsigned(marks.start));
            at.end = Some(unsigned(marks.end));
        }
        Ok(partitions.known)
    })
    .await
}

async fn ask<T: Send + 'static>(
    question: impl FnOnce() -> Result<T, ClusterError> + Send + 'static,
) -> anyhow::Result<T> {
    let asked = tokio::task::spawn_blocking(question).await;
    asked.context("kafka's offsets could not be asked for")?.context("kafka's offsets are needed for an audit")
}

fn ask_commits(client: &ClusterClient, record: &JobRecord, topics: &Topics) -> Result<Partitions, ClusterError> {
    let Partitions { known: mut found, mut there } = Partitions::default();
    // A topic that is gone still had commits.
    for origin in &record.origins {
        found.insert((origin.topic.clone(), origin.partition), KafkaPartition::default());
    }
    let described = client.topics(topics)?;
    for topic in described.values() {
        let name: Arc<str> = Arc::from(topic.name.as_str());
        for partition in &topic.partitions {
            there.push(TopicPartition { topic: Arc::clone(&name), partition: *partition });
            let at = found.entry((topic.name.clone(), *partition)).or_default();
            at.topic_id.clone_from(&topic.id);
        }
    }
    for commit in client.committed(&record.spec.group_id(), &there)? {
        let key = (commit.partition.topic.to_string(), commit.partition.partition);
        found.entry(key).or_default().committed = Some((unsigned(commit.offset), commit.metadata));
    }
    Ok(Partitions { known: found, there })
}

fn isolation(record: &JobRecord) -> Isolation {
    match record.spec.source.isolation {
        landfall_job::Isolation::ReadCommitted => Isolation::ReadCommitted,
        landfall_job::Isolation::ReadUncommitted => Isolation::ReadUncommitted,
    }
}

fn unsigned(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}
