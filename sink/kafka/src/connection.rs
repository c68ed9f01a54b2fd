//! How one cluster is reached: the operator's properties, our defaults below them and the properties that carry the
//! promise above them. The latter are refused by name when an operator sets them: silently winning would hide that
//! the configuration says something else.

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;

use crate::sasl::Tokens;
use crate::settings::{GroupProtocol, Isolation, SettingsError};

const BEARER: &str = "OAUTHBEARER";
/// As Amazon's own Java client calls it; on the wire it is [`BEARER`] with a token that AWS's role has signed.
const MSK_IAM: &str = "AWS_MSK_IAM";

/// Properties that Landfall sets itself, with what sets them or why they are fixed.
const RESERVED: &[(&str, &str)] = &[
    ("acks", "dead letters are always acknowledged by all in-sync replicas"),
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
    ("group.protocol", "give group_protocol beside the properties"),
    ("group.remote.assignor", "assignments must be cooperative"),
    ("isolation.level", "a job chooses it (source.isolation)"),
    ("log.queue", "it is how log lines reach the worker"),
    ("metadata.broker.list", "give bootstrap_servers beside the properties"),
    ("partition.assignment.strategy", "assignments must be cooperative"),
    ("queued.max.messages.kbytes", "worker.memory bounds it"),
    ("request.required.acks", "dead letters are always acknowledged by all in-sync replicas"),
    ("topic.blacklist", "topics internal to Kafka are never consumed"),
    ("transactional.id", "dead letters are not produced in transactions"),
];

/// Properties that librdkafka refuses with the consumer protocol, but only when a job's client is made.
const SET_BY_BROKER: &[&str] = &["group.protocol.type", "heartbeat.interval.ms", "session.timeout.ms"];

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
    /// How the cluster's groups are run.
    pub group_protocol: GroupProtocol,
    /// Sign in by these (SASL OAUTHBEARER) instead of a mechanism of the properties.
    pub tokens: Option<Tokens>,
}

/// The properties hold secrets: only their names are ever shown.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("bootstrap", &self.bootstrap)
            .field("properties", &self.properties.keys().collect::<Vec<_>>())
            .field("client_id", &self.client_id)
            .field("group_protocol", &self.group_protocol)
            .finish()
    }
}

impl Connection {
    /// A client that only asks: no group, no consumption. Offsets it asks for are those this isolation can reach.
    pub(crate) fn admin_config(&self, isolation: Isolation) -> Result<ClientConfig, SettingsError> {
        let keep = |key: &str| !matches!(key, "session.timeout.ms" | "heartbeat.interval.ms" | "max.poll.interval.ms");
        self.config(&[], &[("isolation.level", isolation.level().into())], keep)
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

    pub(crate) fn config(
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
            if self.group_protocol == GroupProtocol::Consumer && SET_BY_BROKER.contains(&key.as_str()) {
                let reason = "with group_protocol: consumer the broker sets it";
                return Err(SettingsError::Reserved { property: key.clone(), reason });
            }
            if matches!(key.as_str(), "sasl.mechanism" | "sasl.mechanisms") {
                let token = [BEARER, MSK_IAM].iter().any(|mechanism| value.eq_ignore_ascii_case(mechanism));
                if self.tokens.is_some() {
                    // In either spelling: ours is set below.
                    continue;
                }
                if token {
                    return Err(SettingsError::Property {
                        property: key.clone(),
                        message: format!("there is no source of tokens for {BEARER}"),
                    });
                }
            }
            if keep(key) {
                config.set(key, value);
            }
        }
        for (key, value) in fixed {
            config.set(*key, value);
        }
        if self.tokens.is_some() {
            config.set("sasl.mechanism", BEARER);
        }
        config.set("bootstrap.servers", &self.bootstrap);
        config.set("client.id", &self.client_id);
        config.create_native_config().map_err(SettingsError::from_kafka)?;
        Ok(config)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn connection(properties: &[(&str, &str)]) -> Connection {
        Connection {
            bootstrap: "127.0.0.1:9092".into(),
            properties: properties.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            client_id: "test".into(),
            group_protocol: GroupProtocol::Classic,
            tokens: None,
        }
    }

    fn refusal(connection: &Connection) -> SettingsError {
        connection.admin_config(Isolation::ReadCommitted).unwrap_err()
    }

    #[test]
    fn what_the_broker_sets_under_the_new_protocol_is_refused_before_a_job_starts() {
        for property in SET_BY_BROKER {
            let mut connection = connection(&[(property, "9000")]);
            connection.group_protocol = GroupProtocol::Consumer;
            let error = refusal(&connection);
            assert!(
                error.to_string().contains(property) && error.to_string().contains("the broker sets it"),
                "{error}"
            );
        }
    }

    #[test]
    fn every_reserved_property_is_refused_by_name_with_its_reason() {
        for (property, reason) in RESERVED {
            let error = refusal(&connection(&[(property, "x")]));
            assert!(error.to_string().contains(property) && error.to_string().contains(reason), "{error}");
        }
    }

    #[test]
    fn a_weaker_acknowledgement_of_dead_letters_is_refused_under_both_of_its_names() {
        for property in ["acks", "request.required.acks"] {
            let error = connection(&[(property, "1")]).producer_config(&[]).unwrap_err();
            assert!(matches!(&error, SettingsError::Reserved { property: named, .. } if named == property), "{error}");
        }
    }

    #[test]
    fn a_property_librdkafka_does_not_know_is_refused_by_name() {
        let error = refusal(&connection(&[("sesion.timeout.ms", "1")]));
        assert!(matches!(&error, SettingsError::Property { property, .. } if property == "sesion.timeout.ms"));
    }

    #[test]
    fn a_secret_appears_in_no_message_and_no_debug() {
        let secret = "hunter2-hunter2";
        let error = refusal(&connection(&[("security.protocol", secret)]));
        assert!(!error.to_string().contains(secret), "{error}");
        let shown = format!("{:?}", connection(&[("sasl.password", secret)]));
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
}
