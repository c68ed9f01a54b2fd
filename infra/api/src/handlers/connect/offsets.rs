//! `/connectors/{name}/offsets` (KIP-875): where the job's log stands, and moving it while the connector is stopped.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::{Extension, Json};
use landfall_store::Desired;
use serde_json::{Value, json};

use super::config::{object, wrong};
use crate::auth::{Principal, Role};
use crate::backend::connector;
use crate::backend::offsets::{self, Target};
use crate::handlers::jobs::name_of;
use crate::problem::Problem;
use crate::state::ApiState;

pub(crate) async fn get(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let name = name_of(path)?;
    connector::find(&state, &principal, &name).await?;
    let found = offsets::offsets(&state, &principal, &name).await?.offsets;
    let landed = found.iter().filter_map(|partition| {
        let offset = partition.landed_offset.filter(|landed| *landed > 0)?;
        Some(json!({
            "partition": {"kafka_topic": partition.topic, "kafka_partition": partition.partition},
            "offset": {"kafka_offset": offset},
        }))
    });
    Ok(Json(json!({"offsets": landed.collect::<Vec<_>>()})))
}

pub(crate) async fn alter(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    principal.require(Role::Editor)?;
    let name = name_of(path)?;
    let mut document = object(&state, request).await?;
    stopped(&state, &principal, &name).await?;
    let offsets = document.remove("offsets");
    if let Some((unknown, _)) = document.iter().next() {
        return Err(wrong(format!("{unknown:?} is not known here: there is offsets")));
    }
    let targets = match offsets {
        Some(Value::Array(offsets)) if !offsets.is_empty() => {
            offsets.iter().map(target).collect::<Result<Vec<_>, _>>()?
        }
        _ => return Err(wrong("Partitions / offsets need to be provided for an alter offsets request")),
    };
    let moved = offsets::set(&state, &principal, &name, targets, None).await?;
    Ok(Json(json!({"message": said("altered", moved.new_generation)})))
}

pub(crate) async fn reset(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    principal.require(Role::Editor)?;
    let name = name_of(path)?;
    stopped(&state, &principal, &name).await?;
    let moved = offsets::set(&state, &principal, &name, Vec::new(), None).await?;
    Ok(Json(json!({"message": said("reset", moved.new_generation)})))
}

fn said(what: &str, new_generation: bool) -> String {
    let how = if new_generation {
        "records from there on land again, in objects of a new generation"
    } else {
        "what lies between is declared as skipped"
    };
    format!("The offsets for this connector have been {what} successfully: {how}")
}

/// Connect says 400 to a connector that is not stopped.
async fn stopped(state: &ApiState, principal: &Principal, name: &str) -> Result<(), Problem> {
    let found = connector::find(state, principal, name).await?;
    if found.stored.record.desired == Desired::Stopped {
        return Ok(());
    }
    Err(wrong("Connectors must be in the STOPPED state before their offsets can be modified: PUT stop first"))
}

/// Numbers may come as their text.
fn target(document: &Value) -> Result<Target, Problem> {
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
    let shape =
        r#"{"partition": {"kafka_topic": ..., "kafka_partition": ...}, "offset": {"kafka_offset": ...} or null}"#;
    let bad = || wrong(format!("{document} is not {shape}"));
    let partition = &document["partition"];
    let offset = match &document["offset"] {
        Value::Null => None,
        given => Some(number(&given["kafka_offset"]).ok_or_else(bad)?),
    };
    Ok(Target {
        topic: partition["kafka_topic"].as_str().ok_or_else(bad)?.to_owned(),
        partition: number(&partition["kafka_partition"]).and_then(|n| i32::try_from(n).ok()).ok_or_else(bad)?,
        offset,
    })
}
