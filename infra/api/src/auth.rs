//! Who asks, before any handler: the principal goes into the request, or the request is answered here. How it is found
//! out is `landfall-auth`'s; a team's principal sees and changes that team's jobs alone.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Method;
use landfall_auth::{AuthStatus, Refused, RefusedKind};
use tokio::time::Instant;

pub use landfall_auth::{Authenticator, Principal, Role, StaticToken};

use crate::problem::{Kind, Problem};
use crate::state::ApiState;

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let kind = match refused.kind {
            RefusedKind::Unauthenticated => Kind::Unauthenticated,
            RefusedKind::Forbidden => Kind::Forbidden,
            RefusedKind::Unavailable => Kind::DependencyUnavailable,
        };
        Self::new(kind, refused.reason)
    }
}

/// What of authentication goes on with something older than it should have.
pub(crate) fn degraded(status: &AuthStatus) -> Vec<String> {
    let tokens = status.tokens_file_error.iter().map(|error| {
        format!("the tokens of api.auth.tokens_file are those of before its last change, which cannot be used: {error}")
    });
    let keys = status
        .keys_error
        .iter()
        .map(|error| format!("the keys that tokens are checked with cannot be fetched: {error}"));
    tokens.chain(keys).collect()
}

/// Puts the principal into the request or answers 401, 403 or 429.
pub(crate) async fn authenticate(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let principal = match state.auth.authenticate(request.headers()).await {
        Ok(principal) => principal,
        Err(refused) => return Problem::from(refused).into_response(),
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
