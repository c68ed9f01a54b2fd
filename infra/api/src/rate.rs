//! A bound on the requests of one principal, so that a script that runs in circles does not keep the others out: a token
//! bucket each, full at first.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Principals remembered; beyond it those whose bucket is full again are forgotten first.
const MAX_PRINCIPALS: usize = 4_096;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Requests that may still be made now.
    left: f64,
    at: Instant,
}

#[derive(Debug)]
pub(crate) struct Rates {
    per_second: f64,
    burst: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Rates {
    /// `burst`: requests at once, at least 1.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second: f64::from(per_second), burst: f64::from(burst.max(1)), buckets: Mutex::default() }
    }

    /// Takes one request of a principal; `Err`: after how long there is one again.
    pub(crate) fn take(&self, principal: &str, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_PRINCIPALS && !buckets.contains_key(principal) {
            buckets.retain(|_, bucket| self.filled(*bucket, now) < self.burst);
            if buckets.len() >= MAX_PRINCIPALS {
                // Thousands at once, each of them bounded: the newcomer is let in unremembered.
                return Ok(());
            }
        }
        let full = Bucket { left: self.burst, at: now };
        let bucket = buckets.entry(principal.to_owned()).or_insert(full);
        let left = self.filled(*bucket, now);
        if left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - left) / self.per_second));
        }
        *bucket = Bucket { left: left - 1.0, at: now };
        Ok(())
    }

    fn filled(&self, bucket: Bucket, now: Instant) -> f64 {
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.left + since * self.per_second).min(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_principal_has_its_own_bucket_that_fills_with_time() {
        let rates = Rates::new(10, 3);
        let begin = Instant::now();
        for _ in 0..3 {
            assert!(rates.take("a", begin).is_ok());
        }
        let wait = rates.take("a", begin);
        assert_eq!(wait, Err(Duration::from_millis(100)));
        assert!(rates.take("b", begin).is_ok(), "another principal waits for nobody");
        assert!(rates.take("a", begin + Duration::from_millis(100)).is_ok());
        assert!(rates.take("a", begin + Duration::from_millis(110)).is_err());
    }
}
