//! Deleting a job: first a mark, by which the workers land what is open and append the closing entry; then the
//! record becomes a tombstone. Log and objects stay. Where no live worker runs the job and its log holds no
//! unfinished file, the closing entry is appended here.

use landfall_store::{Desired, Stored};

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
                record.changed_at = state.environment.now();
                record.changed_by.clone_from(&principal.name);
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
    let now = state.environment.now();
    let workers = state.heartbeats.read(now).await?;
    // Looking for workers only avoids useless appends: a worker that comes now finds the closing entry in the log.
    if workers.anyone_runs(&stored.record.uid) || !state.logs.close(&stored.record, now).await? {
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
