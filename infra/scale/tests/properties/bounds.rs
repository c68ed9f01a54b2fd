//! What holds of every single decision, whatever the samples, the limits and the history.

use landfall_scale::{History, JobSample, Limits, Phase, PoolSample, plan};
use proptest::prelude::*;

use crate::pool::{MINUTE_MS, any_second_moment, follow, job, limits, partition};

/// Places for a worker in jobs that count, as far as they are known.
fn places(sample: &PoolSample) -> Option<u32> {
    let counting = |job: &&JobSample| matches!(job.phase, Phase::Running | Phase::Deleting);
    let jobs = sample.jobs.as_ref().unwrap().iter().filter(counting);
    jobs.map(|job| {
        let lag = job.lag.as_ref().filter(|lag| lag.age_seconds(sample.now_ms) <= 180.0)?;
        Some(job.max_workers.min(u32::try_from(lag.partitions.len()).unwrap()))
    })
    .sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn never_above_max_workers_nor_below_min_workers((limits, history, sample) in any_second_moment()) {
        let desired = plan(&sample, &limits, &history).desired;
        prop_assert!((limits.min_workers..=limits.max_workers).contains(&desired), "{desired}");
    }

    #[test]
    fn never_above_the_partitions_that_are_of_use((limits, history, sample) in any_second_moment()) {
        let known = places(&sample);
        prop_assume!(known.is_some() && !limits.allow_idle_consumers);
        let desired = plan(&sample, &limits, &history).desired;
        // One stays to land what is open, wherever the partitions went.
        let most = known.unwrap().max(limits.min_workers).max(1);
        prop_assert!(desired <= most, "{desired} workers for {most} places");
    }

    #[test]
    fn the_same_question_has_the_same_answer_and_the_history_survives_being_written(
        (limits, history, sample) in any_second_moment()
    ) {
        let first = plan(&sample, &limits, &history);
        prop_assert_eq!(&plan(&sample, &limits, &history), &first);
        let written = serde_json::to_string(&first.history).unwrap();
        let read: History = serde_json::from_str(&written).unwrap();
        // Written as JSON the last digit of a rate may be another, which a sentence may show and a number must not.
        let later = PoolSample { now_ms: sample.now_ms + MINUTE_MS, ..sample };
        prop_assert_eq!(plan(&later, &limits, &read).desired, plan(&later, &limits, &first.history).desired);
    }
}

#[test]
fn lag_of_unknown_age_counts_beside_lag_that_is_young() {
    let jobs = |now_ms: i64, _| {
        let mut partitions: Vec<_> = (0..20).map(|number| partition("bids", number, Some(0), 5_000_000, 5.0)).collect();
        partitions.iter_mut().skip(1).for_each(|partition| partition.age_seconds = None);
        vec![job("bids", now_ms, true, partitions)]
    };
    let plan = follow(&limits(), 0, 1, 1, History::default(), jobs).remove(0);
    assert!(plan.desired >= 10, "{}", plan.because);
}

#[test]
fn partitions_with_nothing_to_do_are_no_places_for_workers() {
    let three_of_a_hundred = |now_ms: i64, _| {
        let lag = |number| if number < 3 { 50_000_000 } else { 0 };
        let all = (0..100).map(|number| partition("bids", number, Some(7), 7 + lag(number), 600.0));
        vec![job("bids", now_ms, true, all.collect())]
    };
    // Room is asked for, so that busy partitions do not share workers; workers beyond them would have nothing to do.
    for (limit, most) in [(true, 3), (false, 4)] {
        let limits = Limits { limit_to_partitions_with_lag: limit, ..limits() };
        let plans = follow(&limits, 0, 5, 1, History::default(), three_of_a_hundred);
        let desired = plans.iter().map(|plan| plan.desired).max();
        assert!(
            desired.is_some_and(|desired| if limit { desired == most } else { desired >= most }),
            "{}",
            plans[4].because
        );
    }
}
