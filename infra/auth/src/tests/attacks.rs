//! What an attacker sends, and that each of it is refused for the reason meant.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Value, json};

use super::oidc::World;
use super::signer::{Signer, b64};
use super::{NOW_S, bearer, headers};
use crate::RefusedKind;

fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// Signed with HMAC, the public key being the secret: what a careless library takes.
fn hs256(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let signed = format!("{}.{}", b64(header.to_string().as_bytes()), b64(claims.to_string().as_bytes()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", b64(tag.as_ref()))
}

#[tokio::test]
async fn every_attack_is_refused_for_its_own_reason() {
    let ours = Signer::p256("ours");
    let rsa = Signer::rsa("rsa");
    let theirs = Signer::p256("ours");
    let world = World::new(&[&ours, &rsa]).await;
    let claims = world.claims();
    let header = json!({"alg": "ES256", "kid": "ours"});
    let sign = |claims: &Value| ours.token("ES256", claims);
    let good = sign(&claims);
    bearer(&world.auth, &good).await.expect("without a good one, the refusals below would prove nothing");

    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, payload) = signed.split_once('.').unwrap();
    let none = |alg: &str| format!("{}.{payload}.", b64(json!({"alg": alg, "kid": "ours"}).to_string().as_bytes()));
    let jwk = ours.jwk();
    let secrets = [
        ours.pem().into_bytes(),
        jwk.to_string().into_bytes(),
        jwk["x"].as_str().unwrap().as_bytes().to_vec(),
        rsa.jwk()["n"].as_str().unwrap().as_bytes().to_vec(),
    ];
    let with_header = |change: Value| {
        let mut header = header.clone();
        header.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        ours.sign(&header.to_string(), &claims.to_string())
    };
    let text = claims.to_string();
    let twice = |what: &str| ours.sign(&header.to_string(), &text.replacen('{', &format!("{{{what},"), 1));
    let forged = b64(with(&claims, "groups", json!(["ops"])).to_string().as_bytes());

    let mut table: Vec<(String, String, &str)> = Vec::new();
    let mut add = |name: &str, token: String, told: &'static str| table.push((name.to_owned(), token, told));
    for alg in ["none", "None", "NONE", "nOnE"] {
        add("alg none", format!("{}x", none(alg)), "algorithm is not allowed");
        add("alg none, no signature", none(alg), "not a signed JWT");
    }
    for secret in &secrets {
        for kid in ["ours", "rsa"] {
            let header = json!({"alg": "HS256", "kid": kid});
            add("HS256 with the public key", hs256(&header, &claims, secret), "algorithm is not allowed");
            // Another name for it, should the library believe the key's kind from the header.
            let header = json!({"alg": "RS256", "kid": kid});
            add("HMAC called RS256", hs256(&header, &claims, secret), "");
        }
    }
    add("RS512 is not on the list", with_header(json!({"alg": "RS512"})), "algorithm is not allowed");
    add("es256 is no algorithm", with_header(json!({"alg": "es256"})), "algorithm is not allowed");
    add("alg is a list", with_header(json!({"alg": ["ES256"]})), "algorithm is not allowed");
    add("signed by a stranger with our kid", theirs.token("ES256", &claims), "signature is wrong");
    add("unknown kid", with_header(json!({"kid": "other"})), "none of the issuer's");
    add("kid with a path", with_header(json!({"kid": "../../keys"})), "none of the issuer's");
    add("no kid", ours.sign(&json!({"alg": "ES256"}).to_string(), &text), "does not name its key");
    add("kid is a number", with_header(json!({"kid": 1})), "does not name its key");
    add("huge kid", with_header(json!({"kid": "k".repeat(300)})), "does not name its key");
    add(
        "own key in the header",
        theirs.sign(&json!({"alg": "ES256", "kid": "ours", "jwk": theirs.jwk()}).to_string(), &text),
        "signature is wrong",
    );
    add("crit", with_header(json!({"crit": ["exp"]})), "demands an extension");
    add("expired", sign(&with(&claims, "exp", json!(NOW_S - 60))), "has expired");
    add("no exp", sign(&without(&claims, "exp")), "never expires");
    add("exp is text", sign(&with(&claims, "exp", json!("9999999999"))), "exp is not a time");
    add("exp is endless", ours.sign(&header.to_string(), &text.replace(&(NOW_S + 3600).to_string(), "1e999")), "");
    add("exp is negative", sign(&with(&claims, "exp", json!(-1))), "exp is not a time");
    add("not yet valid", sign(&with(&claims, "nbf", json!(NOW_S + 61))), "not valid yet");
    add("nbf is text", sign(&with(&claims, "nbf", json!("0"))), "nbf is not a time");
    add("wrong aud", sign(&with(&claims, "aud", json!("landfal"))), "another audience");
    add("wrong auds", sign(&with(&claims, "aud", json!(["a", "b"]))), "another audience");
    add("no aud", sign(&without(&claims, "aud")), "another audience");
    add("wrong iss", sign(&with(&claims, "iss", json!("https://evil.example"))), "another issuer");
    add("iss with a slash", sign(&with(&claims, "iss", json!(format!("{}/", world.server.base)))), "another issuer");
    add("iss is a list", sign(&with(&claims, "iss", json!([world.server.base]))), "another issuer");
    add("no iss", sign(&without(&claims, "iss")), "another issuer");
    add("signature cut", format!("{signed}.{}", &signature[..signature.len() - 4]), "signature is wrong");
    add("signature gone", format!("{signed}."), "not a signed JWT");
    add("signature of nothing", format!("{signed}.{}", b64(&[0; 64])), "signature is wrong");
    add("signature is no base64", format!("{signed}.{}", "*".repeat(86)), "signature is wrong");
    add("claims exchanged", format!("{head}.{forged}.{signature}"), "signature is wrong");
    add("two parts", signed.to_owned(), "");
    add("four parts", format!("{good}.x"), "not a signed JWT");
    add("one part", "x".to_owned(), "not a signed JWT");
    add("dots", "...".to_owned(), "not a signed JWT");
    add("header is no JSON", ours.sign("{\"alg\":", &text), "header is malformed");
    add("header is a list", ours.sign("[\"ES256\"]", &text), "header is malformed");
    add("claims are no JSON", ours.sign(&header.to_string(), "x"), "claims are malformed");
    add("claims are deep", ours.sign(&header.to_string(), &"[".repeat(2000)), "claims are malformed");
    add("a claim twice", twice("\"groups\":[\"ops\"]"), "claims are malformed");
    add("a claim twice, once escaped", twice("\"gr\\u006fups\":[\"ops\"]"), "claims are malformed");
    add("a claim twice inside", twice("\"a\":{\"b\":1,\"b\":2}"), "claims are malformed");
    add(
        "a header field twice",
        ours.sign("{\"alg\":\"none\",\"alg\":\"ES256\",\"kid\":\"ours\"}", &text),
        "header is malformed",
    );
    add("padded", ours.sign_padded(&header.to_string(), &format!("{text} ")), "");
    add("padded claims", format!("{head}.{}.{signature}", URL_SAFE.encode(format!("{text}  "))), "");
    add("huge", sign(&with(&claims, "x", json!("x".repeat(20_000)))), "longer than 16384 bytes");

    for (name, token, told) in &table {
        let refused = bearer(&world.auth, token).await.expect_err(name);
        assert_eq!(refused.kind, RefusedKind::Unauthenticated, "{name}: {refused}");
        assert!(refused.reason.contains(told), "{name}: {refused}, not {told}");
        // What was sent never comes back.
        for part in token.split('.').filter(|part| part.len() > 8) {
            assert!(!refused.reason.contains(part), "{name}: {refused}");
        }
    }
    bearer(&world.auth, &good).await.expect("nothing of this keeps a good token out");
}

#[tokio::test]
async fn clocks_may_differ_by_a_minute() {
    let ours = Signer::p256("ours");
    let world = World::new(&[&ours]).await;
    for (name, value) in [("exp", json!(NOW_S - 59)), ("exp", json!(NOW_S as f64 + 0.5)), ("nbf", json!(NOW_S + 60))] {
        let claims = with(&world.claims(), name, value);
        bearer(&world.auth, &ours.token("ES256", &claims)).await.expect(name);
    }
}

#[tokio::test]
async fn a_token_comes_in_one_header_of_one_form() {
    let ours = Signer::p256("ours");
    let world = World::new(&[&ours]).await;
    let token = ours.token("ES256", &world.claims());
    let right = format!("Bearer {token}");
    for pairs in [
        vec![],
        vec![("authorization", token.as_str())],
        vec![("authorization", "Bearer ")],
        vec![("authorization", "Basic dTpw")],
        vec![("authorization", &right), ("authorization", &right)],
        vec![("authorization", "Bearer x"), ("authorization", &right)],
        vec![("x-amzn-oidc-data", &token)],
        vec![("x-amzn-oidc-accesstoken", &token)],
    ] {
        let refused = world.auth.authenticate(&headers(&pairs)).await.expect_err("refused");
        assert_eq!(refused.kind, RefusedKind::Unauthenticated, "{pairs:?}");
    }
    world.auth.authenticate(&headers(&[("authorization", &format!("bearer  {token} "))])).await.unwrap();
}
