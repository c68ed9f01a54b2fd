//! What a Kafka Connect config, which names neither cluster nor pool nor team, means.

use landfall_job::reader::{Field, Section, Table};
use serde::Serialize;

use crate::api::plain;

/// What a Kafka Connect config means where it says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectConfig {
    /// The registered cluster that connectors read.
    pub cluster: String,
    /// The pool of workers that runs them.
    pub pool: String,
    /// The team they belong to.
    pub team: String,
}

const CLUSTER: &str = "main";
const POOL: &str = "shared";
const TEAM: &str = "default";

impl Default for ConnectConfig {
    fn default() -> Self {
        Self { cluster: CLUSTER.to_owned(), pool: POOL.to_owned(), team: TEAM.to_owned() }
    }
}

pub(crate) static TABLE: Table = Table {
    fields: &[
        Field::preset(
            "cluster",
            "name of a registered cluster",
            CLUSTER,
            "the cluster that connectors read; without a `connect`, the only one there is",
        ),
        Field::preset("pool", "name", POOL, "the pool of workers that runs them"),
        Field::preset("team", "name", TEAM, "the team they belong to"),
    ],
    refused: &[],
};

impl ConnectConfig {
    pub(crate) fn read(mut section: Section<'_>) -> Option<Self> {
        let cluster = section.read_with("cluster", plain);
        let (pool, team) = (section.read_with("pool", plain), section.read_with("team", plain));
        section.finish();
        Some(Self { cluster: cluster?, pool: pool?, team: team? })
    }
}
