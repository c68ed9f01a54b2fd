//! The scaler: looks at the fleet, decides about each of its pools, keeps the decision, and then has it acted on.
//!
//! Kept first: where two scalers decide about one pool at once, only the one whose record was written acts; where they take
//! turns, each says that it is not alone. Where nothing could be decided or kept, nothing is done: the pool stays as it is.

mod acts;
mod lambda;
mod processes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::future::join_all;
use landfall_config::{FleetConfig, PoolConfig};
use landfall_lag::{Decision, Lookout, Memory, Rested, SeenPool, decide, keep};
use landfall_s3::store::SharedStore;
use landfall_s3::timer::SystemTimer;
use landfall_store::{HeartbeatStore, JobStore, LogStore, ScalingStore};

use crate::exit::Failure;
use crate::fleet;

pub(crate) use acts::Acts;
pub(crate) use lambda::lag_lambda;
pub(crate) use processes::run_processes;

/// The longest that measuring takes: less than the lag Lambda has.
const PATIENCE: Duration = Duration::from_secs(25);

/// The longest that a look and its decisions take: less than the lag Lambda's minute.
const TICK: Duration = Duration::from_secs(45);
/// Polling intervals in which the decision of another scaler is one too many.
const ALONE_AFTER: f64 = 1.5;

/// What decides about the pools of a fleet.
#[derive(Debug)]
pub(crate) struct Scaler {
    lookout: Lookout,
    store: ScalingStore,
    pools: BTreeMap<String, PoolConfig>,
    /// Told in each record.
    id: String,
}

impl Scaler {
    /// Puts the parts together; nothing is asked yet.
    ///
    /// # Errors
    /// A cluster's properties cannot be those of a client.
    pub(crate) fn new(
        config: &FleetConfig,
        store: &SharedStore,
        who: &str,
        pools: BTreeMap<String, PoolConfig>,
    ) -> Result<Self, Failure> {
        let location = fleet::location(config);
        let id = format!("{who}-{:08x}", rand::random::<u32>());
        let mut clusters = BTreeMap::new();
        for (name, connection) in fleet::connections(config, who) {
            let client = fleet::kafka_client(&name, &connection, fleet::REQUEST_TIMEOUT)?;
            clusters.insert(name, client);
        }
        let lookout = Lookout {
            jobs: JobStore::new(Arc::clone(store), location.clone(), Arc::new(SystemTimer)),
            heartbeats: HeartbeatStore::new(Arc::clone(store), location.clone()),
            rested: Arc::new(Rested::new(LogStore::new(
                Arc::clone(store),
                location.clone(),
                Arc::new(SystemTimer),
                id.clone(),
            ))),
            clusters,
            patience: PATIENCE,
        };
        Ok(Self { lookout, store: ScalingStore::new(Arc::clone(store), location), pools, id })
    }

    /// One decision about each pool, acted on. What went wrong with one pool does not concern the others.
    ///
    /// # Errors
    /// The jobs or the workers could not be read: nothing is known of any pool. Or it took too long.
    pub(crate) async fn tick(&self, acts: &dyn Acts) -> anyhow::Result<Vec<anyhow::Result<Decision>>> {
        let tick = tokio::time::timeout(TICK, self.tick_unbounded(acts)).await;
        tick.with_context(|| format!("nothing was decided within {} s", TICK.as_secs()))?
    }

    async fn tick_unbounded(&self, acts: &dyn Acts) -> anyhow::Result<Vec<anyhow::Result<Decision>>> {
        let seen = self.look().await?;
        for (pool, unscaled) in
            seen.iter().filter(|(pool, seen)| !self.pools.contains_key(*pool) && !seen.jobs.is_empty())
        {
            tracing::warn!(pool, jobs = unscaled.jobs.len(), "jobs name a pool that this fleet does not scale");
        }
        let nobody = SeenPool::default();
        let each = self.pools.iter().map(|(name, pool)| {
            let seen = seen.get(name).unwrap_or(&nobody);
            async move { self.pool(name, pool, seen, acts).await.with_context(|| format!("pool {name}")) }
        });
        Ok(join_all(each).await)
    }

    async fn pool(&self, name: &str, pool: &PoolConfig, seen: &SeenPool, acts: &dyn Acts) -> anyhow::Result<Decision> {
        // Unknown, it is what was said last; whoever acts meets the same refusal, after the metrics are out.
        let asked = acts.asked(name, pool).await.unwrap_or_else(|error| {
            tracing::error!(pool = name, error = format!("{error:#}"), "how many workers are asked for is not known");
            None
        });
        let memory = Memory::read(&self.store, name).await.context("what was decided last cannot be read")?;
        let now = jiff::Timestamp::now();
        if let Some(other) = memory.another(&self.id, now, pool.scaling.polling_interval_seconds * ALONE_AFTER) {
            acts.not_alone(name, other);
        }
        let (decision, record) = decide(name, seen, &pool.scaling, &memory, asked, &self.id, now)?;
        keep(&self.store, &record, memory).await.context("what was decided cannot be kept")?;
        let Decision { desired, alive, because, about_jobs, lag_records, lag_seconds, sample_age_seconds, .. } =
            &decision;
        tracing::info!(
            pool = name,
            desired,
            alive,
            lag_records,
            lag_seconds,
            sample_age_seconds,
            because,
            about_jobs,
            "decided"
        );
        acts.act(name, pool, &decision).await?;
        Ok(decision)
    }

    /// What would be decided now, by what is remembered; nothing is kept and nobody acts.
    ///
    /// # Errors
    /// What there is to decide about cannot be read.
    pub(crate) async fn look_only(&self, name: &str, asked: Option<u32>) -> anyhow::Result<Decision> {
        let now = jiff::Timestamp::now();
        let seen = self.look().await?;
        let memory = Memory::read(&self.store, name).await.context("what was decided last cannot be read")?;
        let limits = self.pools.get(name).map(|pool| pool.scaling.clone()).unwrap_or_default();
        let seen = seen.get(name).cloned().unwrap_or_default();
        Ok(decide(name, &seen, &limits, &memory, asked, &self.id, now)?.0)
    }

    /// A job whose record cannot be read may be of any pool: none is made smaller for it.
    async fn look(&self) -> anyhow::Result<BTreeMap<String, SeenPool>> {
        let seen = self.lookout.look(jiff::Timestamp::now()).await?;
        let mut pools = seen.pools;
        for name in self.pools.keys().filter(|_| !seen.unreadable.is_empty()) {
            let pool = pools.entry(name.clone()).or_default();
            seen.unreadable.iter().for_each(|job| pool.add_unknown(job, 0));
        }
        Ok(pools)
    }
}
