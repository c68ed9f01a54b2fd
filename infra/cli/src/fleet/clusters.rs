//! The registered Kafka clusters as clients take them. Properties are tried on a client at once, so that a misspelt one
//! ends the start instead of every job. Amazon MSK with IAM is signed in to by the process's role.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use landfall_aws::MskTokens;
use landfall_config::{ClusterConfig, FleetConfig};
use landfall_kafka::{ClusterClient, Connection, GroupProtocol, Token, TokenSource, Tokens};

use super::secrets::wait;
use crate::exit::Failure;

/// Bounds each question that is asked of a cluster while somebody waits for the API's answer.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);
/// The same for a command that takes minutes anyway.
pub(crate) const PATIENT_TIMEOUT: Duration = Duration::from_secs(60);
/// A longer client id only makes the broker's log hard to read.
const MAX_CLIENT_ID_CHARS: usize = 120;

/// The connections by registered name; `who` is seen in the brokers' logs and quotas. Must be called within the runtime
/// where a cluster is an Amazon MSK with IAM.
pub(crate) fn connections(config: &FleetConfig, who: &str) -> BTreeMap<String, Connection> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let client_id: String = format!("landfall-{who}").chars().map(plain).take(MAX_CLIENT_ID_CHARS).collect();
    let connection = |cluster: &ClusterConfig| Connection {
        bootstrap: cluster.bootstrap_servers.clone(),
        properties: cluster.properties.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect(),
        client_id: client_id.clone(),
        group_protocol: match cluster.group_protocol {
            landfall_config::GroupProtocol::Classic => GroupProtocol::Classic,
            landfall_config::GroupProtocol::Consumer => GroupProtocol::Consumer,
        },
        tokens: cluster.msk_iam().then(|| role_tokens(cluster.msk_region())),
    };
    config.clusters.iter().map(|(name, cluster)| (name.clone(), connection(cluster))).collect()
}

/// Tokens that the process's role signs.
#[derive(Debug)]
struct RoleTokens(MskTokens);

impl TokenSource for RoleTokens {
    fn token(&self) -> Result<Token, String> {
        let (value, expires_at_ms) = self.0.latest()?;
        Ok(Token { value, principal: "role".to_owned(), expires_at_ms })
    }
}

fn role_tokens(region: Option<&str>) -> Tokens {
    let region = region.map(str::to_owned);
    let tokens = wait(async {
        let settings = landfall_aws::settings(region.clone()).await;
        MskTokens::keep(&settings, region).await
    });
    if let Err(why) = tokens.latest() {
        tracing::warn!("{why}; it is tried again");
    }
    Arc::new(RoleTokens(tokens))
}

/// A client that asks one cluster; nothing is sent yet.
///
/// # Errors
/// A property that librdkafka does not know.
pub(crate) fn kafka_client(
    name: &str,
    connection: &Connection,
    timeout: Duration,
) -> Result<Arc<ClusterClient>, Failure> {
    let client = ClusterClient::new(connection, timeout);
    client.map(Arc::new).map_err(|error| Failure::Usage(format!("clusters.{name}.properties: {error}")))
}
