//! Load curves replayed through a scaling rule, with Fargate's delays: what freshness and what money it gives.
//!
//! Discrete time, fluid records, deterministic by seed. A partition is a queue of what arrived in each step; a worker
//! shares its rate among its partitions. Each rule sees only what it could see in reality: [`crate::plan()`] positions
//! and commits once a minute, CPU tracking the mean CPU of each minute, the KEDA-style rule a sum of lag.
//!
//! What is not modelled: Spot reclaims, brokers' limits, S3's limits, workers of unequal speed, the time from consumption to
//! a visible object (rotation), which is the same under every rule.

mod consume;
mod control;
mod curve;
mod curves;
mod fleet;
mod outcome;
mod page;
mod parameters;
mod plot;
mod random;
mod rules;
mod view;
pub mod year;

pub use curve::{Curve, Load};
pub use outcome::{Outcome, Point};
pub use page::{comparison, page, table};
pub use parameters::{Parameters, Prices};
pub use plot::svg;
pub use rules::{CpuTracking, KedaRule, LagSource, Policy};

use consume::Partitions;
use control::Controller;
use fleet::Fleet;
use outcome::Recorder;
use random::Random;

/// Replays `curve` through `policy`. The same arguments give the same outcome, to the bit.
#[must_use]
pub fn run(curve: &Curve, policy: &Policy, parameters: &Parameters) -> Outcome {
    let mut noise = Random::new(parameters.seed);
    let needed = curve.load.rate(0) / parameters.worker_records_per_second;
    let mut fleet = Fleet::new(parameters, policy.first_workers(needed));
    let mut partitions = Partitions::new(curve.partitions);
    let mut controller = Controller::new(policy, curve.partitions, parameters.alarm_seconds);
    let mut recorder = Recorder::new(curve, policy, parameters);
    let step = parameters.step_seconds;
    let mut now = 0_u32;
    let mut jitter = 1.0;
    while now < curve.seconds {
        if now.is_multiple_of(60) {
            jitter = 1.0 + parameters.noise * (2.0 * noise.next() - 1.0);
        }
        let arriving = curve.load.arrivals(now, step) * jitter;
        partitions.arrive(now, arriving, |partition| curve.load.share(now, partition, curve.partitions));
        fleet.advance(now, parameters);
        let readable = curve.load.readable(now);
        if curve.load.backlog_at() == Some(now) {
            partitions.answers_since(now);
        }
        let capacity = if readable && !fleet.pausing(now) { parameters.worker_records_per_second } else { 0.0 };
        let consumed = partitions.consume(now, step, fleet.serving(), capacity, &mut recorder.delays);
        partitions.commit(now, fleet.serving(), parameters.rotate_seconds);
        let possible = f64::from(fleet.serving()) * parameters.worker_records_per_second * f64::from(step);
        let cpu = if possible > 0.0 { parameters.idle_cpu.max(consumed / possible) } else { 0.0 };
        if let Some(wanted) = controller.step(now, step, &partitions, &fleet, cpu, readable) {
            fleet.want(now, wanted, parameters);
        }
        recorder.step(now, step, &partitions, &fleet, readable);
        now += step;
    }
    recorder.finish(now, &mut partitions, &fleet)
}
