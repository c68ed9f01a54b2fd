//! Samples for tests, and a pool that follows what it is told.
#![allow(clippy::needless_pass_by_value)]

use landfall_scale::{
    History, JobLag, JobSample, Limits, PartitionKey, PartitionSample, Phase, Plan, PoolSample, WorkerSample, plan,
};
use proptest::prelude::*;

pub const MINUTE_MS: i64 = 60_000;

/// Workers of 1,000 records/s, up to 50 of them.
pub fn limits() -> Limits {
    Limits { max_workers: 50, worker_records_per_second: 1_000.0, ..Limits::default() }
}

pub fn partition(topic: &str, partition: i32, position: Option<i64>, end_offset: i64, age: f64) -> PartitionSample {
    let key = PartitionKey { cluster: "main".into(), topic: topic.into(), partition };
    let lags = end_offset > position.unwrap_or(0);
    PartitionSample {
        key,
        first_offset: 0,
        end_offset,
        position,
        committed_offset: Some(0),
        age_seconds: lags.then_some(age),
    }
}

pub fn job(name: &str, now_ms: i64, unlanded: bool, partitions: Vec<PartitionSample>) -> JobSample {
    let live_workers = u32::from(partitions.iter().any(|partition| partition.position.is_some()));
    let lag = JobLag { sampled_at_ms: now_ms, live_workers, unlanded, partitions };
    JobSample { name: name.into(), phase: Phase::Running, max_workers: 1_000, lag: Some(lag) }
}

pub fn pool(now_ms: i64, desired: u32, jobs: Vec<JobSample>) -> PoolSample {
    let workers = vec![WorkerSample { records_per_second: 0.0 }; desired as usize];
    PoolSample { now_ms, desired, workers, jobs: Some(jobs) }
}

/// A job of `partitions` partitions to which `inflow` records/s came since the epoch, `lag` of each not consumed.
pub fn loaded(name: &str, now_ms: i64, partitions: i32, inflow: f64, lag: i64, age: f64) -> JobSample {
    #[allow(clippy::cast_possible_truncation)]
    let end = (inflow / f64::from(partitions) * now_ms as f64 / 1_000.0) as i64 + lag;
    let own = (0..partitions).map(|p| partition(name, p, Some(end - lag), end, age)).collect();
    job(name, now_ms, true, own)
}

/// Plans minute after minute, from minute `from`, with what the decision before asked for.
pub fn follow(
    limits: &Limits,
    from: i64,
    minutes: i64,
    desired: u32,
    history: History,
    jobs: impl Fn(i64, u32) -> Vec<JobSample>,
) -> Vec<Plan> {
    let mut plans: Vec<Plan> = Vec::new();
    for minute in from..from + minutes {
        let (desired, before) = plans.last().map_or((desired, &history), |last| (last.desired, &last.history));
        let now_ms = minute * MINUTE_MS;
        plans.push(plan(&pool(now_ms, desired, jobs(now_ms, desired)), limits, before));
    }
    plans
}

/// Any limits that are valid.
pub fn any_limits() -> impl Strategy<Value = Limits> {
    (0_u32..4, 0_u32..60, any::<[bool; 4]>(), 0_u64..10_000, 0.0..1_200.0_f64, 0.0..1_200.0_f64).prop_map(
        |(min_workers, more, [limit, exclude, idle, even], activation_lag_threshold, window, cooldown)| Limits {
            min_workers,
            max_workers: min_workers + more,
            activation_lag_threshold,
            limit_to_partitions_with_lag: limit,
            exclude_persistent_lag: exclude,
            allow_idle_consumers: idle,
            ensure_even_distribution_of_partitions: even,
            scale_in_stabilization_seconds: window,
            cooldown_period_seconds: cooldown,
            worker_records_per_second: 1_000.0,
            ..Limits::default()
        },
    )
}

/// Any job at a moment: sizes, positions, commits, ages, states.
pub fn any_job(name: &'static str, now_ms: i64) -> impl Strategy<Value = JobSample> {
    let one = (any::<bool>(), 0_i64..1_000_000, 0_i64..10_000_000, prop::option::of(0.0..10_000.0_f64));
    let phase = prop_oneof![6 => Just(Phase::Running), 1 => Just(Phase::Deleting), 1 => Just(Phase::Failed),
        1 => Just(Phase::Paused), 1 => Just(Phase::Stopped), 1 => Just(Phase::Finished)];
    let old = prop_oneof![8 => Just(0_i64), 1 => Just(30_000), 2 => Just(600_000)];
    let partitions = prop::collection::vec(one, 0..12);
    (partitions, phase, old, prop::bool::weighted(0.9), 1_u32..20, any::<bool>(), 0_u32..4).prop_map(
        move |(partitions, phase, old_ms, measured, max_workers, unlanded, live_workers)| {
            let partitions = partitions.into_iter().zip(0..);
            let partitions = partitions.map(|((covered, reached, waiting, age_seconds), number)| PartitionSample {
                position: covered.then_some(reached),
                committed_offset: Some(reached / 2),
                age_seconds,
                ..partition(name, number, None, reached + waiting, 0.0)
            });
            let (partitions, sampled_at_ms) = (partitions.collect(), now_ms - old_ms);
            let lag = measured.then_some(JobLag { sampled_at_ms, live_workers, unlanded, partitions });
            JobSample { name: name.into(), phase, max_workers, lag }
        },
    )
}

/// Any pool at a moment.
pub fn any_pool(now_ms: i64) -> impl Strategy<Value = PoolSample> {
    let jobs = (any_job("a", now_ms), any_job("b", now_ms), any_job("c", now_ms));
    let rates = prop::collection::vec(0.0..5_000.0_f64, 0..5);
    (jobs, 0_u32..70, rates, 0_usize..=3).prop_map(move |((a, b, c), desired, rates, count)| PoolSample {
        now_ms,
        desired,
        workers: rates.into_iter().map(|records_per_second| WorkerSample { records_per_second }).collect(),
        jobs: Some([a, b, c].into_iter().take(count).collect()),
    })
}

/// Two moments of the same pool, a minute apart, and what was decided at the first.
pub fn any_second_moment() -> impl Strategy<Value = (Limits, History, PoolSample)> {
    (any_limits(), any_pool(100 * MINUTE_MS), any_pool(101 * MINUTE_MS)).prop_map(|(limits, first, second)| {
        let history = plan(&first, &limits, &History::default()).history;
        (limits, history, second)
    })
}
