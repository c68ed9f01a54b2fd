//! The decision: what the jobs ask for, put together and kept within what is allowed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::demand::{Basis, Demand, Watched};
use crate::history::{History, Recommendation, Workers, stabilize};
use crate::limits::Limits;
use crate::number::{seconds_between, workers_for};
use crate::rate::learn;
use crate::reason;
use crate::sample::{JobSample, PoolSample};

/// How many workers are wanted, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Workers wanted.
    pub desired: u32,
    /// A sentence or more with the figures of the whole pool.
    pub because: String,
    /// What stands out of single jobs, by their names; empty where nothing does. Several teams may share a pool: this is
    /// for those who may know of all its jobs.
    #[serde(default)]
    pub about_jobs: String,
    /// To be handed in the next time.
    pub history: History,
}

/// What the decision rests on, for the sentence about it.
#[derive(Debug)]
pub(crate) struct Decision<'a> {
    /// What is asked for until now.
    pub current: u32,
    pub limits: &'a Limits,
    pub desired: u32,
    /// What is needed at this moment, before any patience.
    pub needed: u32,
    /// What would be enough to be as idle as allowed.
    pub enough: u32,
    /// The most that the jobs can use.
    pub places: u32,
    /// Records a second of a worker, and whether that was measured.
    pub rate: f64,
    pub rate_measured: bool,
    /// Seconds since something was left to do.
    pub quiet_seconds: f64,
    pub demands: &'a [Demand],
}

/// Decides how many workers the pool should have. Total: any samples, limits and history give an answer; limits that
/// [`Limits::validate`] refuses are kept as far as they can be (`max_workers` wins).
#[must_use]
pub fn plan(sample: &PoolSample, limits: &Limits, history: &History) -> Plan {
    let current = current(sample, limits, history);
    let within = |workers: u32| workers.max(limits.min_workers).min(limits.max_workers);
    let Some(jobs) = &sample.jobs else {
        let desired = within(current);
        let because = reason::no_jobs_read(desired);
        return Plan { desired, because, about_jobs: String::new(), history: history.clone() };
    };
    let mut next = History { jobs: BTreeMap::new(), ..history.clone() };
    let demands = demands(sample, jobs, limits, history, &mut next);

    let steady = total(&demands, |demand| demand.steady);
    let busy = total(&demands, |demand| demand.busy);
    let unknown = demands.iter().any(|demand| demand.basis == Basis::Unknown);
    let places = demands.iter().fold(0_u32, |sum, demand| sum.saturating_add(demand.places));
    let places = if limits.allow_idle_consumers { limits.max_workers } else { places };

    let active = demands.iter().any(|demand| demand.active);
    if active || next.active_at_ms.is_none() {
        next.active_at_ms = Some(sample.now_ms);
    }
    let quiet_seconds = next.active_at_ms.map_or(0.0, |at_ms| seconds_between(at_ms, sample.now_ms));
    let settled = settle(&mut next, sample.now_ms, current, limits, steady, busy);
    let wanted = if current == 0 {
        // From zero only what wakes counts; how many follows from all.
        if demands.iter().any(|demand| demand.wakes) { settled.min(places).max(1) } else { 0 }
    } else {
        let floor = u32::from(active || quiet_seconds < limits.cooldown_period_seconds);
        // Of a job that was never seen nobody knows what it needs: what is there stays.
        let kept = if unknown { settled.max(current) } else { settled };
        kept.min(places).max(floor)
    };
    let desired = within(even(within(wanted), places.min(limits.max_workers), jobs, limits));
    if next.said.is_none_or(|said| said.workers != desired) {
        next.said = Some(Recommendation { at_ms: sample.now_ms, workers: desired });
    }
    let decision = Decision {
        current,
        limits,
        desired,
        needed: workers_for(busy.least),
        enough: workers_for(busy.most),
        places,
        rate: next.worker_records_per_second.unwrap_or(limits.worker_records_per_second),
        rate_measured: next.worker_records_per_second.is_some(),
        quiet_seconds,
        demands: &demands,
    };
    Plan { desired, because: reason::of_pool(&decision), about_jobs: reason::of_jobs(&decision), history: next }
}

