//! `GET /openapi.json`, and the answers where no route is.

use axum::Json;
use axum::response::IntoResponse;
use axum::response::Response;
use http::{Method, Uri};

use crate::openapi;
use crate::problem::{Kind, Problem};

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "docs", responses((status = 200, body = Object)))]
pub(crate) async fn openapi() -> Response {
    Json(openapi::document()).into_response()
}

pub(crate) async fn no_route(uri: Uri) -> Problem {
    Problem::new(Kind::NotFound, format!("there is nothing at {}: see /openapi.json", uri.path()))
}

pub(crate) async fn no_method(method: Method, uri: Uri) -> Problem {
    Problem::new(Kind::MethodNotAllowed, format!("{} takes no {method}: see the allow header", uri.path()))
}
