//! What a client is made of: the operator's properties, our defaults below them and the properties that carry the
//! promise above them. The latter are refused by name when an operator sets them: silently winning would hide that
//! the configuration says something else.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;

use crate::pattern::TopicPattern;

/// Properties that Landfall sets itself, with what sets them or why they are fixed.
const RESERVED: &[(&str, &str)] = &[
    ("auto.offset.reset", "a job says where it starts (source.start)"),
    ("bootstrap.servers", "give bootstrap_servers beside the properties"),
    ("check.crcs", "records are always checked"),
    ("client.id", "it names the worker and the job"),
    ("enable.auto.commit", "offsets are committed only after objects are complete"),
    ("enable.auto.offset.store", "offsets are committed only after objects are complete"),
    ("enable.partition.eof", "the end of a partition must be known"),
    ("enable.idempotence", "dead letters are always produced idempotently"),
    ("group.id", "a job names its group (source.group)"),
    ("group.instance.id", "static members are not supported"),
    ("group.protocol", "the worker's settings choose it"),
    ("group.remote.assignor", "assignments must be cooperative"),
    ("isolation.level", "a job chooses it (source.isolation)"),
    ("log.queue", "it is how log lines reach the worker"),
    ("metadata.broker.list", "give bootstrap_servers beside the properties"),
    ("partition.assignment.strategy", "assignments must be cooperative"),
    ("queued.max.messages.kbytes", "worker.memory bounds it"),
    ("topic.blacklist", "topics internal to Kafka are never consumed"),
    ("transactional.id", "dead letters are not produced in transactions"),
];

/// Properties that only a consumer knows; a producer made from the same operator's properties leaves them out, as
/// librdkafka would warn about each.
const CONSUMER_ONLY: &[&str] = &[
    "allow.auto.create.topics",
    "client.rack",
    "coordinator.query.interval.ms",
    "heartbeat.interval.ms",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "queued.min.messages",
    "session.timeout.ms",
];

/// How to reach one cluster.
#[derive(Clone)]
pub struct Connection {
    /// `host:port`, several divided by commas.
    pub bootstrap: String,
    /// The operator's librdkafka properties, secrets resolved.
    pub properties: BTreeMap<String, String>,
    /// Seen in the broker's logs and quotas.
    pub client_id: String,
}

/// The properties hold secrets: only their names are ever shown.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("bootstrap", &self.bootstrap)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .field("client_id", &self.client_id)
            .finish()
    }
}

/// Which topics a job consumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topics {
    Names(Vec<String>),
    Pattern(TopicPattern),
}

/// Which records of transactions are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Nothing of an open or aborted transaction; the end of a partition is its last stable offset.
    ReadCommitted,
    ReadUncommitted,
}

/// Who computes assignments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupProtocol {
    /// One member, with the cooperative-sticky strategy.
    Classic,
    /// The broker (KIP-848).
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
    pub session_timeout_ms: u32,
    /// The availability zone, so that a follower nearby can be read.
    pub rack: Option<String>,
    pub group_protocol: GroupProtocol,
}

impl SourceSettings {
    /// The defaults: committed records only, 32 MiB queue, 16 MiB fetches, 10 s session, classic protocol.
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
            group_protocol: GroupProtocol::Classic,
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
            (
                "isolation.level",
                match self.isolation {
                    Isolation::ReadCommitted => "read_committed".into(),
                    Isolation::ReadUncommitted => "read_uncommitted".into(),
                },
            ),
            ("queued.max.messages.kbytes", self.queue_kbytes.to_string()),
            ("topic.blacklist", "^__.*".into()),
        ];
        match self.group_protocol {
            GroupProtocol::Classic => {
                defaults.push(("session.timeout.ms", self.session_timeout_ms.to_string()));
                fixed.push(("group.protocol", "classic".into()));
                fixed.push(("partition.assignment.strategy", "cooperative-sticky".into()));
            }
            // The broker sets the session's time; librdkafka refuses ours.
            GroupProtocol::Consumer => fixed.push(("group.protocol", "consumer".into())),
        }
        if self.group_id.is_empty() {
            return Err(SettingsError::NoGroup);
        }
        self.connection.config(&defaults, &fixed, |_| true)
    }
}

impl Connection {
    /// A client that only asks: no group, no consumption.
    pub(crate) fn admin_config(&self) -> Result<ClientConfig, SettingsError> {
        let keep = |key: &str| !matches!(key, "session.timeout.ms" | "heartbeat.interval.ms" | "max.poll.interval.ms");
        // Offsets asked for are those a committed reader can reach.
        self.config(&[], &[("isolation.level", "read_committed".into())], keep)
    }

