//! First contact with the job's bucket: does it exist, may we, and can it keep the promise? The operator's rules allow
//! it already.

use landfall_job::{FieldError, JobSpec};
use landfall_s3::{ErrorKind, ProbeSettings, StoreError, probe};

use super::BackendError;
use super::check::Checks;
use crate::state::ApiState;

pub(crate) async fn check(state: &ApiState, checks: &mut Checks, spec: &JobSpec) -> Result<(), BackendError> {
    let bucket = spec.sink.bucket.as_str();
    let what = format!("bucket {bucket}");
    let location = state.jobs.location();
    let settings = ProbeSettings {
        state_bucket: location.bucket.clone(),
        state_prefix: location.prefix.clone(),
        data_bucket: bucket.to_owned(),
        data_prefix: spec.sink.key.literal_prefix().to_owned(),
        upload_lifetime_ms: state.upload_lifetime_ms,
        max_open_ms: spec.sink.rotate.age.millis(),
        unique: state.environment.fresh_id(),
    };
    let report = match checks.in_time(&what, probe(state.buckets.as_ref(), settings)).await? {
        Ok(report) => report,
        Err(error) => return refused(checks, &what, bucket, &error),
    };
    if let Some(finding) = report.refused() {
        let problem = format!("cannot keep the commit log: {}", finding.detail);
        checks.errors.push(FieldError::new("sink.bucket", problem, "take the rule off the state prefix"));
    }
    for finding in report.degraded() {
        checks.warnings.push(format!("at_least_once because of {}: {}", finding.check.name(), finding.detail));
    }
    Ok(())
}

/// A refusal is a mistake of the field, with the S3 code; a store that does not answer ends the checks.
fn refused(checks: &mut Checks, what: &str, bucket: &str, error: &StoreError) -> Result<(), BackendError> {
    // The probe asks the state bucket too, which the job does not name.
    if error.bucket != bucket {
        return Err(BackendError::Store(error.clone()));
    }
    if error.kind.transient() && error.kind != ErrorKind::Credentials {
        return Err(BackendError::Unavailable { what: what.to_owned(), message: error.to_string() });
    }
    let fix = match error.kind {
        ErrorKind::NoSuchBucket | ErrorKind::NoSuchKey => "create the bucket, or mend its name",
        ErrorKind::AccessDenied => "ask the operator to grant the role the actions of docs/s3-permissions.md on it",
        ErrorKind::Credentials => "ask the operator to mend the credentials",
        _ => "ask the operator to look at the bucket's settings",
    };
    checks
        .errors
        .push(FieldError::new("sink.bucket", format!("was refused: {error}"), fix).with_value(format!("{bucket:?}")));
    Ok(())
}
