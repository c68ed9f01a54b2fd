//! From the SDK's errors to [`StoreError`]: the S3 code first, the status second, the transport last.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::classify::classify;
use crate::error::{ErrorKind, Operation, StoreError};

/// What was asked, for the error's text.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) operation: Operation,
    pub(super) bucket: &'a str,
    /// Key, prefix or empty.
    pub(super) key: &'a str,
}

impl At<'_> {
    pub(super) fn error(&self, kind: ErrorKind, code: &str, message: impl Into<String>) -> StoreError {
        StoreError {
            operation: self.operation,
            bucket: self.bucket.to_owned(),
            key: self.key.to_owned(),
            kind,
            code: code.to_owned(),
            status: None,
            message: message.into(),
            request_id: None,
        }
    }

    pub(super) fn refused<E>(&self, error: &SdkError<E, HttpResponse>) -> StoreError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let mut refused = match error {
            SdkError::ServiceError(answer) => self.answered(answer.err(), answer.raw()),
            SdkError::ResponseError(answer) => {
                let status = answer.raw().status().as_u16();
                let kind = classify(self.operation, None, Some(status));
                self.error(kind, "UnreadableAnswer", format!("{}", DisplayErrorContext(error)))
            }
            SdkError::TimeoutError(_) => {
                self.error(ErrorKind::Timeout, "Timeout", format!("{}", DisplayErrorContext(error)))
            }
            SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => self.never_answered(error),
            _ => self.error(ErrorKind::Server, "Unknown", format!("{}", DisplayErrorContext(error))),
        };
        refused.status = error.raw_response().map(|raw| raw.status().as_u16());
        refused.request_id = error.request_id().map(Box::from);
        refused
    }

    fn answered(&self, error: &impl ProvideErrorMetadata, raw: &HttpResponse) -> StoreError {
        let status = raw.status().as_u16();
        let code = error.code().filter(|code| !code.is_empty());
        let kind = classify(self.operation, code, Some(status));
        let code = code.map_or_else(|| status_name(status), str::to_owned);
        let mut message = error.message().unwrap_or_default().to_owned();
        if (300..400).contains(&status) {
            let region = raw.headers().get("x-amz-bucket-region").unwrap_or("another region");
            message = format!("the bucket is in {region}: set its region under buckets");
        } else if code == "BadRequest" && message.is_empty() {
            message = "a HEAD answers nothing more; an expired token looks so".to_owned();
        } else if kind == ErrorKind::Rejected && status == 404 {
            message = format!("not an answer of s3, check the endpoint {message}").trim_end().to_owned();
        }
        self.error(kind, &code, message)
    }

    fn never_answered<E>(&self, error: &SdkError<E, HttpResponse>) -> StoreError
    where
        E: Error + 'static,
    {
        let message = format!("{}", DisplayErrorContext(error));
        if find::<CredentialsError>(error).is_some() {
            return self.error(ErrorKind::Credentials, "CredentialsNotLoaded", message);
        }
        let SdkError::DispatchFailure(failure) = error else {
            return self.error(ErrorKind::Rejected, "InvalidRequest", message);
        };
        if failure.is_timeout() || message.contains("minimum throughput") {
            return self.error(ErrorKind::Timeout, "Timeout", message);
        }
        if failure.is_user() {
            return self.error(ErrorKind::Rejected, "InvalidRequest", message);
        }
        let code = find::<std::io::Error>(error)
            .map_or_else(|| "ConnectionFailed".to_owned(), |io| format!("{:?}", io.kind()));
        self.error(ErrorKind::Connection, &code, message)
    }
}

/// The first cause of a type in an error's chain.
fn find<'a, C: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a C> {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(found) = current.downcast_ref::<C>() {
            return Some(found);
        }
        cause = current.source();
    }
    None
}

fn status_name(status: u16) -> String {
    match status {
        301 | 307 => "PermanentRedirect".to_owned(),
        400 => "BadRequest".to_owned(),
        403 => "Forbidden".to_owned(),
        404 => "NotFound".to_owned(),
        405 => "MethodNotAllowed".to_owned(),
        412 => "PreconditionFailed".to_owned(),
        429 => "TooManyRequests".to_owned(),
        500 => "InternalError".to_owned(),
        503 => "ServiceUnavailable".to_owned(),
        other => format!("Http{other}"),
    }
}
