//! `/` and `/health`: what Connect's clients ask first. A browser gets the dashboard at `/`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::SPEAKS;
use crate::auth;
use crate::handlers::dashboard;
use crate::problem::{Kind, Problem};
use crate::state::ApiState;

pub(crate) async fn root(State(state): State<ApiState>, headers: HeaderMap) -> Response {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/html") {
        return dashboard::page();
    }
    // The page is anybody's; the rest is not.
    if let Err(problem) = auth::admit(&state, &headers).await {
        return problem.into_response();
    }
    let Ok(_permit) = state.permits().try_acquire_owned() else {
        return Problem::new(Kind::Overloaded, "too many requests are under way: try again").into_response();
    };
    // Asked in time or not told: a client that only wants the version is not kept waiting for Kafka.
    let cluster = match state.clusters.get(&state.connect.cluster) {
        Some(cluster) => {
            tokio::time::timeout(state.limits.status_offsets, cluster.cluster_id()).await.ok().and_then(Result::ok)
        }
        None => None,
    };
    let commit = concat!("landfall-", env!("CARGO_PKG_VERSION"));
    Json(json!({"version": SPEAKS, "commit": commit, "kafka_cluster_id": cluster.flatten()})).into_response()
}

/// KIP-1017.
pub(crate) async fn health(State(state): State<ApiState>) -> (StatusCode, Json<Value>) {
    if state.health.ready().await {
        let message = "Worker has completed startup and is ready to handle requests.";
        return (StatusCode::OK, Json(json!({"status": "healthy", "message": message})));
    }
    let message = "the state bucket does not answer as it should: see /readyz";
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"status": "unhealthy", "message": message})))
}
