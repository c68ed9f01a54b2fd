//! Public keys: read from a JWK or from PEM, each good for the algorithms of its kind and no others.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};

/// What an issuer may sign with. Never HMAC: the issuer's public key would be the secret. Never `none`.
pub(crate) const ALLOWED: &[Algorithm] =
    &[Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA];

const RSA: &[Algorithm] = &[Algorithm::RS256, Algorithm::PS256];

/// The name of an allowed algorithm in a token's header; of any other, one that no header has.
pub(crate) fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RS256 => "RS256",
        Algorithm::PS256 => "PS256",
        Algorithm::ES256 => "ES256",
        Algorithm::ES384 => "ES384",
        Algorithm::EdDSA => "EdDSA",
        _ => "not allowed",
    }
}

/// A public key.
#[derive(Debug, Clone)]
pub(crate) struct PublicKey {
    key: DecodingKey,
    algorithms: Vec<Algorithm>,
}

impl PublicKey {
    /// The id and the key of a JWK; `None` where it is not for checking signatures that are allowed here.
    pub(crate) fn from_jwk(jwk: &Jwk) -> Option<(String, Self)> {
        let common = &jwk.common;
        let signs = match &common.public_key_use {
            Some(PublicKeyUse::Signature) | None => true,
            Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_)) => false,
        };
        let verifies = common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
        let of_kind: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => RSA,
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => &[Algorithm::ES256],
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => &[Algorithm::ES384],
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
            _ => &[],
        };
        let algorithms: Vec<Algorithm> = of_kind
            .iter()
            .copied()
            .filter(|algorithm| common.key_algorithm.is_none_or(|own| own == KeyAlgorithm::from(*algorithm)))
            .collect();
        if !signs || !verifies || algorithms.is_empty() {
            return None;
        }
        let id = common.key_id.clone().filter(|id| !id.is_empty())?;
        Some((id, Self { key: DecodingKey::from_jwk(jwk).ok()?, algorithms }))
    }

    /// A P-256 key as `openssl ec -pubout` and AWS write it; `None` where it is anything else.
    pub(crate) fn from_p256_pem(pem: &str) -> Option<Self> {
        /// SubjectPublicKeyInfo of an uncompressed point on P-256, up to the point's first byte (04).
        const HEAD: [u8; 26] = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
            0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let body = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?.strip_suffix("-----END PUBLIC KEY-----")?;
        let body: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(body).ok()?;
        let point = der.strip_prefix(&HEAD)?;
        if point.len() != 65 || point.first() != Some(&0x04) {
            return None;
        }
        Some(Self { key: DecodingKey::from_ec_der(point), algorithms: vec![Algorithm::ES256] })
    }

    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// Whether the signature (base64url without padding) is this key's of the message, by an algorithm it is good for.
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &str) -> bool {
        self.fits(algorithm) && jsonwebtoken::crypto::verify(signature, message, &self.key, algorithm).unwrap_or(false)
    }
}
