//! Several jobs in one pool: one that is broken neither starves nor inflates it.

use landfall_scale::{History, JobLag, JobSample, Limits, plan};
use proptest::prelude::*;

use crate::pool::{MINUTE_MS, any_second_moment, follow, job, limits, loaded, partition};

/// What one job has without the other: the fewest, coming from below, and the most that are kept, coming from above.
fn alone(inflow: f64, minutes: i64) -> (u32, u32) {
    let jobs = |now_ms: i64, _| vec![loaded("bids", now_ms, 50, inflow, 0, 0.0)];
    let last = |first| follow(&limits(), 0, minutes, first, History::default(), jobs).last().unwrap().desired;
    (last(1), last(50))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_job_that_cannot_be_measured_does_not_starve_the_others(inflow in 2_000.0..20_000.0_f64, known in any::<bool>()) {
        let poisoned = |now_ms: i64| {
            let seen = known && now_ms < 5 * MINUTE_MS;
            let whole = loaded("poisoned", now_ms, 10, 500.0, 0, 0.0);
            JobSample { lag: whole.lag.filter(|_| seen), ..whole }
        };
        let both = follow(&limits(), 0, 40, 1, History::default(), |now_ms, _| {
            vec![loaded("bids", now_ms, 50, inflow, 0, 0.0), poisoned(now_ms)]
        });
        let ((least, most), both) = (alone(inflow, 40), both.last().unwrap());
        prop_assert!((least..=most + 1).contains(&both.desired), "{least} to {most} alone, with the other {}", both.because);
    }

    #[test]
    fn what_jobs_need_adds_up(inflow in 2_000.0..10_000.0_f64) {
        let two = |now_ms: i64, _| {
            vec![loaded("bids", now_ms, 50, inflow, 0, 0.0), loaded("clicks", now_ms, 50, inflow, 0, 0.0)]
        };
        let both = follow(&limits(), 0, 40, 1, History::default(), two).pop().unwrap();
        // Two jobs may share the part of a worker that each alone would leave idle.
        prop_assert!(both.desired + 1 >= 2 * alone(inflow, 40).0, "{}", both.because);
    }

    #[test]
    fn a_job_that_went_dark_does_not_keep_what_the_others_no_longer_need(high in 10_000.0..20_000.0_f64) {
        // Ten minutes of load, and none any more; the other job is not seen since the fifth.
        let jobs = |now_ms: i64, _| {
            let bids = loaded("bids", now_ms.min(10 * MINUTE_MS), 50, high, 0, 0.0);
            let lag = bids.lag.map(|lag| JobLag { sampled_at_ms: now_ms, ..lag });
            let other = loaded("dark", now_ms, 10, 500.0, 0, 0.0);
            vec![
                JobSample { lag, ..loaded("bids", now_ms, 50, high, 0, 0.0) },
                JobSample { lag: other.lag.filter(|_| now_ms < 5 * MINUTE_MS), ..other },
            ]
        };
        let plans = follow(&limits(), 0, 60, 1, History::default(), jobs);
        prop_assert!(plans[10].desired > 10, "{}", plans[10].because);
        prop_assert!(plans[59].desired <= 2, "{}", plans[59].because);
    }

    #[test]
    fn a_job_that_does_not_move_does_not_inflate_the_pool(lag in 1_000_i64..100_000_000, inflow in 500.0..5_000.0_f64) {
        let both = |now_ms: i64, _| {
            let stuck = (0..20).map(|p| partition("poisoned", p, Some(7), 7 + lag + now_ms, 1e6)).collect();
            vec![loaded("bids", now_ms, 50, inflow, 0, 0.0), job("poisoned", now_ms, true, stuck)]
        };
        let both = follow(&limits(), 0, 60, 1, History::default(), both);
        let ((least, most), both) = (alone(inflow, 60), both.last().unwrap());
        prop_assert!((least..=most + 1).contains(&both.desired), "{least} to {most} alone, with the other {}", both.because);
        prop_assert!(both.about_jobs.contains("poisoned"), "{}", both.about_jobs);
        prop_assert!(!both.because.contains("poisoned"), "{}", both.because);
    }

    #[test]
    fn a_job_that_never_catches_up_takes_no_more_than_its_own_most_workers(
        lag in 1_000_000_i64..1_000_000_000, inflow in 500.0..5_000.0_f64, most in 1_u32..6,
    ) {
        // It moves, but what arrives is far more than it does.
        let both = |now_ms: i64, _| {
            let hopeless = (0..20).map(|p| partition("poisoned", p, Some(now_ms), lag + 9 * now_ms, 1e6)).collect();
            let hopeless = JobSample { max_workers: most, ..job("poisoned", now_ms, true, hopeless) };
            vec![loaded("bids", now_ms, 50, inflow, 0, 0.0), hopeless]
        };
        let both = follow(&limits(), 0, 60, 1, History::default(), both);
        let ((least, own), both) = (alone(inflow, 60), both.last().unwrap());
        prop_assert!((least..=own + most).contains(&both.desired), "{least} to {own} alone, with the other {}", both.because);
    }

    #[test]
    fn a_job_adds_no_more_than_it_can_use_itself((limits, history, sample) in any_second_moment()) {
        prop_assume!(!limits.ensure_even_distribution_of_partitions && sample.desired > 0);
        let with = plan(&sample, &limits, &history);
        let mut without = sample.clone();
        let poisoned = without.jobs.as_mut().unwrap().pop();
        prop_assume!(poisoned.is_some());
        // Only what is asked for now: no patience.
        let limits = Limits { scale_in_stabilization_seconds: 0.0, drain_stabilization_seconds: 0.0, ..limits };
        let others = plan(&without, &limits, &history).desired;
        // What was asked for before may stay for now.
        let kept = others.max(sample.desired).max(history.said.map_or(1, |said| said.workers));
        prop_assert!(with.desired <= kept.saturating_add(poisoned.unwrap().max_workers).max(limits.min_workers));
    }
}

#[test]
fn a_hot_partition_gets_fewer_neighbours_and_at_most_twice_the_workers() {
    let jobs = |now_ms: i64, _| {
        let mut job = loaded("bids", now_ms, 50, 500.0, 0, 0.0);
        job.lag.as_mut().unwrap().partitions[0] = partition("bids", 0, Some(now_ms), 50_000_000 + 2 * now_ms, 600.0);
        vec![job]
    };
    let plans = follow(&limits(), 0, 30, 1, History::default(), jobs);
    // Half a worker for the others and a whole one for it are 1.5, twice that with none above 92 % busy is 4.
    assert_eq!(plans.iter().map(|plan| plan.desired).max(), Some(4), "{}", plans[5].because);
}
