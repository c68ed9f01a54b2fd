//! What a decision needs to know of the ones before it. The caller keeps it between two calls and never looks inside;
//! one that was lost costs a window of patience (nothing is scaled in before it is full again), never a wrong answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::sample::PartitionKey;
use crate::trend::Trend;

/// What was seen and said before.
/// Fields that are missing are read as not known, so that a newer build reads what an older one kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// What a worker consumes a second when it has enough to do; `None` until that was seen.
    pub worker_records_per_second: Option<f64>,
    /// When anything was last left to do, in milliseconds since the epoch; `None` before the first decision.
    pub active_at_ms: Option<i64>,
    /// The number that is asked for, and since when.
    pub said: Option<Recommendation>,
    /// For the load that arrives; the largest first, each later than the one before.
    pub recommendations: Vec<Recommendation>,
    /// The same with what backlogs add.
    pub drain_recommendations: Vec<Recommendation>,
    /// Jobs that count, by name.
    pub jobs: BTreeMap<Arc<str>, JobHistory>,
}

/// How many workers would have been enough at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    /// Workers.
    pub workers: u32,
}

/// Workers asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Workers {
    /// With fewer they are busier than allowed.
    pub least: f64,
    /// With more they are idler than allowed.
    pub most: f64,
}

/// One job as it was last seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobHistory {
    /// When the offsets in `partitions` were read.
    pub sampled_at_ms: i64,
    /// Since when the job is behind, in milliseconds since the epoch.
    pub behind_since_ms: Option<i64>,
    /// Workers that it asked for to keep up with what arrives, for as long as it is not seen again.
    pub steady: Workers,
    /// The same with its backlog.
    pub busy: Workers,
    /// The most workers that it can use.
    pub places: u32,
    /// Where its load is going.
    pub trend: Trend,
    /// Each partition as it was last seen.
    pub partitions: Vec<PartitionTrace>,
}

/// One partition as it was last seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartitionTrace {
    /// Which one.
    pub key: PartitionKey,
    /// Exclusive.
    pub end_offset: i64,
    /// The next offset to consume.
    pub reached_offset: i64,
    /// Since when `reached_offset` is what it is with a live worker there, in milliseconds since the epoch.
    pub still_since_ms: i64,
    /// Records that arrive a second.
    pub inflow: f64,
}

/// Forgets what is older than the window, adds what is said now, and answers with the largest of both.
pub(crate) fn stabilize(recommendations: &mut Vec<Recommendation>, now: Recommendation, window_seconds: f64) -> u32 {
    recommendations.retain(|past| {
        // Equal to the window is inside: a window of 0 still holds what was said now.
        crate::number::seconds_between(past.at_ms, now.at_ms) <= window_seconds && past.workers > now.workers
    });
    recommendations.push(now);
    recommendations.first().map_or(now.workers, |largest| largest.workers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_recommendation_of_the_window_counts_and_the_list_stays_short() {
        let mut list = Vec::new();
        let mut say =
            |second: i64, workers| stabilize(&mut list, Recommendation { at_ms: second * 1_000, workers }, 300.0);
        assert_eq!([say(0, 3), say(60, 9), say(120, 4), say(180, 2), say(360, 2), say(361, 2)], [3, 9, 9, 9, 9, 4]);
        assert_eq!(list.len(), 2);
    }
}
