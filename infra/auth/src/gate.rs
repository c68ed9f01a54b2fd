//! One request for keys at a time, and few that wait for it: strangers' tokens must not fill the API with waiting requests.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};

use crate::refused::Refused;

/// How many requests may wait for keys at once.
const MAX_WAITING: usize = 32;

/// Whoever holds it is the one that asks for keys.
pub(crate) type Turn = OwnedMutexGuard<()>;

#[derive(Debug)]
pub(crate) struct Gate {
    turn: Arc<Mutex<()>>,
    waiting: Semaphore,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self { turn: Arc::new(Mutex::new(())), waiting: Semaphore::new(MAX_WAITING) }
    }

    /// Waits for the turn.
    ///
    /// # Errors
    /// Too many wait already.
    pub(crate) async fn turn(&self) -> Result<Turn, Refused> {
        let _place = self
            .waiting
            .try_acquire()
            .map_err(|_| Refused::unavailable("too many requests wait for the issuer's keys: send it again"))?;
        Ok(Arc::clone(&self.turn).lock_owned().await)
    }

    /// The turn, where nobody has it.
    pub(crate) fn turn_if_free(&self) -> Option<Turn> {
        Arc::clone(&self.turn).try_lock_owned().ok()
    }
}
