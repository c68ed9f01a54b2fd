//! `GET /v1/jobs/{name}/status`.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use landfall_store::StatusDocument;

use super::jobs::name_of;
use crate::auth::Principal;
use crate::backend::status;
use crate::problem::Problem;
use crate::state::ApiState;

/// What the job does at this moment and why.
#[utoipa::path(
    get, path = "/v1/jobs/{name}/status", tag = "jobs", params(("name" = String, Path)),
    responses(
        (status = 200, body = StatusDocument),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<StatusDocument>, Problem> {
    let name = name_of(path)?;
    Ok(Json(status::status(&state, &principal, &name).await?))
}
