//! The consumer group of a job that begins, or gets topics: the group shall say where the job starts.
//!
//! A worker lets the log decide where it goes on, and takes a commit ahead of the log for an operator's reset: then it
//! stops. Two kinds of commit count: the job's own, which carry its uid, and those that carry nothing, which other
//! consumers and Kafka's own tools write. So a commit of the second kind ahead of the start must be gone before a worker
//! can see the job. It is put back *before* the record (or the new document) is written: after it, the API could die
//! in between, and the job would stop for good at its first look.
//!
//! Only such commits are put back, and only downwards. When the record is then not written, the group reads records
//! again, and nothing is skipped. Of two that create the same name at once each puts back with its own uid; whichever
//! commit stands in the end, the winner's workers take it for their own start or, carrying another uid, for nobody's.
//! [`commit_origins`] then gives the group the winner's, for those who look at lag. A loser that comes so late that the
//! workers have joined is refused by the group itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use landfall_job::{FieldError, JobSpec};
use landfall_kafka::{ClusterError, CommitOffset, TopicPartition};
use landfall_store::{JobRecord, Origin};

use super::BackendError;
use crate::state::ApiState;

/// Puts commits of others back to the start offsets (inclusive) of the partitions, under the job's uid. `idle` says how
/// the group becomes one without members: Kafka commits for no other from outside.
pub(crate) async fn put_back(
    state: &ApiState,
    spec: &JobSpec,
    uid: &str,
    ahead: &[(TopicPartition, i64)],
    idle: &str,
) -> Result<(), BackendError> {
    let Some(cluster) = state.clusters.get(&spec.source.cluster).filter(|_| !ahead.is_empty()) else { return Ok(()) };
    let commit = |(partition, offset): &(TopicPartition, i64)| CommitOffset {
        partition: partition.clone(),
        offset: *offset,
        metadata: uid.to_owned(),
    };
    let (group, what) = (spec.group_id(), format!("kafka cluster {}", spec.source.cluster));
    let asked = cluster.commit(&group, ahead.iter().map(commit).collect());
    let refused = |problem: String, fix: &str| {
        let mistake = FieldError::new("source.group", problem, fix).with_value(format!("{group:?}"));
        Err(BackendError::CheckFailed(vec![mistake]))
    };
    match tokio::time::timeout(state.limits.checks, asked).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(ClusterError::GroupActive { .. })) => {
            refused("has running members, and a commit ahead of where the job starts".to_owned(), idle)
        }
        Ok(Err(error @ ClusterError::Unreachable { .. })) => {
            Err(BackendError::Unavailable { what, message: error.to_string() })
        }
        Ok(Err(error)) => {
            let fix = "ask the operator to grant read on the group to the cluster's user";
            refused(format!("has a commit ahead of where the job starts, and it cannot be put back: {error}"), fix)
        }
        Err(_) => Err(BackendError::CheckTimedOut { what, limit: state.limits.checks }),
    }
}

/// Commits where the job begins. A failure is no failure of the job: its workers commit by themselves, and until
/// then lag is told from the origins.
pub(crate) async fn commit_origins(state: &ApiState, record: &JobRecord) -> Option<String> {
    let cluster = state.clusters.get(&record.spec.source.cluster)?;
    let mut topics: BTreeMap<&str, Arc<str>> = BTreeMap::new();
    let offsets: Vec<CommitOffset> = record
        .origins
        .iter()
        .map(|Origin { topic, partition, start_offset, .. }| CommitOffset {
            partition: TopicPartition {
                topic: Arc::clone(topics.entry(topic).or_insert_with(|| Arc::from(topic.as_str()))),
                partition: *partition,
            },
            offset: *start_offset,
            metadata: record.uid.clone(),
        })
        .collect();
    let group = record.spec.group_id();
    let commit = cluster.commit(&group, offsets);
    let error = match tokio::time::timeout(state.limits.checks, commit).await {
        // A worker was quicker and has joined the group already.
        Ok(Ok(()) | Err(ClusterError::GroupActive { .. })) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", state.limits.checks.as_secs()),
    };
    tracing::warn!(job = record.name, job_uid = record.uid, error, "start offsets were not committed to the group");
    Some(format!("the start offsets were not committed to group {group}: {error}; the workers will commit them"))
}
