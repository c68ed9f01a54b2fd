//! Why a question to a cluster was not answered, each with what to do.

use crate::settings::SettingsError;

/// Why a cluster did not answer as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("kafka at {bootstrap} gave no answer to {request} within {timeout_ms} ms: {message}")]
    Unreachable { bootstrap: String, request: String, timeout_ms: u64, message: String },
    #[error("kafka at {bootstrap} refuses our credentials: {message}; check the sasl.* and ssl.* properties")]
    Authentication { bootstrap: String, message: String },
    #[error("kafka does not authorise {request}: {message}")]
    Authorization { request: String, message: String },
    #[error("topic {topic} does not exist")]
    UnknownTopic { topic: String },
    #[error("topic {topic} exists already")]
    TopicExists { topic: String },
    #[error("consumer group {group} has running members: stop them before its offsets are set")]
    GroupActive { group: String },
    #[error("kafka refused {request}: {message} ({code})")]
    Refused { request: String, code: String, message: String },
}
