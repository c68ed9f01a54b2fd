//! Health and metrics endpoints, the same for API and workers: `/livez` says that the process answers, `/readyz`
//! that it can do its work, `/healthz` both with details, `/metrics` the Prometheus text.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::problem::{Kind, Problem};

/// How long a readiness answer serves, so that probes do not load what they probe.
const REUSE: Duration = Duration::from_secs(2);
/// The same of a "not ready": a process that starts is ready a moment later, and whoever waits for it asks often.
const REUSE_NOT_READY: Duration = Duration::from_millis(100);
/// A readiness check that takes longer has failed.
const CHECK_LIMIT: Duration = Duration::from_secs(3);

/// One thing the process needs for its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthCheck {
    pub name: String,
    pub ok: bool,
    /// In words, when it is not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Looks whether the process can do its work.
#[async_trait]
pub trait Readiness: Send + Sync + std::fmt::Debug {
    async fn check(&self) -> Vec<HealthCheck>;
}

/// What the health endpoints answer from.
#[derive(Clone)]
pub struct HealthState {
    inner: Arc<Inner>,
}

struct Inner {
    version: String,
    readiness: Arc<dyn Readiness>,
    draining: AtomicBool,
    metrics: Option<PrometheusHandle>,
    last: Mutex<Option<(Instant, Vec<HealthCheck>)>>,
    degraded: OnceLock<Degraded>,
}

/// What goes on with something older or less than it should have, in words.
type Degraded = Box<dyn Fn() -> Vec<String> + Send + Sync>;

impl std::fmt::Debug for HealthState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HealthState").field("version", &self.inner.version).finish_non_exhaustive()
    }
}

impl HealthState {
    #[must_use]
    pub fn new(version: impl Into<String>, readiness: Arc<dyn Readiness>, metrics: Option<PrometheusHandle>) -> Self {
        Self {
            inner: Arc::new(Inner {
                version: version.into(),
                readiness,
                draining: AtomicBool::new(false),
                metrics,
                last: Mutex::new(None),
                degraded: OnceLock::new(),
            }),
        }
    }

    /// From now on not ready: the process is about to end.
    pub fn drain(&self) {
        self.inner.draining.store(true, Ordering::Release);
    }

    /// Has the health endpoints tell what is degraded. Told once: a second teller is not heard.
    pub(crate) fn watch(&self, degraded: impl Fn() -> Vec<String> + Send + Sync + 'static) {
        let _heard = self.inner.degraded.set(Box::new(degraded));
    }

    fn degraded(&self) -> Vec<String> {
        self.inner.degraded.get().map(|told| told()).unwrap_or_default()
    }

    /// What `/readyz` says.
    pub(crate) async fn ready(&self) -> bool {
        self.report().await.status == "ok"
    }

    async fn report(&self) -> HealthReport {
        let mut last = self.inner.last.lock().await;
        let now = Instant::now();
        let reuse = |checks: &[HealthCheck]| if checks.iter().all(|check| check.ok) { REUSE } else { REUSE_NOT_READY };
        let fresh = last.as_ref().filter(|(at, checks)| now.duration_since(*at) < reuse(checks));
        let fresh = fresh.map(|(_, checks)| checks.clone());
        let mut checks = match fresh {
            Some(checks) => checks,
            None => {
                let checks =
                    tokio::time::timeout(CHECK_LIMIT, self.inner.readiness.check()).await.unwrap_or_else(|_| {
                        let detail = format!("no answer within {} s", CHECK_LIMIT.as_secs());
                        vec![HealthCheck { name: "readiness".to_owned(), ok: false, detail }]
                    });
                *last = Some((now, checks.clone()));
                checks
            }
        };
        if self.inner.draining.load(Ordering::Acquire) {
            checks.push(HealthCheck {
                name: "draining".to_owned(),
                ok: false,
                detail: "the process is shutting down".to_owned(),
            });
        }
        let ok = checks.iter().all(|check| check.ok);
        HealthReport {
            status: if ok { "ok" } else { "not_ready" }.to_owned(),
            version: self.inner.version.clone(),
            checks,
            degraded: self.degraded(),
        }
    }
}

/// The body of `/readyz` and `/healthz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HealthReport {
    /// `ok` or `not_ready`.
    pub status: String,
    pub version: String,
    pub checks: Vec<HealthCheck>,
    /// What goes on with something older or less than it should have; the process is ready nevertheless.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
}

/// The body of `/livez`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alive {
    pub status: String,
}

/// `/livez`, `/readyz`, `/healthz` and `/metrics`, for a process without an API of its own.
pub fn health_router(state: HealthState) -> Router {
    probes(state.clone()).merge(Router::new().route("/metrics", get(metrics)).with_state(state))
}

/// The three probes, open to everybody.
pub(crate) fn probes(state: HealthState) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/healthz", get(healthz))
        .with_state(state)
}

#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, body = Alive)))]
pub(crate) async fn livez() -> Json<Alive> {
    Json(Alive { status: "ok".to_owned() })
}

#[utoipa::path(get, path = "/readyz", tag = "health", responses((status = 200, body = HealthReport), (status = 503, body = HealthReport)))]
pub(crate) async fn readyz(State(state): State<HealthState>) -> Response {
    let report = state.report().await;
    let status = if report.status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = HealthReport), (status = 503, body = HealthReport)))]
pub(crate) async fn healthz(state: State<HealthState>) -> Response {
    readyz(state).await
}

#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, description = "Prometheus text", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(state): State<HealthState>) -> Response {
    match &state.inner.metrics {
        Some(handle) => {
            let degraded = u32::try_from(state.degraded().len()).unwrap_or(u32::MAX);
            gauge!("landfall_degraded").set(f64::from(degraded));
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
        }
        None => Problem::new(Kind::NotFound, "this process keeps no metrics").into_response(),
    }
}
