//! What the API does, apart from HTTP: one file an operation. Nothing here knows a header or a status code; errors
//! are [`BackendError`], and `error.rs` of this crate maps them to HTTP in one place.

pub(crate) mod access;
pub(crate) mod actions;
pub(crate) mod bucket;
pub(crate) mod check;
pub(crate) mod clone;
pub(crate) mod connector;
pub(crate) mod create;
pub(crate) mod group;
pub(crate) mod letters;
pub(crate) mod list;
pub(crate) mod objects;
pub(crate) mod offsets;
pub(crate) mod overview;
pub(crate) mod remove;
pub(crate) mod replace;
pub(crate) mod resolve;
pub(crate) mod snapshot;
pub(crate) mod starts;
pub(crate) mod status;
pub(crate) mod validate;

use std::time::Duration;

use landfall_job::{FieldError, FieldErrors};
use landfall_s3::StoreError;
use landfall_store::heartbeats::HeartbeatError;
use landfall_store::{JobStoreError, LogError, UpdateError};

/// Why an operation did not happen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackendError {
    #[error("the job document has {} mistakes", .0.len())]
    InvalidJob(Vec<FieldError>),
    #[error("the job does not fit the cluster or the bucket")]
    CheckFailed(Vec<FieldError>),
    #[error("{what} did not answer within {} s", .limit.as_secs())]
    CheckTimedOut { what: String, limit: Duration },
    #[error("{what} cannot be reached: {message}")]
    Unavailable { what: String, message: String },
    #[error("job {name:?} is {state}: {fix}")]
    WrongState { name: String, state: String, fix: &'static str },
    #[error("this idempotency key made job {name:?} from another body")]
    IdempotencyMismatch { name: String },
    #[error(transparent)]
    Jobs(#[from] JobStoreError),
    /// Boxed: it names an object and what is wrong with it.
    #[error(transparent)]
    Log(Box<LogError>),
    #[error(transparent)]
    Heartbeats(#[from] HeartbeatError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<UpdateError<BackendError>> for BackendError {
    fn from(error: UpdateError<BackendError>) -> Self {
        match error {
            UpdateError::Store(error) => Self::Jobs(error),
            UpdateError::Refused(error) => error,
        }
    }
}

impl From<LogError> for BackendError {
    fn from(error: LogError) -> Self {
        Self::Log(Box::new(error))
    }
}

impl From<FieldErrors> for BackendError {
    fn from(errors: FieldErrors) -> Self {
        Self::InvalidJob(errors.0)
    }
}

impl BackendError {
    pub(crate) fn no_such_job(name: &str) -> Self {
        Self::Jobs(JobStoreError::NotFound { name: name.to_owned() })
    }
}
