//! What is not known keeps what is: missing, stale and nonsensical samples.

use landfall_scale::{History, JobSample, PoolSample, WorkerSample, plan};
use proptest::prelude::*;

use crate::pool::{MINUTE_MS, any_limits, any_pool, any_second_moment, follow, limits, loaded, pool};

/// How a job goes dark.
#[derive(Debug, Clone, Copy)]
enum Dark {
    Missing,
    Stale,
    /// By a clock that is wrong.
    Future,
    /// The list of jobs could not be read.
    All,
}

/// Numbers that no honest measurement has.
fn nonsense() -> impl Strategy<Value = f64> {
    prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-1.0), Just(1e308), Just(0.0)]
}

fn far() -> impl Strategy<Value = i64> {
    prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(-1), Just(0), any::<i64>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_is_missing_or_stale_keeps_what_is(
        workers in 1_u32..50, inflow in 1.0..30_000.0_f64, minutes in 1_i64..200,
        dark in prop_oneof![Just(Dark::Missing), Just(Dark::Stale), Just(Dark::Future), Just(Dark::All)],
    ) {
        let steady = |now_ms: i64| loaded("bids", now_ms, 100, inflow, 0, 0.0);
        let before = follow(&limits(), 0, 60, workers, History::default(), |now_ms, _| vec![steady(now_ms)]);
        let last = before.last().unwrap().clone();
        let (mut history, mut desired) = (last.history, last.desired);
        for minute in 60..60 + minutes {
            let now_ms = minute * MINUTE_MS;
            let lag = match dark {
                // A sample of now, four minutes old at least.
                Dark::Stale => steady(56 * MINUTE_MS).lag,
                Dark::Future => steady(400 * MINUTE_MS).lag,
                Dark::Missing | Dark::All => None,
            };
            let mut sample = pool(now_ms, desired, vec![JobSample { lag, ..steady(now_ms) }]);
            if matches!(dark, Dark::All) {
                sample.jobs = None;
            }
            let next = plan(&sample, &limits(), &history);
            prop_assert_eq!(next.desired, last.desired, "{}", next.because);
            prop_assert!(next.about_jobs.contains("kept") || next.because.contains("stays"), "{next:?}");
            (history, desired) = (next.history, next.desired);
        }
    }

    #[test]
    fn what_went_dark_with_a_backlog_keeps_the_workers_for_it(dark_minutes in 1_i64..120) {
        let behind = |now_ms: i64| loaded("bids", now_ms, 100, 2_000.0, 100_000, 900.0);
        let before = follow(&limits(), 0, 5, 1, History::default(), |now_ms, _| vec![behind(now_ms)]).pop().unwrap();
        prop_assert!(before.desired > 10, "{}", before.because);
        let dark = |now_ms: i64, _| vec![JobSample { lag: None, ..behind(now_ms) }];
        let after = follow(&limits(), 5, dark_minutes, before.desired, before.history, dark).pop().unwrap();
        prop_assert_eq!(after.desired, before.desired, "{}", after.because);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn nonsense_has_an_answer_within_bounds(
        limits in any_limits(), first in any_pool(100 * MINUTE_MS), sample in any_pool(101 * MINUTE_MS),
        rate in nonsense(), age in nonsense(), (end, position, begin, at, now_ms) in (far(), far(), far(), far(), far()),
    ) {
        let spoil = |sample: &PoolSample| {
            let mut spoilt = PoolSample { now_ms, ..sample.clone() };
            spoilt.workers.push(WorkerSample { records_per_second: rate });
            for job in spoilt.jobs.iter_mut().flatten() {
                for partition in job.lag.iter_mut().flat_map(|lag| &mut lag.partitions).step_by(2) {
                    (partition.end_offset, partition.first_offset) = (end, begin);
                    (partition.position, partition.age_seconds) = (Some(position), Some(age));
                }
                if let Some(lag) = &mut job.lag {
                    lag.sampled_at_ms = at;
                }
            }
            spoilt
        };
        let mut history = History::default();
        for sample in [first.clone(), spoil(&first), sample.clone(), spoil(&sample), sample] {
            let answer = plan(&sample, &limits, &history);
            prop_assert!((limits.min_workers..=limits.max_workers).contains(&answer.desired), "{}", answer.because);
            history = answer.history;
        }
    }

    #[test]
    fn nothing_of_what_is_remembered_is_not_a_number((limits, history, sample) in any_second_moment()) {
        // A history with one would spoil every later decision, and is no JSON.
        let written = serde_json::to_string(&plan(&sample, &limits, &history).history).unwrap();
        let read: History = serde_json::from_str(&written).unwrap();
        prop_assert!(read.jobs.values().all(|job| job.busy.least.is_finite() && job.steady.most.is_finite()));
    }
}
