//! The HTTP API: where it listens and who may use it.

use std::net::SocketAddr;
use std::path::PathBuf;

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
    /// Its certificate, where it speaks TLS itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsConfig>,
}

/// Files of the listener's certificate; read again when they change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TlsConfig {
    /// PEM: the certificate, then its chain.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

static TLS_TABLE: Table = Table {
    fields: &[
        Field::required("certificate", "path", "PEM file: the certificate, then its chain; read again when it changes"),
        Field::required("key", "path", "PEM file: the certificate's private key"),
    ],
    refused: &[],
};

pub(crate) static TABLE: Table = Table {
    fields: &[
        Field::preset("listen", "address:port", "127.0.0.1:8080", "where the API listens"),
        Field::section("auth", &auth::TABLE, "who may use the API"),
        Field::section("tls", &TLS_TABLE, "TLS of the listener; without it the API speaks plain HTTP"),
    ],
    refused: &[Refused::later("cors")],
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
        let given = section.has("tls");
        let files = section.section("tls");
        let tls = given.then(|| read_tls(files));
        section.finish();
        Some(Self {
            listen: listen?,
            auth: auth?,
            tls: match tls {
                None => None,
                Some(tls) => Some(tls?),
            },
        })
    }
}

fn read_tls(mut section: Section<'_>) -> Option<TlsConfig> {
    let (certificate, key) = (section.read::<String>("certificate"), section.read::<String>("key"));
    section.finish();
    Some(TlsConfig { certificate: certificate?.into(), key: key?.into() })
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
