//! What happens to every request before and after its handler: a request id, metrics, the bound on time and on
//! requests at once, and the last touch on problems (instance and request id).

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::handlers::connect::is_connect;
use crate::problem::{Carried, Kind, Problem};
use crate::state::ApiState;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A longer id sent by a client is replaced by one of ours.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// The id of a request, for whoever writes it down.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// One of the requests that may be under way.
pub(crate) type Permit = Arc<OwnedSemaphorePermit>;

/// Outermost: names the request, counts it, and completes a problem.
pub(crate) async fn observe(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request).unwrap_or_else(|| {
        HeaderValue::from_str(&state.environment.fresh_id()).unwrap_or_else(|_| HeaderValue::from_static("none"))
    });
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    // The pattern, not the path: label values stay few.
    let route =
        request.extensions().get::<MatchedPath>().map_or("unmatched".to_owned(), |path| path.as_str().to_owned());
    request.extensions_mut().insert(RequestId(id.to_str().unwrap_or_default().to_owned()));
    let mut response = next.run(request).await;
    if let Some(Carried(mut problem)) = response.extensions_mut().remove::<Carried>() {
        problem.instance = path.as_str().into();
        problem.request_id = id.to_str().unwrap_or_default().into();
        let headers = response.headers().clone();
        response = if is_connect(&path) { as_connect(&problem) } else { problem.into_response() };
        for (name, value) in &headers {
            if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
                response.headers_mut().insert(name.clone(), value.clone());
            }
        }
    }
    let status = response.status();
    if status.is_server_error() {
        tracing::warn!(%method, path, status = status.as_u16(), request_id = ?id, "request failed");
    } else {
        tracing::debug!(%method, path, status = status.as_u16(), request_id = ?id, "request answered");
    }
    metrics::counter!(
        "landfall_http_requests_total",
        "method" => method.as_str().to_owned(),
        "route" => route.clone(),
        "status" => status.as_u16().to_string()
    )
    .increment(1);
    metrics::histogram!("landfall_http_request_seconds", "route" => route).record(started.elapsed().as_secs_f64());
    response.headers_mut().insert(REQUEST_ID, id);
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A problem as Kafka Connect's clients read errors. They know of no 412 and 422: a conflict is tried again, a mistake is
/// shown.
fn as_connect(problem: &Problem) -> Response {
    let status = match problem.status {
        412 => StatusCode::CONFLICT,
        422 => StatusCode::BAD_REQUEST,
        other => StatusCode::from_u16(other).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let mut message = problem.detail.clone();
    for error in &problem.errors {
        message.push_str(&format!("\n{}: {}; {}", error.field, error.problem, error.fix));
    }
    (status, Json(json!({"error_code": status.as_u16(), "message": message}))).into_response()
}

/// A client's own id is kept when it is short and plain.
fn request_id(request: &Request) -> Option<HeaderValue> {
    let value = request.headers().get(REQUEST_ID)?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(byte);
    let bytes = value.as_bytes();
    (!bytes.is_empty() && bytes.len() <= MAX_REQUEST_ID_BYTES && bytes.iter().all(plain)).then(|| value.clone())
}

/// Refuses at once what is more than the process takes, and ends what takes too long.
pub(crate) async fn bound(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let Ok(permit) = state.permits().try_acquire_owned() else {
        let detail = format!("{} requests are under way: try again", state.limits.concurrent_requests);
        return Problem::new(Kind::Overloaded, detail).into_response();
    };
    // Held by whoever goes on with it after the client has gone.
    let permit: Permit = Arc::new(permit);
    request.extensions_mut().insert(Arc::clone(&permit));
    let answer = within(state.limits.request, next.run(request)).await;
    drop(permit);
    answer
}

async fn within(limit: Duration, answer: impl Future<Output = Response>) -> Response {
    match tokio::time::timeout(limit, answer).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("no answer within {} s; what was begun may still take effect", limit.as_secs());
            Problem::new(Kind::TimedOut, detail).into_response()
        }
    }
}
