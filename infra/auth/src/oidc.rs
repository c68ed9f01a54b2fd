//! Mode `oidc`: a JWT in `authorization: Bearer`, signed by the configured issuer.

use std::sync::Arc;

use http::HeaderMap;
use landfall_config::OidcConfig;
use serde_json::{Map, Value};

use crate::claims;
use crate::clock::SharedClock;
use crate::fetch::Fetch;
use crate::headers::bearer;
use crate::jwt::{Padding, Unverified, check_time};
use crate::key::ALLOWED;
use crate::key_set::KeySet;
use crate::principal::Principal;
use crate::refused::Refused;

#[derive(Debug)]
pub(crate) struct Oidc {
    config: OidcConfig,
    pub(crate) keys: Arc<KeySet>,
    clock: SharedClock,
}

impl Oidc {
    pub(crate) fn new(config: &OidcConfig, fetch: Fetch, clock: SharedClock) -> Self {
        let keys = Arc::new(KeySet::new(config, fetch, Arc::clone(&clock)));
        Self { config: config.clone(), keys, clock }
    }

    pub(crate) async fn principal(&self, headers: &HeaderMap) -> Result<Principal, Refused> {
        let token = Unverified::parse(bearer(headers)?, ALLOWED, Padding::Refused)?;
        let key = self.keys.key(&token.key_id, token.algorithm).await?;
        let claims = token.verify(&key)?;
        if claims.get("iss").and_then(Value::as_str) != Some(self.config.issuer.as_str()) {
            return Err(Refused::unauthenticated("the token is of another issuer than the configured one"));
        }
        if !self.is_for_us(&claims) {
            return Err(Refused::unauthenticated("the token is for another audience than this API"));
        }
        check_time(&claims, self.clock.now_ms())?;
        claims::principal(&self.config.claims, &claims)
    }

    /// `aud` is a text or a list of them.
    fn is_for_us(&self, claims: &Map<String, Value>) -> bool {
        let ours =
            |value: &Value| value.as_str().is_some_and(|text| self.config.audience.iter().any(|own| own == text));
        match claims.get("aud") {
            Some(Value::Array(items)) => items.iter().any(ours),
            Some(one) => ours(one),
            None => false,
        }
    }
}
