//! Deleting a job: first a mark, by which the workers land what is open and append the closing entry; then the
//! record becomes a tombstone. Log and objects stay. Where no live worker runs the job and its log holds no
//! unfinished file, the closing entry is appended here; a log that is gone or damaged holds no job back.

use landfall_store::{Closing, Desired, EventKind, JobRecord, JobState, LiveWorkers, LogError, Stored};

use super::{BackendError, access};
use crate::auth::Principal;
use crate::state::ApiState;

/// What has become of the job.
#[derive(Debug)]
pub(crate) enum Removed {
    Gone,
    /// Workers, or an unfinished file, are still in the way.
    Waiting(Box<Stored>),
}

pub(crate) async fn remove(
    state: &ApiState,
    principal: &Principal,
    name: &str,
    if_match: Option<&[String]>,
) -> Result<Removed, BackendError> {
    access::visible(state, principal, name).await?;
    let stored = state
        .jobs
        .update_if(name, if_match, |record| {
            access::ensure_visible(principal, record)?;
            if record.desired != Desired::Deleted {
                record.desired = Desired::Deleted;
                record.changed(state.environment.now(), &principal.name, EventKind::Deleting, "log and objects stay");
            }
            Ok::<(), BackendError>(())
        })
        .await?;
    tracing::info!(job = name, job_uid = stored.record.uid, by = principal.name, "job deletion asked for");
    finish(state, stored).await
}

/// Goes on with a deletion as far as it can be done now. Called again by whoever looks at the job.
pub(crate) async fn finish(state: &ApiState, stored: Stored) -> Result<Removed, BackendError> {
    if stored.record.desired != Desired::Deleted {
        return Ok(Removed::Waiting(Box::new(stored)));
    }
    if !close(state, &stored.record).await? {
        return Ok(Removed::Waiting(Box::new(stored)));
    }
    let uid = stored.record.uid.clone();
    let closed = state
        .jobs
        .update(&stored.record.name, |record| {
            if record.uid == uid && record.desired == Desired::Deleted {
                record.closed = true;
            }
            Ok::<(), BackendError>(())
        })
        .await;
    match closed.map_err(BackendError::from) {
        Ok(now) if !now.record.closed => Ok(Removed::Waiting(Box::new(now))),
        // Closed by us, or by a worker in between.
        Ok(_) | Err(BackendError::Jobs(landfall_store::JobStoreError::NotFound { .. })) => {
            tracing::info!(job = stored.record.name, job_uid = uid, "job deleted");
            Ok(Removed::Gone)
        }
        Err(error) => Err(error),
    }
}

/// Goes on with a deletion for somebody who only looks at the job: what is in its way keeps nobody from seeing it.
pub(crate) async fn bring_on(state: &ApiState, stored: Stored) -> Removed {
    let shown = stored.clone();
    match finish(state, stored).await {
        Ok(removed) => removed,
        Err(error) => {
            let (job, job_uid) = (&shown.record.name, &shown.record.uid);
            tracing::warn!(job, job_uid, %error, "the deletion does not get on");
            Removed::Waiting(Box::new(shown))
        }
    }
}

/// True when nothing of the job is left to be done. False: a worker is at it, or must be.
async fn close(state: &ApiState, record: &JobRecord) -> Result<bool, BackendError> {
    let now = state.environment.now();
    let (job, job_uid) = (&record.name, &record.uid);
    // Looking for workers only avoids useless appends: a worker that comes now finds the closing entry in the log.
    let workers = state.heartbeats.read(now).await?;
    if workers.anyone_runs(job_uid) && (anyone_has_begun(&workers, job_uid) || readable(state, record).await?) {
        return Ok(false);
    }
    match state.logs.close(record, now).await {
        Ok(Closing::Closed) => Ok(true),
        Ok(Closing::Unfinished) => Ok(false),
        Ok(Closing::Unusable(error)) => {
            tracing::warn!(job, job_uid, %error, "deleted without a closing entry: the log cannot be used");
            Ok(true)
        }
        Err(LogError::Store(error)) => Err(error.into()),
        Err(error) => {
            tracing::warn!(job, job_uid, %error, "the log cannot be closed here: left to the workers");
            Ok(false)
        }
    }
}

/// A worker that has begun has read the log once and may hold records. One that only starts may do so for ever.
fn anyone_has_begun(workers: &LiveWorkers, uid: &str) -> bool {
    let begun = |state: JobState| !matches!(state, JobState::Starting | JobState::Failed);
    workers.seen.iter().any(|seen| seen.live() && seen.job(uid).is_some_and(|job| begun(job.state)))
}

async fn readable(state: &ApiState, record: &JobRecord) -> Result<bool, BackendError> {
    match state.logs.damage(record).await {
        Ok(damage) => Ok(damage.is_none()),
        Err(LogError::Store(error)) => Err(error.into()),
        // Not readable by this version.
        Err(_) => Ok(true),
    }
}
