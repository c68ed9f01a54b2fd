//! The facts behind a lag report, read from Kafka without joining the group: which partitions there are, where they
//! begin and end, what the group has committed, and how old the first record is that nobody has consumed. Blocks;
//! every request is bounded by the cluster client's time limit.

use std::collections::BTreeMap;
use std::sync::Arc;

use landfall_kafka::{ClusterClient, ClusterError, Isolation, TopicPartition, Topics};

use landfall_store::lag::{LagReport, PartitionFacts, report};

/// Partitions of a job whose first waiting record is read, those with the most waiting records first: the oldest is
/// hardly ever elsewhere, and thousands of fetches would be too much for one look.
const MAX_AGES_READ: usize = 200;

/// What is measured.
#[derive(Debug, Clone)]
pub struct Request {
    /// The registered name of the cluster.
    pub cluster: String,
    pub group: String,
    pub topics: Topics,
    /// The job's own: what an open transaction holds back is no lag of a reader that cannot see it.
    pub isolation: Isolation,
    /// Commits that carry another uid in their metadata are not this job's and do not count. `None`: all count.
    pub job_uid: Option<String>,
    /// Positions that live heartbeats tell (exclusive).
    pub positions: BTreeMap<TopicPartition, i64>,
    /// Where the job began.
    pub origins: BTreeMap<TopicPartition, i64>,
    /// Where a bounded job ends (exclusive).
    pub ends: BTreeMap<TopicPartition, i64>,
    /// The job's rate, to reckon an age where no record can be read.
    pub records_per_second: Option<f64>,
    /// Whether the first waiting record of each lagging partition is read for its age: a fetch a partition.
    pub read_ages: bool,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error("none of the job's topics exists in cluster {cluster}")]
    NoTopics { cluster: String },
}

/// Measures. `now_ms` is in milliseconds since the epoch.
///
/// # Errors
/// See [`MeasureError`]. Ages that cannot be read are no error: they are reckoned or missing.
pub fn measure(client: &ClusterClient, request: &Request, now_ms: i64) -> Result<LagReport, MeasureError> {
    let topics = client.topics(&request.topics)?;
    if topics.is_empty() {
        return Err(MeasureError::NoTopics { cluster: request.cluster.clone() });
    }
    let mut partitions = Vec::new();
    for topic in topics.values() {
        let name: Arc<str> = topic.name.as_str().into();
        let own = topic.partitions.iter();
        partitions.extend(own.map(|partition| TopicPartition { topic: Arc::clone(&name), partition: *partition }));
    }
    // Ends before commits: a commit that moves in between must not make lag look smaller than it was.
    let watermarks = client.watermarks(&partitions, request.isolation)?;
    // The coordinator is asked only about what no live worker covers: each group takes a client of its own.
    let uncovered: Vec<_> = partitions.into_iter().filter(|at| !request.positions.contains_key(at)).collect();
    let committed: BTreeMap<_, _> = client
        .committed(&request.group, &uncovered)?
        .into_iter()
        .filter(|commit| request.job_uid.as_ref().is_none_or(|uid| commit.metadata == *uid))
        .map(|commit| (commit.partition, commit.offset))
        .collect();
    let mut facts: BTreeMap<TopicPartition, PartitionFacts> = BTreeMap::new();
    for (partition, marks) in watermarks {
        let known = PartitionFacts {
            cluster: request.cluster.clone(),
            topic: partition.topic.to_string(),
            partition: partition.partition,
            start_offset: marks.start,
            end_offset: marks.end,
            origin: request.origins.get(&partition).copied().unwrap_or(0),
            stop_offset: request.ends.get(&partition).copied(),
            position: request.positions.get(&partition).copied(),
            committed: committed.get(&partition).copied(),
            oldest_unconsumed_ms: None,
        };
        facts.insert(partition, known);
    }
    if request.read_ages {
        read_ages(client, &mut facts);
    }
    let facts: Vec<_> = facts.into_values().collect();
    Ok(report(&facts, now_ms, request.records_per_second))
}

fn read_ages(client: &ClusterClient, facts: &mut BTreeMap<TopicPartition, PartitionFacts>) {
    let mut behind: Vec<_> = facts.iter().filter(|(_, facts)| facts.lag() > 0).collect();
    behind.sort_by_key(|(_, facts)| std::cmp::Reverse(facts.lag()));
    let first = behind.into_iter().take(MAX_AGES_READ);
    let wanted: Vec<_> = first.map(|(partition, facts)| (partition.clone(), facts.next().0)).collect();
    match client.timestamps_at(&wanted) {
        Ok(times_ms) => {
            for (partition, time_ms) in times_ms {
                if let Some(facts) = facts.get_mut(&partition) {
                    facts.oldest_unconsumed_ms = Some(time_ms);
                }
            }
        }
        Err(error) => tracing::warn!(%error, "the age of waiting records could not be read"),
    }
}
