//! Plain retries for the calls where a second attempt means the same as the first: reads, and an unconditional PUT.
//! A conditional PUT, a part and a Complete pass through untouched: the protocol retries them, knowing what it does.
//! Waits are exponential with full jitter and bounded in number and in sum.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::StoreError;
use crate::store::{
    Condition, LifecycleRule, ListPage, ListRequest, Object, ObjectHead, ObjectOptions, OpenUpload, PartReceipt,
    PutRequest, Store,
};
use crate::timer::{SystemTimer, Timer};

/// Exponential backoff with full jitter; pure, the random number is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest first wait; at least 1.
    pub base_ms: u64,
    /// The longest wait of all (inclusive).
    pub cap_ms: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base_ms: 100, cap_ms: 20_000 }
    }
}

impl Backoff {
    /// The wait before attempt `attempt + 2`: `attempt` counts the failed attempts before this one, from 0.
    /// Uniform over 1 ..= min(cap, base * 2^attempt).
    #[must_use]
    pub fn delay_ms(&self, attempt: u32, random: u64) -> u64 {
        let doubled = 1u64.checked_shl(attempt.min(63)).unwrap_or(u64::MAX);
        let longest = self.base_ms.max(1).saturating_mul(doubled).min(self.cap_ms.max(1));
        1 + random % longest
    }
}

/// How often and how long a plain call is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    pub backoff: Backoff,
    /// Attempts in all, the first included; at least 1.
    pub max_attempts: u32,
    /// The sum of all waits between attempts stays at or below this; each attempt itself is bounded by the adapter.
    pub max_wait_ms: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { backoff: Backoff::default(), max_attempts: 5, max_wait_ms: 15_000 }
    }
}

#[derive(Debug, Clone)]
pub struct RetryingStore<S> {
    inner: S,
    policy: RetryPolicy,
    timer: Arc<dyn Timer>,
}

impl<S: Store> RetryingStore<S> {
    #[must_use]
    pub fn new(inner: S, policy: RetryPolicy) -> Self {
        Self::with_timer(inner, policy, Arc::new(SystemTimer))
    }

    #[must_use]
    pub fn with_timer(inner: S, policy: RetryPolicy, timer: Arc<dyn Timer>) -> Self {
        Self { inner, policy, timer }
    }

    async fn retried<T, F>(&self, attempt: impl Fn() -> F + Send) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
        T: Send,
    {
        let mut failed = 0u32;
        let mut waited_ms = 0u64;
        loop {
            let error = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let delay_ms = self.policy.backoff.delay_ms(failed, self.timer.random());
            failed += 1;
            waited_ms = waited_ms.saturating_add(delay_ms);
            if !error.kind.transient() || failed >= self.policy.max_attempts || waited_ms > self.policy.max_wait_ms {
                return Err(error);
            }
            tracing::debug!(error = %error, attempt = failed, delay_ms, "s3 request failed, trying again");
            self.timer.sleep_ms(delay_ms).await;
        }
    }
}

#[async_trait]
impl<S: Store> Store for RetryingStore<S> {
    async fn put(&self, request: PutRequest) -> Result<String, StoreError> {
        if request.condition != Condition::None {
            return self.inner.put(request).await;
        }
        self.retried(|| self.inner.put(request.clone())).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Object, StoreError> {
        self.retried(|| self.inner.get(bucket, key)).await
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectHead, StoreError> {
        self.retried(|| self.inner.head(bucket, key)).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        self.inner.delete(bucket, key).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, StoreError> {
        self.retried(|| self.inner.list(request.clone())).await
    }

    async fn create_upload(&self, bucket: &str, key: &str, options: &ObjectOptions) -> Result<String, StoreError> {
        self.inner.create_upload(bucket, key, options).await
    }

    async fn upload_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        chunks: Vec<Bytes>,
    ) -> Result<PartReceipt, StoreError> {
        self.inner.upload_part(bucket, key, upload_id, number, chunks).await
    }

    async fn upload_part_declaring(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        body: Bytes,
        crc64nvme: &str,
    ) -> Result<PartReceipt, StoreError> {
        self.inner.upload_part_declaring(bucket, key, upload_id, number, body, crc64nvme).await
    }

    async fn list_parts(&self, bucket: &str, key: &str, upload_id: &str) -> Result<Vec<PartReceipt>, StoreError> {
        self.retried(|| self.inner.list_parts(bucket, key, upload_id)).await
    }

    async fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        parts: &[PartReceipt],
        condition: Condition,
    ) -> Result<String, StoreError> {
        self.inner.complete_upload(bucket, key, upload_id, parts, condition).await
    }

    async fn abort_upload(&self, bucket: &str, key: &str, upload_id: &str) -> Result<(), StoreError> {
        self.inner.abort_upload(bucket, key, upload_id).await
    }

    async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<OpenUpload>, StoreError> {
        self.retried(|| self.inner.list_uploads(bucket, prefix)).await
    }

    async fn lifecycle(&self, bucket: &str) -> Result<Vec<LifecycleRule>, StoreError> {
        self.retried(|| self.inner.lifecycle(bucket)).await
    }

    async fn head_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        self.retried(|| self.inner.head_bucket(bucket)).await
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;

    #[test]
    fn the_wait_doubles_up_to_the_cap_and_is_never_zero() {
        let backoff = Backoff { base_ms: 100, cap_ms: 1_000 };
        assert_eq!(backoff.delay_ms(0, 99), 100);
        assert_eq!(backoff.delay_ms(0, 100), 1);
        assert_eq!(backoff.delay_ms(2, 399), 400);
        assert_eq!(backoff.delay_ms(10, 999), 1_000);
        assert!(backoff.delay_ms(u32::MAX, u64::MAX) <= 1_000);
        assert_eq!(Backoff { base_ms: 0, cap_ms: 0 }.delay_ms(5, 7), 1);
    }

    #[test]
    fn the_jitter_covers_the_whole_range() {
        let backoff = Backoff { base_ms: 8, cap_ms: 8 };
        let seen: std::collections::BTreeSet<u64> = (0..100).map(|random| backoff.delay_ms(0, random)).collect();
        assert_eq!(seen, (1..=8).collect());
    }
}
