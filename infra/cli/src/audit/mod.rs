//! The audit: holds the whole log, the objects and Kafka's offsets against each other, and says what does not fit.
//!
//! What is read first can only be older than what is read later, and the order makes that harmless on a running job:
//! committed offsets before objects, objects listed before the log (whatever is visible was appended before), and after
//! the log the ends of the partitions and each named object. What is pending and then looks gone or not ours is judged by
//! the entries that have come by then. `run` has that order; `ledger`, `judge` and `content` are pure. Nothing is
//! changed in bucket or cluster.

mod content;
mod deep;
mod judge;
mod kafka;
mod kept;
mod kind;
mod ledger;
mod log;
mod objects;
mod progress;
mod report;
mod requests;
mod rows;
mod run;
mod strangers;
mod table;
mod tail;
mod told;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use landfall_kafka::ClusterClient;
use landfall_s3::store::SharedStore;
use landfall_store::{JobRecord, StateLocation};
use tokio_util::sync::CancellationToken;

pub(crate) use report::{Finding, Kind, Report};

/// An open upload may still be written or recovered for so long after the longest a file may be open.
const ORPHAN_AFTER_MS: u64 = 24 * 3_600 * 1_000;
pub(crate) const PENDING_AFTER_MS: u64 = 3_600 * 1_000;
pub(crate) const PARALLEL: usize = 8;

/// A file named by the newest entries may be on its way to being visible: so often, so far apart, it is looked for
/// again.
const LOOKS: u32 = 6;
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// What is audited.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) store: SharedStore,
    pub(crate) location: StateLocation,
    pub(crate) record: JobRecord,
    pub(crate) kafka: Arc<ClusterClient>,
    /// Also read every object, and compare its bytes, records and offsets with the log.
    pub(crate) deep: bool,
}

/// How it is audited.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// A completed file that is gone is a finding.
    pub(crate) expect_all: bool,
    /// A file that is not visible is a finding from this age of its entry on.
    pub(crate) pending_after_ms: u64,
    /// `None`: a day and the longest that a file of the job may be open.
    pub(crate) orphan_after_ms: Option<u64>,
    /// Objects read at once; at least 1.
    pub(crate) parallel: usize,
    pub(crate) from_seq: Option<u64>,
    pub(crate) since: Option<jiff::Timestamp>,
    /// Objects of others that look like data are no finding.
    pub(crate) shared_prefix: bool,
    /// Where the audit keeps what it has found right.
    pub(crate) state: Option<PathBuf>,
    /// Do not take anything from the state.
    pub(crate) full: bool,
    pub(crate) progress: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            expect_all: false,
            pending_after_ms: PENDING_AFTER_MS,
            orphan_after_ms: None,
            parallel: PARALLEL,
            from_seq: None,
            since: None,
            shared_prefix: false,
            state: None,
            full: false,
            progress: false,
        }
    }
}

/// Audits a job that has landed everything and whose objects nobody deletes.
///
/// # Errors
/// The store or Kafka could not be asked; a finding is no error.
pub(crate) async fn audit(target: &Target) -> anyhow::Result<Report> {
    let options = Options { expect_all: true, pending_after_ms: 0, ..Options::default() };
    let never = CancellationToken::new();
    let mut look = 1;
    loop {
        let report = audit_with(target, &options, &never).await?;
        if look >= LOOKS || !report.found.contains_key(&Kind::Uncompleted) {
            return Ok(report);
        }
        look += 1;
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// Audits one job. `cancel` ends it early, with the state saved and a report of what was seen.
///
/// # Errors
/// The store or Kafka could not be asked, or the state cannot be read or written; a finding is no error.
pub(crate) async fn audit_with(
    target: &Target,
    options: &Options,
    cancel: &CancellationToken,
) -> anyhow::Result<Report> {
    Box::pin(run::run(target, options, cancel)).await
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
