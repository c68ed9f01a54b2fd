//! A refusal of the backend: an S3 code, its HTTP status and a message.

use std::fmt;
use std::io;

use crate::classify::classify;
use crate::error::{Operation, StoreError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: &'static str,
    pub status: u16,
    pub message: String,
}

impl Failure {
    #[must_use]
    pub fn new(code: &'static str, status: u16, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into() }
    }

    pub(super) fn no_such_key(key: &str) -> Self {
        Self::new("NoSuchKey", 404, format!("key {key} does not exist"))
    }

    pub(super) fn no_such_bucket(bucket: &str) -> Self {
        Self::new("NoSuchBucket", 404, format!("bucket {bucket} does not exist"))
    }

    pub(super) fn no_such_upload(upload_id: &str) -> Self {
        Self::new("NoSuchUpload", 404, format!("upload {upload_id} does not exist, was completed or was aborted"))
    }

    pub(super) fn precondition(what: &str) -> Self {
        Self::new("PreconditionFailed", 412, format!("the precondition {what} did not hold"))
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidArgument", 400, message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new("InternalError", 500, message)
    }

    /// As the same refusal looks through HTTP: a HEAD has no body, so it cannot tell a missing bucket from a key.
    pub(super) fn into_store_error(self, operation: Operation, bucket: &str, key: &str) -> StoreError {
        let bare = matches!(operation, Operation::Head | Operation::HeadBucket);
        let code = if bare && self.status == 404 { "NotFound" } else { self.code };
        StoreError {
            operation,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            kind: classify(operation, Some(code), Some(self.status)),
            code: code.to_owned(),
            status: Some(self.status),
            message: if bare { String::new() } else { self.message },
            request_id: None,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // What a medium refuses by itself: a key that it cannot hold.
            io::ErrorKind::InvalidInput => Self::invalid(error.to_string()),
            io::ErrorKind::PermissionDenied => Self::new("AccessDenied", 403, error.to_string()),
            _ => Self::internal(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (HTTP {}): {}", self.code, self.status, self.message)
    }
}

impl std::error::Error for Failure {}
