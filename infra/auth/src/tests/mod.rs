//! Real tokens, a real server of keys on loopback, and an own clock.

mod alb;
mod attacks;
mod claims;
mod oidc;
mod server;
mod signer;
mod token;
mod vectors;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};
use landfall_config::{Auth, FleetConfig, Outside};

use crate::{Authenticator, Clock, Principal, Refused};

/// 2026-11-27T00:00:00Z, in seconds.
const NOW_S: u64 = 1_795_737_600;

#[derive(Debug)]
struct TestClock(AtomicU64);

impl TestClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(NOW_S * 1000)))
    }

    fn pass_ms(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The section `api.auth` by the reader that an operator meets.
fn config(auth: &str) -> Auth {
    let text = format!(
        "state: {{bucket: lake}}\nclusters: {{main: {{bootstrap_servers: 'k:9092'}}}}\napi: {{auth: {{{auth}}}}}\n"
    );
    let outside = Outside {
        variables: Vec::new(),
        variable: &|_| None,
        file: &|_| Err(std::io::ErrorKind::NotFound.into()),
        secret: &|_| Err("none here".to_owned()),
    };
    FleetConfig::parse(&text, &outside).unwrap_or_else(|errors| panic!("{errors}\n{text}")).api.auth
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let name: HeaderName = name.parse().unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

async fn bearer(auth: &Authenticator, token: &str) -> Result<Principal, Refused> {
    auth.authenticate(&headers(&[("authorization", &format!("Bearer {token}"))])).await
}
