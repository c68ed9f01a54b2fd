//! Which API a command talks to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use super::Client;
use crate::exit::Failure;
use crate::fleet;

const DEFAULT_API: &str = "http://127.0.0.1:8080";

#[derive(Debug, Args)]
pub(crate) struct ApiArguments {
    /// The API [default: that of --config, else http://127.0.0.1:8080]
    #[arg(long, value_name = "URL", env = "LANDFALL_API", global = true)]
    api: Option<String>,
    /// The token, where the API asks for one
    #[arg(long, value_name = "TOKEN", env = "LANDFALL_TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    /// A fleet configuration whose api.listen is the API
    #[arg(long, value_name = "FILE", env = "LANDFALL_CONFIG", global = true)]
    config: Option<PathBuf>,
}

impl ApiArguments {
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let address = match (&self.api, &self.config) {
            (Some(address), _) => address.clone(),
            (None, Some(path)) => {
                let api = fleet::load_without_secrets(path)?.api;
                // A certificate mostly names no address: then --api names the host that it is for.
                format!("{}://{}", scheme(api.tls.is_some()), reachable(api.listen))
            }
            (None, None) => DEFAULT_API.to_owned(),
        };
        Ok(Client::new(&address, self.token.as_deref())?)
    }
}

pub(crate) fn scheme(tls: bool) -> &'static str {
    if tls { "https" } else { "http" }
}

/// What listens on all addresses is reached on loopback.
pub(crate) fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, listen.port())),
        IpAddr::V6(ip) if ip.is_unspecified() => SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, listen.port())),
        IpAddr::V4(_) | IpAddr::V6(_) => listen,
    }
}
