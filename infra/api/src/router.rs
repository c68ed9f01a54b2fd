//! Which path goes where, and through which layers: observe, bound, authenticate, handler. Health probes and the
//! OpenAPI document pass the first layer only.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use crate::handlers::{actions, change, connect, dashboard, ddl, docs, jobs, landed, offsets, status, validate, watch};
use crate::state::ApiState;
use crate::{auth, edge, health};

/// The whole API.
pub fn router(state: ApiState) -> Router {
    let metrics = Router::new()
        .route("/metrics", get(health::metrics))
        .with_state(state.health.clone())
        .layer(from_fn(auth::of_no_team));
    let protected = Router::new()
        .route("/v1/jobs", post(jobs::create).get(jobs::list))
        .route("/v1/jobs/validate", post(validate::validate))
        .route("/v1/jobs/{name}", get(jobs::get).put(change::replace).patch(change::patch).delete(change::delete))
        .route("/v1/jobs/{name}/status", get(status::get))
        .route("/v1/jobs/{name}/status/stream", get(watch::status_stream))
        .route("/v1/jobs/{name}/events", get(landed::events))
        .route("/v1/jobs/{name}/objects", get(landed::objects))
        .route("/v1/jobs/{name}/dead-letters", get(landed::letters))
        .route("/v1/jobs/{name}/offsets", get(offsets::get).put(offsets::set))
        .route("/v1/jobs/{name}/ddl", get(ddl::get))
        .route("/v1/jobs/{name}/clone", post(jobs::clone))
        .route("/v1/overview", get(watch::overview))
        .route("/v1/overview/stream", get(watch::overview_stream))
        .route("/v1/jobs/{name}/{action}", post(actions::act).put(actions::act))
        .merge(connect::routes())
        .with_state(state.clone())
        .merge(metrics)
        .layer(from_fn_with_state(state.clone(), auth::authenticate))
        .layer(from_fn_with_state(state.clone(), edge::bound));
    // The dashboard's files hold no secret, and a page cannot ask for a token before it is there.
    Router::new()
        .route("/", get(connect::root))
        .route("/docs", get(dashboard::docs))
        .route("/dashboard/{file}", get(dashboard::asset))
        .with_state(state.clone())
        .route("/openapi.json", get(docs::openapi))
        .merge(health::probes(state.health.clone()))
        .merge(protected)
        .fallback(docs::no_route)
        .method_not_allowed_fallback(docs::no_method)
        .layer(from_fn_with_state(state, edge::observe))
}
