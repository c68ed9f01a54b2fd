//! Jobs belong to a team: what a principal may see and change.

use landfall_job::{FieldError, JobName, JobSpec};
use landfall_store::{JobRecord, Stored};

use super::BackendError;
use crate::auth::Principal;
use crate::state::ApiState;

/// A living job that the principal may see. A name that cannot be one names no job.
pub(crate) async fn visible(state: &ApiState, principal: &Principal, name: &str) -> Result<Stored, BackendError> {
    if JobName::parse(name).is_err() {
        return Err(BackendError::no_such_job(name));
    }
    let stored = state.jobs.get(name).await?;
    ensure_visible(principal, &stored.record)?;
    Ok(stored)
}

/// Another team's job is as good as none.
pub(crate) fn ensure_visible(principal: &Principal, record: &JobRecord) -> Result<(), BackendError> {
    if principal.sees(&record.spec.team) { Ok(()) } else { Err(BackendError::no_such_job(&record.name)) }
}

/// A principal of a team makes jobs of that team only.
pub(crate) fn ensure_own_team(principal: &Principal, spec: &JobSpec) -> Result<(), BackendError> {
    if principal.sees(&spec.team) {
        return Ok(());
    }
    let own = principal.team.as_deref().unwrap_or_default();
    let error =
        FieldError::new("team", format!("is not the team of token {:?}", principal.name), format!("write team: {own}"));
    Err(BackendError::CheckFailed(vec![error.with_value(format!("{:?}", spec.team))]))
}
