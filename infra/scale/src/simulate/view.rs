//! What a lag measurement would tell of the simulated job.

use std::sync::Arc;

use crate::sample::{JobLag, JobSample, PartitionKey, PartitionSample, Phase, PoolSample, WorkerSample};

/// Keys are made once: names do not change.
#[derive(Debug)]
pub(crate) struct Lens {
    keys: Vec<PartitionKey>,
    name: Arc<str>,
}

/// A partition as it is: records since the beginning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub arrived: f64,
    pub consumed: f64,
    pub committed: f64,
    /// When the oldest waiting record arrived, in seconds from the beginning.
    pub oldest: Option<u32>,
}

/// The pool as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pool<'a> {
    /// Seconds from the beginning.
    pub now: u32,
    pub desired: u32,
    pub live_workers: u32,
    /// Records a second of each worker.
    pub rates: &'a [f64],
}

#[allow(clippy::cast_possible_truncation)]
fn offset(records: f64) -> i64 {
    records.round() as i64
}

impl Lens {
    pub(crate) fn new(partitions: usize) -> Self {
        let (cluster, topic): (Arc<str>, Arc<str>) = ("supplier".into(), "bids".into());
        let key = |partition| PartitionKey { cluster: Arc::clone(&cluster), topic: Arc::clone(&topic), partition };
        let count = i32::try_from(partitions).unwrap_or(i32::MAX);
        Self { keys: (0..count).map(key).collect(), name: "bids".into() }
    }

    /// Without `partitions` the job cannot be measured.
    pub(crate) fn sample(&self, pool: Pool<'_>, partitions: Option<impl Iterator<Item = Seen>>) -> PoolSample {
        let now_ms = i64::from(pool.now) * 1_000;
        let lag = partitions.map(|partitions| {
            let mut unlanded = false;
            let of = |(key, seen): (&PartitionKey, Seen)| {
                unlanded |= seen.committed < seen.consumed;
                PartitionSample {
                    key: key.clone(),
                    first_offset: 0,
                    end_offset: offset(seen.arrived),
                    position: (pool.live_workers > 0).then(|| offset(seen.consumed)),
                    committed_offset: Some(offset(seen.committed)),
                    age_seconds: seen.oldest.map(|at| f64::from(pool.now - at)),
                }
            };
            let partitions = self.keys.iter().zip(partitions).map(of).collect();
            JobLag { sampled_at_ms: now_ms, live_workers: pool.live_workers, unlanded, partitions }
        });
        let job = JobSample { name: Arc::clone(&self.name), phase: Phase::Running, max_workers: 1_000, lag };
        PoolSample {
            now_ms,
            desired: pool.desired,
            workers: pool.rates.iter().map(|rate| WorkerSample { records_per_second: *rate }).collect(),
            jobs: Some(vec![job]),
        }
    }
}
