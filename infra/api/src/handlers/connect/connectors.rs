//! `/connectors`: list, create, look at, act on.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{StatusCode, header};
use landfall_connect::Config;
use landfall_store::{Desired, JobRecord, LiveWorkers};
use serde_json::{Value, json};

use super::config::{config, location, object, wrong};
use crate::auth::{Principal, Role};
use crate::backend::actions::Action;
use crate::backend::connector::{self, Condition, Task};
use crate::backend::offsets;
use crate::handlers::jobs::name_of;
use crate::problem::{Kind, Problem};
use crate::state::ApiState;

/// The values of a query parameter, in order.
pub(super) fn query<'a>(query: Option<&'a str>, name: &str) -> Vec<&'a str> {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).collect()
}

async fn workers(state: &ApiState) -> Result<std::sync::Arc<LiveWorkers>, Problem> {
    Ok(state.snapshots().workers(state, std::time::Duration::from_millis(500)).await?)
}

/// A connector with its tasks.
pub(super) async fn info(state: &ApiState, record: &JobRecord, config: &Config) -> Result<Value, Problem> {
    Ok(info_of(record, config, &connector::condition(record, workers(state).await?.as_ref())))
}

fn info_of(record: &JobRecord, config: &Config, condition: &Condition) -> Value {
    let name = &record.name;
    let tasks: Vec<Value> = (0..condition.tasks.len()).map(|task| json!({"connector": name, "task": task})).collect();
    json!({"name": name, "config": config, "tasks": tasks, "type": "sink"})
}

fn task(number: usize, task: &Task) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let mut shown = json!({"id": number, "state": task.state.name(), "worker_id": task.worker, "version": version});
    if let Some(trace) = &task.trace {
        shown["trace"] = trace.as_str().into();
    }
    shown
}

/// The connector itself is kept by this API, its tasks are the workers.
fn status_of(record: &JobRecord, condition: &Condition) -> Value {
    let worker = condition.tasks.first().map_or("", |task| task.worker.as_str());
    let version = env!("CARGO_PKG_VERSION");
    let mut own = json!({"state": condition.state.name(), "worker_id": worker, "version": version});
    if let Some(trace) = &condition.trace {
        own["trace"] = trace.as_str().into();
    }
    let tasks: Vec<Value> = condition.tasks.iter().enumerate().map(|(number, found)| task(number, found)).collect();
    json!({"name": record.name, "connector": own, "tasks": tasks, "type": "sink"})
}

