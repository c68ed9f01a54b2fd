//! Waiting and chance, injected: real in production, scripted in the simulation.

use std::time::Duration;

use async_trait::async_trait;

#[async_trait]
pub trait Timer: Send + Sync + std::fmt::Debug {
    async fn sleep_ms(&self, duration_ms: u64);
    /// A uniform random number, for jitter.
    fn random(&self) -> u64;
}

/// tokio's clock and the thread's random generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemTimer;

#[async_trait]
impl Timer for SystemTimer {
    async fn sleep_ms(&self, duration_ms: u64) {
        tokio::time::sleep(Duration::from_millis(duration_ms)).await;
    }

    fn random(&self) -> u64 {
        rand::random()
    }
}
