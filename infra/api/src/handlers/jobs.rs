//! Create, clone, list, get.
// utoipa's macro spells the paths of parameter types out.
#![allow(unused_qualifications)]

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::Response;
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, StatusCode, header};
use landfall_job::{JobName, JobSpec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{idempotency_key, job_response};
use crate::auth::{Principal, Role};
use crate::backend::list::Filter;
use crate::backend::remove::Removed;
use crate::backend::{BackendError, access, clone as cloning, create as creation, list as listing, remove};
use crate::body::{self, Media};
use crate::problem::{Kind, Problem};
use crate::state::ApiState;
use crate::view::{BrokenView, JobList, JobView, STATES};

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;

/// Creates a job: checked against the real cluster and bucket, its start resolved to explicit offsets.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs",
    params(("idempotency-key" = Option<String>, Header, description = "the same key and body get the same answer")),
    request_body(description = "the job document, JSON or YAML", content((Object = "application/json"), (Object = "application/yaml"))),
    responses(
        (status = 201, body = JobView, headers(("etag" = String), ("location" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "a job of this name exists"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "mistakes field by field"),
    )
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> Result<Response, Problem> {
    principal.require(Role::Editor)?;
    let key = idempotency_key(request.headers())?;
    let text = body::text(request, &[Media::Json, Media::Yaml], state.limits.body_bytes).await?;
    let spec = JobSpec::parse(&text).map_err(BackendError::from)?;
    let mark = key.and_then(|key| creation::idempotency_mark(&principal, &key, &spec));
    let created = creation::create(&state, &principal, creation::NewJob::of(spec), mark).await?;
    Ok(created_response(created))
}

fn created_response(created: creation::Created) -> Response {
    let mut response = job_response(StatusCode::CREATED, &created.stored, |view| view.warnings = created.warnings);
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/jobs/{}", created.stored.record.name)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if created.replayed {
        let name = HeaderName::from_static("idempotency-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    response
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// 1 to 500; 50 when not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only jobs in this state: running, paused, stopped, failed, finished, deleting.
    state: Option<String>,
    /// Only jobs of this team.
    team: Option<String>,
    /// Only jobs of this pool.
    pool: Option<String>,
    /// Only jobs with these labels: `name=value`, several with a comma between them.
    label: Option<String>,
}

/// Lists jobs by name.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "jobs", params(ListQuery),
    responses((status = 200, body = JobList), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<JobList>, Problem> {
    let query = query_of(query)?;
    let limit = limit_of(query.limit)?;
    let after = query.cursor.as_deref().map(read_cursor).transpose()?;
    let filter = Filter {
        state: query.state.map(known_state).transpose()?,
        team: query.team,
        pool: query.pool,
        labels: query.label.as_deref().map(labels).transpose()?.unwrap_or_default(),
    };
    let page = listing::list(&state, &principal, &filter, after, limit).await?;
    Ok(Json(JobList {
        jobs: page.jobs.iter().map(|stored| JobView::from(stored.as_ref())).collect(),
        next_cursor: page.next.map(|name| URL_SAFE_NO_PAD.encode(name)),
        broken: page
            .broken
            .into_iter()
            .map(|broken| BrokenView { name: broken.name, reason: broken.reason.to_string() })
            .collect(),
    }))
}

pub(super) fn query_of<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    let Query(query) = query.map_err(|error| Problem::new(Kind::InvalidRequest, error.body_text()))?;
    Ok(query)
}

pub(super) fn limit_of(limit: Option<usize>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::new(Kind::InvalidRequest, format!("limit {limit} is not between 1 and {MAX_LIMIT}")))
}

fn known_state(word: String) -> Result<String, Problem> {
    if STATES.contains(&word.as_str()) {
        return Ok(word);
    }
    let detail = format!("state {word:?} is none of {}", STATES.join(", "));
    Err(Problem::new(Kind::InvalidRequest, detail))
}

fn labels(text: &str) -> Result<Vec<(String, String)>, Problem> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    };
    let bad = || Problem::new(Kind::InvalidRequest, format!("label {text:?} is not name=value,name=value"));
    text.split(',').map(|one| pair(one).ok_or_else(bad)).collect()
}

/// A JSON body of a known shape.
pub(super) async fn json_body<T: DeserializeOwned>(state: &ApiState, request: Request) -> Result<T, Problem> {
    let text = body::text(request, &[Media::Json], state.limits.body_bytes).await?;
    serde_json::from_str(&text).map_err(|error| Problem::new(Kind::InvalidRequest, format!("the body: {error}")))
}

/// What a copy is to be.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloneOf {
    /// Of the new job.
    name: String,
    /// Where it starts: `earliest`, `latest`, `{"timestamp": ...}` or `{"offsets": {topic: {partition: offset}}}`.
    #[schema(value_type = Object)]
    start: serde_json::Value,
}

/// Creates a job with another one's document and a start and a consumer group of its own.
#[utoipa::path(
    post, path = "/v1/jobs/{name}/clone", tag = "jobs",
    params(("name" = String, Path), ("idempotency-key" = Option<String>, Header)),
    request_body(content = CloneOf, content_type = "application/json"),
    responses(
        (status = 201, body = JobView, headers(("etag" = String), ("location" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "a job of this name exists"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "mistakes field by field"),
    )
)]
pub(crate) async fn clone(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    principal.require(Role::Editor)?;
    let of = name_of(path)?;
    let key = idempotency_key(request.headers())?;
    let wanted: CloneOf = json_body(&state, request).await?;
    let created = cloning::clone(&state, &principal, &of, wanted.name.into(), wanted.start, key.as_deref()).await?;
    Ok(created_response(created))
}

fn read_cursor(cursor: &str) -> Result<String, Problem> {
    let name = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    name.filter(|name| JobName::parse(name).is_ok()).ok_or_else(|| {
        let detail = format!("cursor {cursor:?} is none of ours: send next_cursor of the page before, unchanged");
        Problem::new(Kind::InvalidRequest, detail)
    })
}

/// Shows a job; its `etag` is good for `if-match`.
#[utoipa::path(
    get, path = "/v1/jobs/{name}", tag = "jobs", params(("name" = String, Path)),
    responses(
        (status = 200, body = JobView, headers(("etag" = String))),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let name = name_of(path)?;
    let stored = access::visible(&state, &principal, &name).await?;
    // Whoever waits for a deletion brings it on.
    match remove::bring_on(&state, stored).await {
        Removed::Waiting(stored) => Ok(job_response(StatusCode::OK, &stored, |_| {})),
        Removed::Gone => Err(BackendError::no_such_job(&name).into()),
    }
}

pub(super) fn name_of(path: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    match path {
        Ok(Path(name)) => Ok(name),
        Err(error) => Err(Problem::new(Kind::InvalidRequest, error.body_text())),
    }
}