pub(crate) async fn list(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Value>, Problem> {
    let found = connector::all(&state, &principal).await?;
    let expand = query(raw.as_deref(), "expand");
    let (status, info) = (expand.contains(&"status"), expand.contains(&"info"));
    if expand.is_empty() {
        return Ok(Json(found.iter().map(|stored| stored.record.name.as_str()).collect()));
    }
    let workers = workers(&state).await?;
    let mut shown = serde_json::Map::new();
    for stored in &found {
        let record = &stored.record;
        let condition = connector::condition(record, &workers);
        let config = record.connector.as_ref().map(|connector| connector.config.clone()).unwrap_or_default();
        let mut one = serde_json::Map::new();
        if status {
            one.insert("status".to_owned(), status_of(record, &condition));
        }
        if info {
            one.insert("info".to_owned(), info_of(record, &config, &condition));
        }
        shown.insert(record.name.clone(), Value::Object(one));
    }
    Ok(Json(Value::Object(shown)))
}

pub(crate) async fn create(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> Result<Response, Problem> {
    principal.require(Role::Editor)?;
    let mut document = object(&state, request).await?;
    let Some(Value::String(name)) = document.remove("name") else {
        return Err(wrong("name is missing, or no text: write {\"name\": ..., \"config\": {...}}"));
    };
    let name = name.trim().to_owned();
    let Some(Value::Object(given)) = document.remove("config") else {
        return Err(wrong("config is missing, or no object: write {\"name\": ..., \"config\": {...}}"));
    };
    let desired = match document.remove("initial_state") {
        None | Some(Value::Null) => Desired::Running,
        Some(Value::String(word)) => match word.to_ascii_uppercase().as_str() {
            "RUNNING" => Desired::Running,
            "PAUSED" => Desired::Paused,
            "STOPPED" => Desired::Stopped,
            _ => return Err(wrong(format!("initial_state {word:?} is none of RUNNING, PAUSED, STOPPED"))),
        },
        Some(_) => return Err(wrong("initial_state is none of RUNNING, PAUSED, STOPPED")),
    };
    if let Some((unknown, _)) = document.iter().next() {
        return Err(wrong(format!("{unknown:?} is not known here: there are name, config and initial_state")));
    }
    let found = connector::create(&state, &principal, &name, config(&name, given)?, desired).await?;
    let shown = Json(info(&state, &found.stored.record, &found.config).await?);
    Ok((StatusCode::CREATED, [(header::LOCATION, location(&name))], shown).into_response())
}

pub(crate) async fn get(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let found = connector::find(&state, &principal, &name_of(path)?).await?;
    Ok(Json(info(&state, &found.stored.record, &found.config).await?))
}

pub(crate) async fn delete(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    principal.require(Role::Editor)?;
    connector::delete(&state, &principal, &name_of(path)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn condition(state: &ApiState, principal: &Principal, name: &str) -> Result<(JobRecord, Condition), Problem> {
    let record = connector::find(state, principal, name).await?.stored.record;
    let condition = connector::condition(&record, workers(state).await?.as_ref());
    Ok((record, condition))
}

pub(crate) async fn status(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let (record, condition) = condition(&state, &principal, &name_of(path)?).await?;
    Ok(Json(status_of(&record, &condition)))
}

pub(crate) async fn tasks(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Vec<Value>>, Problem> {
    let found = connector::find(&state, &principal, &name_of(path)?).await?;
    let condition = connector::condition(&found.stored.record, workers(&state).await?.as_ref());
    let name = &found.stored.record.name;
    let task = |number| json!({"id": {"connector": name, "task": number}, "config": found.config});
    Ok(Json((0..condition.tasks.len()).map(task).collect()))
}

type TaskPath = Result<Path<(String, String)>, PathRejection>;

async fn one_task(state: &ApiState, principal: &Principal, path: TaskPath) -> Result<(String, usize, Task), Problem> {
    let Path((name, number)) = path.map_err(|error| wrong(error.body_text()))?;
    let (_, condition) = condition(state, principal, &name).await?;
    let missing = || Problem::new(Kind::NotFound, format!("No status found for task {name}-{number}"));
    let number: usize = number.parse().map_err(|_| missing())?;
    let task = condition.tasks.get(number).cloned().ok_or_else(missing)?;
    Ok((name, number, task))
}

pub(crate) async fn task_status(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: TaskPath,
) -> Result<Json<Value>, Problem> {
    let (_, number, found) = one_task(&state, &principal, path).await?;
    Ok(Json(task(number, &found)))
}

/// A task cannot fail by itself: the job begins anew.
pub(crate) async fn task_restart(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: TaskPath,
) -> Result<StatusCode, Problem> {
    principal.require(Role::Editor)?;
    let (name, ..) = one_task(&state, &principal, path).await?;
    connector::act(&state, &principal, &name, Action::Restart).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn restart(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    principal.require(Role::Editor)?;
    let name = name_of(path)?;
    // A flag that is no boolean is none, as in Connect.
    let flag = |name| query(raw.as_deref(), name).first().is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let (include_tasks, only_failed) = (flag("includeTasks"), flag("onlyFailed"));
    let (_, before) = condition(&state, &principal, &name).await?;
    let failed = before.trace.is_some() || before.tasks.iter().any(|task| task.trace.is_some());
    if !only_failed || failed {
        connector::act(&state, &principal, &name, Action::Restart).await?;
    }
    if !include_tasks && !only_failed {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (record, condition) = condition(&state, &principal, &name).await?;
    Ok((StatusCode::ACCEPTED, Json(status_of(&record, &condition))).into_response())
}

pub(crate) async fn pause(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    act(&state, &principal, path, Action::Pause, StatusCode::ACCEPTED).await
}

pub(crate) async fn resume(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    act(&state, &principal, path, Action::Resume, StatusCode::ACCEPTED).await
}

pub(crate) async fn stop(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    act(&state, &principal, path, Action::Stop, StatusCode::NO_CONTENT).await
}

async fn act(
    state: &ApiState,
    principal: &Principal,
    path: Result<Path<String>, PathRejection>,
    action: Action,
    done: StatusCode,
) -> Result<StatusCode, Problem> {
    principal.require(Role::Editor)?;
    connector::act(state, principal, &name_of(path)?, action).await?;
    Ok(done)
}

/// Topics that records have landed from. A connector that is not there has none, as in Connect.
pub(crate) async fn topics(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let name = name_of(path)?;
    let found = match connector::find(&state, &principal, &name).await {
        Ok(_) => offsets::offsets(&state, &principal, &name).await?.offsets,
        Err(problem) if problem.status == 404 => Vec::new(),
        Err(problem) => return Err(problem),
    };
    let landed = found.iter().filter(|partition| partition.landed_offset > Some(partition.start_offset));
    let topics: BTreeSet<&str> = landed.map(|partition| partition.topic.as_str()).collect();
    Ok(Json(json!(BTreeMap::from([(name, json!({"topics": topics}))]))))
}

/// The topics are those of the commit log, which forgets nothing.
pub(crate) async fn topics_reset() -> StatusCode {
    StatusCode::ACCEPTED
}
