//! What the consumer of a job is made of: the connection, our defaults below the operator's properties and the
//! properties that carry the promise above them.

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use crate::connection::Connection;
use crate::pattern::TopicPattern;

/// Which topics a job consumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topics {
    Names(Vec<String>),
    Pattern(TopicPattern),
}

/// Which records of transactions are seen, and with it where a partition ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Nothing of an open or aborted transaction; the end of a partition is its last stable offset.
    ReadCommitted,
    /// Everything; the end of a partition is its high watermark.
    ReadUncommitted,
}

impl Isolation {
    /// As librdkafka spells it.
    pub(crate) fn level(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read_committed",
            Self::ReadUncommitted => "read_uncommitted",
        }
    }
}

/// Who computes assignments: a matter of the cluster, not of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupProtocol {
    /// One member, with the cooperative-sticky strategy.
    #[default]
    Classic,
    /// The broker (KIP-848; Kafka 4.0 or later). It also sets the session's time.
    Consumer,
}

/// Everything a consumer of one job on one cluster needs.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    pub connection: Connection,
    pub group_id: String,
    pub topics: Topics,
    pub isolation: Isolation,
    /// The most that librdkafka may hold fetched but not polled, in KiB.
    pub queue_kbytes: u32,
    /// The most one fetch request may bring, in bytes (a single larger batch still comes whole).
    pub fetch_max_bytes: u32,
    /// With the classic protocol; with the other the broker sets it.
    pub session_timeout_ms: u32,
    /// The availability zone, so that a follower nearby can be read; `client.rack` of the operator's properties wins.
    pub rack: Option<String>,
}

impl SourceSettings {
    /// The defaults: committed records only, 32 MiB queue, 16 MiB fetches, 10 s session.
    #[must_use]
    pub fn new(connection: Connection, group_id: impl Into<String>, topics: Topics) -> Self {
        Self {
            connection,
            group_id: group_id.into(),
            topics,
            isolation: Isolation::ReadCommitted,
            queue_kbytes: 32_768,
            fetch_max_bytes: 16 * 1024 * 1024,
            session_timeout_ms: 10_000,
            rack: None,
        }
    }

    /// The names or the pattern as librdkafka's subscription takes them.
    ///
    /// # Errors
    /// No topic, or a name that Kafka does not allow.
    pub(crate) fn subscription(&self) -> Result<Vec<String>, SettingsError> {
        match &self.topics {
            Topics::Pattern(pattern) => Ok(vec![pattern.as_str().to_owned()]),
            Topics::Names(names) if names.is_empty() => Err(SettingsError::NoTopics),
            Topics::Names(names) => names.iter().map(|name| check_topic_name(name).map(|()| name.clone())).collect(),
        }
    }

    pub(crate) fn client_config(&self) -> Result<ClientConfig, SettingsError> {
        let mut defaults: Vec<(&str, String)> = vec![
            ("fetch.max.bytes", self.fetch_max_bytes.to_string()),
            ("fetch.queue.backoff.ms", "10".into()),
            // A batch may exceed fetch.max.bytes when it is the first of a fetch; librdkafka's default would refuse it.
            ("receive.message.max.bytes", "134217728".into()),
            // New partitions and newly matching topics are noticed within this time.
            ("topic.metadata.refresh.interval.ms", "30000".into()),
        ];
        if let Some(rack) = &self.rack {
            defaults.push(("client.rack", rack.clone()));
        }
        let mut fixed: Vec<(&str, String)> = vec![
            ("auto.offset.reset", "error".into()),
            ("check.crcs", "true".into()),
            ("enable.auto.commit", "false".into()),
            ("enable.auto.offset.store", "false".into()),
            ("enable.partition.eof", "true".into()),
            ("group.id", self.group_id.clone()),
            ("isolation.level", self.isolation.level().into()),
            ("queued.max.messages.kbytes", self.queue_kbytes.to_string()),
            ("topic.blacklist", "^__.*".into()),
        ];
        match self.connection.group_protocol {
            GroupProtocol::Classic => {
                defaults.push(("session.timeout.ms", self.session_timeout_ms.to_string()));
                fixed.push(("group.protocol", "classic".into()));
                fixed.push(("partition.assignment.strategy", "cooperative-sticky".into()));
            }
            GroupProtocol::Consumer => {
                // A member that misses the answer with its new assignment is not told again: the broker fences it after
                // this time, and until then nobody reads its partitions. The polling thread never rests so long.
                defaults.push(("max.poll.interval.ms", "60000".into()));
                // The broker sets the session's time; librdkafka refuses ours.
                fixed.push(("group.protocol", "consumer".into()));
            }
        }
        if self.group_id.is_empty() {
            return Err(SettingsError::NoGroup);
        }
        self.connection.config(&defaults, &fixed, |_| true)
    }
}

