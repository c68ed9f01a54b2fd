//! What a job has done: its history, the objects it landed, its dead letters.
// utoipa's macro spells the paths of parameter types out.
#![allow(unused_qualifications)]

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use jiff::Timestamp;
use landfall_store::{EventKind, JobEvent, JobRecord, ScalingDecision};
use serde::Deserialize;
use utoipa::IntoParams;

use super::jobs::{limit_of, name_of, query_of};
use crate::auth::Principal;
use crate::backend::letters::Place;
use crate::backend::objects::Wanted;
use crate::backend::{access, letters, objects};
use crate::problem::{Kind, Problem};
use crate::state::ApiState;
use crate::view::{EventList, LetterList, ObjectList};

/// A job's history, the newest first: created, changed by whom, paused, failed because; and how its pool was scaled, and
/// why.
#[utoipa::path(
    get, path = "/v1/jobs/{name}/events", tag = "jobs", params(("name" = String, Path)),
    responses(
        (status = 200, body = EventList),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn events(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<EventList>, Problem> {
    let stored = access::visible(&state, &principal, &name_of(path)?).await?;
    let pool = &stored.record.spec.pool;
    // A job's own history is told even where that of its pool cannot be read.
    let scaled = state.scaling.decision(pool).await.unwrap_or_else(|error| {
        tracing::warn!(pool, %error, "what was decided about the pool cannot be read");
        None
    });
    Ok(Json(EventList { events: history(stored.record, scaled) }))
}

/// The pool's changes are those since the job is there.
fn history(record: JobRecord, scaled: Option<ScalingDecision>) -> Vec<JobEvent> {
    let scaled = scaled.into_iter().flat_map(|decided| {
        let pool = decided.pool;
        decided.changes.into_iter().map(move |change| JobEvent {
            at: change.at,
            by: change.by,
            what: EventKind::Scaled.as_str().to_owned(),
            detail: format!("pool {pool}, {} to {}: {}", change.from, change.to, change.because),
        })
    });
    let created_at = record.created_at;
    let mut events: Vec<JobEvent> = scaled.filter(|event| event.at >= created_at).chain(record.events).collect();
    events.sort_by_key(|event| event.at);
    events.reverse();
    events
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ObjectsQuery {
    /// 1 to 500; 50 when not given. The last entry of a page is not cut.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only of entries with records of this topic.
    topic: Option<String>,
    /// Only of entries with records of this partition.
    partition: Option<i32>,
    /// Only of entries that hold this offset.
    #[param(minimum = 0)]
    offset: Option<i64>,
    /// Written at or after this time, RFC 3339.
    since: Option<String>,
    /// Written before this time, RFC 3339.
    until: Option<String>,
}

fn time(name: &str, value: Option<String>) -> Result<Option<Timestamp>, Problem> {
    let read = |text: String| {
        text.parse().map_err(|error| {
            let detail = format!("{name} {text:?} is no time: {error}; write 2026-01-31T12:00:00Z");
            Problem::new(Kind::InvalidRequest, detail)
        })
    };
    value.map(read).transpose()
}

fn no_cursor(cursor: &str) -> Problem {
    let detail = format!("cursor {cursor:?} is none of ours: send next_cursor of the page before, unchanged");
    Problem::new(Kind::InvalidRequest, detail)
}

/// Objects that a job landed, from its commit log, the newest first.
#[utoipa::path(
    get, path = "/v1/jobs/{name}/objects", tag = "jobs", params(("name" = String, Path), ObjectsQuery),
    responses(
        (status = 200, body = ObjectList),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn objects(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<ObjectsQuery>, QueryRejection>,
) -> Result<Json<ObjectList>, Problem> {
    let (name, query) = (name_of(path)?, query_of(query)?);
    let limit = limit_of(query.limit)?;
    let before = |cursor: &String| cursor.parse().map_err(|_| no_cursor(cursor));
    let before = query.cursor.as_ref().map(before).transpose()?;
    let offset = query.offset.map(|offset| {
        let bad = |_| Problem::new(Kind::InvalidRequest, format!("offset {offset} is negative"));
        u64::try_from(offset).map_err(bad)
    });
    let wanted = Wanted {
        topic: query.topic,
        partition: query.partition,
        offset: offset.transpose()?,
        since: time("since", query.since)?,
        until: time("until", query.until)?,
    };
    Ok(Json(objects::objects(&state, &principal, &name, &wanted, before, limit).await?))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LettersQuery {
    /// 1 to 500; 50 when not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only letters of this reason.
    reason: Option<String>,
}

/// Dead letters by reason, and a look at them with their raw records, those of the newest object first.
#[utoipa::path(
    get, path = "/v1/jobs/{name}/dead-letters", tag = "jobs", params(("name" = String, Path), LettersQuery),
    responses(
        (status = 200, body = LetterList),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn letters(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<LettersQuery>, QueryRejection>,
) -> Result<Json<LetterList>, Problem> {
    let (name, query) = (name_of(path)?, query_of(query)?);
    let limit = limit_of(query.limit)?;
    let place = |cursor: &String| Place::parse(cursor).ok_or_else(|| no_cursor(cursor));
    let from = query.cursor.as_ref().map(place).transpose()?;
    Ok(Json(letters::letters(&state, &principal, &name, query.reason.as_deref(), from, limit).await?))
}
