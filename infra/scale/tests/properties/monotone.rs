//! More lag never means fewer workers: two worlds that differ in nothing but lag, followed through a whole run.
//!
//! The same records arrive at the same times, the same samples are missing, the same partitions are stuck; in one world
//! less was consumed at every moment. What each world's decision remembers is its own, so that patience, drain deadlines
//! and waking are compared, too, not only single answers. What workers are seen to do is the same (nothing), because
//! a rate that is learned is no lag.

use landfall_scale::{History, JobLag, JobSample, Limits, PartitionSample, Phase, PoolSample, plan};
use proptest::prelude::*;

use crate::pool::{any_limits, partition, pool};

const MOMENTS: usize = 40;

/// A partition in both worlds. Offsets of each moment.
#[derive(Debug, Clone)]
struct Track {
    ends: Vec<i64>,
    reached: Vec<i64>,
    /// Of the world with more lag: never beyond the other's.
    reached_less: Vec<i64>,
    age_known: bool,
    covered: bool,
}

#[derive(Debug, Clone)]
struct Job {
    phase: Phase,
    max_workers: u32,
    unlanded: Vec<bool>,
    /// Moments at which nothing could be measured.
    missing: Vec<bool>,
    tracks: Vec<Track>,
}

/// Follows `wanted` offsets a moment towards the end, and at least by `least` where something waits.
fn consume(ends: &[i64], wanted: &[i64], least: i64) -> Vec<i64> {
    let steps = ends.iter().zip(wanted);
    let positions = steps.scan(0, |at, (end, wanted)| {
        *at = (*at + wanted.max(&least)).min(*end);
        Some(*at)
    });
    positions.collect()
}

prop_compose! {
    /// `least`: offsets by which a partition always moves that has something waiting, but for stuck ones.
    fn any_track(least: i64)(
        first in prop_oneof![Just(0_i64), 1..5_000_000_i64],
        arriving in prop::collection::vec(prop_oneof![3 => 0..30_000_i64, 1 => Just(0), 1 => 0..600_000_i64], MOMENTS),
        wanted in prop::collection::vec(prop_oneof![2 => 0..60_000_i64, 1 => Just(0)], MOMENTS),
        slower in prop::collection::vec(prop_oneof![2 => 0..60_000_i64, 1 => Just(0)], MOMENTS),
        age_known in prop::bool::weighted(0.8), covered in prop::bool::weighted(0.8),
        stuck in prop::bool::weighted(0.1), extra in 0..1_000_000_i64,
    ) -> Track {
        let ends: Vec<i64> = arriving.iter().scan(first + 1, |end, new| { *end += new; Some(*end) }).collect();
        if stuck {
            // Poisoned in both, and further behind in one: its log ends later by as much at every moment.
            let reached = vec![extra; MOMENTS];
            let ends = ends.iter().map(|end| end + extra).collect();
            return Track { ends, reached, reached_less: vec![0; MOMENTS], age_known, covered };
        }
        let reached = consume(&ends, &wanted, least);
        let less = consume(&ends, &slower, least);
        let reached_less = reached.iter().zip(less).map(|(one, other)| *one.min(&other)).collect();
        Track { ends, reached, reached_less, age_known, covered }
    }
}

prop_compose! {
    fn any_job(least: i64)(
        phase in prop_oneof![8 => Just(Phase::Running), 1 => Just(Phase::Deleting), 1 => Just(Phase::Paused)],
        max_workers in prop_oneof![1 => 1_u32..4, 3 => Just(1_000)],
        unlanded in prop::collection::vec(prop::bool::weighted(0.3), MOMENTS),
        missing in prop::collection::vec(prop::bool::weighted(0.1), MOMENTS),
        tracks in prop::collection::vec(any_track(least), 1..8),
    ) -> Job {
        Job { phase, max_workers, unlanded, missing, tracks }
    }
}

impl Track {
    fn sample(&self, number: i32, moment: usize, less: bool) -> PartitionSample {
        let reached = if less { self.reached_less[moment] } else { self.reached[moment] };
        let lag = self.ends[moment] - reached;
        #[allow(clippy::cast_precision_loss)]
        let age = lag as f64 / 500.0;
        PartitionSample {
            position: self.covered.then_some(reached),
            committed_offset: Some(if self.covered { 0 } else { reached }),
            age_seconds: self.age_known.then_some(age),
            ..partition("topic", number, None, self.ends[moment], 0.0)
        }
    }
}

