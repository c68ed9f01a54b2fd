//! Outcomes as a Markdown table and as the page of evidence.

use std::fmt::Write as _;

use super::curve::Curve;
use super::outcome::Outcome;
use super::parameters::Parameters;
use crate::number::grouped;

/// Who waits no longer keeps up: half of what makes a job be behind by default.
const NO_WAIT_SECONDS: f64 = 30.0;

/// How many times fresher is the goal.
const GOAL: f64 = 3.0;

/// Curves without a wait are compared as if each wait were this long: a step of the simulation.
const LEAST_WAIT_SECONDS: f64 = 5.0;

/// One row an outcome. Seconds, worker-hours, dollars.
#[must_use]
pub fn table(outcomes: &[Outcome]) -> String {
    let mut out = String::from(
        "| load | rule | p50, s | p99, s | max, s | worker-hours | $ | most workers | changes | reversals | drained in, min | left |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for o in outcomes {
        let drained = o.drain_seconds.map_or(String::new(), |seconds| format!("{:.0}", seconds / 60.0));
        let left = if o.left_records >= 1.0 { grouped(o.left_records) } else { "0".to_owned() };
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {:.1} | {:.3} | {} | {} | {} | {drained} | {left} |\n",
            o.curve,
            o.policy,
            grouped(o.p50_seconds),
            grouped(o.p99_seconds),
            grouped(o.max_seconds),
            o.worker_hours,
            o.dollars,
            o.peak_workers,
            o.changes,
            o.reversals,
        ));
    }
    out
}

/// How `plan` compares with the CPU rule on each curve: p99 and cost, and whether the goal is reached. Where a fixed fleet was
/// run, too, its p99 is the least that any rule could have.
#[must_use]
pub fn comparison(curves: &[Curve], outcomes: &[Outcome]) -> String {
    let mut out = String::from(
        "| load | p99 of CPU tracking, s | of plan, s | of all workers always, s | p99: CPU / plan | cost: plan / CPU | p99 at \
         least 3 x better at equal or lower cost |\n|---|---:|---:|---:|---:|---:|---|\n",
    );
    for curve in curves {
        let of = |policy: &str| outcomes.iter().find(|o| o.curve == curve.name && o.policy == policy);
        let (Some(plan), Some(cpu)) = (of("plan"), of("CPU tracking")) else { continue };
        let wait = |outcome: &Outcome| outcome.p99_seconds.max(LEAST_WAIT_SECONDS);
        let (fresher, cost) = (wait(cpu) / wait(plan), plan.dollars / cpu.dollars);
        let least = of("fixed").map(|outcome| outcome.p99_seconds);
        let price = if cost <= 1.0 { "cheaper" } else { "dearer" };
        let mut verdict = match fresher >= GOAL {
            true if cost <= 1.0 => "reached".to_owned(),
            true => "fresher, but dearer".to_owned(),
            false if plan.p99_seconds.max(cpu.p99_seconds) <= NO_WAIT_SECONDS => format!("both keep up; {price}"),
            false => format!("not reached; {price}"),
        };
        if let Some(least) = least.filter(|_| verdict.starts_with("not")) {
            let most = wait(cpu) / least.max(LEAST_WAIT_SECONDS);
            if most < GOAL {
                let _ = write!(verdict, "; no number of workers gives more than {most:.1} x");
            }
        }
        let least = least.map_or(String::new(), grouped);
        let (of_cpu, of_plan) = (grouped(cpu.p99_seconds), grouped(plan.p99_seconds));
        let _ =
            writeln!(out, "| {} | {of_cpu} | {of_plan} | {least} | {fresher:.1} | {cost:.2} | {verdict} |", curve.name);
    }
    out
}

/// What the loads are, and what was assumed.
#[must_use]
pub fn page(curves: &[Curve], parameters: &Parameters) -> String {
    let mut out = String::new();
    for curve in curves {
        out.push_str(&format!("- **{}**: {}.\n", curve.name, curve.about));
    }
    let p = parameters;
    out.push_str(&format!(
        "\nA worker is a task of {} vCPU and {} GB that consumes {} records/s; an hour of it costs ${:.5} (${} a vCPU-hour, \
         ${} a GB-hour). It starts in {:.0} to {:.0} s, leaves in {} s, and is paid for meanwhile; {} s pass between a \
         decision of `plan` and its effect, nobody consumes for {} s when a worker comes or goes, commits trail by up to \
         {} s. A minute's load is up to {:.0} % off its curve. Steps of {} s, seed {}.\n",
        p.vcpus,
        p.memory_gb,
        grouped(p.worker_records_per_second),
        p.worker_hour(),
        p.prices.vcpu_hour,
        p.prices.gb_hour,
        p.start_seconds.0,
        p.start_seconds.1,
        p.leave_seconds,
        p.alarm_seconds,
        p.rebalance_seconds,
        p.rotate_seconds,
        p.noise * 100.0,
        p.step_seconds,
        p.seed,
    ));
    out
}
