//! The S3 adapters of Landfall: the [`Store`] port, AWS's SDK behind it, wrappers that retry, count or disturb,
//! the embedded backend (folder or memory), the conformance suite and the capability probe.
//! Offsets and jobs are unknown here; all sizes are in bytes, all times in ms since the epoch.

pub mod aws;
mod checksum;
mod classify;
pub mod conformance;
pub mod embedded;
pub mod error;
pub mod faulty;
mod forward;
pub mod metered;
pub mod probe;
pub mod retry;
pub mod router;
pub mod store;
pub mod timer;

#[cfg(test)]
mod tests;

pub use aws::{AssumeRole, AwsSettings, AwsStore, ConnectError, PayloadSigning, StaticCredentials};
pub use checksum::crc64nvme;
pub use error::{ErrorKind, Operation, StoreError};
pub use faulty::{Fault, FaultPlan, FaultyStore, FiredFault, Outage, PlannedFault};
pub use metered::MeteredStore;
pub use probe::{CheckName, Finding, ProbeReport, ProbeSettings, probe};
pub use retry::{Backoff, RetryPolicy, RetryingStore};
pub use router::StoreRouter;
pub use store::{
    Condition, LifecycleRule, ListPage, ListRequest, Listed, Metadata, Object, ObjectHead, ObjectOptions, OpenUpload,
    PartReceipt, PutRequest, SharedStore, Store,
};
pub use timer::{SystemTimer, Timer};
