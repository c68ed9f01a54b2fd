//! The HTTP API of Landfall: jobs are created, changed, watched and deleted here; the workers do the work.
//!
//! Invariants: every change of a job is a compare-and-swap, so two API processes lose no update; a job is checked
//! against its real cluster and bucket before it exists, and its start is resolved to explicit offsets once; every
//! body, wait and list is bounded; every answer that is no success is an RFC 9457 problem with a request id.
//!
//! `handlers` speak HTTP, `backend` does the work, `error` maps one to the other. Offsets named `end` or `committed`
//! are exclusive, `start_offset` is inclusive.

mod backend;
mod body;
mod edge;
mod error;
mod etag;
mod handlers;
mod rate;
mod view;

pub mod auth;
pub mod health;
pub mod openapi;
pub mod ports;
pub mod problem;
pub mod readiness;
pub mod router;
pub mod server;
pub mod state;
pub mod tls;

pub use auth::{Authenticator, Principal, Role, StaticToken};
pub use health::{HealthCheck, HealthReport, HealthState, Readiness, health_router};
pub use ports::{Cluster, Environment, JobRules, KafkaCluster, SystemEnvironment};
pub use problem::{Problem, ProblemField};
pub use readiness::StateBucketReadiness;
pub use router::router;
pub use server::{ServeError, serve, serve_router};
pub use state::{ApiParts, ApiState, Limits};
pub use tls::{Tls, TlsError};
pub use view::{
    BrokenView, ChangeView, EndView, EventList, FailureView, JobGlance, JobList, JobView, LetterList, ObjectList,
    ObjectView, OffsetList, OffsetRangeView, OffsetView, OriginView, Overview, Validation, WorkerGlance,
};

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
