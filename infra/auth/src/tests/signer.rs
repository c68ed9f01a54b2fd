//! Keys made for the test, and tokens signed by them without the library that checks them.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

enum Pair {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RsaKeyPair>),
}

pub(super) struct Signer {
    pub(super) id: String,
    pair: Pair,
}

impl Signer {
    pub(super) fn p256(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { id: id.to_owned(), pair: Pair::P256(pair) }
    }

    pub(super) fn p384(id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        Self { id: id.to_owned(), pair: Pair::P384(pair) }
    }

    pub(super) fn ed25519(id: &str) -> Self {
        Self { id: id.to_owned(), pair: Pair::Ed25519(Ed25519KeyPair::generate().unwrap()) }
    }

    pub(super) fn rsa(id: &str) -> Self {
        Self { id: id.to_owned(), pair: Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())) }
    }

    pub(super) fn jwk(&self) -> Value {
        let id = &self.id;
        let point = |bytes: &[u8], size: usize| (b64(&bytes[1..=size]), b64(&bytes[1 + size..]));
        match &self.pair {
            Pair::P256(pair) => {
                let (x, y) = point(pair.public_key().as_ref(), 32);
                json!({"kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "x": x, "y": y})
            }
            Pair::P384(pair) => {
                let (x, y) = point(pair.public_key().as_ref(), 48);
                json!({"kty": "EC", "crv": "P-384", "kid": id, "x": x, "y": y})
            }
            Pair::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": b64(pair.public_key().as_ref())})
            }
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                let n: Vec<u8> = key.modulus().big_endian_without_leading_zero().to_vec();
                let e: Vec<u8> = key.exponent().big_endian_without_leading_zero().to_vec();
                json!({"kty": "RSA", "kid": id, "use": "sig", "n": b64(&n), "e": b64(&e)})
            }
        }
    }

    /// The public key as AWS shows it; a P-256 key's.
    pub(super) fn pem(&self) -> String {
        let Pair::P256(pair) = &self.pair else { panic!("only for P-256") };
        let mut der = STANDARD.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE").unwrap();
        der.extend_from_slice(&pair.public_key().as_ref()[1..]);
        let body = STANDARD.encode(der);
        let (first, second) = body.split_at(64);
        format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
    }

    /// A token with this key's id and the algorithm of its kind; an RSA key signs by the algorithm named.
    pub(super) fn token(&self, algorithm: &str, claims: &Value) -> String {
        self.sign(&json!({"alg": algorithm, "typ": "JWT", "kid": self.id}).to_string(), &claims.to_string())
    }

    /// Signs any header and claims, also ones that are no JSON.
    pub(super) fn sign(&self, header: &str, claims: &str) -> String {
        self.seal(&format!("{}.{}", b64(header.as_bytes()), b64(claims.as_bytes())), header, false)
    }

    /// The same, each part with its padding, as a load balancer does.
    pub(super) fn sign_padded(&self, header: &str, claims: &str) -> String {
        self.seal(&format!("{}.{}", URL_SAFE.encode(header), URL_SAFE.encode(claims)), header, true)
    }

    fn seal(&self, signed: &str, header: &str, padded: bool) -> String {
        let random = SystemRandom::new();
        let message = signed.as_bytes();
        let signature = match &self.pair {
            Pair::P256(pair) | Pair::P384(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                match header.contains("PS256") {
                    true => pair.sign(&RSA_PSS_SHA256, &random, message, &mut signature).unwrap(),
                    false => pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap(),
                }
                signature
            }
        };
        let signature = if padded { URL_SAFE.encode(signature) } else { b64(&signature) };
        format!("{signed}.{signature}")
    }
}

pub(super) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A document of keys.
pub(super) fn jwks(signers: &[&Signer]) -> String {
    json!({"keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>()}).to_string()
}
