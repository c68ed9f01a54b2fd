//! Who asks: the authentication of the HTTP API, without the HTTP server.
//!
//! Four modes: `none` (this machine alone), `token` (static, known by their SHA-256 only, read again when their file
//! changes), `oidc` (a JWT checked by the issuer's keys) and `alb` (the JWT that an Application Load Balancer adds).
//!
//! Invariants:
//! - What cannot be checked is refused: a bad file, an unreachable issuer or an odd token never lets anybody in.
//! - No answer, log line or `Debug` repeats a token or a part of one.
//! - Everything is bounded: tokens, documents, keys, waiting time, waiting requests, requests to others.
//! - A signature is checked before a claim is read.
//!
//! Times are milliseconds since the Unix epoch unless a name says otherwise; the clock is injected.

mod alb;
mod alb_keys;
mod authenticator;
mod claims;
mod clock;
mod fetch;
mod file;
mod gate;
mod headers;
mod jwt;
mod key;
mod key_set;
mod oidc;
mod principal;
mod refused;
mod status;
mod token;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_precision_loss)]
mod tests;

pub use authenticator::{Authenticator, SetupError};
pub use clock::{Clock, SharedClock, SystemClock};
pub use principal::{Principal, Role};
pub use refused::{Refused, RefusedKind};
pub use status::AuthStatus;
pub use token::StaticToken;
