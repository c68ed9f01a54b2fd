//! `/connectors/{name}/config`, and how a config is read from a body.

use std::collections::BTreeMap;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

use super::connectors::info;
use crate::auth::{Principal, Role};
use crate::backend::connector::{self, Config};
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

/// Numbers and booleans count as their text, as in Connect.
pub(super) fn text(key: &str, value: Value) -> Result<Option<String>, Problem> {
    match value {
        Value::String(text) => Ok(Some(text)),
        Value::Null => Ok(None),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(truth) => Ok(Some(truth.to_string())),
        Value::Array(_) | Value::Object(_) => Err(wrong(format!("config value of {key:?} is no text: write a string"))),
    }
}

/// A whole config for the connector `name`, with the name in it.
pub(super) fn config(name: &str, object: Map<String, Value>) -> Result<Config, Problem> {
    let mut config = Config::new();
    for (key, value) in object {
        let Some(value) = text(&key, value)? else {
            return Err(wrong(format!("config value of {key:?} is null: leave the key out")));
        };
        config.insert(key, value);
    }
    match config.get("name") {
        Some(written) if written.trim() != name => {
            return Err(wrong(format!(
                "Connector name configuration ({written}) doesn't match connector name ({name})"
            )));
        }
        _ => config.insert("name".to_owned(), name.to_owned()),
    };
    Ok(config)
}

/// Name and config where a text is that of a connector, in either of the forms that files have: `{"name": ..., "config":
/// {...}}`, or the config with its name in it. `None`: it is to be a job document, which names its own mistakes.
pub(crate) fn submitted(text: &str) -> Option<Result<(String, Config), Problem>> {
    let mut document: Map<String, Value> = serde_json::from_str(text).ok()?;
    let named = document.get("name").cloned();
    let given = match document.remove("config") {
        Some(Value::Object(given)) => given,
        _ => document,
    };
    given.get("connector.class")?;
    let name = named.or_else(|| given.get("name").cloned());
    Some(match name.as_ref().and_then(Value::as_str).map(str::trim) {
        Some(name) => config(name, given).map(|config| (name.to_owned(), config)),
        None => Err(wrong("name is missing, or no text: write it beside the config, or in it")),
    })
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
