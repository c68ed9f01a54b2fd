//! `/v1/jobs/{name}/offsets`.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::{Extension, Json};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::job_response;
use super::jobs::{json_body, name_of};
use crate::auth::{Principal, Role};
use crate::backend::offsets::{self, Target};
use crate::etag;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::view::{JobView, OffsetList};

/// Where each partition stands.
#[utoipa::path(
    get, path = "/v1/jobs/{name}/offsets", tag = "jobs", params(("name" = String, Path)),
    responses(
        (status = 200, body = OffsetList),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<OffsetList>, Problem> {
    Ok(Json(offsets::offsets(&state, &principal, &name_of(path)?).await?))
}

/// Where partitions shall stand.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetOffsets {
    /// Empty: every partition to the first offset that Kafka has.
    offsets: Vec<SetOffset>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetOffset {
    topic: String,
    partition: i32,
    /// The next offset to land; null: the first that Kafka has.
    offset: Option<i64>,
}

/// Moves a stopped job. Forward: what lies between is declared as skipped. Back: a new generation of the job with a log
/// of its own; records from there on land again, and objects landed before stay.
#[utoipa::path(
    put, path = "/v1/jobs/{name}/offsets", tag = "jobs",
    params(("name" = String, Path), ("if-match" = Option<String>, Header)),
    request_body(content = SetOffsets, content_type = "application/json"),
    responses(
        (status = 200, body = JobView, headers(("etag" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "the job is not stopped"),
        (status = 412, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "mistakes field by field"),
    )
)]
pub(crate) async fn set(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    principal.require(Role::Editor)?;
    let name = name_of(path)?;
    let if_match = etag::if_match(request.headers())?;
    let wanted: SetOffsets = json_body(&state, request).await?;
    let targets = wanted.offsets.into_iter();
    let targets = targets.map(|one| Target { topic: one.topic, partition: one.partition, offset: one.offset });
    let moved = offsets::set(&state, &principal, &name, targets.collect(), if_match.as_deref()).await?;
    Ok(job_response(StatusCode::OK, &moved.stored, |view| {
        view.warnings = moved.warnings;
        if moved.new_generation {
            view.warnings.push("records from there on land again, in objects of a new generation".to_owned());
        }
    }))
}
