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
    /// It will not heal by itself: somebody must mend a right, a bucket or a setting.
    alarm: bool,
    told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Nothing,
    Wait,
    Alarm,
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
        self.put(who, what, wall_ms, false);
    }

    /// As [`Self::set`], for what will not heal by itself.
    pub fn alarm(&self, who: u64, what: String, wall_ms: i64) {
        self.put(who, what, wall_ms, true);
    }

    fn put(&self, who: u64, what: String, wall_ms: i64, alarm: bool) {
        let mut waits = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = waits.entry(who).or_insert_with(|| Waiting {
            what: String::new(),
            since_wall_ms: wall_ms,
            alarm,
            told: Told::Nothing,
        });
        (waiting.what, waiting.alarm) = (what, alarm);
        let tell = if alarm { Told::Alarm } else { Told::Wait };
        if waiting.told < tell && wall_ms.saturating_sub(waiting.since_wall_ms) >= TELL_AFTER_MS {
            waiting.told = tell;
            if alarm {
                tracing::error!(job = %self.job, job_uid = %self.job_uid, waiting_for = %waiting.what, "waiting for somebody to mend this");
            } else {
                tracing::warn!(job = %self.job, job_uid = %self.job_uid, waiting_for = %waiting.what, "waiting");
            }
        }
    }

    /// `who` goes on. Answers whether it had waited.
    pub fn clear(&self, who: u64) -> bool {
        let waited = self.inner.lock().unwrap_or_else(PoisonError::into_inner).remove(&who);
        if let Some(waiting) = waited.as_ref().filter(|waiting| waiting.told > Told::Nothing) {
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

    /// How many of them will not heal by themselves.
    #[must_use]
    pub fn alarms(&self) -> usize {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).values().filter(|waiting| waiting.alarm).count()
    }

    /// The wait that lasts longest.
    #[must_use]
    pub fn oldest(&self) -> Option<Waiting> {
        let waits = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        waits.values().min_by_key(|waiting| waiting.since_wall_ms).cloned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::Waits;

    #[test]
    fn the_oldest_wait_is_said_and_what_somebody_must_end_is_counted() {
        let waits = Waits::of("bids", "u");
        waits.set(1, "s3 SlowDown".into(), 20);
        waits.alarm(2, "s3 AccessDenied".into(), 10);
        waits.alarm(3, "s3 NoSuchBucket".into(), 30);
        assert_eq!((waits.oldest().unwrap().what.as_str(), waits.alarms()), ("s3 AccessDenied", 2));
        // The refusal became a wait, which began when the refusal did; the other was mended.
        waits.set(2, "s3 InternalError".into(), 40);
        assert!(waits.clear(3));
        let oldest = waits.oldest().unwrap();
        assert_eq!((oldest.what.as_str(), oldest.since_wall_ms, waits.alarms()), ("s3 InternalError", 10, 0));
        assert!(waits.clear(2) && waits.clear(1) && !waits.clear(1) && waits.oldest().is_none());
    }
}
