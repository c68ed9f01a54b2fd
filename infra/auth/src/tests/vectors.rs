//! Tokens and keys made by others: what our own tests sign and check could be wrong in the same way.

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::Jwk;
use serde_json::json;

use super::server::Server;
use super::{TestClock, config, headers};
use crate::key::PublicKey;
use crate::{Authenticator, Role};

/// By `openssl ecparam -name prime256v1 -genkey | openssl ec -pubout`.
const OPENSSL_KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEe44gWXztMr99WGf/k0kz+jl5NUVg\n\
CX/Wtf6FQr2P2fb0oZnXfwbksGXJFDHp3ZmYUR+uton6LHFN3KjRK0HbPQ==\n\
-----END PUBLIC KEY-----\n\
";
/// The same of secp384r1.
const OPENSSL_P384_KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEWNue/dOFglol2xisrEt280j1nlqX4UUC\n\
lCuA/TVnVYQEUQH1palNnJcnKouzDq9jMseDfIxgT8kuoNw5CNszg6JURVqfCDDp\n\
7gvqSIvb59dnL+cGaCTQHDe/o7zhufsS\n\
-----END PUBLIC KEY-----\n\
";
/// Signed by `openssl dgst -sha256 -sign`, each part with padding.
const OPENSSL_TOKEN: &str = "\
eyJ0eXAiOiAiSldUIiwgImtpZCI6ICIxMjM0NTY3OC05MGFiLWNkZWYtMTIzNC01Njc4OTBhYmNkZWYiLCAiYWxnIjogIkVTMjU2IiwgImlzcy\
I6ICJodHRwczovL2lkcC5leGFtcGxlIiwgImNsaWVudCI6ICJsYW5kZmFsbCIsICJzaWduZXIiOiAiYXJuOmF3czplbGFzdGljbG9hZGJhbGFu\
Y2luZzp1cy1lYXN0LTE6MTIzNDU2Nzg5MDEyOmxvYWRiYWxhbmNlci9hcHAvbGFuZGZhbGwvMDEyMzQ1Njc4OWFiY2RlZiIsICJleHAiOiAxNz\
k1NzQxMjAwfQ==.eyJzdWIiOiAidTEiLCAiZW1haWwiOiAiYW5uQGV4YW1wbGUuY29tIiwgImdyb3VwcyI6IFsib3BzIl0sICJleHAiOiAxNzk\
1NzQxMjAwLCAiaXNzIjogImh0dHBzOi8vaWRwLmV4YW1wbGUifQ==.rTzzygUc9H_fPmcIOOO2KB6IoMLgBN_2WhwEULHXjYs1WVo_cChJCfUi\
UmDWzm8-Ly6IUkl3cO7yUTOHDGuOZw==";

#[test]
fn the_example_of_rfc_7515_is_good_and_a_changed_one_is_not() {
    // RFC 7515, A.3; only the key's id is added.
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "kid": "a",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let (_, key) = PublicKey::from_jwk(&serde_json::from_value::<Jwk>(jwk).unwrap()).unwrap();
    let signed = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19y\
b290Ijp0cnVlfQ";
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    assert!(key.verifies(Algorithm::ES256, signed.as_bytes(), signature));
    assert!(!key.verifies(Algorithm::ES256, format!("{signed}A").as_bytes(), signature));
    assert!(!key.verifies(Algorithm::ES384, signed.as_bytes(), signature));
    assert!(!key.verifies(Algorithm::HS256, signed.as_bytes(), signature));
}

#[test]
fn only_p256_keys_in_pem_are_read() {
    assert!(PublicKey::from_p256_pem(OPENSSL_KEY).is_some());
    assert!(PublicKey::from_p256_pem(&OPENSSL_KEY.replace('\n', "\r\n")).is_some());
    for bad in [
        "",
        OPENSSL_P384_KEY,
        &OPENSSL_KEY.replace("PUBLIC", "PRIVATE"),
        &OPENSSL_KEY[..120],
        &format!("{OPENSSL_KEY}{OPENSSL_KEY}"),
        &format!("x{OPENSSL_KEY}"),
    ] {
        assert!(PublicKey::from_p256_pem(bad).is_none(), "{bad}");
    }
}

#[tokio::test]
async fn a_load_balancers_token_signed_by_openssl_is_good() {
    let server = Server::start().await;
    server.put("/12345678-90ab-cdef-1234-567890abcdef", OPENSSL_KEY.to_owned());
    let text = format!(
        "mode: alb, alb: {{signer: 'arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/landfall/0123456789abcdef', \
         issuer: 'https://idp.example', client: landfall, keys_url: '{}', role_claim: groups, roles: {{operator: [ops]}}}}",
        server.base
    );
    let auth = Authenticator::from_config(&config(&text), TestClock::new()).unwrap();
    let principal = auth.authenticate(&headers(&[("x-amzn-oidc-data", OPENSSL_TOKEN)])).await.unwrap();
    assert_eq!((principal.name.as_str(), principal.role), ("ann@example.com", Role::Operator));
}
