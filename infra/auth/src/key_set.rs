//! An issuer's keys: fetched when needed, kept for a while, fetched again for a key that is not among them.
//!
//! - Keys are fresh for 10 minutes. Older ones still count for a day while the issuer cannot be reached, which is told.
//! - The issuer is asked at most once in 10 s, whatever tokens come in.
//! - A fetch that was begun goes on when the request that began it is given up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::Jwk;
use landfall_config::OidcConfig;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use crate::clock::{SharedClock, passed};
use crate::fetch::{Fetch, is_loopback};
use crate::gate::{Gate, Turn};
use crate::key::PublicKey;
use crate::refused::Refused;
use crate::status::AuthStatus;

/// How long keys count without asking again.
pub(crate) const FRESH_MS: u64 = 10 * 60 * 1000;
/// How long keys count while the issuer cannot be reached.
pub(crate) const KEPT_MS: u64 = 24 * 60 * 60 * 1000;
/// How often the issuer is asked at most.
pub(crate) const ASK_EVERY_MS: u64 = 10 * 1000;
/// How many keys of an issuer are kept.
const MAX_KEYS: usize = 100;

#[derive(Debug, Default)]
struct Held {
    keys: Vec<(String, PublicKey)>,
    fetched_at_ms: Option<u64>,
    asked_at_ms: Option<u64>,
    error: Option<String>,
}

#[derive(Debug)]
pub(crate) struct KeySet {
    issuer: String,
    jwks_url: Option<String>,
    fetch: Fetch,
    clock: SharedClock,
    held: Mutex<Held>,
    gate: Gate,
}

enum Found {
    Fresh(PublicKey),
    /// It counts, if the issuer cannot be asked.
    Old(PublicKey),
    Nothing,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    pub(crate) fn new(config: &OidcConfig, fetch: Fetch, clock: SharedClock) -> Self {
        Self {
            issuer: config.issuer.clone(),
            jwks_url: config.jwks_url.clone(),
            fetch,
            clock,
            held: Mutex::default(),
            gate: Gate::new(),
        }
    }

    /// The key of an id that is good for the algorithm.
    pub(crate) async fn key(self: &Arc<Self>, id: &str, algorithm: Algorithm) -> Result<PublicKey, Refused> {
        match self.find(id, algorithm) {
            Found::Fresh(key) => return Ok(key),
            // One request waits for the fetch, the others go on with what there is.
            Found::Old(_) => {
                if let Some(turn) = self.gate.turn_if_free() {
                    self.refresh(turn).await;
                }
            }
            Found::Nothing if self.may_ask() => {
                let turn = self.gate.turn().await?;
                // It may have come while this request waited; then refresh asks nobody.
                self.refresh(turn).await;
            }
            Found::Nothing => {
                // A fetch that is under way may bring it.
                let _turn = self.gate.turn().await?;
            }
        }
        match self.find(id, algorithm) {
            Found::Fresh(key) | Found::Old(key) => Ok(key),
            Found::Nothing => Err(self.missing()),
        }
    }

    /// Fetches the keys, if that was not just tried.
    pub(crate) async fn warm_up(self: &Arc<Self>) {
        if let Some(turn) = self.gate.turn_if_free() {
            self.refresh(turn).await;
        }
    }

    pub(crate) fn status(&self) -> AuthStatus {
        let held = self.lock();
        AuthStatus { keys_error: held.error.clone(), keys_fetched_at_ms: held.fetched_at_ms, ..AuthStatus::default() }
    }

    fn find(&self, id: &str, algorithm: Algorithm) -> Found {
        let now_ms = self.clock.now_ms();
        let held = self.lock();
        let Some(fetched_at_ms) = held.fetched_at_ms else { return Found::Nothing };
        let key = held.keys.iter().find(|(known, key)| known == id && key.fits(algorithm));
        match key.map(|(_, key)| key.clone()) {
            Some(key) if !passed(now_ms, fetched_at_ms, FRESH_MS) => Found::Fresh(key),
            Some(key) if now_ms.saturating_sub(fetched_at_ms) < KEPT_MS => Found::Old(key),
            Some(_) | None => Found::Nothing,
        }
    }

