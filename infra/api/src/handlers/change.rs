//! Replace, patch, delete: all honour `if-match`.

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use landfall_job::JobSpec;
use landfall_job::reader::{Problems, parse_text};

use super::job_response;
use super::jobs::name_of;
use crate::auth::{Principal, Role};
use crate::backend::remove::Removed;
use crate::backend::replace::Replaced;
use crate::backend::{BackendError, remove, replace as replacing};
use crate::body::{self, Media};
use crate::etag;
use crate::problem::{Kind, Problem};
use crate::state::ApiState;
use crate::view::{ChangeView, JobView};

/// Replaces the document; the workers apply it at a file boundary.
#[utoipa::path(
    put, path = "/v1/jobs/{name}", tag = "jobs",
    params(("name" = String, Path), ("if-match" = Option<String>, Header)),
    request_body(description = "the job document, JSON or YAML", content((Object = "application/json"), (Object = "application/yaml"))),
    responses(
        (status = 200, body = JobView, headers(("etag" = String))),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 412, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn replace(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    principal.require(Role::Editor)?;
    let name = name_of(path)?;
    let if_match = etag::if_match(request.headers())?;
    let text = body::text(request, &[Media::Json, Media::Yaml], state.limits.body_bytes).await?;
    let spec = JobSpec::parse(&text).map_err(BackendError::from)?;
    let replaced = replacing::replace(&state, &principal, &name, spec, None, if_match.as_deref()).await?;
    Ok(answer(replaced))
}

/// Changes the document by RFC 7396 merge patch.
#[utoipa::path(
    patch, path = "/v1/jobs/{name}", tag = "jobs",
    params(("name" = String, Path), ("if-match" = Option<String>, Header)),
    request_body(content = Object, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, body = JobView, headers(("etag" = String))),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 412, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn patch(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    principal.require(Role::Editor)?;
    let name = name_of(path)?;
    let if_match = etag::if_match(request.headers())?;
    let text = body::text(request, &[Media::MergePatch], state.limits.body_bytes).await?;
    let patch = merge_patch(&text)?;
    let replaced = replacing::patch(&state, &principal, &name, &patch, if_match.as_deref()).await?;
    Ok(answer(replaced))
}

/// A JSON object in which no key is twice: which of the two was meant nobody knows.
fn merge_patch(text: &str) -> Result<serde_json::Value, Problem> {
    let patch: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| Problem::new(Kind::InvalidRequest, format!("the body is not JSON: {error}")))?;
    if !patch.is_object() {
        return Err(Problem::new(Kind::InvalidRequest, "a merge patch of a job is a JSON object"));
    }
    let problems = Problems::default();
    parse_text(text, &problems).map_err(|error| BackendError::InvalidJob(vec![error]))?;
    match problems.is_empty() {
        true => Ok(patch),
        false => Err(BackendError::InvalidJob(problems.into_vec()).into()),
    }
}

fn answer(replaced: Replaced) -> Response {
    job_response(StatusCode::OK, &replaced.stored, |view| {
        view.change = Some(ChangeView::from(replaced.change));
        view.warnings = replaced.warnings;
    })
}

/// Deletes a job: its workers land what is open first. Log and objects stay.
#[utoipa::path(
    delete, path = "/v1/jobs/{name}", tag = "jobs",
    params(("name" = String, Path), ("if-match" = Option<String>, Header)),
    responses(
        (status = 202, body = JobView, description = "its workers are landing what is open"),
        (status = 204, description = "gone"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 412, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    principal.require(Role::Editor)?;
    let name = name_of(path)?;
    let if_match = etag::if_match(&headers)?;
    match remove::remove(&state, &principal, &name, if_match.as_deref()).await? {
        Removed::Gone => Ok(StatusCode::NO_CONTENT.into_response()),
        Removed::Waiting(stored) => Ok(job_response(StatusCode::ACCEPTED, &stored, |_| {})),
    }
}
