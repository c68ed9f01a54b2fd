//! A pool as its scaler sees it: the limits of the decision, and the service that is set to it.

use landfall_job::names::check_plain_name;
use landfall_job::reader::{Field, Node, Number, Refusal, Section, Table, nonempty_text};
use landfall_scale::Limits;
use serde::Serialize;

/// A pool of workers that is scaled.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PoolConfig {
    /// What the decision keeps to.
    pub scaling: Limits,
    /// The ECS service that the lag Lambda sets itself; `None`: it only publishes what it decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecs: Option<EcsService>,
}

/// A service of Amazon ECS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EcsService {
    /// Name or ARN of its cluster.
    pub cluster: String,
    /// Its name or ARN.
    pub service: String,
}

static ECS_TABLE: Table = Table {
    fields: &[
        Field::required("cluster", "name or ARN", "the cluster of the service"),
        Field::required("service", "name or ARN", "the service whose tasks are the pool's workers"),
    ],
    refused: &[],
};

pub(crate) static TABLE: Table = Table {
    fields: &[
        Field::optional(
            "scaling",
            "map, see [Scaling](#scaling)",
            "0 to 20 workers, caught up within ten minutes",
            "the limits of the scaling decision",
        ),
        Field::section(
            "ecs",
            &ECS_TABLE,
            "where given, the lag Lambda sets the service itself (`UpdateService`); then no scaling policy may",
        ),
    ],
    refused: &[],
};

impl PoolConfig {
    pub(crate) fn read(name: &str, mut section: Section<'_>) -> Option<Self> {
        if let Err(refusal) = check_plain_name(name) {
            section.refuse_self(&refusal);
        }
        let scaling = section.read_optional_with("scaling", limits);
        let given = section.has("ecs");
        let inner = section.section("ecs");
        let ecs = if given { read_ecs(inner).map(Some) } else { Some(None) };
        section.finish();
        Some(Self { scaling: scaling?.unwrap_or_default(), ecs: ecs? })
    }
}

fn read_ecs(mut section: Section<'_>) -> Option<EcsService> {
    let cluster = section.read_with("cluster", nonempty_text);
    let service = section.read_with("service", nonempty_text);
    section.finish();
    Some(EcsService { cluster: cluster?, service: service? })
}

fn limits(node: &Node) -> Result<Limits, Refusal> {
    const FIX: &str = "see Scaling in docs/config-reference.md";
    if !matches!(node, Node::Map(_)) {
        return Err(Refusal::kind(node, "a map, such as {max_workers: 4}"));
    }
    let mistake = |error: String| {
        // The list of all knobs is longer than a message should be.
        let error = error.split(", expected one of").next().unwrap_or_default().to_owned();
        Refusal::new(format!("has a mistake: {error}"), FIX)
    };
    let read: Limits = serde_json::from_value(json(node)).map_err(|error| mistake(error.to_string()))?;
    read.validate().map_err(|error| mistake(error.to_string()))?;
    Ok(read)
}

fn json(node: &Node) -> serde_json::Value {
    match node {
        Node::Null => serde_json::Value::Null,
        Node::Bool(value) => (*value).into(),
        Node::Number(Number::Int(value)) => match i64::try_from(*value) {
            Ok(value) => value.into(),
            Err(_) => value.to_string().into(),
        },
        Node::Number(Number::Float(value)) => (*value).into(),
        Node::Text(text) => text.as_str().into(),
        Node::List(items) => items.iter().map(json).collect(),
        Node::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), json(value))).collect(),
    }
}
