//! The decision in words: what was decided, from which figures, and what stands out. What names jobs is kept apart.

use crate::demand::{Basis, Demand};
use crate::number::{counted, duration, grouped};
use crate::plan::Decision;

/// Names listed before "and n more".
const NAMES: usize = 3;

pub(crate) fn no_jobs_read(desired: u32) -> String {
    format!("The list of jobs could not be read, so what is stays: {}.", counted(u64::from(desired), "worker"))
}

pub(crate) fn of_pool(decision: &Decision<'_>) -> String {
    let mut parts = vec![verdict(decision), figures(decision), held_down(decision)];
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

fn workers(count: u32) -> String {
    counted(u64::from(count), "worker")
}

fn verdict(decision: &Decision<'_>) -> String {
    let Decision { current, desired, needed, limits, .. } = *decision;
    if desired == 0 {
        return match current {
            0 => "0 workers: nothing that would wake the pool.".to_owned(),
            _ => format!("0 workers: all is drained and was quiet for {}.", duration(decision.quiet_seconds)),
        };
    }
    if current == 0 {
        return format!("{} from none: there is work.", workers(desired));
    }
    if desired > current {
        return format!("{} instead of {current}: {needed} needed.", workers(desired));
    }
    if desired < current {
        return format!("{} instead of {current}: enough for everything lately seen.", workers(desired));
    }
    if desired < needed {
        return format!("{}, though {needed} would be needed.", workers(desired));
    }
    if decision.enough < current && current > limits.min_workers.max(1) {
        let window = duration(limits.scale_in_stabilization_seconds);
        return format!(
            "{} as before: {} would do now, fewer only when that holds for {window}.",
            workers(desired),
            decision.enough
        );
    }
    format!("{} as before.", workers(desired))
}

fn figures(decision: &Decision<'_>) -> String {
    let seen: Vec<&Demand> = decision.demands.iter().filter(|demand| demand.basis == Basis::Measured).collect();
    if seen.is_empty() {
        return String::new();
    }
    let inflow: f64 = seen.iter().map(|demand| demand.inflow).sum();
    let lag: f64 = seen.iter().map(|demand| demand.lag).sum();
    let oldest = seen.iter().filter_map(|demand| demand.age_seconds).reduce(f64::max);
    let waiting = match (lag > 0.0, oldest) {
        (false, _) => "none wait".to_owned(),
        (true, Some(age)) => format!("{} wait, the oldest for {}", grouped(lag), duration(age)),
        (true, None) => format!("{} wait, for how long is not known", grouped(lag)),
    };
    let measured = if decision.rate_measured { "measured" } else { "stated, not measured yet" };
    format!(
        "{} records/s arrive, {waiting}; a worker does {} records/s ({measured}).",
        grouped(inflow),
        grouped(decision.rate)
    )
}

fn held_down(decision: &Decision<'_>) -> String {
    if decision.needed <= decision.desired {
        return String::new();
    }
    match decision.limits.max_workers {
        most if decision.desired >= most => format!("Held down by max_workers, {most}."),
        _ => format!("Held down by what the jobs can use, {}.", workers(decision.places)),
    }
}

pub(crate) fn of_jobs(decision: &Decision<'_>) -> String {
    let Decision { limits, demands, .. } = *decision;
    let mut notes = Vec::new();
    let mut say = |of: &dyn Fn(&Demand) -> bool, text: &dyn Fn(&str) -> String| {
        let names: Vec<&str> = demands.iter().filter(|demand| of(demand)).map(|demand| &*demand.name).collect();
        if !names.is_empty() {
            notes.push(text(&listed(&names)));
        }
    };
    let drain = duration(limits.target_drain_seconds);
    say(&|demand| demand.behind, &|names| format!("Behind, to have caught up within {drain}: {names}."));
    say(&|demand| demand.ahead > 0.0, &|names| {
        format!("Rising, so workers are asked for that are enough once they have started: {names}.")
    });
    say(&|demand| demand.stuck_partitions > 0, &|names| {
        format!("Partitions that do not move while workers are there, and ask for none: of {names}.")
    });
    say(&|demand| demand.basis == Basis::Held, &|names| {
        format!("No fresh sample, so what it last asked for is kept: {names}.")
    });
    say(&|demand| demand.basis == Basis::Unknown, &|names| {
        format!("Never measured, so no worker is taken away: {names}.")
    });
    let drained = |demand: &Demand| demand.active && demand.basis == Basis::Measured && demand.lag <= 0.0;
    if decision.desired == 1 && demands.iter().all(|demand| drained(demand) && demand.inflow <= 0.0) {
        say(&|_| true, &|names| format!("Records in open files, still to land: {names}."));
    }
    notes.join(" ")
}

fn listed(names: &[&str]) -> String {
    let shown = names[..names.len().min(NAMES)].join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
