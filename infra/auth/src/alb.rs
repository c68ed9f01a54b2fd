//! Mode `alb`: the JWT that an Application Load Balancer adds as `x-amzn-oidc-data` once it has authenticated the user.
//!
//! AWS signs these with keys that all load balancers of a region share: that the signature is good says nothing before
//! `signer` is our own load balancer.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use jsonwebtoken::Algorithm;
use landfall_config::AlbConfig;
use serde_json::{Map, Value};

use crate::alb_keys::AlbKeys;
use crate::claims;
use crate::clock::SharedClock;
use crate::fetch::Fetch;
use crate::headers::only;
use crate::jwt::{Padding, Unverified, check_time};
use crate::principal::Principal;
use crate::refused::Refused;

static HEADER: HeaderName = HeaderName::from_static("x-amzn-oidc-data");

#[derive(Debug)]
pub(crate) struct Alb {
    config: AlbConfig,
    pub(crate) keys: Arc<AlbKeys>,
    clock: SharedClock,
}

impl Alb {
    pub(crate) fn new(config: &AlbConfig, fetch: Fetch, clock: SharedClock) -> Self {
        let keys = Arc::new(AlbKeys::new(&config.keys_url, fetch, Arc::clone(&clock)));
        Self { config: config.clone(), keys, clock }
    }

    pub(crate) async fn principal(&self, headers: &HeaderMap) -> Result<Principal, Refused> {
        let text = only(headers, &HEADER)?.ok_or_else(|| {
            let fix = "come through the load balancer, by a listener rule that authenticates";
            Refused::unauthenticated(format!("the header {HEADER} is missing: {fix}"))
        })?;
        let token = Unverified::parse(text, &[Algorithm::ES256], Padding::Allowed)?;
        // The header is signed too. It is looked at before, so that other load balancers' keys are not even asked for.
        self.check_header(&token.header)?;
        let id = token.key_id.clone();
        let fetched = self.keys.key(&id).await?;
        let claims = token.verify(&fetched.0)?;
        self.keys.keep(&id, fetched);
        if claims.get("iss").is_some_and(|issuer| issuer.as_str() != Some(self.config.issuer.as_str())) {
            return Err(Refused::unauthenticated("the claims are of another issuer than the configured one"));
        }
        if claims.contains_key("exp") || claims.contains_key("nbf") {
            check_time(&claims, self.clock.now_ms())?;
        }
        claims::principal(&self.config.claims, &claims)
    }

    fn check_header(&self, header: &Map<String, Value>) -> Result<(), Refused> {
        let is = |name: &str, wanted: &str| header.get(name).and_then(Value::as_str) == Some(wanted);
        if !is("signer", &self.config.signer) {
            return Err(Refused::unauthenticated("the token is of another load balancer than the configured one"));
        }
        if !is("iss", &self.config.issuer) {
            return Err(Refused::unauthenticated("the token is of another issuer than the configured one"));
        }
        if self.config.client.as_deref().is_some_and(|client| !is("client", client)) {
            return Err(Refused::unauthenticated("the token is for another client than the configured one"));
        }
        check_time(header, self.clock.now_ms())
    }
}
