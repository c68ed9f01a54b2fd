//! The public keys of a region's load balancers, by id. A key of an id never changes; few are kept, and few are asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::{SharedClock, passed};
use crate::fetch::Fetch;
use crate::gate::{Gate, Turn};
use crate::key::PublicKey;
use crate::refused::Refused;
use crate::status::AuthStatus;

/// How many keys are kept; the one that was used longest ago goes first.
pub(crate) const MAX_KEYS: usize = 16;
/// How long a key counts before it is asked for again.
pub(crate) const KEPT_MS: u64 = 24 * 60 * 60 * 1000;
/// How many keys are asked for in one [`WINDOW_MS`] at most.
pub(crate) const MAX_ASKED: u32 = 8;
pub(crate) const WINDOW_MS: u64 = 10 * 1000;

#[derive(Debug)]
struct Known {
    id: String,
    key: PublicKey,
    fetched_at_ms: u64,
}

#[derive(Debug, Default)]
struct Held {
    /// The last used comes last.
    known: Vec<Known>,
    window_began_ms: u64,
    asked: u32,
    error: Option<String>,
}

#[derive(Debug)]
pub(crate) struct AlbKeys {
    base: String,
    fetch: Fetch,
    clock: SharedClock,
    held: Mutex<Held>,
    gate: Gate,
}

/// A key, and when it was fetched.
pub(crate) type Fetched = (PublicKey, u64);

impl AlbKeys {
    pub(crate) fn new(base: &str, fetch: Fetch, clock: SharedClock) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self { base, fetch, clock, held: Mutex::default(), gate: Gate::new() }
    }

    /// The key of an id. It is kept by [`AlbKeys::keep`] alone, once it has checked a signature: nobody can drive the keys
    /// in use out with ids of other load balancers.
    pub(crate) async fn key(self: &Arc<Self>, id: &str) -> Result<Fetched, Refused> {
        // The id becomes a part of an address.
        if !is_uuid(id) {
            return Err(Refused::unauthenticated("the token's key id is not that of a load balancer"));
        }
        if let Some(found) = self.known(id) {
            return Ok(found);
        }
        let turn = self.gate.turn().await?;
        // It may have come while this request waited.
        if let Some(found) = self.known(id) {
            return Ok(found);
        }
        self.ask(id, turn).await
    }

    pub(crate) fn keep(&self, id: &str, (key, fetched_at_ms): Fetched) {
        let mut held = self.lock();
        held.known.retain(|known| known.id != id);
        if held.known.len() >= MAX_KEYS {
            held.known.remove(0);
        }
        held.known.push(Known { id: id.to_owned(), key, fetched_at_ms });
    }

    pub(crate) fn status(&self) -> AuthStatus {
        let held = self.lock();
        AuthStatus {
            keys_error: held.error.clone(),
            keys_fetched_at_ms: held.known.iter().map(|known| known.fetched_at_ms).max(),
            ..AuthStatus::default()
        }
    }

    fn known(&self, id: &str) -> Option<Fetched> {
        let now_ms = self.clock.now_ms();
        let held = self.lock();
        let known = held.known.iter().find(|known| known.id == id && !passed(now_ms, known.fetched_at_ms, KEPT_MS))?;
        Some((known.key.clone(), known.fetched_at_ms))
    }

    async fn ask(self: &Arc<Self>, id: &str, turn: Turn) -> Result<Fetched, Refused> {
        if !self.may_ask() {
            return Err(Refused::unavailable("too many unknown keys of load balancers: send it again later"));
        }
        let address = format!("{}/{id}", self.base);
        let this = Arc::clone(self);
        // A task of its own: given up with the request, an answer that came late would be asked for again and again.
        let fetching = tokio::spawn(async move {
            let outcome = this.fetch.get(&address).await.and_then(|body| {
                let pem = std::str::from_utf8(&body).ok();
                pem.and_then(PublicKey::from_p256_pem).ok_or_else(|| format!("{address}: is not a P-256 key in PEM"))
            });
            if let Err(error) = &outcome {
                tracing::warn!(%error, "the key of a load balancer cannot be fetched");
            }
            this.lock().error = outcome.as_ref().err().cloned();
            drop(turn);
            outcome
        });
        match fetching.await {
            Ok(Ok(key)) => Ok((key, self.clock.now_ms())),
            Ok(Err(_)) | Err(_) => {
                Err(Refused::unavailable("the load balancer's key cannot be had now: send it again later"))
            }
        }
    }

    fn may_ask(&self) -> bool {
        let now_ms = self.clock.now_ms();
        let mut held = self.lock();
        if passed(now_ms, held.window_began_ms, WINDOW_MS) {
            held.window_began_ms = now_ms;
            held.asked = 0;
        }
        held.asked += 1;
        held.asked <= MAX_ASKED
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lower-case hexadecimal digits, as 8-4-4-4-12.
fn is_uuid(text: &str) -> bool {
    let mut lengths = text.split('-').map(|part| {
        let digits = part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if digits { part.len() } else { 0 }
    });
    [8, 4, 4, 4, 12].iter().all(|wanted| lengths.next() == Some(*wanted)) && lengths.next().is_none()
}
