//! The status of a job: record, heartbeats, and for what no live worker covers Kafka's offsets and the log itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use landfall_kafka::{TopicPartition, TopicPattern, Topics};
use landfall_store::{
    Desired, JobBeat, JobRecord, KafkaOffsets, LiveWorkers, PartitionId, PartitionOffsets, StatusDocument, StatusInputs,
};

use super::{BackendError, access, resolve};
use crate::auth::Principal;
use crate::ports::Cluster;
use crate::state::ApiState;

pub(crate) async fn status(
    state: &ApiState,
    principal: &Principal,
    name: &str,
) -> Result<StatusDocument, BackendError> {
    let stored = access::visible(state, principal, name).await?;
    let record = &stored.record;
    let now = state.environment.now();
    let workers = state.heartbeats.read(now).await?;
    let covered = all_covered(record, &workers) && fetches(record, &workers);
    let kafka = async {
        if covered {
            return None;
        }
        let cluster = state.clusters.get(&record.spec.source.cluster)?;
        // A status is told even while Kafka is away: what it would have said is then unknown.
        tokio::time::timeout(state.limits.status_offsets, offsets(cluster.as_ref(), record)).await.ok().flatten()
    };
    let log = async {
        if workers.anyone_runs(&record.uid) {
            return None;
        }
        match state.logs.view(record).await {
            Ok(view) => Some(view),
            Err(error) => {
                tracing::warn!(job = record.name, job_uid = record.uid, %error, "the log cannot be read for a status");
                None
            }
        }
    };
    let scaling = async {
        let attended = workers.seen.iter().any(|seen| seen.live() && seen.job(&record.uid).is_some());
        let rests = record.failed.is_some()
            || record.finished_at.is_some()
            || matches!(record.desired, Desired::Paused | Desired::Stopped);
        if attended || rests {
            return None;
        }
        match state.scaling.decision(&record.spec.pool).await {
            Ok(decided) => decided,
            Err(error) => {
                tracing::warn!(pool = record.spec.pool, %error, "what was decided about the pool cannot be read");
                None
            }
        }
    };
    let (kafka, log, scaling) = tokio::join!(kafka, log, scaling);
    Ok(StatusDocument::merge(&StatusInputs {
        record,
        workers: &workers.seen,
        kafka: kafka.as_ref(),
        log: log.as_ref(),
        at_its_word: false,
        scaling: scaling.as_ref(),
        now,
    }))
}

/// True while the job's workers hear of new ends. One that pauses, or waits for something, fetches nothing: what it
/// knows of the ends is as old as its last fetch.
fn fetches(record: &JobRecord, workers: &LiveWorkers) -> bool {
    record.desired == Desired::Running && at_work(record, workers).all(|job| job.waiting_for.is_none())
}

/// True when live workers cover every partition the job was created with, and all of them know its end.
fn all_covered(record: &JobRecord, workers: &LiveWorkers) -> bool {
    let live: std::collections::BTreeSet<(&str, &str, i32)> = at_work(record, workers)
        .flat_map(|job| &job.partitions)
        .filter(|partition| partition.end_offset.is_some() && partition.position.is_some())
        .map(|partition| (partition.cluster.as_str(), partition.topic.as_str(), partition.partition))
        .collect();
    !record.origins.is_empty()
        && record
            .origins
            .iter()
            .all(|origin| live.contains(&(origin.cluster.as_str(), origin.topic.as_str(), origin.partition)))
}

/// What live workers say of the job, if they have it now: the last words of one that has left it grow old.
fn at_work<'a>(record: &'a JobRecord, workers: &'a LiveWorkers) -> impl Iterator<Item = &'a JobBeat> {
    let live = workers.seen.iter().filter(|seen| seen.live());
    live.filter_map(|seen| seen.job(&record.uid)).filter(|job| !job.past)
}

async fn offsets(cluster: &dyn Cluster, record: &JobRecord) -> Option<KafkaOffsets> {
    let wanted = match &record.spec.source.topics {
        landfall_job::Topics::Named(names) => Topics::Names(names.clone()),
        landfall_job::Topics::Matching(pattern) => Topics::Pattern(TopicPattern::parse(pattern.as_str()).ok()?),
    };
    let answer = async {
        let topics = cluster.topics(wanted).await?;
        let mut partitions = Vec::new();
        for topic in topics.values() {
            let name: Arc<str> = Arc::from(topic.name.as_str());
            let of_topic = topic.partitions.iter();
            partitions.extend(of_topic.map(|p| TopicPartition { topic: Arc::clone(&name), partition: *p }));
        }
        let marks = cluster.watermarks(partitions.clone(), resolve::isolation(&record.spec)).await?;
        let committed = cluster.committed(&record.spec.group_id(), partitions).await?;
        Ok::<_, landfall_kafka::ClusterError>((marks, committed))
    };
    let (marks, committed) = match answer.await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!(job = record.name, job_uid = record.uid, %error, "kafka's offsets are unknown for a status");
            return None;
        }
    };
    // A commit that carries another job's uid says nothing of this one.
    let committed: BTreeMap<TopicPartition, i64> = committed
        .into_iter()
        .filter(|commit| commit.metadata == record.uid)
        .map(|commit| (commit.partition, commit.offset))
        .collect();
    let cluster = record.spec.source.cluster.as_str();
    Some(
        marks
            .into_iter()
            .map(|(partition, marks)| {
                let id = PartitionId {
                    cluster: cluster.to_owned(),
                    topic: partition.topic.to_string(),
                    partition: partition.partition,
                };
                let committed_offset = committed.get(&partition).copied();
                (
                    id,
                    PartitionOffsets { start_offset: Some(marks.start), end_offset: Some(marks.end), committed_offset },
                )
            })
            .collect(),
    )
}