impl Job {
    fn sample(&self, name: &str, now_ms: i64, moment: usize, less: bool) -> JobSample {
        let partitions = self.tracks.iter().zip(0..).map(|(track, number)| track.sample(number, moment, less));
        let lag = (!self.missing[moment]).then(|| JobLag {
            sampled_at_ms: now_ms,
            live_workers: u32::from(self.tracks.iter().any(|track| track.covered)),
            unlanded: self.unlanded[moment],
            partitions: partitions.collect(),
        });
        JobSample { name: name.into(), phase: self.phase, max_workers: self.max_workers, lag }
    }
}

/// Both worlds through the whole run; each pool has what was last decided for it.
fn compare(limits: &Limits, jobs: &[Job], seconds: &[i64], dark: &[bool], first: u32) -> Result<(), TestCaseError> {
    let mut worlds = [(first, History::default()), (first, History::default())];
    let mut now_ms = 1_000_000_000;
    for moment in 0..MOMENTS {
        now_ms += seconds[moment] * 1_000;
        let mut said = Vec::new();
        for ((desired, history), less) in worlds.iter_mut().zip([false, true]) {
            let names = ["a", "b", "c"];
            let seen = jobs.iter().zip(names).map(|(job, name)| job.sample(name, now_ms, moment, less)).collect();
            let mut sample = pool(now_ms, *desired, seen);
            if dark[moment] {
                sample = PoolSample { jobs: None, ..sample };
            }
            let answer = plan(&sample, limits, history);
            (*desired, *history) = (answer.desired, answer.history);
            said.push(answer.because);
        }
        prop_assert!(
            worlds[1].0 >= worlds[0].0,
            "moment {moment}\nless lag, {}: {}\nmore lag, {}: {}",
            worlds[0].0,
            said[0],
            worlds[1].0,
            said[1]
        );
    }
    Ok(())
}

fn any_run(least: i64) -> impl Strategy<Value = (Vec<Job>, Vec<i64>, Vec<bool>, u32)> {
    (
        prop::collection::vec(any_job(least), 1..=3),
        prop::collection::vec(prop_oneof![6 => Just(60_i64), 1 => 1..200_i64], MOMENTS),
        prop::collection::vec(prop::bool::weighted(0.05), MOMENTS),
        prop_oneof![Just(0_u32), 0..20_u32],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn more_lag_never_means_fewer_workers_in_a_whole_run(
        limits in any_limits(), (jobs, seconds, dark, first) in any_run(0),
    ) {
        // Partitions may rest and move on as they like: what rests is not taken for stuck.
        let limits = Limits { exclude_persistent_lag: false, ..limits };
        compare(&limits, &jobs, &seconds, &dark, first)?;
    }

    #[test]
    fn more_lag_never_means_fewer_workers_beside_partitions_that_are_stuck(
        limits in any_limits(), (jobs, seconds, dark, first) in any_run(1),
    ) {
        compare(&Limits { exclude_persistent_lag: true, ..limits }, &jobs, &seconds, &dark, first)?;
    }
}

/// In one world the pool sleeps until a burst; in the other a few records more woke it before. Who slept longer has had less
/// lag, and must not keep more workers for it afterwards.
#[test]
#[allow(clippy::cast_precision_loss)]
fn more_lag_never_means_fewer_workers_because_less_of_it_let_the_pool_sleep() {
    let limits = Limits { activation_lag_threshold: 1_000, ..crate::pool::limits() };
    let mut worlds = [(0, History::default()), (0, History::default())];
    for minute in 0..40_i64 {
        let now_ms = minute * crate::pool::MINUTE_MS;
        for ((desired, history), extra) in worlds.iter_mut().zip([0, 400]) {
            // From the 10th to the 15th minute a burst waits, and is consumed by then.
            let waiting = if (10..15).contains(&minute) { 5_000_000 } else { 900 } + extra;
            let reached = 10_000_000 - waiting;
            let track = |number| partition("bids", number, (*desired > 0).then_some(reached / 100), 100_000, 600.0);
            let lag = JobLag {
                sampled_at_ms: now_ms,
                live_workers: u32::from(*desired > 0),
                unlanded: false,
                partitions: (0..100)
                    .map(|number| PartitionSample {
                        committed_offset: Some(reached / 100),
                        age_seconds: Some(waiting as f64 / 100.0),
                        ..track(number)
                    })
                    .collect(),
            };
            let job = JobSample { name: "bids".into(), phase: Phase::Running, max_workers: 1_000, lag: Some(lag) };
            let answer = plan(&pool(now_ms, *desired, vec![job]), &limits, history);
            (*desired, *history) = (answer.desired, answer.history);
        }
        assert!(
            worlds[1].0 >= worlds[0].0,
            "minute {minute}: {} with more lag, {} with less",
            worlds[1].0,
            worlds[0].0
        );
    }
}
