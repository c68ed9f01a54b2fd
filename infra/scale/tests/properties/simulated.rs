//! The rule at work in the simulator: what the evidence page says must not get lost unnoticed.

use landfall_scale::Limits;
use landfall_scale::simulate::{CpuTracking, Curve, Load, Outcome, Parameters, Policy, run};

fn plan_policy() -> Policy {
    Policy::Plan(Box::new(Limits { max_workers: 100, worker_records_per_second: 12_500.0, ..Limits::default() }))
}

fn cpu_policy() -> Policy {
    Policy::Cpu(CpuTracking { max_workers: 100, ..CpuTracking::default() })
}

fn named(name: &str) -> Curve {
    Curve::all().into_iter().find(|curve| curve.name == name).unwrap()
}

fn steady(rate: f64) -> Curve {
    let (name, about) = ("steady".to_owned(), String::new());
    Curve { name, about, seconds: 6 * 3_600, partitions: 96, load: Load::Constant { rate }, drawn: (0, 3_600) }
}

fn of(curve: &Curve, policy: &Policy) -> Outcome {
    run(curve, policy, &Parameters::default())
}

#[test]
fn the_backlog_of_six_hours_is_drained_within_the_target_and_three_times_fresher_at_no_more_cost() {
    let curve = named("outage");
    let (plan, cpu) = (of(&curve, &plan_policy()), of(&curve, &cpu_policy()));
    let drained = plan.drain_seconds.unwrap();
    assert!(drained <= Limits::default().target_drain_seconds, "{drained} s");
    assert!(plan.p99_seconds * 3.0 <= cpu.p99_seconds, "{} s against {} s", plan.p99_seconds, cpu.p99_seconds);
    assert!(plan.dollars <= cpu.dollars, "${} against ${}", plan.dollars, cpu.dollars);
}

#[test]
fn a_constant_load_settles_and_then_rests() {
    for rate in [5_000.0, 13_000.0, 60_000.0, 140_000.0, 400_000.0] {
        let plan = of(&steady(rate), &plan_policy());
        assert!(plan.changes <= 3 && plan.reversals <= 1, "{rate}: {} changes", plan.changes);
        assert!(plan.p99_seconds <= 60.0, "{rate}: {} s", plan.p99_seconds);
    }
}

#[test]
fn a_load_that_flaps_does_not_make_the_pool_flap() {
    let plan = of(&named("flapping"), &plan_policy());
    assert!(plan.reversals <= 2, "{} changes", plan.changes);
}

#[test]
fn a_partition_with_more_than_its_share_is_kept_up_with() {
    let plan = of(&named("skewed"), &plan_policy());
    assert!(plan.left_records < 1.0 && plan.reversals == 0, "{} left, {} changes", plan.left_records, plan.changes);
}

#[test]
fn a_pool_that_sleeps_wakes_and_lands_everything() {
    let plan = of(&named("business"), &plan_policy());
    assert!(
        plan.max_seconds <= 180.0 && plan.worker_hours < 72.0 * 0.6,
        "{} s, {} h",
        plan.max_seconds,
        plan.worker_hours
    );
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_bit() {
    let curve = Curve { seconds: 2 * 3_600, ..named("hot") };
    assert_eq!(of(&curve, &plan_policy()), of(&curve, &plan_policy()));
    let other = Parameters { seed: 1, ..Parameters::default() };
    assert_ne!(run(&curve, &plan_policy(), &other), of(&curve, &plan_policy()));
}
