//! A Kafka cluster that jobs name: its brokers and the client properties for it.

use std::collections::BTreeMap;

use landfall_job::names::check_plain_name;
use landfall_job::reader::{Field, FromNode, Node, Refusal, Refused, Section, Table};
use landfall_job::word_enum;
use serde::Serialize;

use crate::load::Outside;
use crate::secret::{Secret, resolve};

word_enum! {
    /// Who computes the assignments of the cluster's groups.
    pub enum GroupProtocol as "a group protocol" {
        /// One of the workers, cooperatively.
        Classic = "classic",
        /// The broker (KIP-848).
        Consumer = "consumer",
    }
}

/// A Kafka cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClusterConfig {
    /// `host:port`, several divided by commas.
    pub bootstrap_servers: String,
    /// Who computes the assignments of its groups.
    pub group_protocol: GroupProtocol,
    /// librdkafka's properties, secrets resolved; none of [`REFUSED_PROPERTIES`].
    pub properties: BTreeMap<String, Secret>,
}

/// Amazon's own name of it, as its Java client knows it.
const MSK_IAM: &str = "AWS_MSK_IAM";
const BEARER: &str = "OAUTHBEARER";

const COMMITS: &str = "would commit offsets of records that are not visible yet";
const ONE_GROUP: &str = "is decided by the worker, whose rebalances must be cooperative";
const ALL_ACKS: &str = "is always all, dead letters are acknowledged by all in-sync replicas";

/// Properties that would break what a job promises, or that are set elsewhere: name, why, what to do.
pub const REFUSED_PROPERTIES: &[(&str, &str, &str)] = &[
    ("acks", ALL_ACKS, "leave it out"),
    (
        "allow.auto.create.topics",
        "would create topics that somebody misspelt",
        "leave it out; dead_letter.create of a job creates its topic",
    ),
    ("auto.commit.enable", COMMITS, "leave it out"),
    ("auto.commit.interval.ms", COMMITS, "leave it out"),
    ("auto.offset.reset", "would move a job silently", "leave it out; source.start and source.on_gap of a job decide"),
    ("bootstrap.servers", "is set elsewhere", "write bootstrap_servers of the cluster"),
    ("check.crcs", "is always on", "leave it out"),
    ("client.id", "is set by the worker, and names it and the job", "leave it out"),
    ("enable.auto.commit", COMMITS, "leave it out"),
    ("enable.auto.offset.store", COMMITS, "leave it out"),
    ("enable.idempotence", "is always on for dead letters", "leave it out"),
    ("enable.partition.eof", "is always on, the ends of partitions must be known", "leave it out"),
    ("group.id", "belongs to a job", "leave it out; source.group of a job names the group"),
    ("group.instance.id", "is decided by the worker", "leave it out"),
    ("group.protocol", "is set elsewhere", "write group_protocol of the cluster"),
    ("group.remote.assignor", ONE_GROUP, "leave it out"),
    ("isolation.level", "belongs to a job", "leave it out; source.isolation of a job decides"),
    ("log.queue", "is how log lines reach the worker", "leave it out"),
    ("metadata.broker.list", "is set elsewhere", "write bootstrap_servers of the cluster"),
    ("offset.store.method", COMMITS, "leave it out"),
    ("offset.store.path", COMMITS, "leave it out"),
    ("offset.store.sync.interval.ms", COMMITS, "leave it out"),
    ("partition.assignment.strategy", ONE_GROUP, "leave it out"),
    ("plugin.library.paths", "would load foreign code", "leave it out"),
    ("queued.max.messages.kbytes", "would break the memory budget", "leave it out; worker.memory bounds it"),
    ("request.required.acks", ALL_ACKS, "leave it out"),
    ("topic.blacklist", "is set by the worker", "leave it out; a job names its topics"),
    ("transactional.id", "has no meaning, dead letters are not produced in transactions", "leave it out"),
];

