//! An issuer whose keys come, go and cannot be had.

use std::sync::Arc;

use serde_json::{Value, json};

use super::server::{Page, Server};
use super::signer::{Signer, jwks};
use super::{NOW_S, TestClock, bearer, config};
use crate::fetch::MAX_DOCUMENT_BYTES;
use crate::key_set::{ASK_EVERY_MS, FRESH_MS, KEPT_MS};
use crate::{Authenticator, RefusedKind, Role};

pub(super) struct World {
    pub(super) server: Server,
    pub(super) clock: Arc<TestClock>,
    pub(super) auth: Authenticator,
}

impl World {
    /// With an issuer that has these keys.
    pub(super) async fn new(signers: &[&Signer]) -> Self {
        Self::with(signers, "").await
    }

    /// With further fields of the section.
    pub(super) async fn with(signers: &[&Signer], more: &str) -> Self {
        let server = Server::start().await;
        let issuer = &server.base;
        let found = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")});
        server.put("/.well-known/openid-configuration", found.to_string());
        server.put("/keys", jwks(signers));
        let clock = TestClock::new();
        let text = format!(
            "mode: oidc, oidc: {{issuer: '{issuer}', audience: [landfall, other], role_claim: groups, team_claim: team, \
             roles: {{viewer: [see], editor: [edit], operator: [ops]}}{more}}}"
        );
        let auth = Authenticator::from_config(&config(&text), clock.clone()).unwrap();
        Self { server, clock, auth }
    }

    pub(super) fn claims(&self) -> Value {
        json!({
            "iss": self.server.base, "aud": "landfall", "sub": "u1", "email": "ann@example.com",
            "exp": NOW_S + 3600, "nbf": NOW_S, "groups": ["edit"], "team": "ads",
        })
    }

    /// Claims that are valid for days, for tests in which time passes.
    fn lasting(&self) -> Value {
        let mut claims = self.claims();
        claims["exp"] = json!(NOW_S + 1_000_000);
        claims
    }

    fn key_requests(&self) -> usize {
        self.server.asked().iter().filter(|path| *path == "/keys").count()
    }
}

#[tokio::test]
async fn a_token_of_every_allowed_algorithm_makes_a_principal() {
    let signers = [Signer::rsa("r"), Signer::p256("e2"), Signer::p384("e3"), Signer::ed25519("d")];
    let world = World::new(&signers.each_ref()).await;
    let claims = world.claims();
    for (signer, algorithm) in [(0, "RS256"), (0, "PS256"), (1, "ES256"), (2, "ES384"), (3, "EdDSA")] {
        let principal = bearer(&world.auth, &signers[signer].token(algorithm, &claims)).await.expect(algorithm);
        assert_eq!((principal.name.as_str(), principal.role), ("ann@example.com", Role::Editor), "{algorithm}");
        assert_eq!(principal.team.as_deref(), Some("ads"));
    }
    assert_eq!(world.key_requests(), 1, "fresh keys are not asked for again");
    assert_eq!(world.auth.status().keys_error, None);
}

#[tokio::test]
async fn a_key_is_only_good_for_the_algorithms_of_its_kind() {
    let (ec, rsa) = (Signer::p256("e"), Signer::rsa("r"));
    let world = World::new(&[&ec, &rsa]).await;
    for (signer, algorithm) in [(&ec, "RS256"), (&ec, "ES384"), (&rsa, "ES256"), (&ec, "EdDSA")] {
        let refused = bearer(&world.auth, &signer.token(algorithm, &world.claims())).await.expect_err(algorithm);
        assert_eq!(refused.kind, RefusedKind::Unauthenticated, "{refused}");
    }
    // Where the key names its algorithm, it is that one alone.
    let mut key = rsa.jwk();
    key["alg"] = json!("PS256");
    world.server.put("/keys", json!({"keys": [key]}).to_string());
    world.clock.pass_ms(FRESH_MS);
    bearer(&world.auth, &rsa.token("PS256", &world.claims())).await.unwrap();
    bearer(&world.auth, &rsa.token("RS256", &world.claims())).await.unwrap_err();
}

