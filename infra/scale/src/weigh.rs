//! A job's partitions in workers: how many of them what arrives and what waits would keep busy.

use crate::history::Workers;
use crate::limits::Limits;
use crate::number::{as_f64, count_u32, seconds_between};
use crate::spread::spread;
use crate::trace::Followed;

/// Near its deadline a backlog does not ask for the impossible: so long a worker needs to be of help.
const LEAST_DRAIN_SECONDS: f64 = 120.0;

/// A backlog is planned to be drained a little early: workers start late and rebalances take their time.
const AIM: f64 = 0.9;

/// Sums over the partitions that are not stuck, but for `stuck`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Weight {
    /// For what arrives.
    pub steady: Workers,
    /// The same with what is to be expected and with the backlog.
    pub busy: Workers,
    /// Records that arrive a second.
    pub inflow: f64,
    /// Records waiting.
    pub lag: f64,
    /// Partitions that have something to do.
    pub working: u32,
    pub stuck: u32,
}

/// `rate`: records a second of a worker. `behind_since_ms`: since when the job is behind, if it is.
pub(crate) fn weigh(
    followed: &Followed,
    rate: f64,
    behind_since_ms: Option<i64>,
    limits: &Limits,
    now_ms: i64,
) -> Weight {
    let drain_seconds = behind_since_ms.map(|since| remaining(seconds_between(since, now_ms), limits));
    let threshold = as_f64(limits.lag_threshold.max(1));
    let mut sum = Weight::default();
    let mut steady = Vec::with_capacity(followed.moments.len());
    let mut busy = Vec::with_capacity(followed.moments.len());
    for moment in followed.moments.iter().filter(|moment| !moment.stuck) {
        sum.inflow += moment.inflow;
        sum.lag += moment.lag;
        sum.working += u32::from(moment.lag > 0.0 || moment.inflow > 0.0);
        let backlog = drain_seconds.map_or(0.0, |seconds| moment.lag / seconds);
        // Lag whose age is not known may be old: beside others that are young it counts all the same.
        let unknown = if moment.age_seconds.is_none() { moment.lag / threshold } else { 0.0 };
        let expected = moment.inflow * (1.0 + followed.ahead);
        steady.push(moment.inflow / rate);
        busy.push(((expected + backlog) / rate).max(unknown));
    }
    sum.stuck = count_u32(followed.moments.len() - steady.len());
    let bounds = |partitions: &[f64]| Workers {
        least: spread(partitions, limits.highest_utilization()),
        most: spread(partitions, limits.lowest_utilization()),
    };
    // Each part of the one is at least that of the other, and so is the whole.
    (sum.steady, sum.busy) = (bounds(&steady), bounds(&busy));
    sum
}

/// Seconds left to drain a backlog that began `gone_seconds` ago.
fn remaining(gone_seconds: f64, limits: &Limits) -> f64 {
    let gone = gone_seconds.max(limits.start_delay_seconds);
    (limits.target_drain_seconds * AIM - gone).max(LEAST_DRAIN_SECONDS)
}
