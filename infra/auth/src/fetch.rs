//! Small documents over HTTP, bounded in length and time.

use std::error::Error;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};

/// The longest document that is read, in bytes.
pub(crate) const MAX_DOCUMENT_BYTES: usize = 1024 * 1024;
/// Until the last byte of an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// An HTTP client that follows no redirect: only the configured host tells keys.
#[derive(Debug, Clone)]
pub(crate) struct Fetch {
    client: Client,
    /// Knows no proxy, which would not reach this machine's own addresses.
    loopback: Client,
}

impl Fetch {
    /// # Errors
    /// TLS cannot be set up, in words.
    pub(crate) fn new() -> Result<Self, String> {
        let builder = || {
            Client::builder()
                .redirect(Policy::none())
                .timeout(TIMEOUT)
                .connect_timeout(CONNECT_TIMEOUT)
                .user_agent(concat!("landfall/", env!("CARGO_PKG_VERSION")))
        };
        let client = builder().build().map_err(|error| chain(&error))?;
        let loopback = builder().no_proxy().build().map_err(|error| chain(&error))?;
        Ok(Self { client, loopback })
    }

    /// The body of a document of at most [`MAX_DOCUMENT_BYTES`].
    ///
    /// # Errors
    /// It cannot be had, in words with the address.
    pub(crate) async fn get(&self, address: &str) -> Result<Vec<u8>, String> {
        self.read(address).await.map_err(|error| format!("{address}: {error}"))
    }

    async fn read(&self, address: &str) -> Result<Vec<u8>, String> {
        let url = Url::parse(address).map_err(|error| error.to_string())?;
        let client = match (url.scheme(), is_loopback(&url)) {
            ("https", false) => &self.client,
            ("https" | "http", true) => &self.loopback,
            _ => return Err("is not an https address".to_owned()),
        };
        let mut response = client.get(url).send().await.map_err(|error| chain(&error.without_url()))?;
        if response.status() != StatusCode::OK {
            return Err(format!("answered {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error.without_url()))? {
            if body.len() + chunk.len() > MAX_DOCUMENT_BYTES {
                return Err(format!("is longer than {MAX_DOCUMENT_BYTES} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// Whether an address is this machine's, by itself or by the one name that means so.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
