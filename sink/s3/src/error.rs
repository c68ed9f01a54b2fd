//! What a store may answer instead of success, as the protocol needs to tell it apart.

use std::fmt;

/// The S3 operation that failed, as it is named in metrics and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    Put,
    Get,
    Head,
    Delete,
    List,
    CreateUpload,
    UploadPart,
    ListParts,
    CompleteUpload,
    AbortUpload,
    ListUploads,
    GetLifecycle,
    HeadBucket,
}

impl Operation {
    /// The API name of AWS's S3 reference.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Put => "PutObject",
            Self::Get => "GetObject",
            Self::Head => "HeadObject",
            Self::Delete => "DeleteObject",
            Self::List => "ListObjectsV2",
            Self::CreateUpload => "CreateMultipartUpload",
            Self::UploadPart => "UploadPart",
            Self::ListParts => "ListParts",
            Self::CompleteUpload => "CompleteMultipartUpload",
            Self::AbortUpload => "AbortMultipartUpload",
            Self::ListUploads => "ListMultipartUploads",
            Self::GetLifecycle => "GetBucketLifecycleConfiguration",
            Self::HeadBucket => "HeadBucket",
        }
    }
}

/// What kind of refusal it was. Decided on the S3 error *code* first, on the HTTP status only where the
/// answer has no body (HEAD): `NoSuchBucket` and a wrong endpoint are 404 too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The key does not exist (`NoSuchKey`; HEAD: a 404, which cannot tell a missing bucket from a missing key).
    NoSuchKey,
    NoSuchBucket,
    NoSuchUpload,
    /// 412: an If-Match or If-None-Match condition did not hold.
    PreconditionFailed,
    /// 409 `ConditionalRequestConflict` or `OperationAborted`: the fate of the request is unknown.
    Conflict,
    /// `InvalidPart`, `InvalidPartOrder`.
    InvalidPart,
    /// `EntityTooSmall`: a part other than the last was under 5 MiB.
    EntityTooSmall,
    /// A checksum did not match (`BadDigest`, `XAmzContentChecksumMismatch`, `InvalidDigest`).
    BadDigest,
    /// 403 and kin: `AccessDenied`, `InvalidAccessKeyId`, `SignatureDoesNotMatch`, bucket owner mismatch.
    AccessDenied,
    /// `ExpiredToken`, `ExpiredTokenException`, credentials that could not be loaded.
    Credentials,
    /// 503 `SlowDown`, 429, `RequestLimitExceeded`.
    SlowDown,
    /// 500, 502, 503, 504 other than `SlowDown`: the fate of the request is unknown.
    Server,
    /// No complete answer in time: the fate of the request is unknown.
    Timeout,
    /// Connect, DNS, TLS or reset: the fate of the request is unknown unless `sent` says it never left.
    Connection,
    /// The store does not implement what was asked (501, `NotImplemented`, lifecycle not configured).
    NotImplemented,
    /// Any other 4xx: the request is wrong and stays wrong.
    Rejected,
}

impl ErrorKind {
    /// The label of `landfall_s3_requests_total{outcome}`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoSuchKey => "no_such_key",
            Self::NoSuchBucket => "no_such_bucket",
            Self::NoSuchUpload => "no_such_upload",
            Self::PreconditionFailed => "precondition_failed",
            Self::Conflict => "conflict",
            Self::InvalidPart => "invalid_part",
            Self::EntityTooSmall => "entity_too_small",
            Self::BadDigest => "bad_digest",
            Self::AccessDenied => "access_denied",
            Self::Credentials => "credentials",
            Self::SlowDown => "slow_down",
            Self::Server => "server",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::NotImplemented => "not_implemented",
            Self::Rejected => "rejected",
        }
    }

    /// True when the request may have taken effect although no success was seen.
    #[must_use]
    pub fn fate_unknown(self) -> bool {
        matches!(self, Self::Conflict | Self::Server | Self::Timeout | Self::Connection | Self::SlowDown)
    }

    /// True when the same request may succeed later without anyone mending a configuration.
    #[must_use]
    pub fn transient(self) -> bool {
        self.fate_unknown() || matches!(self, Self::Credentials)
    }
}

/// One failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError {
    pub operation: Operation,
    pub bucket: String,
    /// Key, prefix or empty.
    pub key: String,
    pub kind: ErrorKind,
    /// The S3 error code, or a short name where there was none (`Timeout`, `ConnectionReset`).
    pub code: String,
    pub status: Option<u16>,
    pub message: String,
    /// Boxed to keep the error small: it travels in every `Result`.
    pub request_id: Option<Box<str>>,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3 {} of {}/{} failed: {}", self.operation.name(), self.bucket, self.key, self.code)?;
        if let Some(status) = self.status {
            write!(f, " (HTTP {status})")?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " [request {id}]")?;
        }
        Ok(())
    }
}

impl std::error::Error for StoreError {}
