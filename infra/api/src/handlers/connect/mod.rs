//! Kafka Connect's REST API at its own paths, for the clients that people have: kcctl, Kafka UI, Terraform, scripts. Its
//! shapes are Connect's (KIP-465, 477, 745, 769, 875, 980, 1017); `docs/connect-rest.md` lists where answers differ.
//!
//! Errors are problems as everywhere; [`crate::edge`] writes them as Connect does on these paths.

mod admin;
mod config;
mod connectors;
mod offsets;
mod plugins;
mod root;

use axum::Router;
use axum::routing::{MethodRouter, get, post, put};

use crate::state::ApiState;

/// The version of Kafka Connect whose REST API this is.
const SPEAKS: &str = "4.3.1";

/// Paths whose errors look as Connect's.
pub(crate) fn is_connect(path: &str) -> bool {
    let below = |prefix: &&str| path.strip_prefix(*prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    path == "/" || ["/connectors", "/connector-plugins", "/admin/loggers"].iter().any(below)
}

/// Each path with and without a slash at its end: clients write both.
pub(crate) fn routes() -> Router<ApiState> {
    let both = |router: Router<ApiState>, path: &str, methods: MethodRouter<ApiState>| {
        router.route(path, methods.clone()).route(&format!("{path}/"), methods)
    };
    let routes: [(&str, MethodRouter<ApiState>); 20] = [
        ("/connectors", get(connectors::list).post(connectors::create)),
        ("/connectors/{name}", get(connectors::get).delete(connectors::delete)),
        ("/connectors/{name}/config", get(config::get).put(config::put).patch(config::patch)),
        ("/connectors/{name}/status", get(connectors::status)),
        ("/connectors/{name}/tasks", get(connectors::tasks)),
        ("/connectors/{name}/tasks/{task}/status", get(connectors::task_status)),
        ("/connectors/{name}/tasks/{task}/restart", post(connectors::task_restart)),
        ("/connectors/{name}/restart", post(connectors::restart)),
        ("/connectors/{name}/pause", put(connectors::pause)),
        ("/connectors/{name}/resume", put(connectors::resume)),
        ("/connectors/{name}/stop", put(connectors::stop)),
        ("/connectors/{name}/offsets", get(offsets::get).patch(offsets::alter).delete(offsets::reset)),
        ("/connectors/{name}/topics", get(connectors::topics)),
        ("/connectors/{name}/topics/reset", put(connectors::topics_reset)),
        ("/connector-plugins", get(plugins::list)),
        ("/connector-plugins/{plugin}/config", get(plugins::config)),
        ("/connector-plugins/{plugin}/config/validate", put(plugins::validate)),
        ("/admin/loggers", get(admin::loggers)),
        ("/admin/loggers/{logger}", get(admin::logger).put(admin::set_logger)),
        ("/health", get(root::health)),
    ];
    routes.into_iter().fold(Router::new(), |router, (path, methods)| both(router, path, methods))
}

pub(crate) use root::root;
