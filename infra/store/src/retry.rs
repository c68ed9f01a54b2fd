//! Bounded retries of this crate's own requests. Waiting and chance come from the injected timer, so that a
//! simulation with the same seed takes the same way.

use std::sync::Arc;

use landfall_s3::{Backoff, StoreError, Timer};

/// Attempts of one operation, the first one included.
pub(crate) const MAX_ATTEMPTS: u32 = 8;
const BACKOFF: Backoff = Backoff { base_ms: 25, cap_ms: 1_000 };

#[derive(Debug, Clone)]
pub(crate) struct Retries {
    timer: Arc<dyn Timer>,
}

impl Retries {
    pub(crate) fn new(timer: Arc<dyn Timer>) -> Self {
        Self { timer }
    }

    /// 128 random bits in hex.
    pub(crate) fn token(&self) -> String {
        format!("{:016x}{:016x}", self.timer.random(), self.timer.random())
    }

    /// Waits after attempt number `attempt` (from 1).
    pub(crate) async fn pause(&self, attempt: u32) {
        self.timer.sleep_ms(BACKOFF.delay_ms(attempt.saturating_sub(1), self.timer.random())).await;
    }

    /// Waits before the next attempt; hands the error back when it is no passing one or the attempts are used up.
    pub(crate) async fn wait_or_give_up(&self, attempt: &mut u32, error: StoreError) -> Result<(), StoreError> {
        if !error.kind.transient() || *attempt >= MAX_ATTEMPTS {
            return Err(error);
        }
        self.pause(*attempt).await;
        *attempt += 1;
        Ok(())
    }
}
