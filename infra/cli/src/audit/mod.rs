//! The audit: re-reads the whole log, the objects and Kafka's offsets, and says what does not fit together.
//!
//! `collect` gathers the evidence, `judge` is pure and decides by the numbered invariants of `landfall-commit`. What is
//! read first can only be older than what is read later, and the order makes that harmless on a running job: committed
//! offsets before objects, objects listed before the log (whatever is visible was appended before), and after the log the
//! ends of the partitions and each named object. A file that is just being completed gets some seconds.

mod collect;
mod count;
mod evidence;
mod judge;
mod kafka;
mod log;
mod objects;
mod report;

use std::sync::Arc;
use std::time::Duration;

use landfall_kafka::ClusterClient;
use landfall_s3::store::SharedStore;
use landfall_store::{JobRecord, StateLocation};

pub(crate) use report::{Finding, Kind, Report};

/// A file named by the newest entries may be on its way to being visible: so often, so far apart, it is looked for again.
const LOOKS: u32 = 6;
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// What is audited.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) store: SharedStore,
    pub(crate) location: StateLocation,
    pub(crate) record: JobRecord,
    pub(crate) kafka: Arc<ClusterClient>,
    /// Also read every object and count its records.
    pub(crate) deep: bool,
}

/// Audits one job. Nothing is changed.
///
/// # Errors
/// The store or Kafka could not be asked; a finding is no error.
pub(crate) async fn audit(target: &Target) -> anyhow::Result<Report> {
    let mut look = 1;
    loop {
        let evidence = collect::collect(target).await?;
        let mut report = judge::judge(&target.record, &evidence);
        report.deep = target.deep;
        let passing = |finding: &Finding| matches!(finding.kind, Kind::Uncompleted);
        if look >= LOOKS || !report.findings.iter().any(passing) {
            return Ok(report);
        }
        look += 1;
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}
