//! What one worker consumes a second, learned from heartbeats.
//!
//! A worker that keeps up consumes what arrives, which says only that it could do at least that. Only where a job is
//! behind do its workers show what they can. The fastest worker is believed: those beside it may have nothing to do,
//! as under a hot partition. An estimate that is too high corrects itself, because lag grows and is drained.

use crate::sample::WorkerSample;

/// How much of the difference to what was believed is taken over at once.
const WEIGHT: f64 = 0.3;
/// How many times more or less than the stated rate is believed.
const BELIEVABLE: f64 = 10.0;

/// `saturated`: some job has been behind for so long that its workers show what they can.
pub(crate) fn learn(known: Option<f64>, stated: f64, workers: &[WorkerSample], saturated: bool) -> Option<f64> {
    let rates = workers.iter().map(|worker| worker.records_per_second).filter(|rate| rate.is_finite());
    let fastest = rates.fold(0.0, f64::max);
    let believed = known.unwrap_or(stated);
    if fastest > believed {
        // Seen to be possible.
        return Some(fastest.min(stated * BELIEVABLE));
    }
    match known {
        _ if fastest <= 0.0 || !saturated => known,
        Some(known) => Some((known + WEIGHT * (fastest - known)).max(stated / BELIEVABLE)),
        None => Some(fastest.max(stated / BELIEVABLE)),
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)]
mod tests {
    use super::*;

    fn workers(rates: &[f64]) -> Vec<WorkerSample> {
        rates.iter().map(|rate| WorkerSample { records_per_second: *rate }).collect()
    }

    #[test]
    fn a_worker_that_keeps_up_says_only_what_is_possible() {
        assert_eq!(learn(None, 1_000.0, &workers(&[300.0]), false), None);
        assert_eq!(learn(None, 1_000.0, &workers(&[1_500.0]), false), Some(1_500.0));
        assert_eq!(learn(Some(2_000.0), 1_000.0, &workers(&[1_500.0]), false), Some(2_000.0));
    }

    #[test]
    fn a_worker_that_is_behind_shows_its_rate_and_idle_ones_beside_it_do_not_hide_it() {
        assert_eq!(learn(None, 1_000.0, &workers(&[5.0, 400.0, 0.0]), true), Some(400.0));
        assert_eq!(learn(Some(1_000.0), 1_000.0, &workers(&[500.0]), true), Some(850.0));
    }

    #[test]
    fn nonsense_is_not_believed() {
        assert_eq!(learn(None, 1_000.0, &workers(&[f64::NAN, f64::INFINITY]), true), None);
        assert_eq!(learn(None, 1_000.0, &workers(&[1e12]), false), Some(10_000.0));
        assert_eq!(learn(None, 1_000.0, &workers(&[0.1]), true), Some(100.0));
        assert_eq!(learn(Some(700.0), 1_000.0, &[], true), Some(700.0));
    }
}
