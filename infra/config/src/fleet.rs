//! The configuration as a whole.

use std::collections::BTreeMap;

use landfall_job::FieldError;
use landfall_job::reader::{Field, Node, Problems, Refused, Section, Table};
use serde::Serialize;

use crate::api::{self, ApiConfig};
use crate::cluster::{self, ClusterConfig};
use crate::connect::{self, ConnectConfig};
use crate::load::Outside;
use crate::pools::{self, PoolConfig};
use crate::s3::{self, BucketConfig, S3Config};
use crate::state::{self, StateConfig};
use crate::worker::{self, WorkerConfig};

/// The configuration of a fleet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FleetConfig {
    /// The HTTP API.
    pub api: ApiConfig,
    /// This worker.
    pub worker: WorkerConfig,
    /// Where the fleet keeps its own objects.
    pub state: StateConfig,
    /// How S3 is reached.
    pub s3: S3Config,
    /// The buckets jobs may name; where it is empty, any.
    pub buckets: BTreeMap<String, BucketConfig>,
    /// The clusters jobs may name; at least one.
    pub clusters: BTreeMap<String, ClusterConfig>,
    /// What Kafka Connect configs mean where they say nothing.
    pub connect: ConnectConfig,
    /// The pools that are scaled; a pool that is not named here keeps the size it is given.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pools: BTreeMap<String, PoolConfig>,
}

pub(crate) static TABLE: Table = Table {
    fields: &[
        Field::section("api", &api::TABLE, "the HTTP API"),
        Field::section("worker", &worker::TABLE, "the worker"),
        Field::section("state", &state::TABLE, "where the fleet keeps its own objects"),
        Field::section("s3", &s3::TABLE, "how S3 is reached; all of it is optional on AWS"),
        Field::named("buckets", &s3::BUCKET_TABLE, "registered buckets; where any is, jobs may name only these"),
        Field::named("clusters", &cluster::TABLE, "registered Kafka clusters, at least one"),
        Field::section("connect", &connect::TABLE, "what Kafka Connect configs mean where they say nothing"),
        Field::named(
            "pools",
            &pools::TABLE,
            "pools that are scaled, by the lag Lambda or `landfall run --scale processes`",
        ),
    ],
    refused: &[
        Refused {
            name: "jobs",
            problem: "is not part of the configuration",
            fix: "submit jobs with landfall job apply -f FILE",
        },
        Refused::later("schema_registries"),
        Refused::later("registries"),
        Refused {
            name: "kafka",
            problem: "is not a known field",
            fix: "write clusters: {main: {bootstrap_servers: host:9092}}",
        },
    ],
};

impl FleetConfig {
    pub(crate) fn read(node: &Node, outside: &Outside<'_>, problems: &Problems) -> Option<Self> {
        refuse_references(node, &mut Vec::new(), problems);
        let mut section = Section::root(node, &TABLE, problems);
        let api = ApiConfig::read(section.section("api"));
        let worker = WorkerConfig::read(section.section("worker"));
        let state = StateConfig::read(section.section("state"));
        let s3 = S3Config::read(section.section("s3"), outside);
        let buckets: Vec<_> = section
            .named("buckets")
            .into_iter()
            .map(|(name, section)| Some((name.to_owned(), BucketConfig::read(name, section)?)))
            .collect();
        let clusters: Vec<_> = section
            .named("clusters")
            .into_iter()
            .map(|(name, section)| Some((name.to_owned(), ClusterConfig::read(name, section, outside)?)))
            .collect();
        if !section.has("clusters") || matches!(node.get("clusters"), Some(Node::Map(entries)) if entries.is_empty()) {
            section.missing("clusters", "write clusters: {main: {bootstrap_servers: host:9092}}");
        }
        let pools: Vec<_> = section
            .named("pools")
            .into_iter()
            .map(|(name, section)| Some((name.to_owned(), PoolConfig::read(name, section)?)))
            .collect();
        let given = section.has("connect");
        let mut connect = ConnectConfig::read(section.section("connect"));
        // A fleet with one cluster means that one.
        if let (false, Some(connect), [Some((only, _))]) = (given, &mut connect, clusters.as_slice()) {
            connect.cluster.clone_from(only);
        }
        if let (true, Some(connect)) = (given, &connect)
            && !clusters.iter().flatten().any(|(name, _)| *name == connect.cluster)
        {
            let fix = "name one of clusters";
            section.problems().add_last(FieldError::new("connect.cluster", "is no registered cluster", fix));
        }
        section.finish();
        Some(Self {
            api: api?,
            worker: worker?,
            state: state?,
            s3: s3?,
            buckets: buckets.into_iter().collect::<Option<_>>()?,
            clusters: clusters.into_iter().collect::<Option<_>>()?,
            connect: connect?,
            pools: pools.into_iter().collect::<Option<_>>()?,
        })
    }
}

/// Refuses references to secrets where none are resolved, so that none is taken for a value.
fn refuse_references(node: &Node, path: &mut Vec<String>, problems: &Problems) {
    match node {
        Node::Text(text) if text.contains("${") && !may_hold_secret(path) => {
            let fix = "write the value itself; references stand in clusters.*.properties and s3 credentials only";
            problems.add_last(FieldError::new(path.join("."), "has a ${...}, which is not resolved here", fix));
        }
        Node::List(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push(format!("[{at}]"));
                refuse_references(item, path, problems);
                path.pop();
            }
        }
        Node::Map(entries) => {
            for (key, item) in entries {
                path.push(key.clone());
                refuse_references(item, path, problems);
                path.pop();
            }
        }
        Node::Text(_) | Node::Null | Node::Bool(_) | Node::Number(_) => {}
    }
}

fn may_hold_secret(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(path.as_slice(), ["clusters", _, "properties", _] | ["s3", "access_key_id" | "secret_access_key"])
}
