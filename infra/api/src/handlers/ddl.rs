//! `GET /v1/jobs/{name}/ddl`: the table of a job's objects, for Athena and Glue.
// utoipa's macro spells the paths of parameter types out.
#![allow(unused_qualifications)]

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::header;
use landfall_ddl::{Folder, Options};
use landfall_job::TimestampMs;
use serde::Deserialize;
use utoipa::IntoParams;

use super::jobs::{name_of, query_of};
use crate::auth::Principal;
use crate::backend::{BackendError, access};
use crate::problem::{Kind, Problem};
use crate::state::ApiState;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DdlQuery {
    /// Fields of JSON lines with their types: `id: int64, geo: struct<country: string>`.
    columns: Option<String>,
    /// The first time that is read: RFC 3339, or a date.
    since: Option<String>,
    /// The database; the one that is chosen where the statement runs when not given.
    database: Option<String>,
    /// The table's name; made of the job's when not given.
    table: Option<String>,
    /// `athena` for the statement (when not given), `glue` for the TableInput.
    r#as: Option<String>,
}

/// The table of a job's objects: Athena's CREATE EXTERNAL TABLE with what there is to know in comments, or Glue's
/// TableInput.
#[utoipa::path(
    get, path = "/v1/jobs/{name}/ddl", tag = "jobs", params(("name" = String, Path), DdlQuery),
    responses(
        (status = 200, content((String = "application/sql"), (Object = "application/json"))),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "no table can be made of it, field by field"),
    )
)]
pub(crate) async fn get(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<DdlQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let (name, query) = (name_of(path)?, query_of(query)?);
    let glue = match query.r#as.as_deref() {
        None | Some("athena") => false,
        Some("glue") => true,
        Some(other) => {
            return Err(Problem::new(Kind::InvalidRequest, format!("as {other:?} is neither athena nor glue")));
        }
    };
    let record = access::visible(&state, &principal, &name).await?.record;
    let columns = query.columns.as_deref().filter(|columns| !columns.trim().is_empty());
    let location = state.jobs.location();
    let options = Options {
        database: query.database,
        table: query.table,
        columns: columns.map(landfall_ddl::parse_columns).transpose().map_err(BackendError::from)?.unwrap_or_default(),
        since: query.since.as_deref().map(since).transpose()?,
        created_at: Some(TimestampMs(record.created_at.as_millisecond())),
        state: Some(Folder { bucket: location.bucket.clone(), prefix: location.prefix.clone() }),
    };
    let table = landfall_ddl::ddl(&record.spec, &options).map_err(BackendError::from)?;
    if glue {
        return Ok(Json(table.table_input).into_response());
    }
    Ok(([(header::CONTENT_TYPE, "application/sql; charset=utf-8")], table.statement).into_response())
}

fn since(text: &str) -> Result<TimestampMs, Problem> {
    let time = text.parse::<jiff::Timestamp>().ok();
    let date = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    let at = time.or_else(|| date().map(|zoned| zoned.timestamp()));
    at.map(|at| TimestampMs(at.as_millisecond())).ok_or_else(|| {
        let detail = format!("since {text:?} is no time: write 2026-01-31 or 2026-01-31T12:00:00Z");
        Problem::new(Kind::InvalidRequest, detail)
    })
}
