//! The time, injected: expiry and the age of keys are tested without waiting.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// What time it is.
pub trait Clock: Debug + Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
}

/// A clock that everybody may ask.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        // Before 1970 every token is not yet valid.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Whether `age_ms` has passed since `then_ms`. A clock that was set back counts as passed: to ask once more is harmless.
pub(crate) fn passed(now_ms: u64, then_ms: u64, age_ms: u64) -> bool {
    now_ms.checked_sub(then_ms).is_none_or(|age| age >= age_ms)
}
