//! All jobs at a glance, and streams of server-sent events for those who watch. A stream is bounded in time; its reader
//! comes again.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::Stream;
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use tokio::time::Instant;

use super::jobs::name_of;
use crate::auth::Principal;
use crate::backend::{overview, status};
use crate::problem::{Kind, Problem};
use crate::state::ApiState;
use crate::view::Overview;

/// What streams and pages that ask often share.
const MAX_AGE: Duration = Duration::from_secs(1);

/// All jobs of one's team and all workers at a glance, from heartbeats that are seconds old.
#[utoipa::path(get, path = "/v1/overview", tag = "jobs", responses((status = 200, body = Overview)))]
pub(crate) async fn overview(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<Overview>, Problem> {
    Ok(Json(overview::overview(&state, &principal, MAX_AGE).await?))
}

/// The same again and again: events named `overview`. It ends after some minutes: come again.
#[utoipa::path(
    get, path = "/v1/overview/stream", tag = "jobs",
    responses((status = 200, body = String, content_type = "text/event-stream"))
)]
pub(crate) async fn overview_stream(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
) -> Result<Response, Problem> {
    stream(&state.clone(), "overview", move || {
        let (state, principal) = (state.clone(), principal.clone());
        async move { Ok(overview::overview(&state, &principal, MAX_AGE).await?) }
    })
}

/// A job's status again and again: events named `status`, and `gone` once the job is deleted. It ends after some
/// minutes: come again.
#[utoipa::path(
    get, path = "/v1/jobs/{name}/status/stream", tag = "jobs", params(("name" = String, Path)),
    responses(
        (status = 200, body = String, content_type = "text/event-stream"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn status_stream(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let name = name_of(path)?;
    // A job that is not there is an answer, not an event.
    crate::backend::access::visible(&state, &principal, &name).await?;
    stream(&state.clone(), "status", move || {
        let (state, principal, name) = (state.clone(), principal.clone(), name.clone());
        async move { Ok(status::status(&state, &principal, &name).await?) }
    })
}

/// Where a stream is.
enum At {
    Next(Instant),
    Over,
}

fn stream<T, F, Fut>(state: &ApiState, name: &'static str, look: F) -> Result<Response, Problem>
where
    T: Serialize,
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = Result<T, Problem>> + Send,
{
    let limits = state.limits.clone();
    let Ok(permit) = state.streams().try_acquire_owned() else {
        let detail = format!("{} streams are open: ask without /stream instead, or close some", limits.streams);
        return Err(Problem::new(Kind::Overloaded, detail));
    };
    let end = Instant::now() + limits.stream;
    let begin = (At::Next(Instant::now()), look, permit);
    let events = futures::stream::unfold(begin, move |(at, look, permit)| async move {
        let At::Next(due) = at else { return None };
        if due >= end {
            return None;
        }
        tokio::time::sleep_until(due).await;
        let next = At::Next(Instant::now() + limits.stream_interval);
        let (event, at) = match look().await {
            Ok(seen) => (Event::default().event(name).json_data(seen), next),
            Err(problem) if problem.status == 404 => (Ok(Event::default().event("gone").data("{}")), At::Over),
            // The next look may do better.
            Err(problem) => (Event::default().event("problem").json_data(problem), next),
        };
        let event = event.unwrap_or_else(|_| Event::default().comment("an event could not be written"));
        Some((Ok::<Event, Infallible>(event), (at, look, permit)))
    });
    Ok(answer(events))
}

fn answer(events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let mut response = Sse::new(events).keep_alive(KeepAlive::default()).into_response();
    // nginx holds back what it takes for an ordinary answer.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    response.headers_mut().insert(unbuffered, HeaderValue::from_static("no"));
    response
}
