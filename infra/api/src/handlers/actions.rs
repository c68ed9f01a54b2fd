//! `POST` or `PUT /v1/jobs/{name}/{pause,resume,stop,restart}`.

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::job_response;
use crate::auth::{Principal, Role};
use crate::backend::actions::{self, Action};
use crate::etag;
use crate::problem::{Kind, Problem};
use crate::state::ApiState;
use crate::view::JobView;

/// Changes what the job shall do; its workers follow within seconds.
#[utoipa::path(
    method(post, put), path = "/v1/jobs/{name}/{action}", tag = "jobs",
    params(
        ("name" = String, Path),
        ("action" = String, Path, description = "pause, resume, stop or restart"),
        ("if-match" = Option<String>, Header),
    ),
    responses(
        (status = 202, body = JobView, headers(("etag" = String))),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "the job is in another state"),
        (status = 412, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn act(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path((name, word)) = path.map_err(|error| Problem::new(Kind::InvalidRequest, error.body_text()))?;
    let Some(action) = Action::parse(&word) else {
        let detail = format!("a job has no {word:?}: there are pause, resume, stop, restart and status");
        return Err(Problem::new(Kind::NotFound, detail));
    };
    principal.require(Role::Editor)?;
    let if_match = etag::if_match(&headers)?;
    let stored = actions::act(&state, &principal, &name, action, if_match.as_deref()).await?;
    Ok(job_response(StatusCode::ACCEPTED, &stored, |_| {}))
}
