//! From librdkafka's codes to the kinds a caller acts on. One table, used by the consumer and by the admin side.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::events::code_name;
use crate::source::{SourceError, SourceErrorKind as Kind};

/// What a code means for whoever consumes. Codes that librdkafka or the group protocol heal by themselves are
/// [`Kind::Transient`].
pub(crate) fn kind_of(code: Code) -> Kind {
    match code {
        Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation => Kind::OffsetOutOfRange,
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicId => {
            Kind::UnknownTopic
        }
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => Kind::Authorization,
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::IllegalSASLState
        | Code::SSL => Kind::Authentication,
        Code::BadMessage | Code::BadCompression | Code::InvalidMessage | Code::InvalidMessageSize => Kind::Corrupt,
        Code::Fatal | Code::Fenced | Code::FencedInstanceId => Kind::Fatal,
        Code::BrokerDestroy
        | Code::DestroyBroker
        | Code::BrokerTransportFailure
        | Code::Resolve
        | Code::AllBrokersDown
        | Code::OperationTimedOut
        | Code::TimedOutQueue
        | Code::WaitingForCoordinator
        | Code::WaitCache
        | Code::InProgress
        | Code::PreviousInProgress
        | Code::State
        | Code::Outdated
        | Code::Retry
        | Code::NodeUpdate
        | Code::PollExceeded
        | Code::AssignmentLost
        | Code::LeaderNotAvailable
        | Code::NotLeaderForPartition
        | Code::RequestTimedOut
        | Code::BrokerNotAvailable
        | Code::ReplicaNotAvailable
        | Code::NetworkException
        | Code::CoordinatorLoadInProgress
        | Code::CoordinatorNotAvailable
        | Code::NotCoordinator
        | Code::NotController
        | Code::IllegalGeneration
        | Code::UnknownMemberId
        | Code::RebalanceInProgress
        | Code::StaleMemberEpoch
        | Code::FencedMemberEpoch
        | Code::KafkaStorageError
        | Code::FencedLeaderEpoch
        | Code::UnknownLeaderEpoch
        | Code::OffsetNotAvailable
        | Code::UnstableOffsetCommit
        | Code::ThrottlingQuotaExceeded => Kind::Transient,
        _ => Kind::Other,
    }
}

impl SourceError {
    /// An error with librdkafka's code and the message that came with it.
    pub(crate) fn from_code(code: Code, message: impl Into<String>) -> Self {
        Self { kind: kind_of(code), code: code_name(code), message: message.into() }
    }

    /// An error of the safe interface; `doing` says what was tried.
    pub(crate) fn from_kafka(error: &KafkaError, doing: &str) -> Self {
        if let Some(code) = error.rdkafka_error_code() {
            return Self::from_code(code, format!("{doing}: {code}"));
        }
        // These variants carry only librdkafka's name or text of the code.
        let text = match error {
            KafkaError::Seek(text) | KafkaError::Subscription(text) | KafkaError::PauseResume(text) => text.clone(),
            other => other.to_string(),
        };
        let kind = match text.as_str() {
            "_STATE" | "_TIMED_OUT" | "_IN_PROGRESS" | "_PREV_IN_PROGRESS" | "_CONFLICT" => Kind::Transient,
            "_FATAL" => Kind::Fatal,
            _ => Kind::Other,
        };
        Self { kind, code: text.clone(), message: format!("{doing}: {text}") }
    }

    /// A request that does not fit the state of a partition: the caller's mistake or a race with a rebalance.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { kind: Kind::Other, code: "_INVALID_ARG".to_owned(), message: message.into() }
    }

    /// Not yet: call again.
    pub(crate) fn later(message: impl Into<String>) -> Self {
        Self { kind: Kind::Transient, code: "_STATE".to_owned(), message: message.into() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_the_name_librdkafka_gives_its_code() {
        let error = SourceError::from_code(Code::UnknownTopicOrPartition, "gone");
        assert_eq!(error.code, "UNKNOWN_TOPIC_OR_PART");
        assert_eq!(error.kind, Kind::UnknownTopic);
        assert_eq!(error.to_string(), "kafka: gone (UNKNOWN_TOPIC_OR_PART)");
    }

    #[test]
    fn an_auto_offset_reset_is_an_offset_out_of_range() {
        assert_eq!(kind_of(Code::AutoOffsetReset), Kind::OffsetOutOfRange);
        assert_eq!(kind_of(Code::AllBrokersDown), Kind::Transient);
        assert_eq!(kind_of(Code::FencedInstanceId), Kind::Fatal);
    }

    #[test]
    fn a_seek_in_a_wrong_state_asks_to_come_again() {
        let error = SourceError::from_kafka(&KafkaError::Seek("_STATE".into()), "seek");
        assert_eq!(error.kind, Kind::Transient);
    }
}
