//! The operator's configuration of a fleet: read from one YAML or JSON file, overridden by `LANDFALL_` variables, checked as
//! a whole, with its secrets resolved.
//!
//! Invariants: every mistake is told at once by field, value and fix; a resolved secret is a [`Secret`], which no message,
//! `Debug` or serialized form repeats; a property that would break what a job promises is refused by name. Sizes are in
//! bytes, durations in milliseconds.

mod api;
mod auth;
mod cluster;
mod connect;
mod environment;
mod fleet;
mod identity;
mod jobs;
mod load;
mod pools;
mod reference;
mod s3;
mod secret;
mod state;
mod token;
mod worker;

pub use api::{ApiConfig, TlsConfig};
pub use auth::{Auth, AuthMode, Role};
pub use cluster::{ClusterConfig, GroupProtocol, REFUSED_PROPERTIES};
pub use connect::ConnectConfig;
pub use fleet::FleetConfig;
pub use identity::{AlbConfig, ClaimRules, OidcConfig};
pub use load::{ConfigError, Outside, ReadSecret};
pub use pools::{EcsService, PoolConfig};
pub use reference::config_reference;
pub use s3::{BucketConfig, S3Config};
pub use secret::Secret;
pub use state::StateConfig;
pub use token::Token;
pub use worker::{ScratchConfig, WorkerConfig};

// Callers that only hold a configuration need no second import for its errors.
pub use landfall_job::{FieldError, FieldErrors};
