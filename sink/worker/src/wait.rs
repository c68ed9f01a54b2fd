//! What a job waits for, shared between its I/O tasks (which know) and its snapshot (which says it).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A wait is told in the log once it lasts so long: one more attempt is no news.
const TELL_AFTER_MS: i64 = 1_000;

/// Something a job cannot go on without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// In words: `s3 SlowDown`, `kafka dead-letter topic bids-dlq`.
    pub what: String,
    pub since_wall_ms: i64,
    told: bool,
}

/// The set of things waited for now, by who waits.
#[derive(Debug, Clone, Default)]
pub struct Waits {
    job: Arc<str>,
    job_uid: Arc<str>,
    inner: Arc<Mutex<BTreeMap<u64, Waiting>>>,
}

impl Waits {
    /// Of a job, named so in the log.
    #[must_use]
    pub fn of(job: &str, job_uid: &str) -> Self {
        Self { job: job.into(), job_uid: job_uid.into(), inner: Arc::default() }
    }

    /// `who` waits for `what`; the time of the first call stays until [`Self::clear`].
    pub fn set(&self, who: u64, what: String, wall_ms: i64) {
        let mut waits = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting =
            waits.entry(who).or_insert_with(|| Waiting { what: String::new(), since_wall_ms: wall_ms, told: false });
        waiting.what = what;
        if !waiting.told && wall_ms.saturating_sub(waiting.since_wall_ms) >= TELL_AFTER_MS {
            waiting.told = true;
            tracing::warn!(job = %self.job, job_uid = %self.job_uid, waiting_for = %waiting.what, "waiting");
        }
    }

    /// `who` goes on. Answers whether it had waited.
    pub fn clear(&self, who: u64) -> bool {
        let waited = self.inner.lock().unwrap_or_else(PoisonError::into_inner).remove(&who);
        if let Some(waiting) = waited.as_ref().filter(|waiting| waiting.told) {
            tracing::info!(job = %self.job, job_uid = %self.job_uid, waited_for = %waiting.what, "resumed");
        }
        waited.is_some()
    }

    /// What `who` waits for.
    #[must_use]
    pub fn what(&self, who: u64) -> Option<String> {
        let waits = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        waits.get(&who).map(|waiting| waiting.what.clone())
    }

    /// The wait that lasts longest.
    #[must_use]
    pub fn oldest(&self) -> Option<Waiting> {
        let waits = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        waits.values().min_by_key(|waiting| waiting.since_wall_ms).cloned()
    }
}
