//! `/connector-plugins`: the connectors whose configs become jobs, their keys, and the check of a config.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use landfall_connect::{Config, DefinitionInfo, Plugin, Validation};
use serde_json::{Map, Value, json};

use super::config::{object, text, wrong};
use super::connectors::query;
use crate::handlers::jobs::name_of;
use crate::problem::{Kind, Problem};
use crate::state::ApiState;

/// What configs may name beside a connector.
const OTHERS: [(&str, &str); 6] = [
    ("org.apache.kafka.connect.json.JsonConverter", "converter"),
    ("org.apache.kafka.connect.storage.StringConverter", "converter"),
    ("org.apache.kafka.connect.transforms.Filter", "transformation"),
    ("org.apache.kafka.connect.transforms.predicates.HasHeaderKey", "predicate"),
    ("org.apache.kafka.connect.transforms.predicates.RecordIsTombstone", "predicate"),
    ("org.apache.kafka.connect.transforms.predicates.TopicNameMatches", "predicate"),
];

pub(crate) async fn list(RawQuery(raw): RawQuery) -> Json<Vec<Value>> {
    let version = env!("CARGO_PKG_VERSION");
    let shown = |class: &str, kind: &str| json!({"class": class, "type": kind, "version": version});
    let mut found: Vec<Value> = Plugin::ALL.iter().map(|plugin| shown(plugin.class(), "sink")).collect();
    // A flag that is no boolean counts as false.
    if query(raw.as_deref(), "connectorsOnly").first().is_some_and(|only| !only.eq_ignore_ascii_case("true")) {
        found.extend(OTHERS.iter().map(|(class, kind)| shown(class, kind)));
    }
    Json(found)
}

fn plugin(path: Result<Path<String>, PathRejection>) -> Result<Plugin, Problem> {
    let class = name_of(path)?;
    Plugin::parse(&class).ok_or_else(|| {
        let known = Plugin::ALL.map(Plugin::class).join(" and ");
        Problem::new(Kind::NotFound, format!("Unknown plugin {class}: there are {known}"))
    })
}

pub(crate) async fn config(path: Result<Path<String>, PathRejection>) -> Result<Json<Vec<DefinitionInfo>>, Problem> {
    Ok(Json(landfall_connect::config_definitions(plugin(path)?)))
}

pub(crate) async fn validate(
    State(state): State<ApiState>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<Validation>, Problem> {
    let document = object(&state, request).await?;
    let plugin = plugin(path)?;
    let config = texts(document)?;
    match config.get("connector.class").map(|class| (class, Plugin::parse(class))) {
        None => Err(wrong("connector.class is missing: write that of the path")),
        Some((class, named)) if named != Some(plugin) => {
            let path = plugin.class();
            Err(wrong(format!("Included connector class {class} does not match request type {path}")))
        }
        Some(_) => Ok(Json(landfall_connect::validate(plugin, &config, &state.connect))),
    }
}

/// A null is as good as no key here: a form has empty fields.
fn texts(document: Map<String, Value>) -> Result<Config, Problem> {
    let mut config = Config::new();
    for (key, value) in document {
        if let Some(text) = text(&key, value)? {
            config.insert(key, text);
        }
    }
    Ok(config)
}
