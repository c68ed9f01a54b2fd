//! Patience: no flapping, fewer workers only after a whole window, and what is learned of workers.

use landfall_scale::{History, Limits, WorkerSample, plan};
use proptest::prelude::*;

use crate::pool::{MINUTE_MS, follow, job, limits, loaded, partition, pool};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_constant_load_with_noise_does_not_flap(
        inflow in 100.0..30_000.0_f64, noise in prop::collection::vec(-0.05..0.05_f64, 400), first in 1_u32..40,
    ) {
        // Offsets that follow a rate with noise.
        let ends: Vec<f64> = noise.iter().scan(0.0, |sum, n| { *sum += inflow * 60.0 * (1.0 + n); Some(*sum) }).collect();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let jobs = |now_ms: i64, _| {
            let end = ends[(now_ms / MINUTE_MS) as usize] as i64 / 100;
            vec![job("bids", now_ms, true, (0..100).map(|p| partition("bids", p, Some(end), end, 0.0)).collect())]
        };
        let plans = follow(&limits(), 0, 400, first, History::default(), jobs);
        let changes = plans.windows(2).skip(20).filter(|pair| pair[0].desired != pair[1].desired).count();
        prop_assert!(changes <= 2, "{changes} changes: {:?}", plans.iter().map(|p| p.desired).collect::<Vec<_>>());
    }

    #[test]
    fn fewer_workers_only_after_a_whole_window_without_need(
        window_minutes in 3_i64..30, high in 5_000.0..20_000.0_f64, part in 0.05..0.5_f64,
    ) {
        let limits = Limits { scale_in_stabilization_seconds: 60.0 * window_minutes as f64, ..limits() };
        // High for half an hour, then low for ever; samples tell it a minute later.
        #[allow(clippy::cast_possible_truncation)]
        let end = |minute: i64| ((minute.min(30) as f64 + (minute - 30).max(0) as f64 * part) * high * 60.0) as i64;
        let jobs = |now_ms: i64, _| {
            let end = end(now_ms / MINUTE_MS) / 100;
            vec![job("bids", now_ms, true, (0..100).map(|p| partition("bids", p, Some(end), end, 0.0)).collect())]
        };
        let plans = follow(&limits, 0, 90, 1, History::default(), jobs);
        let before = plans[30].desired;
        let less = plans.iter().skip(31).position(|plan| plan.desired < before).expect("goes down in the end") + 31;
        let minute = i64::try_from(less).unwrap();
        prop_assert!(minute >= 30 + window_minutes, "fewer at {minute}: {}", plans[less].because);
        prop_assert!(minute <= 32 + window_minutes, "fewer only at {minute}");
    }

    #[test]
    fn what_rises_for_minutes_is_met_before_it_is_there(low in 5_000.0..10_000.0_f64, rise in 0.2..0.5_f64) {
        #[allow(clippy::cast_possible_truncation)]
        let jobs = |rise: f64| move |now_ms: i64, _| {
            // Five quiet minutes, and five in which as much more arrives each minute.
            let minute = now_ms as f64 / 60_000.0;
            let risen = (minute - 5.0).max(0.0);
            let end = (low * 60.0 * (minute + rise * risen * risen / 2.0)) as i64 / 1_000;
            vec![job("bids", now_ms, true, (0..1_000).map(|p| partition("bids", p, Some(end), end, 0.0)).collect())]
        };
        let rising = follow(&limits(), 0, 10, 1, History::default(), jobs(rise)).pop().unwrap();
        // At the last sample, 4 minutes into the rise; workers that start now are there 3 minutes later.
        let now = low * (1.0 + rise * 4.0) / 1_000.0;
        prop_assert!(f64::from(rising.desired) > now, "{} for {now}: {}", rising.desired, rising.because);
        prop_assert!(f64::from(rising.desired) < 2.5 * now, "{} for {now}: {}", rising.desired, rising.because);
    }
}

#[test]
fn the_rate_of_workers_that_are_behind_is_learned_and_told() {
    let mut history = History::default();
    let mut because = String::new();
    for minute in 0..10 {
        let now_ms = minute * MINUTE_MS;
        let mut sample = pool(now_ms, 2, vec![loaded("bids", now_ms, 10, 3_000.0, 100_000, 120.0)]);
        sample.workers = vec![WorkerSample { records_per_second: 400.0 }; 2];
        let next = plan(&sample, &limits(), &history);
        (history, because) = (next.history, next.because);
    }
    assert!(because.contains("a worker does 400 records/s (measured)"), "{because}");
}

#[test]
fn what_was_said_holds_while_the_service_has_not_followed_yet() {
    // For two minutes the service tells that it is asked for 1; the load comes down meanwhile.
    let mut history = History::default();
    let mut said = Vec::new();
    for (minute, end) in [(0, 0), (1, 600_000), (2, 900_000), (3, 1_200_000)] {
        let now_ms = minute * MINUTE_MS;
        let all = (0..50).map(|number| partition("bids", number, Some(end / 50), end / 50, 0.0)).collect();
        let answer = plan(&pool(now_ms, 1, vec![job("bids", now_ms, true, all)]), &limits(), &history);
        history = answer.history;
        said.push(answer.desired);
    }
    assert!(said[1] > 10 && said[2] == said[1] && said[3] == said[1], "less was asked for without patience: {said:?}");
}
