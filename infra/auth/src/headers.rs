//! What is taken from a request's head.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, HeaderName};

use crate::refused::Refused;

/// The longest token that is looked at, in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The token of `authorization: Bearer <token>`.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Refused> {
    const FIX: &str = "send authorization: Bearer <token> with a known token";
    let value = only(headers, &AUTHORIZATION)?.ok_or_else(|| Refused::unauthenticated(FIX))?;
    let (scheme, token) = value.split_once(' ').ok_or_else(|| Refused::unauthenticated(FIX))?;
    let token = token.trim();
    match scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        true => Ok(token),
        false => Err(Refused::unauthenticated(FIX)),
    }
}

/// The password of `authorization: Basic <base64 of user:password>` (RFC 7617), which is all that many clients of Kafka
/// Connect can send; `None` where it is of another scheme.
pub(crate) fn basic_password(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let Some((scheme, encoded)) = only(headers, &AUTHORIZATION)?.and_then(|value| value.split_once(' ')) else {
        return Ok(None);
    };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let password = decoded.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, password)| password.to_owned());
    let malformed = || Refused::unauthenticated("authorization: Basic is not the base64 of user:token");
    password.filter(|password| !password.is_empty()).map(Some).ok_or_else(malformed)
}

/// The value of a header that may be there once: of two, others on the way may have checked the other one.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Refused> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refused::unauthenticated(format!("the header {name} is there more than once: send it once")));
    }
    if value.len() > MAX_TOKEN_BYTES {
        return Err(Refused::unauthenticated(format!("the header {name} is longer than {MAX_TOKEN_BYTES} bytes")));
    }
    let text = value.to_str().map_err(|_| Refused::unauthenticated(format!("the header {name} is not text")))?;
    Ok(Some(text))
}

/// Without authentication a web page in the user's browser must not reach the API: neither across origins nor by
/// a name that was bound to this machine's address afterwards.
pub(crate) fn only_this_machine(headers: &HeaderMap) -> Result<(), Refused> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(host) = text(HOST)
        && !is_loopback_name(host)
    {
        let reason = format!("host {host:?} is not this machine, and auth.mode is none: use 127.0.0.1 or localhost");
        return Err(Refused::forbidden(reason));
    }
    not_from_elsewhere(headers)
}

/// No page of another origin made a browser send it.
pub(crate) fn not_from_elsewhere(headers: &HeaderMap) -> Result<(), Refused> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(origin) = text(ORIGIN) {
        let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        if text(HOST) != Some(authority) {
            let reason =
                format!("origin {origin:?} may not use this API without a token of its own in a Bearer header");
            return Err(Refused::forbidden(reason));
        }
    }
    match headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes) {
        Some(b"cross-site") => Err(Refused::forbidden("a page of another site may not use this API".to_owned())),
        _ => Ok(()),
    }
}

fn is_loopback_name(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for name in ["localhost", "localhost:8080", "127.0.0.1", "127.0.0.1:80", "127.9.9.9:1", "[::1]:8080"] {
            assert!(is_loopback_name(name), "{name}");
        }
        for name in ["evil.example", "127.0.0.1.evil.example:80", "10.0.0.1:8080", "[::2]:80", "", ":80"] {
            assert!(!is_loopback_name(name), "{name}");
        }
    }
}