/// What the broker sets under the consumer protocol; librdkafka takes no client that sets it.
const SET_BY_BROKER: &[&str] = &["group.protocol.type", "heartbeat.interval.ms", "session.timeout.ms"];

pub(crate) static TABLE: Table = Table {
    fields: &[
        Field::required("bootstrap_servers", "host:port, several divided by commas", "brokers to begin with"),
        Field::preset(
            "group_protocol",
            "`classic` or `consumer`",
            "classic",
            "who computes the assignments of groups: a worker, or the broker (KIP-848, from Kafka 4.0 on), which then also sets the session's time, by `group.consumer.session.timeout.ms`",
        ),
        Field::optional(
            "properties",
            "map of librdkafka properties",
            "none",
            "anything else of the client, such as `security.protocol`; `sasl.mechanism: AWS_MSK_IAM` signs in to Amazon MSK by the role of the process, in the region of the brokers' names or else of the environment; values may be references to secrets; `session.timeout.ms` is 10000 unless given; `client.rack` is the availability zone of a worker on Fargate unless given (Amazon MSK names its racks by the zone's id, such as use1-az1)",
        ),
    ],
    refused: &[
        Refused { name: "bootstrap.servers", problem: "is not a known field", fix: "write bootstrap_servers" },
        Refused::later("schema_registry"),
        Refused {
            name: "security",
            problem: "is not a known field",
            fix: "write properties, such as {security.protocol: SASL_SSL}",
        },
    ],
};

impl ClusterConfig {
    /// Whether it is an Amazon MSK that is signed in to by the process's role in IAM.
    #[must_use]
    pub fn msk_iam(&self) -> bool {
        msk_iam(&self.properties)
    }

    /// The AWS region that the brokers' names tell.
    #[must_use]
    pub fn msk_region(&self) -> Option<&str> {
        msk_region(&self.bootstrap_servers)
    }

    pub(crate) fn read(name: &str, mut section: Section<'_>, outside: &Outside<'_>) -> Option<Self> {
        if let Err(refusal) = check_plain_name(name) {
            section.refuse_self(&refusal);
        }
        let bootstrap_servers = match section.node("bootstrap_servers") {
            // Not repeated: a user and a password stand in it.
            Some(Node::Text(text)) if text.contains('@') => {
                let fix = "write host:port alone; user and password are properties such as sasl.username";
                section.conflict("bootstrap_servers", "holds a user or password", fix);
                None
            }
            Some(_) | None => section.read_with("bootstrap_servers", bootstrap_servers),
        };
        let group_protocol = section.read("group_protocol");
        let properties = properties(&mut section, outside);
        if let (Some(GroupProtocol::Consumer), Some(properties)) = (group_protocol, &properties) {
            for name in SET_BY_BROKER.iter().filter(|name| properties.contains_key(**name)) {
                let problem = "is set by the broker where group_protocol is consumer";
                section.conflict_below("properties", name, problem, "leave it out, or write group_protocol: classic");
            }
        }
        if let Some(properties) = &properties {
            check_msk(&section, properties);
        }
        section.finish();
        Some(Self { bootstrap_servers: bootstrap_servers?, group_protocol: group_protocol?, properties: properties? })
    }
}