#[tokio::test]
async fn a_new_key_is_fetched_when_a_token_names_it_and_a_withdrawn_one_counts_no_more() {
    let (old, new) = (Signer::p256("old"), Signer::p256("new"));
    let world = World::new(&[&old]).await;
    let claims = world.lasting();
    bearer(&world.auth, &old.token("ES256", &claims)).await.unwrap();
    world.server.put("/keys", jwks(&[&new]));
    // Too soon after the last request: the issuer is not asked for every unknown key.
    let refused = bearer(&world.auth, &new.token("ES256", &claims)).await.unwrap_err();
    assert_eq!(refused.reason, "the token's key is none of the issuer's");
    world.clock.pass_ms(ASK_EVERY_MS);
    bearer(&world.auth, &new.token("ES256", &claims)).await.unwrap();
    bearer(&world.auth, &old.token("ES256", &claims)).await.unwrap_err();
    assert_eq!(world.key_requests(), 2);
}

#[tokio::test]
async fn a_storm_of_unknown_keys_asks_the_issuer_once_in_ten_seconds() {
    let known = Signer::p256("known");
    let world = World::new(&[&known]).await;
    let claims = world.claims();
    for second in 0..30_u64 {
        for n in 0..5 {
            let stranger = Signer::p256(&format!("unknown-{second}-{n}"));
            bearer(&world.auth, &stranger.token("ES256", &claims)).await.unwrap_err();
        }
        world.clock.pass_ms(1000);
    }
    assert_eq!(world.key_requests(), 3);
    bearer(&world.auth, &known.token("ES256", &claims)).await.unwrap();
}

#[tokio::test]
async fn many_requests_at_once_share_one_fetch_and_few_may_wait_for_it() {
    let signer = Signer::p256("a");
    let world = World::new(&[&signer]).await;
    let page = Page { delay_ms: 300, ..jwks(&[&signer]).into() };
    world.server.put("/keys", page);
    let token = signer.token("ES256", &world.claims());
    let auth = Arc::new(world.auth);
    let asking: Vec<_> = (0..60)
        .map(|_| {
            let (auth, token) = (Arc::clone(&auth), token.clone());
            tokio::spawn(async move { bearer(&auth, &token).await })
        })
        .collect();
    let (mut good, mut later) = (0, 0);
    for one in asking {
        match one.await.unwrap() {
            Ok(_) => good += 1,
            Err(refused) => {
                assert_eq!(refused.kind, RefusedKind::Unavailable, "{refused}");
                later += 1;
            }
        }
    }
    assert_eq!(world.server.asked().iter().filter(|path| *path == "/keys").count(), 1);
    assert_eq!((good, later), (33, 27), "one asks, 32 wait");
}

#[tokio::test]
async fn a_fetch_goes_on_when_the_request_that_began_it_is_given_up() {
    let signer = Signer::p256("a");
    let world = World::new(&[&signer]).await;
    world.server.put("/keys", Page { delay_ms: 300, ..jwks(&[&signer]).into() });
    let token = signer.token("ES256", &world.claims());
    let hasty = tokio::time::timeout(std::time::Duration::from_millis(100), bearer(&world.auth, &token)).await;
    assert!(hasty.is_err(), "the client was to leave before the answer");
    // Nobody may ask again in the same ten seconds: only the first fetch can bring the key.
    bearer(&world.auth, &token).await.unwrap();
    assert_eq!(world.key_requests(), 1);
}

#[tokio::test]
async fn while_the_issuer_is_away_its_keys_count_for_a_day_and_this_is_told() {
    let signer = Signer::p256("a");
    let World { server, clock, auth } = World::new(&[&signer]).await;
    let claims = json!({
        "iss": server.base, "aud": "landfall", "sub": "u1", "exp": NOW_S + 1_000_000, "groups": "ops",
    });
    let token = signer.token("ES256", &claims);
    bearer(&auth, &token).await.unwrap();
    server.stop().await;
    clock.pass_ms(FRESH_MS);
    bearer(&auth, &token).await.unwrap();
    let status = auth.status();
    assert!(status.keys_error.as_ref().is_some_and(|error| error.contains("openid-configuration")), "{status:?}");
    assert_eq!(status.keys_fetched_at_ms, Some(NOW_S * 1000));
    clock.pass_ms(KEPT_MS - FRESH_MS - 1);
    bearer(&auth, &token).await.unwrap();
    clock.pass_ms(1);
    let refused = bearer(&auth, &token).await.unwrap_err();
    assert_eq!(refused.kind, RefusedKind::Unavailable, "{refused}");
    // Nor is an unknown key called wrong while nobody can know.
    let other = Signer::p256("b").token("ES256", &claims);
    assert_eq!(bearer(&auth, &other).await.unwrap_err().kind, RefusedKind::Unavailable);
}

