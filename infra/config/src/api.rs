//! The HTTP API: where it listens and who may use it.

use std::net::SocketAddr;

use landfall_job::names::check_plain_name;
use landfall_job::reader::{Field, FromNode, Node, Refusal, Refused, Section, Table};
use serde::Serialize;

use crate::auth::{self, Auth, AuthMode};

/// The HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Who may use it.
    pub auth: Auth,
}

pub(crate) static TABLE: Table = Table {
    fields: &[
        Field::preset("listen", "address:port", "127.0.0.1:8080", "where the API listens"),
        Field::section("auth", &auth::TABLE, "who may use the API"),
    ],
    refused: &[Refused::later("tls"), Refused::later("cors")],
};

impl ApiConfig {
    pub(crate) fn read(mut section: Section<'_>) -> Option<Self> {
        let listen = section.read_with("listen", listen_address);
        let auth = Auth::read(section.section("auth"));
        if let (Some(listen), Some(auth)) = (&listen, &auth)
            && auth.mode == AuthMode::None
            && !listen.ip().is_loopback()
        {
            let problem = format!("is none while api.listen is {listen}, which others can reach");
            section.conflict("auth.mode", &problem, "write mode: token with tokens, or listen on 127.0.0.1");
        }
        section.finish();
        Some(Self { listen: listen?, auth: auth? })
    }
}

pub(crate) fn plain(node: &Node) -> Result<String, Refusal> {
    let name = String::from_node(node)?;
    check_plain_name(&name).map(|()| name)
}

/// An address with a port; a name would need a resolver, and could mean several.
pub(crate) fn listen_address(node: &Node) -> Result<SocketAddr, Refusal> {
    let text = String::from_node(node)?;
    text.parse()
        .map_err(|_| Refusal::new("is not an address with a port", "write 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080"))
}