    /// The configuration of a producer to this cluster with durable, idempotent delivery; `extra` are defaults of the
    /// caller below the operator's properties.
    ///
    /// # Errors
    /// A property that librdkafka does not know, or one that is ours to set.
    pub fn producer_config(&self, extra: &[(&str, String)]) -> Result<ClientConfig, SettingsError> {
        let keep = |key: &str| !CONSUMER_ONLY.contains(&key) && !key.starts_with("fetch.");
        self.config(extra, &[("acks", "all".into()), ("enable.idempotence", "true".into())], keep)
    }

    fn config(
        &self,
        defaults: &[(&str, String)],
        fixed: &[(&str, String)],
        keep: impl Fn(&str) -> bool,
    ) -> Result<ClientConfig, SettingsError> {
        if self.bootstrap.trim().is_empty() {
            return Err(SettingsError::NoBootstrap);
        }
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Info);
        for (key, value) in defaults {
            config.set(*key, value);
        }
        for (key, value) in &self.properties {
            if let Some((_, reason)) = RESERVED.iter().find(|(reserved, _)| reserved == key) {
                return Err(SettingsError::Reserved { property: key.clone(), reason });
            }
            let upper = value.to_ascii_uppercase();
            if matches!(key.as_str(), "sasl.mechanism" | "sasl.mechanisms") && upper == "OAUTHBEARER" {
                return Err(SettingsError::Property {
                    property: key.clone(),
                    message: "OAUTHBEARER is not supported: use SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN".to_owned(),
                });
            }
            if keep(key) {
                config.set(key, value);
            }
        }
        for (key, value) in fixed {
            config.set(*key, value);
        }
        config.set("bootstrap.servers", &self.bootstrap);
        config.set("client.id", &self.client_id);
        config.create_native_config().map_err(SettingsError::from_kafka)?;
        Ok(config)
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
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn connection(properties: &[(&str, &str)]) -> Connection {
        Connection {
            bootstrap: "127.0.0.1:9092".into(),
            properties: properties.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            client_id: "test".into(),
        }
    }

    fn settings(properties: &[(&str, &str)]) -> SourceSettings {
        SourceSettings::new(connection(properties), "g", Topics::Names(vec!["t".into()]))
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
        settings.group_protocol = GroupProtocol::Consumer;
        let config = settings.client_config().unwrap();
        assert_eq!(config.get("session.timeout.ms"), None);
        assert_eq!(config.get("partition.assignment.strategy"), None);
    }

    #[test]
    fn an_operator_overrides_a_default() {
        let config = settings(&[("session.timeout.ms", "45000")]).client_config().unwrap();
        assert_eq!(config.get("session.timeout.ms"), Some("45000"));
    }

    #[test]
    fn every_reserved_property_is_refused_by_name_with_its_reason() {
        for (property, reason) in RESERVED {
            let error = settings(&[(property, "x")]).client_config().unwrap_err();
            assert!(error.to_string().contains(property) && error.to_string().contains(reason), "{error}");
        }
    }

    #[test]
    fn a_property_librdkafka_does_not_know_is_refused_by_name() {
        let error = settings(&[("sesion.timeout.ms", "1")]).client_config().unwrap_err();
        assert!(matches!(&error, SettingsError::Property { property, .. } if property == "sesion.timeout.ms"));
    }

    #[test]
    fn a_secret_appears_in_no_message_and_no_debug() {
        let secret = "hunter2-hunter2";
        let error = settings(&[("security.protocol", secret)]).client_config().unwrap_err();
        assert!(!error.to_string().contains(secret), "{error}");
        let shown = format!("{:?}", settings(&[("sasl.password", secret)]));
        assert!(shown.contains("sasl.password") && !shown.contains(secret), "{shown}");
    }

    #[test]
    fn a_producer_of_the_same_properties_leaves_out_what_only_consumers_know() {
        let connection = connection(&[("session.timeout.ms", "9000"), ("socket.timeout.ms", "9000")]);
        let config = connection.producer_config(&[]).unwrap();
        assert_eq!(config.get("session.timeout.ms"), None);
        assert_eq!(config.get("socket.timeout.ms"), Some("9000"));
        assert_eq!(config.get("acks"), Some("all"));
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
