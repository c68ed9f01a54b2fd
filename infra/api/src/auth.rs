//! Who may do what. Mode `none` trusts everybody who reaches the socket and is therefore bound to loopback;
//! mode `token` knows static bearer tokens by their SHA-256 only and compares in constant time.
//!
//! A team's principal sees and changes that team's jobs alone: to it another team's job does not exist.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, header};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use tokio::time::Instant;

use crate::problem::{Kind, Problem};
use crate::state::ApiState;

/// What a principal may do; each role may do all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Creates, changes and deletes jobs of its team.
    Editor,
    /// Everything, for every team.
    Operator,
}

impl Role {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Operator => "operator",
        }
    }
}

/// A static token; the token itself is nowhere kept.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticToken {
    /// Shown as `changed_by`.
    pub name: String,
    pub sha256: [u8; 32],
    pub role: Role,
    /// None: every team.
    pub team: Option<String>,
}

impl std::fmt::Debug for StaticToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StaticToken")
            .field("name", &self.name)
            .field("role", &self.role)
            .field("team", &self.team)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    None,
    Tokens(Vec<StaticToken>),
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub name: String,
    pub role: Role,
    /// None: every team.
    pub team: Option<String>,
}

impl Principal {
    /// The one of mode `none`.
    #[must_use]
    pub fn local() -> Self {
        Self { name: "local".to_owned(), role: Role::Operator, team: None }
    }

    #[must_use]
    pub fn sees(&self, team: &str) -> bool {
        self.role == Role::Operator || self.team.as_deref().is_none_or(|own| own == team)
    }

    pub(crate) fn require(&self, role: Role) -> Result<(), Problem> {
        if self.role >= role {
            return Ok(());
        }
        let detail = format!(
            "token {:?} has the role {}, this needs {}: use another token",
            self.name,
            self.role.name(),
            role.name()
        );
        Err(Problem::new(Kind::Forbidden, detail))
    }
}

impl Auth {
    /// The principal behind a bearer token. Every entry is compared, whichever matches.
    fn of_token(tokens: &[StaticToken], token: &str) -> Option<Principal> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let mut found = u64::MAX;
        for (index, known) in (0_u64..).zip(tokens) {
            let equal: Choice = known.sha256.ct_eq(&digest);
            found.conditional_assign(&index, equal);
        }
        let known = tokens.get(usize::try_from(found).ok()?)?;
        Some(Principal { name: known.name.clone(), role: known.role, team: known.team.clone() })
    }
}

/// Puts the principal into the request or answers 401.
pub(crate) async fn authenticate(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let principal = match state.auth() {
        Auth::None => match only_this_machine(request.headers()) {
            Ok(()) => Principal::local(),
            Err(problem) => return problem.into_response(),
        },
        Auth::Tokens(tokens) => match bearer(request.headers()).and_then(|token| Auth::of_token(tokens, token)) {
            Some(principal) => principal,
            None => {
                return Problem::new(Kind::Unauthenticated, "send authorization: Bearer <token> with a known token")
                    .into_response();
            }
        },
    };
    if let Err(wait) = state.rates().take(&principal.name, Instant::now()) {
        let limit = state.limits.requests_per_second;
        let detail = format!(
            "{:?} may send {limit} requests a second: come again in {} ms",
            principal.name,
            wait.as_millis().saturating_add(1)
        );
        return Problem::new(Kind::TooManyRequests, detail).into_response();
    }
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        request.extensions_mut().insert(principal);
        return next.run(request).await;
    }
    // The audit log: every request that may change something, whatever became of it.
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    request.extensions_mut().insert(principal.clone());
    let response = next.run(request).await;
    tracing::info!(
        target: "landfall::audit",
        by = principal.name,
        role = principal.role.name(),
        team = principal.team.as_deref().unwrap_or("*"),
        %method,
        path,
        status = response.status().as_u16(),
        "change asked for"
    );
    response
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// Without authentication a web page in the user's browser must not reach the API: neither across origins nor by
/// a name that was bound to this machine's address afterwards.
fn only_this_machine(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(host) = text(header::HOST)
        && !is_loopback_name(host)
    {
        let detail = format!("host {host:?} is not this machine, and auth.mode is none: use 127.0.0.1 or localhost");
        return Err(Problem::new(Kind::Forbidden, detail));
    }
    if let Some(origin) = text(header::ORIGIN) {
        let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
        if text(header::HOST) != Some(authority) {
            let detail = format!("origin {origin:?} may not use this API while auth.mode is none");
            return Err(Problem::new(Kind::Forbidden, detail));
        }
    }
    Ok(())
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

    #[test]
    fn a_token_is_found_by_its_hash_and_nothing_else_is() {
        let known = |name: &str, token: &str| StaticToken {
            name: name.to_owned(),
            sha256: Sha256::digest(token.as_bytes()).into(),
            role: Role::Viewer,
            team: None,
        };
        let tokens = [known("a", "one"), known("b", "two")];
        assert_eq!(Auth::of_token(&tokens, "two").map(|p| p.name), Some("b".to_owned()));
        assert_eq!(Auth::of_token(&tokens, "one").map(|p| p.name), Some("a".to_owned()));
        assert_eq!(Auth::of_token(&tokens, "three"), None);
        assert_eq!(Auth::of_token(&[], "one"), None);
    }
}
