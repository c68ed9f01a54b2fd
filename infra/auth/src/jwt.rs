//! A JWT before and after its signature was checked. Claims can only be had from the latter.
//!
//! The signature itself is the JWT library's work. Taking the token apart is ours, as the library's is too lenient here
//! (a name that is there twice) and too strict there (the padding of a load balancer), and asks the machine's clock.

use std::collections::HashSet;
use std::fmt;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::headers::MAX_TOKEN_BYTES;
use crate::key::PublicKey;
use crate::refused::Refused;

/// How far clocks may differ, in seconds.
pub(crate) const LEEWAY_S: u64 = 60;
/// The longest id of a key that is looked for, in bytes.
const MAX_KEY_ID_BYTES: usize = 256;

/// Whether `=` may stand at the end of each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    /// As RFC 7515 has it.
    Refused,
    /// As an Application Load Balancer writes it.
    Allowed,
}

const PADDING_ALLOWED: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A token whose header was read and nothing else. What the header says is only what somebody claims.
#[derive(Debug)]
pub(crate) struct Unverified<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: String,
    pub(crate) header: Map<String, Value>,
    /// What is signed: the first two parts as they came.
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
    padding: Padding,
}

impl<'a> Unverified<'a> {
    pub(crate) fn parse(token: &'a str, allowed: &[Algorithm], padding: Padding) -> Result<Self, Refused> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Refused::unauthenticated(format!("the token is longer than {MAX_TOKEN_BYTES} bytes")));
        }
        let malformed = || Refused::unauthenticated("the token is not a signed JWT");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (head, payload) = signed.split_once('.').ok_or_else(malformed)?;
        if payload.contains('.') || signature.is_empty() {
            return Err(malformed());
        }
        let header =
            object(head, padding).ok_or_else(|| Refused::unauthenticated("the token's header is malformed"))?;
        let algorithm = allowed
            .iter()
            .find(|algorithm| header.get("alg").and_then(Value::as_str) == Some(crate::key::name(**algorithm)))
            .ok_or_else(|| Refused::unauthenticated("the token's algorithm is not allowed here"))?;
        if header.contains_key("crit") {
            // Whoever does not understand such a header must refuse it (RFC 7515, 4.1.11), and we understand none.
            return Err(Refused::unauthenticated("the token's header demands an extension"));
        }
        let key_id = header
            .get("kid")
            .and_then(Value::as_str)
            .filter(|id| !id.is_empty() && id.len() <= MAX_KEY_ID_BYTES)
            .ok_or_else(|| Refused::unauthenticated("the token does not name its key"))?
            .to_owned();
        Ok(Self { algorithm: *algorithm, key_id, header, signed, payload, signature, padding })
    }

    /// Checks the signature, and only then reads the claims.
    pub(crate) fn verify(self, key: &PublicKey) -> Result<Map<String, Value>, Refused> {
        let signature = match self.padding {
            Padding::Refused => self.signature,
            Padding::Allowed => self.signature.trim_end_matches('='),
        };
        if !key.verifies(self.algorithm, self.signed.as_bytes(), signature) {
            return Err(Refused::unauthenticated("the token's signature is wrong"));
        }
        object(self.payload, self.padding).ok_or_else(|| Refused::unauthenticated("the token's claims are malformed"))
    }
}

/// Checks `exp` (which must be there) and `nbf` (where it is there).
pub(crate) fn check_time(claims: &Map<String, Value>, now_ms: u64) -> Result<(), Refused> {
    let now_s = now_ms / 1000;
    let expires_s = seconds(claims, "exp")?.ok_or_else(|| Refused::unauthenticated("the token never expires"))?;
    if now_s >= expires_s.saturating_add(LEEWAY_S) {
        return Err(Refused::unauthenticated("the token has expired: get a new one"));
    }
    match seconds(claims, "nbf")? {
        Some(begins_s) if begins_s > now_s.saturating_add(LEEWAY_S) => {
            Err(Refused::unauthenticated("the token is not valid yet"))
        }
        Some(_) | None => Ok(()),
    }
}

/// A NumericDate in whole seconds; a fraction is cut off.
pub(crate) fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, Refused> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let wrong = || Refused::unauthenticated(format!("the token's {name} is not a time"));
    if let Some(whole) = value.as_u64() {
        return Ok(Some(whole));
    }
    match value.as_f64() {
        // In this range the cast neither loses a sign nor wraps.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some(seconds) if (0.0..9e15).contains(&seconds) => Ok(Some(seconds as u64)),
        Some(_) | None => Err(wrong()),
    }
}

/// A part of the token as a JSON object in which every name occurs once, at every depth.
fn object(part: &str, padding: Padding) -> Option<Map<String, Value>> {
    let bytes = match padding {
        Padding::Refused => URL_SAFE_NO_PAD.decode(part),
        Padding::Allowed => PADDING_ALLOWED.decode(part),
    };
    let bytes = bytes.ok()?;
    serde_json::from_slice::<Distinct>(&bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Reads any JSON and keeps nothing; a name that is there twice in one object is an error, as two readers may take
/// different ones of them.
struct Distinct;

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Distinct {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated names")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = entries.next_key::<String>()? {
            if !names.insert(name) {
                return Err(serde::de::Error::custom("a name is there twice"));
            }
            entries.next_value::<Self>()?;
        }
        Ok(self)
    }
}
