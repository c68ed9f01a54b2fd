//! A load balancer's header.

use std::sync::Arc;

use serde_json::{Value, json};

use super::server::{Page, Server};
use super::signer::Signer;
use super::{NOW_S, TestClock, config, headers};
use crate::alb_keys::{KEPT_MS, MAX_ASKED, MAX_KEYS, WINDOW_MS};
use crate::{Authenticator, Principal, Refused, RefusedKind, Role};

const SIGNER: &str = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/landfall/0123456789abcdef";
const ISSUER: &str = "https://login.example/tenant";

struct World {
    server: Server,
    clock: Arc<TestClock>,
    auth: Authenticator,
}

impl World {
    async fn new(signers: &[&Signer]) -> Self {
        let server = Server::start().await;
        for signer in signers {
            server.put(&format!("/{}", signer.id), signer.pem());
        }
        let text = format!(
            "mode: alb, alb: {{signer: '{SIGNER}', issuer: '{ISSUER}', client: landfall, keys_url: '{}/', \
             role_claim: groups, team_claim: team, roles: {{editor: [edit], operator: [ops]}}}}",
            server.base
        );
        let clock = TestClock::new();
        let auth = Authenticator::from_config(&config(&text), clock.clone()).unwrap();
        Self { server, clock, auth }
    }

    async fn ask(&self, token: &str) -> Result<Principal, Refused> {
        self.auth.authenticate(&headers(&[("x-amzn-oidc-data", token)])).await
    }
}

fn uuid(n: usize) -> String {
    format!("0a1b2c3d-0000-4000-8000-{n:012x}")
}

fn header(id: &str) -> Value {
    json!({
        "typ": "JWT", "alg": "ES256", "kid": id, "signer": SIGNER, "iss": ISSUER, "client": "landfall",
        "exp": NOW_S + 120,
    })
}

fn claims() -> Value {
    json!({"sub": "u1", "email": "ann@example.com", "groups": "edit", "team": "ads", "iss": ISSUER, "exp": NOW_S + 120})
}

fn changed(value: &Value, name: &str, to: Value) -> String {
    let mut value = value.clone();
    match to {
        Value::Null => drop(value.as_object_mut().unwrap().remove(name)),
        to => value[name] = to,
    }
    value.to_string()
}

#[tokio::test]
async fn padded_and_unpadded_tokens_of_the_load_balancer_make_a_principal() {
    let signer = Signer::p256(&uuid(1));
    let world = World::new(&[&signer]).await;
    let header = header(&signer.id).to_string();
    // Of three lengths in a row, each kind of padding occurs.
    for spaces in ["", " ", "  "] {
        let claims = format!("{}{spaces}", claims());
        for token in [signer.sign_padded(&header, &claims), signer.sign(&header, &claims)] {
            let principal = world.ask(&token).await.unwrap();
            assert_eq!((principal.name.as_str(), principal.role), ("ann@example.com", Role::Editor));
            assert_eq!(principal.team.as_deref(), Some("ads"));
        }
    }
    assert_eq!(world.server.asked().len(), 1, "a key is asked for once");
    // Without claims of its own about time and issuer, those of the header count.
    let bare = json!({"sub": "u1", "groups": ["ops"]}).to_string();
    assert_eq!(world.ask(&signer.sign_padded(&header, &bare)).await.unwrap().role, Role::Operator);
}

#[tokio::test]
async fn what_another_load_balancer_or_nobody_signed_is_refused() {
    let ours = Signer::p256(&uuid(1));
    let theirs = Signer::p256(&uuid(1));
    let world = World::new(&[&ours]).await;
    let (header, claims) = (header(&ours.id), claims());
    let text = claims.to_string();
    let with_header = |name: &str, to: Value| ours.sign_padded(&changed(&header, name, to), &text);
    let with_claim = |name: &str, to: Value| ours.sign_padded(&header.to_string(), &changed(&claims, name, to));
    let other = SIGNER.replace("landfall/", "evil/");
    let good = ours.sign_padded(&header.to_string(), &text);
    let (signed, _) = good.rsplit_once('.').unwrap();
    for (token, told) in [
        (with_header("signer", json!(other)), "another load balancer"),
        (with_header("signer", json!([SIGNER])), "another load balancer"),
        (with_header("signer", Value::Null), "another load balancer"),
        (with_header("iss", json!("https://evil.example")), "another issuer"),
        (with_header("iss", Value::Null), "another issuer"),
        (with_header("client", json!("other")), "another client"),
        (with_header("client", Value::Null), "another client"),
        (with_header("exp", json!(NOW_S - 60)), "has expired"),
        (with_header("exp", Value::Null), "never expires"),
        (with_header("alg", json!("none")), "algorithm is not allowed"),
        (with_header("alg", json!("HS256")), "algorithm is not allowed"),
        (with_header("alg", json!("RS256")), "algorithm is not allowed"),
        (with_claim("exp", json!(NOW_S - 60)), "has expired"),
        (with_claim("iss", json!("https://evil.example")), "another issuer"),
        (theirs.sign_padded(&header.to_string(), &text), "signature is wrong"),
        (format!("{signed}.===="), "signature is wrong"),
        (format!("{signed}."), "not a signed JWT"),
        (format!("{signed}.{}", "A".repeat(16 * 1024)), "longer than"),
    ] {
        let refused = world.ask(&token).await.expect_err(told);
        assert_eq!(refused.kind, RefusedKind::Unauthenticated, "{refused}");
        assert!(refused.reason.contains(told), "{refused}, not {told}");
    }
    world.ask(&good).await.expect("nothing of this keeps a good token out");
}

