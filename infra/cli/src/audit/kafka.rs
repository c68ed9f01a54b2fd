//! What Kafka says of the job's partitions, asked without joining its group.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use landfall_job::Topics as SpecTopics;
use landfall_kafka::{ClusterClient, ClusterError, TopicPartition, TopicPattern, Topics};
use landfall_store::JobRecord;

use super::Target;
use super::evidence::KafkaPartition;

pub(super) async fn offsets(target: &Target) -> anyhow::Result<BTreeMap<(String, i32), KafkaPartition>> {
    let (client, record) = (Arc::clone(&target.kafka), target.record.clone());
    let topics = match &record.spec.source.topics {
        SpecTopics::Named(names) => Topics::Names(names.clone()),
        SpecTopics::Matching(pattern) => Topics::Pattern(TopicPattern::parse(pattern.as_str())?),
    };
    let asked = tokio::task::spawn_blocking(move || ask(&client, &record, &topics)).await;
    asked.context("kafka's offsets could not be asked for")?.context("kafka's offsets are needed for an audit")
}

fn ask(
    client: &ClusterClient,
    record: &JobRecord,
    topics: &Topics,
) -> Result<BTreeMap<(String, i32), KafkaPartition>, ClusterError> {
    let mut found: BTreeMap<(String, i32), KafkaPartition> = BTreeMap::new();
    // A topic that is gone still had commits.
    for origin in &record.origins {
        found.insert((origin.topic.clone(), origin.partition), KafkaPartition::default());
    }
    let described = client.topics(topics)?;
    let mut there = Vec::new();
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
    for (partition, marks) in client.watermarks(&there)? {
        let at = found.entry((partition.topic.to_string(), partition.partition)).or_default();
        at.log_start = Some(unsigned(marks.start));
        at.end = Some(unsigned(marks.end));
    }
    Ok(found)
}

fn unsigned(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}
