//! Jobs that want to rest and have no worker: whether their last files are visible stands in their log alone. One whose
//! worker ended before that needs a worker once more, or its uploads stay open until a lifecycle rule takes them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use landfall_store::{JobRecord, LogStore, Stored};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Logs that are read at once: a checkpoint may have megabytes.
const LOGS_AT_ONCE: usize = 4;

/// Reads a resting job's log until it has nothing left to do, and then not again until a worker or the record says
/// something new: without a worker nothing is added to it.
#[derive(Debug)]
pub struct Rested {
    logs: LogStore,
    turns: Semaphore,
    /// Etags of records by uid, of jobs with nothing left to do.
    known: Mutex<HashMap<String, String>>,
}

impl Rested {
    #[must_use]
    pub fn new(logs: LogStore) -> Self {
        Self { logs, turns: Semaphore::new(LOGS_AT_ONCE), known: Mutex::default() }
    }

    /// Forgets jobs that are not there any more.
    pub(crate) fn keep_only(&self, records: &[Stored]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let etags: HashMap<&str, &str> =
            records.iter().map(|stored| (stored.record.uid.as_str(), stored.etag.as_str())).collect();
        known.retain(|uid, etag| etags.get(uid.as_str()) == Some(&etag.as_str()));
    }

    /// Whether files of the job are not known to be visible. `None`: not known in time; the next look asks again. Where a
    /// worker is at it, it may append, and what was known of the log is out of date.
    pub(crate) async fn unfinished(&self, stored: &Stored, attended: bool, deadline: Instant) -> Option<bool> {
        let record = &stored.record;
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if attended {
            known().remove(&record.uid);
            return Some(true);
        }
        if known().get(&record.uid) == Some(&stored.etag) {
            return Some(false);
        }
        let asked = tokio::time::timeout_at(deadline, self.ask(record)).await.unwrap_or_else(|_| {
            tracing::warn!(job = record.name, "there was no time to read the log of a job at rest");
            None
        });
        if asked == Some(false) {
            known().insert(record.uid.clone(), stored.etag.clone());
        }
        asked
    }

    /// `None`: not known.
    async fn ask(&self, record: &JobRecord) -> Option<bool> {
        let _turn = self.turns.acquire().await.ok()?;
        match self.logs.view(record).await {
            Ok(view) => Some(view.uncompleted_entries > 0),
            // No worker can do anything about it.
            Err(error) if error.unusable() => Some(false),
            Err(error) => {
                tracing::warn!(job = record.name, %error, "the log of a job at rest cannot be read");
                None
            }
        }
    }
}
