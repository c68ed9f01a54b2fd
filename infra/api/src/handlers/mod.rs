//! HTTP in, HTTP out: each handler reads the request, asks the backend and shapes the answer.

pub(crate) mod actions;
pub(crate) mod change;
pub(crate) mod connect;
pub(crate) mod dashboard;
pub(crate) mod ddl;
pub(crate) mod docs;
pub(crate) mod jobs;
pub(crate) mod landed;
pub(crate) mod offsets;
pub(crate) mod status;
pub(crate) mod validate;
pub(crate) mod watch;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use landfall_store::Stored;

use crate::etag;
use crate::problem::{Kind, Problem};
use crate::view::JobView;

/// A job with its ETag.
fn job_response(status: StatusCode, stored: &Stored, shape: impl FnOnce(&mut JobView)) -> Response {
    let mut view = JobView::from(stored);
    shape(&mut view);
    let mut response = (status, Json(view)).into_response();
    response.headers_mut().insert(header::ETAG, etag::header_value(&stored.etag));
    response
}

/// The idempotency key of a create request, if it has one.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > 255 {
        let detail = "idempotency-key must have 1 to 255 visible ASCII characters: send a UUID";
        return Err(Problem::new(Kind::InvalidRequest, detail));
    }
    Ok(Some(key.to_owned()))
}
