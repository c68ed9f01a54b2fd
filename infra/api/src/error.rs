//! The one map from what went wrong to HTTP. What may reach a caller is written here; the rest goes to the log.

use landfall_s3::StoreError;
use landfall_store::heartbeats::HeartbeatError;
use landfall_store::{JobStoreError, LogError};

use crate::backend::BackendError;
use crate::problem::{Kind, Problem};

impl From<BackendError> for Problem {
    fn from(error: BackendError) -> Self {
        match error {
            BackendError::InvalidJob(errors) => {
                Self::new(Kind::InvalidJob, count(errors.len(), "field needs mending", "fields need mending"))
                    .with_errors(errors)
            }
            BackendError::CheckFailed(errors) => {
                Self::new(Kind::CheckFailed, count(errors.len(), "check failed", "checks failed")).with_errors(errors)
            }
            BackendError::CheckTimedOut { .. } => Self::new(Kind::TimedOut, format!("{error}; nothing was created")),
            BackendError::Unavailable { .. } => Self::new(Kind::DependencyUnavailable, error.to_string()),
            BackendError::WrongState { .. } => Self::new(Kind::WrongState, error.to_string()),
            BackendError::IdempotencyMismatch { .. } => {
                Self::new(Kind::IdempotencyMismatch, format!("{error}: send a new key for a new job"))
            }
            BackendError::Jobs(error) => jobs(&error),
            BackendError::Heartbeats(HeartbeatError::Store(error)) => store(&error),
            BackendError::Log(error) => match *error {
                LogError::Store(error) => store(&error),
                error => {
                    tracing::error!(%error, "a commit log cannot be used");
                    Self::new(Kind::Internal, error.to_string())
                }
            },
            BackendError::Heartbeats(error) => {
                tracing::error!(%error, "a heartbeat cannot be used");
                Self::new(Kind::Internal, "a worker's heartbeat cannot be used")
            }
            BackendError::Store(error) => store(&error),
        }
    }
}

fn jobs(error: &JobStoreError) -> Problem {
    match error {
        JobStoreError::NotFound { .. } => Problem::new(Kind::NotFound, error.to_string()),
        JobStoreError::AlreadyExists { .. } => {
            Problem::new(Kind::JobExists, format!("{error}: replace it with PUT, or choose another name"))
        }
        JobStoreError::Conflict { .. } => Problem::new(Kind::PreconditionFailed, error.to_string()),
        JobStoreError::Contended { .. } => Problem::new(Kind::Contended, error.to_string()),
        JobStoreError::Broken { .. } | JobStoreError::Encode { .. } | JobStoreError::TooMany { .. } => {
            tracing::error!(%error, "a job record cannot be used");
            Problem::new(Kind::Internal, error.to_string())
        }
        JobStoreError::Store(error) => store(error),
    }
}

/// The state bucket: the caller learns the S3 code, since it is the operator's first question.
fn store(error: &StoreError) -> Problem {
    tracing::error!(%error, "the state bucket did not do as asked");
    let detail = format!("the state bucket answered {} to {}", error.code, error.operation.name());
    Problem::new(Kind::DependencyUnavailable, detail)
}

fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}