#[tokio::test]
async fn a_key_id_that_is_no_uuid_never_becomes_an_address() {
    let signer = Signer::p256(&uuid(1));
    let world = World::new(&[&signer]).await;
    let good = &signer.id;
    for id in [
        "../../latest/meta-data".to_owned(),
        format!("../{good}"),
        format!("{good}/.."),
        format!("{good}?x=1"),
        format!("{good}#"),
        format!("{good}-0000"),
        good.to_uppercase(),
        good.replace('-', "%2d"),
        good.replace('0', "g"),
        good[1..].to_owned(),
        format!("{good}\n"),
        "x".to_owned(),
    ] {
        let token = signer.sign(&header(&id).to_string(), &claims().to_string());
        let refused = world.ask(&token).await.expect_err(&id);
        assert!(refused.reason.contains("key id is not that of a load balancer"), "{id}: {refused}");
    }
    assert_eq!(world.server.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn the_header_comes_once_and_no_other_header_counts() {
    let signer = Signer::p256(&uuid(1));
    let world = World::new(&[&signer]).await;
    let token = signer.sign_padded(&header(&signer.id).to_string(), &claims().to_string());
    let bearer = format!("Bearer {token}");
    for pairs in [
        vec![],
        vec![("x-amzn-oidc-data", token.as_str()), ("x-amzn-oidc-data", &token)],
        vec![("x-amzn-oidc-data", "x"), ("x-amzn-oidc-data", &token)],
        vec![("authorization", &bearer)],
        vec![("x-amzn-oidc-accesstoken", &token)],
        vec![("x-amzn-oidc-identity", "u1")],
        vec![("x-amzn-oidc-data", &bearer)],
    ] {
        world.auth.authenticate(&headers(&pairs)).await.expect_err("refused");
    }
    world.ask(&token).await.unwrap();
}

#[tokio::test]
async fn unknown_keys_are_asked_for_a_few_times_only_and_drive_no_known_key_out() {
    let ours = Signer::p256(&uuid(0));
    let world = World::new(&[&ours]).await;
    let good = ours.sign_padded(&header(&ours.id).to_string(), &claims().to_string());
    world.ask(&good).await.unwrap();
    // Keys that are there, as those of the region's other load balancers, but did not sign this.
    for n in 1..=2 * MAX_KEYS {
        let stranger = Signer::p256(&uuid(n));
        world.server.put(&format!("/{}", stranger.id), stranger.pem());
        let forged = ours.sign_padded(&header(&stranger.id).to_string(), &claims().to_string());
        world.ask(&forged).await.unwrap_err();
    }
    assert_eq!(world.server.asked().len(), usize::try_from(MAX_ASKED).unwrap());
    world.ask(&good).await.unwrap();
    world.clock.pass_ms(WINDOW_MS);
    let new = Signer::p256(&uuid(999));
    world.server.put(&format!("/{}", new.id), new.pem());
    world.ask(&new.sign_padded(&header(&new.id).to_string(), &claims().to_string())).await.unwrap();
}

#[tokio::test]
async fn of_many_good_keys_the_ones_used_last_are_kept() {
    let signers: Vec<Signer> = (0..=MAX_KEYS).map(|n| Signer::p256(&uuid(n))).collect();
    let world = World::new(&signers.iter().collect::<Vec<_>>()).await;
    let token = |n: usize| signers[n].sign_padded(&header(&signers[n].id).to_string(), &claims().to_string());
    for n in 0..MAX_KEYS {
        world.ask(&token(n)).await.unwrap();
        if n % 4 == 3 {
            world.clock.pass_ms(WINDOW_MS);
        }
    }
    world.ask(&token(0)).await.unwrap();
    world.ask(&token(MAX_KEYS)).await.unwrap();
    let asked = world.server.asked().len();
    assert_eq!(asked, MAX_KEYS + 1);
    world.ask(&token(0)).await.unwrap();
    assert_eq!(world.server.asked().len(), asked, "0 was used last before the new one");
    world.ask(&token(1)).await.unwrap();
    assert_eq!(world.server.asked().len(), asked + 1, "1 made room");
}

#[tokio::test]
async fn a_key_that_cannot_be_had_is_told_and_asked_for_again() {
    let signer = Signer::p256(&uuid(1));
    let world = World::new(&[]).await;
    let token = signer.sign_padded(&header(&signer.id).to_string(), &claims().to_string());
    let path = format!("/{}", signer.id);
    for (page, told) in [
        (Page { status: 404, ..String::new().into() }, "answered 404"),
        ("-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n".to_owned().into(), "not a P-256 key"),
        ("x".repeat(2 * 1024 * 1024).into(), "longer than"),
    ] {
        world.server.put(&path, page);
        let refused = world.ask(&token).await.expect_err(told);
        assert_eq!(refused.kind, RefusedKind::Unavailable, "{refused}");
        assert!(world.auth.status().keys_error.expect(told).contains(told), "{told}");
    }
    world.server.put(&path, signer.pem());
    world.ask(&token).await.unwrap();
    assert_eq!(world.auth.status().keys_error, None);
    // A day later it is asked for once more.
    let asked = world.server.asked().len();
    world.clock.pass_ms(KEPT_MS);
    let later = |value: Value| changed(&value, "exp", json!(NOW_S + 200_000));
    world.ask(&signer.sign_padded(&later(header(&signer.id)), &later(claims()))).await.unwrap();
    assert_eq!(world.server.asked().len(), asked + 1);
}
