//! One table from an S3 error code (first) and HTTP status (second) to [`ErrorKind`], shared by the SDK's adapter
//! and the embedded backend, so that a simulated answer means exactly what a real one does.

use crate::error::{ErrorKind, Operation};

/// What a refusal means. `code` is None where the answer had no body to hold one (HEAD, a broken proxy).
pub(crate) fn classify(operation: Operation, code: Option<&str>, status: Option<u16>) -> ErrorKind {
    match code.filter(|code| !code.is_empty()).and_then(|code| by_code(operation, code)) {
        Some(kind) => kind,
        None => by_status(operation, status),
    }
}

fn by_code(operation: Operation, code: &str) -> Option<ErrorKind> {
    Some(match code {
        "NoSuchKey" => ErrorKind::NoSuchKey,
        "NotFound" => match operation {
            Operation::Head => ErrorKind::NoSuchKey,
            Operation::HeadBucket => ErrorKind::NoSuchBucket,
            _ => return None,
        },
        "NoSuchBucket" => ErrorKind::NoSuchBucket,
        "NoSuchUpload" => ErrorKind::NoSuchUpload,
        "PreconditionFailed" => ErrorKind::PreconditionFailed,
        "ConditionalRequestConflict" | "OperationAborted" => ErrorKind::Conflict,
        "InvalidPart" | "InvalidPartOrder" => ErrorKind::InvalidPart,
        "EntityTooSmall" => ErrorKind::EntityTooSmall,
        "BadDigest" | "InvalidDigest" | "XAmzContentChecksumMismatch" | "XAmzContentSHA256Mismatch" => {
            ErrorKind::BadDigest
        }
        "AccessDenied"
        | "AllAccessDisabled"
        | "AccountProblem"
        | "Forbidden"
        | "InvalidAccessKeyId"
        | "InvalidToken"
        | "NotSignedUp"
        | "RequestTimeTooSkewed"
        | "SignatureDoesNotMatch"
        | "UnauthorizedAccess" => ErrorKind::AccessDenied,
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => ErrorKind::Credentials,
        "SlowDown"
        | "SlowDownRead"
        | "SlowDownWrite"
        | "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequests"
        | "TooManyRequestsException"
        | "BandwidthLimitExceeded"
        | "KMS.ThrottlingException" => ErrorKind::SlowDown,
        "InternalError" | "ServiceUnavailable" | "ServiceFailure" | "Busy" => ErrorKind::Server,
        "RequestTimeout" => ErrorKind::Timeout,
        "IncompleteBody" => ErrorKind::Connection,
        "NotImplemented" | "NoSuchLifecycleConfiguration" => ErrorKind::NotImplemented,
        _ => return None,
    })
}

/// Without a code that we know. A bare 404 is believed of HEAD alone: any web server answers 404.
fn by_status(operation: Operation, status: Option<u16>) -> ErrorKind {
    match status {
        Some(404) if operation == Operation::Head => ErrorKind::NoSuchKey,
        Some(404) if operation == Operation::HeadBucket => ErrorKind::NoSuchBucket,
        // HEAD with an expired token is a bare 400 on AWS, and nothing else that we send is.
        Some(400) if matches!(operation, Operation::Head | Operation::HeadBucket) => ErrorKind::Credentials,
        Some(401 | 403) => ErrorKind::AccessDenied,
        Some(408) => ErrorKind::Timeout,
        Some(409) => ErrorKind::Conflict,
        Some(412) => ErrorKind::PreconditionFailed,
        Some(429) => ErrorKind::SlowDown,
        Some(501) => ErrorKind::NotImplemented,
        // An error inside a 200: the store began and did not say how it ended.
        Some(200..=299) => ErrorKind::Server,
        Some(status) if status >= 500 => ErrorKind::Server,
        Some(_) => ErrorKind::Rejected,
        None => ErrorKind::Connection,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_decides_before_the_status() {
        let cases = [
            (Operation::Get, Some("NoSuchKey"), 404, ErrorKind::NoSuchKey),
            (Operation::Get, Some("NoSuchBucket"), 404, ErrorKind::NoSuchBucket),
            (Operation::CompleteUpload, Some("NoSuchUpload"), 404, ErrorKind::NoSuchUpload),
            (Operation::Put, Some("SlowDown"), 503, ErrorKind::SlowDown),
            (Operation::Put, Some("ServiceUnavailable"), 503, ErrorKind::Server),
            (Operation::CompleteUpload, Some("InternalError"), 200, ErrorKind::Server),
            (Operation::CompleteUpload, Some("SlowDown"), 200, ErrorKind::SlowDown),
            (Operation::Put, Some("ExpiredToken"), 400, ErrorKind::Credentials),
            (Operation::Put, Some("RequestTimeout"), 400, ErrorKind::Timeout),
            (Operation::Put, Some("ConditionalRequestConflict"), 409, ErrorKind::Conflict),
            (Operation::Put, Some("KeyTooLongError"), 400, ErrorKind::Rejected),
            (Operation::GetLifecycle, Some("NoSuchLifecycleConfiguration"), 404, ErrorKind::NotImplemented),
        ];
        for (operation, code, status, kind) in cases {
            assert_eq!(classify(operation, code, Some(status)), kind, "{operation:?} {code:?} {status}");
        }
    }

    #[test]
    fn a_bare_404_is_believed_of_head_alone() {
        assert_eq!(classify(Operation::Head, None, Some(404)), ErrorKind::NoSuchKey);
        assert_eq!(classify(Operation::HeadBucket, Some("NotFound"), Some(404)), ErrorKind::NoSuchBucket);
        assert_eq!(classify(Operation::Get, None, Some(404)), ErrorKind::Rejected);
        assert_eq!(classify(Operation::CompleteUpload, Some("NotFound"), Some(404)), ErrorKind::Rejected);
    }

    #[test]
    fn a_bare_status_keeps_what_it_can_tell() {
        assert_eq!(classify(Operation::Head, None, Some(403)), ErrorKind::AccessDenied);
        assert_eq!(classify(Operation::Put, None, Some(412)), ErrorKind::PreconditionFailed);
        assert_eq!(classify(Operation::Put, None, Some(502)), ErrorKind::Server);
        assert_eq!(classify(Operation::Put, None, Some(429)), ErrorKind::SlowDown);
        assert_eq!(classify(Operation::Put, None, None), ErrorKind::Connection);
    }
}
