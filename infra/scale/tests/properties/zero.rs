//! To zero, at zero, and from zero.

use landfall_scale::{History, JobSample, Limits, PartitionSample, Phase};
use proptest::prelude::*;

use crate::pool::{MINUTE_MS, follow, job, limits, loaded, partition};

/// Everything consumed, and landed or not.
fn silent(now_ms: i64, landed: bool) -> JobSample {
    job("bids", now_ms, !landed, vec![partition("bids", 0, Some(500), 500, 0.0)])
}

/// Nobody consumes it: lag by commits.
fn waiting(now_ms: i64, records: i64, age: f64, unlanded: bool) -> JobSample {
    job("bids", now_ms, unlanded, vec![partition("bids", 0, None, records, age), partition("bids", 1, None, 0, 0.0)])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn zero_only_when_drained_and_quiet_for_the_whole_cooldown(
        cooldown_minutes in 1_i64..30, busy_minutes in 0_i64..20, unlanded_minutes in 0_i64..20,
    ) {
        let limits = Limits {
            cooldown_period_seconds: 60.0 * cooldown_minutes as f64,
            scale_in_stabilization_seconds: 0.0,
            drain_stabilization_seconds: 0.0,
            ..limits()
        };
        let quiet_from = busy_minutes + unlanded_minutes;
        let jobs = |now_ms: i64, _| match now_ms / MINUTE_MS {
            minute if minute < busy_minutes => vec![loaded("bids", now_ms, 1, 100.0, 0, 0.0)],
            minute => vec![silent(now_ms, minute >= quiet_from)],
        };
        let plans = follow(&limits, 0, quiet_from + cooldown_minutes + 5, 1, History::default(), jobs);
        let zero = plans.iter().position(|plan| plan.desired == 0);
        let zero = i64::try_from(zero.expect("goes to zero in the end")).unwrap();
        prop_assert!(zero >= quiet_from.saturating_sub(1) + cooldown_minutes, "zero at {zero}, quiet from {quiet_from}");
        prop_assert!(zero <= quiet_from + cooldown_minutes + 1, "zero only at {zero}, quiet from {quiet_from}");
    }

    #[test]
    fn never_zero_while_anything_waits_or_arrives(
        lag in 0_i64..50, inflow in prop_oneof![Just(0.0), 0.0..3.0_f64], first in 1_u32..5,
    ) {
        prop_assume!(lag > 0 || inflow >= 1.0);
        let jobs = |now_ms: i64, _| {
            let mut job = loaded("bids", now_ms, 1, inflow, lag, 1.0);
            job.lag.as_mut().unwrap().unlanded = false;
            vec![job]
        };
        // Sooner than lag that does not move is taken for stuck.
        let limits = Limits {
            cooldown_period_seconds: 300.0,
            scale_in_stabilization_seconds: 0.0,
            drain_stabilization_seconds: 0.0,
            ..limits()
        };
        let plans = follow(&limits, 0, 60, first, History::default(), jobs);
        prop_assert!(plans.iter().all(|plan| plan.desired > 0), "{}", plans.last().unwrap().because);
    }

    #[test]
    fn wakes_from_zero_above_the_activation_threshold_and_only_there(
        threshold in 0_u64..1_000, records in 0_i64..2_000, age in 0.0..1_800.0_f64, unlanded in any::<bool>(),
    ) {
        let limits = Limits { activation_lag_threshold: threshold, ..limits() };
        let plans =
            follow(&limits, 10, 2, 0, History::default(), |now_ms, _| vec![waiting(now_ms, records, age, unlanded)]);
        let enough = records.unsigned_abs() > threshold || (records > 0 && age > limits.activation_lag_seconds);
        // What a worker left unlanded is to be completed by another.
        let wakes = enough || unlanded;
        prop_assert_eq!(plans[0].desired > 0, wakes, "{}", plans[0].because);
        prop_assert_eq!(plans[1].desired > 0, wakes, "{}", plans[1].because);
    }

    #[test]
    fn wakes_with_as_many_as_the_backlog_needs(records in 3_000_000_i64..100_000_000) {
        let jobs = |now_ms: i64, _| {
            vec![job("bids", now_ms, false, (0..100).map(|p| partition("bids", p, None, records / 100, 600.0)).collect())]
        };
        let first = follow(&limits(), 10, 1, 0, History::default(), jobs).remove(0);
        // At 1,000 records/s a worker and 540 s, three of which pass until they work.
        let needed = (records as f64 / 360.0 / 1_000.0 / 0.92).min(50.0);
        prop_assert!(f64::from(first.desired) >= needed.floor(), "{} for {needed}: {}", first.desired, first.because);
    }

    #[test]
    fn records_in_open_files_are_not_lag(open in 0_i64..100_000_000, end in 100_000_000_i64..200_000_000) {
        // Consumed to the end; the commit trails by whatever is open.
        let jobs = |now_ms: i64, _| {
            let covered = |number| PartitionSample {
                committed_offset: Some(end - open),
                ..partition("bids", number, Some(end), end, 0.0)
            };
            vec![job("bids", now_ms, open > 0, (0..20).map(covered).collect())]
        };
        let plans = follow(&limits(), 0, 40, 1, History::default(), jobs);
        prop_assert!(plans.iter().all(|plan| plan.desired <= 1));
        prop_assert_eq!(plans.last().unwrap().desired, u32::from(open > 0), "one stays to land them");
    }
}

#[test]
fn lag_that_waits_for_a_first_worker_is_not_stuck_however_long_that_takes() {
    let jobs = |now_ms: i64, _| {
        vec![waiting(now_ms, 100_000_000, 900.0, false), waiting(now_ms, 100_000_000, 900.0, false)]
            .into_iter()
            .zip(["bids", "clicks"])
            .map(|(job, name)| JobSample { name: name.into(), ..job })
            .collect()
    };
    let plans = follow(&limits(), 0, 60, 0, History::default(), jobs);
    assert!(plans.iter().all(|plan| plan.desired == 2), "{}", plans[59].because);
}

#[test]
fn a_job_that_is_not_running_counts_nothing() {
    for phase in [Phase::Paused, Phase::Stopped, Phase::Failed, Phase::Finished, Phase::Deleted] {
        let jobs = |now_ms, _| vec![JobSample { phase, ..waiting(now_ms, 1_000_000, 900.0, false) }];
        assert_eq!(follow(&limits(), 0, 3, 0, History::default(), jobs).last().unwrap().desired, 0, "{phase:?}");
    }
}

#[test]
fn a_job_that_is_being_deleted_has_a_worker_until_it_is_landed_and_no_lag() {
    for unlanded in [true, false] {
        let jobs =
            |now_ms, _| vec![JobSample { phase: Phase::Deleting, ..waiting(now_ms, 1_000_000_000, 900.0, unlanded) }];
        let last = follow(&limits(), 0, 3, 0, History::default(), jobs).pop().unwrap();
        assert_eq!(last.desired, u32::from(unlanded), "{}", last.because);
    }
}
