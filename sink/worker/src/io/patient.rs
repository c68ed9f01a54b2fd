//! Patience: a plain request is repeated, with backoff and jitter, for as long as it takes; what is waited for is said.
//! A refusal that needs somebody to mend something ends the job at its first contact and is waited out later.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use landfall_s3::{Backoff, ErrorKind, StoreError, Timer};

use crate::wait::Waits;

const BACKOFF: Backoff = Backoff { base_ms: 200, cap_ms: 20_000 };

/// What becomes of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    Wait,
    /// Waited out once the job has been running, an end at first contact.
    WaitIfContacted,
    Answer,
}

fn course(kind: ErrorKind) -> Course {
    match kind {
        ErrorKind::Conflict
        | ErrorKind::SlowDown
        | ErrorKind::Server
        | ErrorKind::Timeout
        | ErrorKind::Connection
        | ErrorKind::BadDigest => Course::Wait,
        ErrorKind::NoSuchBucket | ErrorKind::AccessDenied | ErrorKind::Credentials => Course::WaitIfContacted,
        ErrorKind::NoSuchKey
        | ErrorKind::NoSuchUpload
        | ErrorKind::PreconditionFailed
        | ErrorKind::InvalidPart
        | ErrorKind::EntityTooSmall
        | ErrorKind::NotImplemented
        | ErrorKind::Rejected => Course::Answer,
    }
}

/// Shared by all requests of one job.
#[derive(Debug, Clone)]
pub struct Patience {
    waits: Waits,
    timer: Arc<dyn Timer>,
    next: Arc<AtomicU64>,
    /// The store answered something useful once: it is the right one.
    contacted: Arc<AtomicBool>,
}

impl Patience {
    #[must_use]
    pub fn new(waits: Waits, timer: Arc<dyn Timer>) -> Self {
        Self { waits, timer, next: Arc::new(AtomicU64::new(1)), contacted: Arc::new(AtomicBool::new(false)) }
    }

    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    /// A number to wait under.
    pub fn ticket(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Sleeps before attempt `attempt` + 2, saying what is waited for.
    pub async fn pause(&self, ticket: u64, attempt: u32, what: String) {
        self.waits.set(ticket, what, jiff::Timestamp::now().as_millisecond());
        self.sleep(attempt).await;
    }

    /// As [`Self::pause`] after an answer of S3: one that only somebody can mend is an alarm.
    pub async fn pause_for(&self, ticket: u64, attempt: u32, error: &StoreError) {
        let (what, now_ms) = (waiting_text(error), jiff::Timestamp::now().as_millisecond());
        if error.kind.transient() || error.kind == ErrorKind::BadDigest {
            self.waits.set(ticket, what, now_ms);
        } else {
            self.waits.alarm(ticket, what, now_ms);
        }
        self.sleep(attempt).await;
    }

    async fn sleep(&self, attempt: u32) {
        self.timer.sleep_ms(BACKOFF.delay_ms(attempt, self.timer.random())).await;
    }

    /// Goes on after a wait.
    pub fn resume(&self, ticket: u64) {
        self.waits.clear(ticket);
    }

    /// Repeats `request` until it succeeds or is refused for good.
    pub async fn until_answered<T, F, Fut>(&self, request: F) -> Result<T, StoreError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        self.repeat(request, course).await
    }

    /// As [`Self::until_answered`], for reads that cannot be refused for good once the store was the right one: an odd
    /// 4xx of something in between is waited out, not taken for the store's word.
    pub async fn until_read<T, F, Fut>(&self, request: F) -> Result<T, StoreError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        self.repeat(request, |kind| match course(kind) {
            Course::Answer => Course::WaitIfContacted,
            waits => waits,
        })
        .await
    }

    async fn repeat<T, F, Fut>(&self, request: F, course: impl Fn(ErrorKind) -> Course) -> Result<T, StoreError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        // Waiting ends with the future too: a dropped file waits for nothing.
        struct Clear<'a>(&'a Patience, u64);
        impl Drop for Clear<'_> {
            fn drop(&mut self) {
                self.0.waits.clear(self.1);
            }
        }
        let ticket = self.ticket();
        let _clear = Clear(self, ticket);
        let mut attempt = 0;
        loop {
            let error = match request().await {
                Ok(answer) => {
                    self.contacted.store(true, Ordering::Relaxed);
                    if attempt > 0 {
                        self.resume(ticket);
                    }
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let wait = match course(error.kind) {
                Course::Wait => true,
                Course::WaitIfContacted => self.contacted.load(Ordering::Relaxed),
                Course::Answer => false,
            };
            if !wait {
                return Err(error);
            }
            self.pause_for(ticket, attempt, &error).await;
            attempt = attempt.saturating_add(1);
        }
    }
}

/// `s3 SlowDown (UploadPart, bucket lake)`.
#[must_use]
pub fn waiting_text(error: &StoreError) -> String {
    format!("s3 {} ({}, bucket {})", error.code, error.operation.name(), error.bucket)
}
