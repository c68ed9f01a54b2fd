//! `healthcheck`: asks a process on this machine whether it is alive; what a container's health check runs. A worker that
//! waits for S3 or Kafka is alive and holds what it has read: an orchestrator that ended it would only make it read that
//! again. Whether a process can do its work is asked with `--ready`.
//!
//! Where it listens is told by `--url`, by the configuration, or by the variables that override it; a worker's address is
//! asked first, and the API's where nobody listens there.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use reqwest::Url;

use crate::client::{reachable, scheme};
use crate::exit::{Failure, Outcome};
use crate::fleet;

const TIMEOUT: Duration = Duration::from_secs(4);
const DEFAULTS: [SocketAddr; 2] = [
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8081),
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080),
];

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What to ask, as http://127.0.0.1:8081/livez
    #[arg(long, value_name = "URL", conflicts_with = "ready")]
    url: Option<Url>,
    /// Ask whether it can do its work, not only whether it is alive
    #[arg(long)]
    ready: bool,
    /// The configuration of the process that is asked
    #[arg(long, value_name = "FILE", env = "LANDFALL_CONFIG")]
    config: Option<PathBuf>,
}

/// What is asked of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    Alive,
    Ready,
}

impl Probe {
    fn url(self, scheme: &str, listen: SocketAddr) -> String {
        let path = match self {
            Self::Alive => "livez",
            Self::Ready => "readyz",
        };
        format!("{scheme}://{}/{path}", reachable(listen))
    }
}

pub(crate) async fn run(arguments: Arguments) -> Outcome {
    let ours = arguments.url.is_none();
    let probe = if arguments.ready { Probe::Ready } else { Probe::Alive };
    let urls: Vec<String> = match (arguments.url, arguments.config) {
        (Some(url), _) => vec![url.to_string()],
        (None, Some(path)) => {
            let config = fleet::load_without_secrets(&path)?;
            vec![
                probe.url("http", config.worker.listen),
                probe.url(scheme(config.api.tls.is_some()), config.api.listen),
            ]
        }
        (None, None) => from_environment(probe)?,
    };
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .no_proxy()
        // A process on this machine, whose certificate is for its public name; nothing secret is sent to it.
        .danger_accept_invalid_certs(ours)
        .build()
        .map_err(anyhow::Error::from)?;
    let mut silent = Vec::new();
    for url in &urls {
        match client.get(url).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => {
                let status = answer.status();
                let text: String = answer.text().await.unwrap_or_default().chars().take(500).collect();
                return Err(anyhow!("{url} answers {status}: {text}").into());
            }
            Err(error) if error.is_connect() => silent.push(url.as_str()),
            Err(error) => return Err(anyhow!("{url} gave no answer: {error}").into()),
        }
    }
    Err(anyhow!("nobody listens at {}", silent.join(" or ")).into())
}

fn from_environment(probe: Probe) -> Result<Vec<String>, Failure> {
    let mut urls = Vec::new();
    let api_tls = std::env::var("LANDFALL_API__TLS__CERTIFICATE").is_ok();
    for (name, tls) in [("LANDFALL_WORKER__LISTEN", false), ("LANDFALL_API__LISTEN", api_tls)] {
        if let Ok(text) = std::env::var(name) {
            let address: SocketAddr = text.parse().map_err(|_| {
                Failure::Usage(format!("{name}: {text:?} is not an address with a port; write 127.0.0.1:8081"))
            })?;
            urls.push(probe.url(scheme(tls), address));
        }
    }
    if urls.is_empty() {
        urls.extend(DEFAULTS.map(|listen| probe.url("http", listen)));
    }
    Ok(urls)
}