fn bootstrap_servers(node: &Node) -> Result<String, Refusal> {
    const FIX: &str = "write host:port, several divided by commas";
    let text = String::from_node(node)?;
    let good = |server: &str| {
        server.trim().rsplit_once(':').is_some_and(|(host, port)| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
            !host.is_empty() && host.chars().all(allowed) && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
    };
    match text.split(',').all(good) {
        true => Ok(text.split(',').map(str::trim).collect::<Vec<_>>().join(",")),
        false => Err(Refusal::new("is not a list of brokers", FIX)),
    }
}

/// No message repeats a value: any of them may be a secret.
fn properties(section: &mut Section<'_>, outside: &Outside<'_>) -> Option<BTreeMap<String, Secret>> {
    let Some(node) = section.node("properties") else { return Some(BTreeMap::new()) };
    let Node::Map(entries) = node else {
        section.conflict(
            "properties",
            &format!("is {}", node.kind()),
            "write a map such as {security.protocol: SASL_SSL}",
        );
        return None;
    };
    let read: Vec<Option<(String, Secret)>> =
        entries.iter().map(|(key, value)| property(section, key, value, outside)).collect();
    read.into_iter().collect()
}

fn property(section: &Section<'_>, key: &str, value: &Node, outside: &Outside<'_>) -> Option<(String, Secret)> {
    let refuse = |problem: &str, fix: &str| section.conflict_below("properties", key, problem, fix);
    if let Some((_, problem, fix)) = REFUSED_PROPERTIES.iter().find(|(name, _, _)| *name == key) {
        refuse(problem, fix);
        return None;
    }
    if key.is_empty() || !key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c)) {
        refuse("is not the name of a property", "write it as librdkafka does, such as security.protocol");
        return None;
    }
    match resolve(value, outside) {
        Err(why) => {
            refuse(&why.problem, &why.fix);
            None
        }
        Ok(secret) if is_mechanism(BEARER, key, secret.expose()) => {
            let fix = "write AWS_MSK_IAM for Amazon MSK with IAM, or SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN";
            refuse("is OAUTHBEARER, and no issuer of tokens is supported", fix);
            None
        }
        Ok(secret) => Some((key.to_owned(), secret)),
    }
}

fn is_mechanism(mechanism: &str, key: &str, value: &str) -> bool {
    matches!(key, "sasl.mechanism" | "sasl.mechanisms") && value.eq_ignore_ascii_case(mechanism)
}

/// What a token of AWS's role must not be sent without.
fn check_msk(section: &Section<'_>, properties: &BTreeMap<String, Secret>) {
    let protocol = properties.get("security.protocol").map(Secret::expose);
    let encrypted = protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("SASL_SSL"));
    if msk_iam(properties) && !encrypted {
        let problem = "is not SASL_SSL, which AWS_MSK_IAM needs";
        section.conflict_below("properties", "security.protocol", problem, "write security.protocol: SASL_SSL");
    }
}

fn msk_iam(properties: &BTreeMap<String, Secret>) -> bool {
    properties.iter().any(|(key, value)| is_mechanism(MSK_IAM, key, value.expose()))
}

/// The region in the name of an Amazon MSK broker: `b-1.name.id.c2.kafka.REGION.amazonaws.com`, and
/// `boot-id.c1.kafka-serverless.REGION.amazonaws.com`.
fn msk_region(bootstrap_servers: &str) -> Option<&str> {
    let host = bootstrap_servers.split(',').next()?.rsplit_once(':')?.0;
    let labels: Vec<&str> = host.split('.').collect();
    // A cluster may be called kafka too.
    let region = |three: &[&'_ str]| matches!(three, ["kafka" | "kafka-serverless", _, "amazonaws"]);
    labels.windows(3).find(|three| region(three)).and_then(|three| three.get(1).copied())
}

#[cfg(test)]
mod tests {
    use super::msk_region;

    #[test]
    fn the_region_is_that_of_the_brokers_names() {
        let of = |servers| msk_region(servers);
        assert_eq!(of("b-1.ev.a1.c4.kafka.us-east-1.amazonaws.com:9098,b-2.x:9098"), Some("us-east-1"));
        assert_eq!(of("boot-x1.c1.kafka-serverless.eu-west-1.amazonaws.com:9098"), Some("eu-west-1"));
        assert_eq!(of("b-1.ev.a1.c4.kafka.cn-north-1.amazonaws.com.cn:9098"), Some("cn-north-1"));
        assert_eq!(of("b-1.kafka.a1.c4.kafka.eu-west-1.amazonaws.com:9098"), Some("eu-west-1"));
        assert_eq!(of("kafka.example.com:9092"), None);
        assert_eq!(of("localhost:9092"), None);
    }
}
