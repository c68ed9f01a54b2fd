//! What becomes of a decision: the seam between the scaler and what starts workers.

use async_trait::async_trait;
use landfall_config::PoolConfig;
use landfall_lag::Decision;

/// Someone who acts on decisions.
#[async_trait]
pub(crate) trait Acts: Send + Sync + std::fmt::Debug {
    /// How many workers are asked for now; `None`: nobody here knows.
    async fn asked(&self, pool: &str, config: &PoolConfig) -> anyhow::Result<Option<u32>>;

    /// Somebody else decided about the pool in between.
    fn not_alone(&self, pool: &str, other: &str);

    /// Has the decision come true. Decided the same again, it changes nothing.
    async fn act(&self, pool: &str, config: &PoolConfig, decision: &Decision) -> anyhow::Result<()>;
}