/// A topic name as Kafka allows it: 1-249 of letters, digits, `.`, `_`, `-`, and not `.` or `..`.
pub(crate) fn check_topic_name(name: &str) -> Result<(), SettingsError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || name.len() > 249 || name == "." || name == ".." || !name.chars().all(legal) {
        return Err(SettingsError::TopicName { topic: name.to_owned() });
    }
    Ok(())
}

/// Why a client could not be made. Values are never shown: they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("bootstrap_servers is empty: give host:port of at least one broker")]
    NoBootstrap,
    #[error("no topic to consume: give topics or a pattern")]
    NoTopics,
    #[error("the consumer group has no name")]
    NoGroup,
    #[error("{topic:?} is no topic name: use 1 to 249 of letters, digits, '.', '_' and '-'")]
    TopicName { topic: String },
    #[error("kafka property {property} may not be set: {reason}")]
    Reserved { property: String, reason: &'static str },
    #[error("kafka property {property}: {message}")]
    Property { property: String, message: String },
    #[error("kafka client cannot be made: {message}")]
    Client { message: String },
}

impl SettingsError {
    pub(crate) fn from_kafka(error: KafkaError) -> Self {
        match error {
            KafkaError::ClientConfig(_, description, property, value) => {
                // librdkafka repeats the value in its text.
                let message = if value.is_empty() { description } else { description.replace(&value, "...") };
                Self::Property { property, message }
            }
            KafkaError::ClientCreation(message) => Self::Client { message },
            other => Self::Client { message: other.to_string() },
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn settings(properties: &[(&str, &str)]) -> SourceSettings {
        let connection = Connection {
            bootstrap: "127.0.0.1:9092".into(),
            properties: properties.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            client_id: "test".into(),
            group_protocol: GroupProtocol::Classic,
            tokens: None,
        };
        SourceSettings::new(connection, "g", Topics::Names(vec!["t".into()]))
    }

    #[test]
    fn the_defaults_are_those_the_promise_needs() {
        let config = settings(&[]).client_config().unwrap();
        for (key, value) in [
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "error"),
            ("enable.partition.eof", "true"),
            ("check.crcs", "true"),
            ("isolation.level", "read_committed"),
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("session.timeout.ms", "10000"),
            ("fetch.queue.backoff.ms", "10"),
            ("queued.max.messages.kbytes", "32768"),
        ] {
            assert_eq!(config.get(key), Some(value), "{key}");
        }
    }

    #[test]
    fn the_new_group_protocol_leaves_session_and_strategy_to_the_broker() {
        let mut settings = settings(&[]);
        settings.connection.group_protocol = GroupProtocol::Consumer;
        let config = settings.client_config().unwrap();
        assert_eq!(config.get("group.protocol"), Some("consumer"));
        assert_eq!(config.get("session.timeout.ms"), None);
        assert_eq!(config.get("partition.assignment.strategy"), None);
        assert_eq!(config.get("max.poll.interval.ms"), Some("60000"));
        // librdkafka itself takes it.
        config.create::<rdkafka::consumer::BaseConsumer>().unwrap();
    }

    #[test]
    fn the_zone_of_the_task_is_the_rack_unless_the_operator_names_one() {
        let rack = |properties: &[(&str, &str)]| {
            let mut settings = settings(properties);
            settings.rack = Some("eu-west-1a".into());
            settings.client_config().unwrap().get("client.rack").map(str::to_owned)
        };
        assert_eq!(rack(&[]).as_deref(), Some("eu-west-1a"));
        assert_eq!(rack(&[("client.rack", "euw1-az2")]).as_deref(), Some("euw1-az2"));
    }

    #[test]
    fn an_operator_overrides_a_default() {
        let config = settings(&[("session.timeout.ms", "45000")]).client_config().unwrap();
        assert_eq!(config.get("session.timeout.ms"), Some("45000"));
    }

    #[test]
    fn a_name_that_is_no_topic_is_refused_before_librdkafka_sees_it() {
        for name in ["", ".", "a/b", "^bids", "nul\0", &"x".repeat(250)] {
            let mut settings = settings(&[]);
            settings.topics = Topics::Names(vec![name.into()]);
            assert!(matches!(settings.subscription(), Err(SettingsError::TopicName { .. })), "{name:?}");
        }
    }
}
