//! The dry run: the checks of a creation, or of a replacement where the job exists already.

use landfall_job::{JobSpec, validate_update};

use super::check::{self, Plan};
use super::{BackendError, access, create};
use crate::auth::Principal;
use crate::state::ApiState;

/// `connector`: it is what a Kafka Connect config becomes.
pub(crate) async fn validate(
    state: &ApiState,
    principal: &Principal,
    spec: &JobSpec,
    connector: bool,
) -> Result<Plan, BackendError> {
    access::ensure_own_team(principal, spec)?;
    create::ensure_addressable(spec)?;
    match state.jobs.lookup(spec.name.as_str()).await? {
        Some(there) if !there.record.closed && principal.sees(&there.record.spec.team) => {
            validate_update(&there.record.spec, spec)?;
            check::changed_job(state, &there.record, spec).await
        }
        _ => check::new_job(state, spec, connector).await,
    }
}
