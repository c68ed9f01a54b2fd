//! What a job waits for, shared between its I/O tasks (which know) and its snapshot (which says it).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Something a job cannot go on without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// In words: `s3 SlowDown`, `kafka dead-letter topic bids-dlq`.
    pub what: String,
    pub since_wall_ms: i64,
}

/// The set of things waited for now, by who waits.
#[derive(Debug, Clone, Default)]
pub struct Waits {
    inner: Arc<Mutex<BTreeMap<u64, Waiting>>>,
}

impl Waits {
    /// `who` waits for `what`; the time of the first call stays until [`Self::clear`].
    pub fn set(&self, who: u64, what: String, wall_ms: i64) {
        let mut waits = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        match waits.get_mut(&who) {
            Some(waiting) => waiting.what = what,
            None => {
                waits.insert(who, Waiting { what, since_wall_ms: wall_ms });
            }
        }
    }

    /// `who` goes on. Answers whether it had waited.
    pub fn clear(&self, who: u64) -> bool {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).remove(&who).is_some()
    }

    /// The wait that lasts longest.
    #[must_use]
    pub fn oldest(&self) -> Option<Waiting> {
        let waits = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        waits.values().min_by_key(|waiting| waiting.since_wall_ms).cloned()
    }
}