/// What is asked for: what was said last, until it had time to take effect. The service does not follow at once, and who
/// decides by what it still is decides the same thing twice, or takes back what is not there yet.
fn current(sample: &PoolSample, limits: &Limits, history: &History) -> u32 {
    let young = |said: &Recommendation| seconds_between(said.at_ms, sample.now_ms) <= limits.start_delay_seconds;
    history.said.filter(young).map_or(sample.desired, |said| said.workers)
}

/// Every job that counts, and into `next` what is to be remembered of it and of the workers' rate.
fn demands(
    sample: &PoolSample,
    jobs: &[JobSample],
    limits: &Limits,
    history: &History,
    next: &mut History,
) -> Vec<Demand> {
    let now_ms = sample.now_ms;
    let watched: Vec<Watched<'_>> =
        jobs.iter().filter_map(|job| Watched::new(job, history.jobs.get(&job.name), limits, now_ms)).collect();
    // While workers come and go, rebalances hold all of them up: what they do then is not what they can.
    let settled = |said: Recommendation| seconds_between(said.at_ms, now_ms) > limits.start_delay_seconds;
    let settled = history.said.is_none_or(settled);
    let saturated = settled && watched.iter().any(|job| job.saturated(limits, now_ms));
    let stated = limits.worker_records_per_second;
    next.worker_records_per_second = learn(history.worker_records_per_second, stated, &sample.workers, saturated);
    // A stated rate of zero is no rate.
    let rate = next.worker_records_per_second.unwrap_or(stated).max(f64::MIN_POSITIVE);
    let mut demands = Vec::with_capacity(watched.len());
    for job in watched {
        let (demand, memory) = job.demand(rate, limits, now_ms);
        if demand.basis != Basis::Unknown {
            next.jobs.insert(demand.name.clone(), memory);
        }
        demands.push(demand);
    }
    demands
}

fn total(demands: &[Demand], of: impl Fn(&Demand) -> Workers) -> Workers {
    demands.iter().map(of).fold(Workers::default(), |sum, workers| Workers {
        least: sum.least + workers.least,
        most: sum.most + workers.most,
    })
}

/// More workers at once; fewer only when a whole window agrees.
fn settle(next: &mut History, now_ms: i64, current: u32, limits: &Limits, steady: Workers, busy: Workers) -> u32 {
    if next.recommendations.is_empty() {
        // Nothing is known of the time before: what is there was recommended by somebody.
        next.recommendations.push(Recommendation { at_ms: now_ms, workers: current });
    }
    let say = |workers: f64| Recommendation { at_ms: now_ms, workers: workers_for(workers) };
    let window = limits.scale_in_stabilization_seconds;
    let steady = stabilize(&mut next.recommendations, say(steady.most), window);
    let drain = stabilize(&mut next.drain_recommendations, say(busy.most), limits.drain_stabilization_seconds);
    let least = workers_for(busy.least);
    current.clamp(least, least.max(steady).max(drain))
}

/// The next number of workers that divides the partitions of the largest job, where there is one that fits.
fn even(workers: u32, most: u32, jobs: &[JobSample], limits: &Limits) -> u32 {
    if !limits.ensure_even_distribution_of_partitions || workers == 0 {
        return workers;
    }
    let running = jobs.iter().filter(|job| job.phase.counts());
    let partitions = running.filter_map(|job| job.lag.as_ref()).map(|lag| lag.partitions.len()).max().unwrap_or(0);
    let partitions = crate::number::count_u32(partitions);
    (workers..=most).find(|count| partitions.is_multiple_of(*count)).unwrap_or(workers)
}
