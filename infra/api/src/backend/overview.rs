//! All jobs and workers at a glance, from records and heartbeats alone: no log is read and no Kafka is asked. So a job
//! that was paused or stopped and has no worker any more is taken at its word, as it is for scaling.

use std::time::Duration;

use landfall_store::{DeliveryMode, JobRecord, LiveWorkers, StatusDocument, StatusInputs};

use super::BackendError;
use crate::auth::Principal;
use crate::state::ApiState;
use crate::view::{FailureView, JobGlance, Overview, WorkerGlance};

/// Jobs told of, by name; a page of a list has the rest.
const MAX_JOBS: usize = 5_000;

pub(crate) async fn overview(
    state: &ApiState,
    principal: &Principal,
    max_age: Duration,
) -> Result<Overview, BackendError> {
    let jobs = state.snapshots().jobs(state, max_age).await?;
    let workers = state.snapshots().workers(state, max_age).await?;
    let now = state.environment.now();
    let mut seen = jobs.living.values().filter(|stored| principal.sees(&stored.record.spec.team));
    let one = |record: &JobRecord| {
        let of = |seen: &&landfall_store::SeenHeartbeat| seen.job(&record.uid).is_some();
        let own: Vec<_> = workers.seen.iter().filter(of).cloned().collect();
        let inputs =
            StatusInputs { record, workers: &own, kafka: None, log: None, at_its_word: true, scaling: None, now };
        glance(record, StatusDocument::merge(&inputs))
    };
    Ok(Overview {
        at: now,
        jobs: seen.by_ref().take(MAX_JOBS).map(|stored| one(&stored.record)).collect(),
        more_jobs: u64::try_from(seen.count()).unwrap_or(u64::MAX),
        workers: glances(&workers),
    })
}

fn glance(record: &JobRecord, status: StatusDocument) -> JobGlance {
    JobGlance {
        name: status.name,
        team: record.spec.team.clone(),
        pool: record.spec.pool.clone(),
        state: status.state,
        desired: status.desired,
        degraded: status.delivery.mode == DeliveryMode::AtLeastOnce || !status.delivery.degraded_because.is_empty(),
        lag_records: status.lag.records,
        lag_seconds: status.lag.seconds,
        records_per_second: status.throughput.records_per_second,
        bytes_per_second: status.throughput.bytes_per_second,
        dead_letters: status.dead_letters.total,
        open_files: status.open_files_total,
        workers: u64::try_from(status.workers.iter().filter(|worker| !worker.stale).count()).unwrap_or(u64::MAX),
        waiting_for: status.waiting_for,
        reason: status.reasons.into_iter().next(),
        failed: status.failed.map(|failed| FailureView { at: failed.at, code: failed.code, message: failed.message }),
        finished_at: status.finished_at,
        created_at: record.created_at,
        connector: record.connector.is_some(),
    }
}

fn glances(workers: &LiveWorkers) -> Vec<WorkerGlance> {
    let one = |seen: &landfall_store::SeenHeartbeat| {
        let beat = &seen.heartbeat;
        let jobs = || beat.jobs.iter().filter(|job| !job.past);
        WorkerGlance {
            worker: beat.worker.clone(),
            version: beat.version.clone(),
            pool: beat.pool.clone(),
            at: beat.at,
            stale: !seen.live(),
            memory_used_bytes: beat.memory.used_bytes.values().sum(),
            memory_limit_bytes: beat.memory.limit_bytes,
            jobs: u64::try_from(jobs().count()).unwrap_or(u64::MAX),
            partitions: jobs().map(|job| u64::try_from(job.partitions.len()).unwrap_or(u64::MAX)).sum(),
        }
    };
    workers.seen.iter().map(one).collect()
}
