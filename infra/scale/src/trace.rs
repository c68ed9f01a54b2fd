//! What became of each partition since it was last seen: what arrived, whether it moved, whether it is stuck.

use std::collections::BTreeMap;

use crate::history::{JobHistory, PartitionTrace};
use crate::limits::Limits;
use crate::number::{as_f64, seconds_between};
use crate::sample::{JobLag, PartitionKey};
use crate::trend::Trend;

/// Two samples that are closer say nothing about a rate: offsets move in fetches.
const LEAST_INTERVAL_SECONDS: f64 = 5.0;

/// One partition between two samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    /// Records waiting.
    pub lag: f64,
    /// Records that arrive a second.
    pub inflow: f64,
    pub age_seconds: Option<f64>,
    /// Lag that no worker will move: it asks for none.
    pub stuck: bool,
    /// A live worker consumed of it since the last sample.
    pub moved: bool,
}

/// A job between two samples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Followed {
    pub moments: Vec<Moment>,
    /// For the next time.
    pub traces: Vec<PartitionTrace>,
    pub sampled_at_ms: i64,
    pub trend: Trend,
    /// The part by which more is to be expected soon.
    pub ahead: f64,
}

pub(crate) fn follow(lag: &JobLag, before: Option<&JobHistory>, limits: &Limits) -> Followed {
    let now_ms = lag.sampled_at_ms;
    let known: BTreeMap<&PartitionKey, &PartitionTrace> =
        before.into_iter().flat_map(|job| &job.partitions).map(|trace| (&trace.key, trace)).collect();
    let interval = before.map_or(0.0, |job| seconds_between(job.sampled_at_ms, now_ms));
    let too_close = before.is_some() && interval < LEAST_INTERVAL_SECONDS;
    let mut moments = Vec::with_capacity(lag.partitions.len());
    let mut traces = Vec::with_capacity(lag.partitions.len());
    for partition in &lag.partitions {
        let trace = known.get(&partition.key).copied();
        let (waiting, reached) = (partition.lag(), partition.reached());
        let inflow = match trace {
            Some(trace) if too_close => trace.inflow,
            Some(trace) => {
                let arrived = partition.end_offset.saturating_sub(trace.end_offset);
                as_f64(u64::try_from(arrived).unwrap_or(0)) / interval
            }
            None => 0.0,
        };
        // Lag that waits for a worker is not stuck, however long it waits.
        let still_since_ms = match trace {
            Some(trace) if waiting > 0 && lag.live_workers > 0 && trace.reached_offset == reached => {
                trace.still_since_ms
            }
            _ => now_ms,
        };
        let still = seconds_between(still_since_ms, now_ms);
        moments.push(Moment {
            lag: as_f64(waiting),
            inflow,
            age_seconds: partition.age_seconds.filter(|age| age.is_finite()).map(|age| age.max(0.0)),
            stuck: limits.exclude_persistent_lag
                && waiting > 0
                && still > 0.0
                && still >= limits.persistent_lag_seconds,
            moved: partition.position.is_some() && trace.is_some_and(|trace| reached > trace.reached_offset),
        });
        traces.push(match trace {
            Some(trace) if too_close => PartitionTrace { still_since_ms, ..trace.clone() },
            _ => PartitionTrace {
                key: partition.key.clone(),
                end_offset: partition.end_offset,
                reached_offset: reached,
                still_since_ms,
                inflow,
            },
        });
    }
    let sampled_at_ms = before.filter(|_| too_close).map_or(now_ms, |job| job.sampled_at_ms);
    let (trend, ahead) = match before {
        Some(job) if too_close => (job.trend, 0.0),
        Some(job) => {
            let trend = job.trend.next(moments.iter().map(|moment| moment.inflow).sum(), interval);
            (trend, job.trend.ahead(trend, interval, limits))
        }
        None => (Trend::default(), 0.0),
    };
    Followed { moments, traces, sampled_at_ms, trend, ahead }
}
