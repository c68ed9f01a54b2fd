//! Who asks, before any handler: the principal goes into the request, or the request is answered here. How it is found
//! out is `landfall-auth`'s; a team's principal sees and changes that team's jobs alone.

use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method};
use landfall_auth::{AuthStatus, Refused, RefusedKind};
use tokio::time::Instant;
use tracing::Instrument as _;

pub use landfall_auth::{Authenticator, Principal, Role, StaticToken};

use crate::edge::{Permit, RequestId};
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

/// Who asks, if it is somebody who may ask now.
pub(crate) async fn admit(state: &ApiState, headers: &HeaderMap) -> Result<Principal, Problem> {
    let principal = state.auth.authenticate(headers).await?;
    match state.rates().take(&principal.name, Instant::now()) {
        Ok(()) => Ok(principal),
        Err(wait) => {
            let limit = state.limits.requests_per_second;
            let detail = format!(
                "{:?} may send {limit} requests a second: come again in {} ms",
                principal.name,
                wait.as_millis().saturating_add(1)
            );
            Err(Problem::new(Kind::TooManyRequests, detail))
        }
    }
}

/// Puts the principal into the request or answers 401, 403 or 429.
pub(crate) async fn authenticate(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let principal = match admit(&state, request.headers()).await {
        Ok(principal) => principal,
        Err(problem) => return problem.into_response(),
    };
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        request.extensions_mut().insert(principal);
        return next.run(request).await;
    }
    // The audit log: every request that may change something, whatever became of it.
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let request_id = request.extensions().get::<RequestId>().map(|RequestId(id)| id.clone()).unwrap_or_default();
    request.extensions_mut().insert(principal.clone());
    let permit = request.extensions().get::<Permit>().cloned();
    // On its own: what was begun is ended and written down, also where the client hangs up meanwhile.
    let answer = async move {
        let response = next.run(request).await;
        tracing::info!(
            target: "landfall::audit",
            by = principal.name,
            role = principal.role.name(),
            team = principal.team.as_deref().unwrap_or("*"),
            %method,
            path,
            status = response.status().as_u16(),
            request_id,
            "change asked for"
        );
        drop(permit);
        response
    };
    let failed = |_| Problem::new(Kind::Internal, "the request ended without an answer").into_response();
    tokio::spawn(answer.in_current_span()).await.unwrap_or_else(failed)
}

/// Metrics and other answers that tell of every team's jobs are for principals of no team.
pub(crate) async fn of_no_team(Extension(principal): Extension<Principal>, request: Request, next: Next) -> Response {
    match &principal.team {
        None => next.run(request).await,
        Some(team) => {
            let detail = format!(
                "this tells of all teams, and {:?} is of team {team}: use a token without a team",
                principal.name
            );
            Problem::new(Kind::Forbidden, detail).into_response()
        }
    }
}