#[tokio::test]
async fn keys_that_cannot_be_used_let_nobody_in() {
    let signer = Signer::p256("a");
    let world = World::new(&[&signer]).await;
    let token = signer.token("ES256", &world.claims());
    let good = jwks(&[&signer]);
    let big = good.replacen('{', &format!("{{\"x\": \"{}\",", "x".repeat(MAX_DOCUMENT_BYTES)), 1);
    let moved = Page { status: 302, location: Some(format!("{}/moved", world.server.base)), ..good.clone().into() };
    world.server.put("/moved", good.clone());
    let hmac = json!({"keys": [{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}]}).to_string();
    let encrypts = good.replace("\"sig\"", "\"enc\"");
    let signs_only = good.replace("\"use\":\"sig\"", "\"key_ops\":[\"sign\"]");
    assert_ne!((&encrypts, &signs_only), (&good, &good));
    for (page, told) in [
        (big.into(), "longer than"),
        (moved, "answered 302"),
        (Page { status: 500, ..good.clone().into() }, "answered 500"),
        ("{".to_owned().into(), "not a set of keys"),
        ("[]".to_owned().into(), "not a set of keys"),
        ("{\"keys\":[]}".to_owned().into(), "no key that is good"),
        (hmac.into(), "no key that is good"),
        (encrypts.into(), "no key that is good"),
        (signs_only.into(), "no key that is good"),
    ] {
        world.server.put("/keys", page);
        world.clock.pass_ms(ASK_EVERY_MS);
        let refused = bearer(&world.auth, &token).await.expect_err(told);
        assert_eq!(refused.kind, RefusedKind::Unavailable, "{told}");
        let error = world.auth.status().keys_error.expect(told);
        assert!(error.contains(told), "{error}, not {told}");
    }
    world.server.put("/keys", good);
    world.clock.pass_ms(ASK_EVERY_MS);
    bearer(&world.auth, &token).await.unwrap();
    assert_eq!(world.auth.status().keys_error, None);
}

#[tokio::test]
async fn a_discovery_document_is_only_believed_about_its_own_issuer_and_safe_addresses() {
    let signer = Signer::p256("a");
    let world = World::new(&[&signer]).await;
    let token = signer.token("ES256", &world.claims());
    let (issuer, keys) = (&world.server.base, format!("{}/keys", world.server.base));
    for (document, told) in [
        (json!({"issuer": "https://evil.example", "jwks_uri": keys}), "another issuer"),
        (json!({"issuer": format!("{issuer}/"), "jwks_uri": keys}), "another issuer"),
        (json!({"issuer": issuer, "jwks_uri": "http://keys.example/keys"}), "not at an https address"),
        (json!({"issuer": issuer, "jwks_uri": "file:///etc/passwd"}), "not at an https address"),
        (json!({"issuer": issuer}), "not a discovery document"),
    ] {
        world.server.put("/.well-known/openid-configuration", document.to_string());
        world.clock.pass_ms(ASK_EVERY_MS);
        bearer(&world.auth, &token).await.expect_err(told);
        let error = world.auth.status().keys_error.expect(told);
        assert!(error.contains(told), "{error}, not {told}");
    }
    assert_eq!(world.key_requests(), 0);
}

#[tokio::test]
async fn with_jwks_url_nothing_is_discovered() {
    let signer = Signer::p256("a");
    let server = Server::start().await;
    server.put("/elsewhere", jwks(&[&signer]));
    let text = format!(
        "mode: oidc, oidc: {{issuer: 'https://login.example', audience: landfall, jwks_url: '{}/elsewhere', \
         role_claim: scope, roles: {{operator: ['landfall:ops']}}}}",
        server.base
    );
    let auth = Authenticator::from_config(&config(&text), TestClock::new()).unwrap();
    auth.warm_up().await;
    let claims = json!({
        "iss": "https://login.example", "aud": ["x", "landfall"], "sub": "u1", "exp": NOW_S + 60,
        "scope": "openid landfall:ops",
    });
    let principal = bearer(&auth, &signer.token("ES256", &claims)).await.unwrap();
    assert_eq!((principal.name.as_str(), principal.role, principal.team), ("u1", Role::Operator, None));
    assert_eq!(server.asked(), ["/elsewhere"]);
}
