//! Create, list, get, validate.
// utoipa's macro spells the paths of parameter types out.
#![allow(unused_qualifications)]

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, StatusCode, header};
use landfall_job::{JobName, JobSpec};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{idempotency_key, job_response};
use crate::auth::{Principal, Role};
use crate::backend::remove::Removed;
use crate::backend::{BackendError, access, create as creation, list as listing, remove, validate as validation};
use crate::body::{self, Media};
use crate::problem::{Kind, Problem, ProblemField};
use crate::state::ApiState;
use crate::view::{BrokenView, EndView, JobList, JobView, OriginView, Validation};

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;

/// Creates a job: checked against the real cluster and bucket, its start resolved to explicit offsets.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs",
    params(("idempotency-key" = Option<String>, Header, description = "the same key and body get the same answer")),
    request_body(description = "the job document, JSON or YAML", content((Object = "application/json"), (String = "application/yaml"))),
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
    let created = creation::create(&state, &principal, spec, mark).await?;
    let mut response = job_response(StatusCode::CREATED, &created.stored, |view| view.warnings = created.warnings);
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/jobs/{}", created.stored.record.name)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if created.replayed {
        let name = HeaderName::from_static("idempotency-replayed");
        response.headers_mut().insert(name, HeaderValue::from_static("true"));
    }
    Ok(response)
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// 1 to 500; 50 when not given.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
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
    let Query(query) = query.map_err(|error| {
        Problem::new(Kind::InvalidRequest, format!("{}: the query knows limit and cursor", error.body_text()))
    })?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let detail = format!("limit {limit} is not between 1 and {MAX_LIMIT}");
        return Err(Problem::new(Kind::InvalidRequest, detail));
    }
    let after = query.cursor.as_deref().map(read_cursor).transpose()?;
    let page = listing::list(&state, &principal, after, limit).await?;
    Ok(Json(JobList {
        jobs: page.jobs.iter().map(JobView::from).collect(),
        next_cursor: page.next.map(|name| URL_SAFE_NO_PAD.encode(name)),
        broken: page
            .broken
            .into_iter()
            .map(|broken| BrokenView { name: broken.name, reason: broken.reason.to_string() })
            .collect(),
    }))
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

/// Checks a document against the real cluster and bucket and changes nothing; that of a job that exists is judged
/// as its replacement.
#[utoipa::path(
    post, path = "/v1/jobs/validate", tag = "jobs",
    request_body(description = "the job document, JSON or YAML", content((Object = "application/json"), (String = "application/yaml"))),
    responses(
        (status = 200, body = Validation, description = "valid or not, and why not"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn validate(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> Result<Response, Problem> {
    principal.require(Role::Editor)?;
    let text = body::text(request, &[Media::Json, Media::Yaml], state.limits.body_bytes).await?;
    let spec = match JobSpec::parse(&text) {
        Ok(spec) => spec,
        Err(errors) => return Ok(Json(invalid(None, errors.0)).into_response()),
    };
    let shown = serde_json::to_value(&spec).ok();
    let answer = match validation::validate(&state, &principal, &spec).await {
        Ok(plan) => Validation {
            valid: true,
            errors: Vec::new(),
            warnings: plan.warnings,
            spec: shown,
            origins: plan.origins.iter().map(OriginView::from).collect(),
            ends: plan.ends.as_ref().map(|ends| ends.iter().map(EndView::from).collect()),
        },
        Err(BackendError::CheckFailed(errors) | BackendError::InvalidJob(errors)) => invalid(shown, errors),
        Err(other) => return Err(other.into()),
    };
    Ok(Json(answer).into_response())
}

fn invalid(spec: Option<serde_json::Value>, errors: Vec<landfall_job::FieldError>) -> Validation {
    Validation {
        valid: false,
        errors: errors.into_iter().map(ProblemField::from).collect(),
        warnings: Vec::new(),
        spec,
        origins: Vec::new(),
        ends: None,
    }
}

pub(super) fn name_of(path: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    match path {
        Ok(Path(name)) => Ok(name),
        Err(error) => Err(Problem::new(Kind::InvalidRequest, error.body_text())),
    }
}
