//! What a fleet asks of AWS besides S3: the metrics that scaling acts on, the size of an ECS service, and secrets.
//!
//! One file a service. Every request is bounded by [`PATIENCE`], repeats included. Credentials, region and endpoint come
//! as the AWS SDKs take them everywhere: the role of a task or function, `AWS_REGION`, `AWS_ENDPOINT_URL`.

mod metrics;
mod msk;
mod secrets;
mod services;

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};

pub use metrics::{Metrics, Unit, Value};
pub use msk::MskTokens;
pub use secrets::Secrets;
pub use services::Services;

/// The longest that one request may take, its repeats included.
pub const PATIENCE: Duration = Duration::from_secs(8);
const ATTEMPT: Duration = Duration::from_secs(3);

/// A request that AWS did not answer as hoped.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// Refused, or not answered in time.
    #[error("{request}: {message}")]
    Request {
        /// What was asked of whom.
        request: String,
        /// The service's words.
        message: String,
    },
    /// Answered, but with something that cannot be used.
    #[error("{request}: {problem}; {fix}")]
    Answer {
        /// What was asked of whom.
        request: String,
        /// What is wrong with the answer, never a secret's value.
        problem: String,
        /// What to do about it.
        fix: String,
    },
}

/// The SDKs' settings of this process. `region` comes before that of the environment.
pub async fn settings(region: Option<String>) -> SdkConfig {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(
            TimeoutConfig::builder().operation_timeout(PATIENCE).operation_attempt_timeout(ATTEMPT).build(),
        );
    match region {
        Some(region) => loader.region(Region::new(region)),
        None => loader,
    }
    .load()
    .await
}

/// An error of an SDK with all its causes in one line.
fn failed(request: impl Into<String>, error: &(dyn std::error::Error + 'static)) -> AwsError {
    AwsError::Request { request: request.into(), message: in_one_line(error) }
}

fn in_one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = inner.source();
    }
    message
}
