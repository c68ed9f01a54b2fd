//! A job as the scaling decision sees it: from its status, and where Kafka was asked, from what Kafka said. Pure.

use std::sync::Arc;

use landfall_scale::{JobLag, JobSample, PartitionKey, PartitionSample, Phase};
use landfall_store::status::PartitionStatus;
use landfall_store::{LagReport, State, StatusDocument};

/// The job by its status alone. `now_ms` is when the status was made, in milliseconds since the epoch.
#[must_use]
pub fn of_status(status: &StatusDocument, max_workers: u32, now_ms: i64) -> JobSample {
    let one = |at: &PartitionStatus| {
        let (end_offset, lag) = (at.end_offset?, at.lag?);
        Some(PartitionSample {
            key: key(&at.cluster, &at.topic, at.partition),
            first_offset: begins(end_offset, lag),
            end_offset,
            position: at.position.filter(|_| at.worker.is_some() && !at.stale),
            committed_offset: at.committed_offset,
            age_seconds: if lag > 0 { status.lag.seconds } else { None },
        })
    };
    let partitions: Option<Vec<PartitionSample>> = status.partitions.iter().map(one).collect();
    sample(status, max_workers, partitions, now_ms)
}

/// The job with its partitions as Kafka told them at `measured_at_ms`; `None` where Kafka told nothing.
#[must_use]
pub fn measured(
    status: &StatusDocument,
    max_workers: u32,
    report: Option<&LagReport>,
    measured_at_ms: i64,
) -> JobSample {
    let one = |at: &landfall_store::lag::PartitionLag| PartitionSample {
        key: key(&at.cluster, &at.topic, at.partition),
        first_offset: begins(at.end_offset, at.lag),
        end_offset: at.end_offset,
        position: at.position,
        committed_offset: at.committed_offset,
        age_seconds: at.age.filter(|_| at.lag > 0).map(|age| age.seconds),
    };
    let partitions = report.map(|report| report.partitions.iter().map(one).collect());
    sample(status, max_workers, partitions, measured_at_ms)
}

fn key(cluster: &str, topic: &str, partition: i32) -> PartitionKey {
    PartitionKey { cluster: cluster.into(), topic: topic.into(), partition }
}

/// What is behind begins where nothing was consumed yet, and not before what the broker still has.
fn begins(end_offset: i64, lag: u64) -> i64 {
    end_offset.saturating_sub(i64::try_from(lag).unwrap_or(i64::MAX))
}

fn sample(
    status: &StatusDocument,
    max_workers: u32,
    partitions: Option<Vec<PartitionSample>>,
    sampled_at_ms: i64,
) -> JobSample {
    let live = status.workers.iter().filter(|worker| !worker.stale).count();
    JobSample {
        name: Arc::from(status.name.as_str()),
        phase: phase(status.state),
        max_workers,
        lag: partitions.map(|partitions| JobLag {
            sampled_at_ms,
            live_workers: u32::try_from(live).unwrap_or(u32::MAX),
            unlanded: unlanded(status),
            partitions,
        }),
    }
}

fn phase(state: State) -> Phase {
    match state {
        State::Running => Phase::Running,
        State::Paused => Phase::Paused,
        State::Stopped => Phase::Stopped,
        State::Failed => Phase::Failed,
        State::Finished => Phase::Finished,
        State::Deleting => Phase::Deleting,
        State::Deleted => Phase::Deleted,
    }
}

/// Consumed and not visible yet: in an open file, in an entry that is not complete, or between the two.
fn unlanded(status: &StatusDocument) -> bool {
    // Where nothing is known of what landed, the partition is new and began at 0.
    let behind = |at: &PartitionStatus| at.position.is_some_and(|position| position > at.landed_offset.unwrap_or(0));
    status.open_files_total > 0
        || status.uncompleted_entries.is_some_and(|entries| entries > 0)
        || status.partitions.iter().any(behind)
}
