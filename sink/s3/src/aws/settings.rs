//! How one S3 endpoint is reached. Data only; secrets never show in `Debug`.

use std::fmt;

/// Fixed credentials, for local servers and tests. On AWS leave them out: the SDK's default chain
/// (environment, profile, web identity, ECS, EC2) refreshes its own.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticCredentials {
    pub access_key: String,
    pub secret_key: String,
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticCredentials").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

impl From<(String, String)> for StaticCredentials {
    fn from((access_key, secret_key): (String, String)) -> Self {
        Self { access_key, secret_key }
    }
}

/// A role to assume through STS before each use of the store; refreshed before it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumeRole {
    pub arn: String,
    pub external_id: Option<String>,
    /// The session's name in CloudTrail.
    pub session: String,
    /// Another STS endpoint than the region's own.
    pub sts_endpoint: Option<String>,
}

/// Whether request bodies take part in the signature. Their CRC64NVME is sent and checked in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PayloadSigning {
    /// Unsigned over TLS, which protects the bytes by itself, and on loopback, where nobody is in between; signed
    /// over any other plain HTTP. Signing costs three times the CPU of sending: `docs/decisions` has the figures.
    #[default]
    Auto,
    Always,
    /// Some servers refuse it over plain HTTP.
    Never,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsSettings {
    /// None: the SDK's chain; with an endpoint, `us-east-1`.
    pub region: Option<String>,
    /// An S3 server other than AWS, `http://` or `https://`.
    pub endpoint: Option<String>,
    pub force_path_style: bool,
    pub credentials: Option<StaticCredentials>,
    pub role: Option<AssumeRole>,
    /// The AWS account that must own the bucket; others are refused by S3 itself.
    pub expected_bucket_owner: Option<String>,
    pub connect_timeout_ms: u64,
    /// One attempt of a request without a large body.
    pub operation_timeout_ms: u64,
    /// One attempt of UploadPart, of a large PUT or GET, and of Complete.
    pub transfer_timeout_ms: u64,
    /// A GET of a larger object is refused (inclusive limit).
    pub max_get_bytes: u64,
    pub payload_signing: PayloadSigning,
}

impl Default for AwsSettings {
    fn default() -> Self {
        Self {
            region: None,
            endpoint: None,
            force_path_style: false,
            credentials: None,
            role: None,
            expected_bucket_owner: None,
            connect_timeout_ms: 5_000,
            operation_timeout_ms: 30_000,
            transfer_timeout_ms: 120_000,
            max_get_bytes: 1 << 30,
            payload_signing: PayloadSigning::Auto,
        }
    }
}

impl AwsSettings {
    /// A local server: path style, fixed credentials.
    #[must_use]
    pub fn local(endpoint: &str, access_key: &str, secret_key: &str) -> Self {
        Self {
            endpoint: Some(endpoint.to_owned()),
            force_path_style: true,
            credentials: Some(StaticCredentials {
                access_key: access_key.to_owned(),
                secret_key: secret_key.to_owned(),
            }),
            ..Self::default()
        }
    }
}

/// Settings that can never work; found before any request is sent.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConnectError {
    #[error(
        "s3 endpoint {endpoint:?} is not an http:// or https:// url with a host: write it like http://127.0.0.1:9000"
    )]
    Endpoint { endpoint: String },
    #[error("no aws region for s3: set s3.region, or AWS_REGION in the environment")]
    NoRegion,
    #[error("s3 timeout {name} is 0: give it at least 1 ms")]
    ZeroTimeout { name: &'static str },
}