    fn may_ask(&self) -> bool {
        self.lock().asked_at_ms.is_none_or(|asked| passed(self.clock.now_ms(), asked, ASK_EVERY_MS))
    }

    /// Why there is no such key.
    fn missing(&self) -> Refused {
        let held = self.lock();
        let now_ms = self.clock.now_ms();
        match held.fetched_at_ms {
            Some(fetched) if held.error.is_none() && now_ms.saturating_sub(fetched) < KEPT_MS => {
                Refused::unauthenticated("the token's key is none of the issuer's")
            }
            // It may well be one of the issuer's that cannot be had now.
            Some(_) | None => Refused::unavailable("the issuer's keys cannot be had now: send it again later"),
        }
    }

    async fn refresh(self: &Arc<Self>, turn: Turn) {
        if !self.may_ask() {
            return;
        }
        self.lock().asked_at_ms = Some(self.clock.now_ms());
        let this = Arc::clone(self);
        // A task of its own: were the fetch given up with the request, hasty clients could keep it from ever ending.
        let fetching = tokio::spawn(async move {
            let outcome = this.fetch_keys().await;
            this.keep(outcome);
            drop(turn);
        });
        if fetching.await.is_err() {
            tracing::error!(issuer = self.issuer, "the fetch of the issuer's keys broke off");
        }
    }

    fn keep(&self, outcome: Result<Vec<(String, PublicKey)>, String>) {
        let now_ms = self.clock.now_ms();
        let mut held = self.lock();
        let issuer = self.issuer.as_str();
        match outcome {
            Ok(keys) => {
                if held.error.is_some() || held.fetched_at_ms.is_none() {
                    tracing::info!(issuer, keys = keys.len(), "the issuer's keys were fetched");
                }
                *held = Held { keys, fetched_at_ms: Some(now_ms), asked_at_ms: held.asked_at_ms, error: None };
            }
            Err(error) => {
                let age_s = held.fetched_at_ms.map(|fetched| now_ms.saturating_sub(fetched) / 1000);
                tracing::warn!(issuer, %error, age_s, "the issuer's keys cannot be fetched; older ones count for a day");
                held.error = Some(error);
            }
        }
    }

    async fn fetch_keys(&self) -> Result<Vec<(String, PublicKey)>, String> {
        let address = match &self.jwks_url {
            Some(address) => address.clone(),
            None => self.discover().await?,
        };
        let body = self.fetch.get(&address).await?;
        let document: Document =
            serde_json::from_slice(&body).map_err(|_| format!("{address}: is not a set of keys"))?;
        // A key of a kind that is not known here is no reason to refuse the others.
        let keys: Vec<(String, PublicKey)> = document
            .keys
            .into_iter()
            .filter_map(|key| PublicKey::from_jwk(&serde_json::from_value::<Jwk>(key).ok()?))
            .take(MAX_KEYS)
            .collect();
        match keys.is_empty() {
            true => Err(format!("{address}: has no key that is good for the algorithms allowed here")),
            false => Ok(keys),
        }
    }

    /// Where the issuer says that its keys are.
    async fn discover(&self) -> Result<String, String> {
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let body = self.fetch.get(&address).await?;
        let found: Discovery =
            serde_json::from_slice(&body).map_err(|_| format!("{address}: is not a discovery document"))?;
        if found.issuer != self.issuer {
            return Err(format!("{address}: is the document of another issuer"));
        }
        let loopback = |text: &str| Url::parse(text).is_ok_and(|url| is_loopback(&url));
        match found.jwks_uri.starts_with("https://") || (loopback(&self.issuer) && loopback(&found.jwks_uri)) {
            true => Ok(found.jwks_uri),
            false => Err(format!("{address}: names keys that are not at an https address")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
