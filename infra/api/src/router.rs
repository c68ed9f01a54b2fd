//! Which path goes where, and through which layers: observe, bound, authenticate, handler. Health probes and the
//! OpenAPI document pass the first layer only.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::handlers::{actions, change, docs, jobs, status};
use crate::state::ApiState;
use crate::{auth, edge, health};

/// The whole API.
pub fn router(state: ApiState) -> Router {
    let metrics = Router::new().route("/metrics", get(health::metrics)).with_state(state.health.clone());
    let protected = Router::new()
        .route("/v1/jobs", post(jobs::create).get(jobs::list))
        .route("/v1/jobs/validate", post(jobs::validate))
        .route("/v1/jobs/{name}", get(jobs::get).put(change::replace).patch(change::patch).delete(change::delete))
        .route("/v1/jobs/{name}/status", get(status::get))
        .route("/v1/jobs/{name}/{action}", post(actions::act).put(actions::act))
        .with_state(state.clone())
        .merge(metrics)
        .layer(from_fn_with_state(state.clone(), auth::authenticate))
        .layer(from_fn_with_state(state.clone(), edge::bound));
    Router::new()
        .route("/openapi.json", get(docs::openapi))
        .merge(health::probes(state.health.clone()))
        .merge(protected)
        .fallback(docs::no_route)
        .method_not_allowed_fallback(docs::no_method)
        .layer(from_fn_with_state(state, edge::observe))
}
