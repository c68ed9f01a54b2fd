//! `/connectors/{name}/config`, and how a config is read from a body.

use std::collections::BTreeMap;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderValue, StatusCode, header};
use landfall_connect::Config;
use serde_json::{Map, Value};

use super::connectors::info;
use crate::auth::{Principal, Role};
use crate::backend::connector;
use crate::body::{self, Media};
use crate::handlers::jobs::name_of;
use crate::problem::{Kind, Problem};
use crate::state::ApiState;

pub(super) fn wrong(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::InvalidRequest, detail)
}

/// The body as a JSON object.
pub(super) async fn object(state: &ApiState, request: Request) -> Result<Map<String, Value>, Problem> {
    let text = body::text(request, &[Media::Json], state.limits.body_bytes).await?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(wrong("the body is not a JSON object")),
        Err(error) => Err(wrong(format!("the body is not JSON: {error}"))),
    }
}

/// [`landfall_connect::text`], refused as a request.
pub(super) fn text(key: &str, value: Value) -> Result<Option<String>, Problem> {
    landfall_connect::text(key, value).map_err(wrong)
}

/// [`landfall_connect::config`], refused as a request.
pub(super) fn config(name: &str, object: Map<String, Value>) -> Result<Config, Problem> {
    landfall_connect::config(name, object).map_err(wrong)
}

pub(crate) async fn get(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Config>, Problem> {
    Ok(Json(connector::find(&state, &principal, &name_of(path)?).await?.config))
}

pub(crate) async fn put(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    principal.require(Role::Editor)?;
    let name = name_of(path)?;
    let config = config(&name, object(&state, request).await?)?;
    let (found, new) = connector::put(&state, &principal, &name, config).await?;
    let shown = Json(info(&state, &found.stored.record, &found.config).await?);
    if !new {
        return Ok(shown.into_response());
    }
    Ok((StatusCode::CREATED, [(header::LOCATION, location(&name))], shown).into_response())
}

pub(crate) async fn patch(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    principal.require(Role::Editor)?;
    let name = name_of(path)?;
    let mut changes = BTreeMap::new();
    for (key, value) in object(&state, request).await? {
        let value = text(&key, value)?;
        if key == "name" && value.as_deref().is_none_or(|value| value.trim() != name) {
            return Err(wrong(format!("a connector keeps its name, {name}: leave name out")));
        }
        changes.insert(key, value);
    }
    let found = connector::patch(&state, &principal, &name, changes).await?;
    Ok(Json(info(&state, &found.stored.record, &found.config).await?).into_response())
}

pub(super) fn location(name: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("/connectors/{name}")).unwrap_or(HeaderValue::from_static("/connectors"))
}
