//! Years as Markdown: what was assumed, what came out, what it is put down to.

use std::fmt::Write as _;

use super::assumptions::Assumptions;
use super::faults::Cause;
use super::ledger::Year;
use crate::number::grouped;

/// Every figure that is assumed, and where it is from.
#[must_use]
pub fn assumed(a: &Assumptions) -> String {
    let (lost, start, rushed) = (a.lost_worker_seconds, a.start_seconds, a.rushed_start_seconds);
    let rows = [
        (
            "load",
            format!(
                "{} records a day, busiest {} times the quietest, a minute up to 5 % off, {} partitions",
                grouped(a.records_per_day),
                a.swing,
                a.partitions
            ),
            "the issue; the swing of fleet loads as in the scaling page",
        ),
        (
            "worker",
            format!("{} records/s, 0.25 vCPU", grouped(a.worker_records_per_second)),
            "computed from 28.17 CPU-s/GB, measured on commit b7cbe9b for 996 paths by a field; [since](bench-2026-11-27.md) it is 25.5 without scratch and 16.3 with it, so that workers are faster than assumed",
        ),
        (
            "pool",
            format!(
                "{} to {} workers by `plan`, the first {} on demand, the others Spot, spread over {} zones",
                a.limits.min_workers, a.limits.max_workers, a.on_demand_tasks, a.zones
            ),
            "stated: a configuration",
        ),
        (
            "job",
            format!("`rotate.age: {}s`; a closed file is visible {} s later", a.rotate_seconds, a.land_seconds),
            "stated: with the default of 10 min no promise of 5 min can be kept",
        ),
        ("loss of a worker without a word", format!("a task once in {} days", a.crash_days), "stated"),
        (
            "until its partitions are consumed again",
            format!("{} to {} s for all partitions; its open files are read again", lost.0, lost.1),
            "measured: [chaos](chaos-2026-11-27.md), 8.1 to 11.9 s in the calm with a session of 6 s and 3 s of file age, \
             here with the default session of 10 s",
        ),
        (
            "Spot reclaim",
            format!(
                "a Spot task once in {} days, with notice: it lands its files; after {:.0} % of them no Spot for {} min",
                a.reclaim_days,
                a.dry_part * 100.0,
                a.dry_seconds / 60
            ),
            "stated: AWS publishes the notice of two minutes, and no rate for Fargate Spot",
        ),
        (
            "start of a worker",
            format!("{} to {} s; while a zone is lost {} to {} s", start.0, start.1, rushed.0, rushed.1),
            "stated, the first as in the design (30 to 60 s for Fargate)",
        ),
        (
            "loss of a zone",
            format!(
                "{} a year for {} h: its tasks at once, its brokers' partitions for {} s",
                a.zone_losses_per_year,
                a.zone_loss_seconds / 3_600,
                a.leader_seconds
            ),
            "stated: AWS publishes no rate; leaders moved within 10 s when a broker was killed (measured, three brokers)",
        ),
        (
            "broker restart",
            format!(
                "{} a year, {} s without leaders, for all partitions",
                a.broker_restarts_per_year, a.leader_seconds
            ),
            "stated: three brokers patched each month and one crash each a year; 10 s measured",
        ),
        (
            "S3 brown-out",
            format!(
                "{:.3} % of the year in {} of exponential length: nothing lands and nothing is consumed",
                a.s3_away_part * 100.0,
                a.s3_brown_outs_per_year
            ),
            "published: S3 Standard is designed for 99.99 % (its SLA is 99.9 %); that it is away all at once is stated",
        ),
        (
            "deploy",
            format!("{} a week, each worker replaced, {} s twice for each", a.deploys_per_week, a.rebalance_seconds),
            "stated; a rebalance as in the scaling page",
        ),
    ];
    let mut out = String::from("| what | assumed | from |\n|---|---|---|\n");
    for (what, assumed, from) in rows {
        let _ = writeln!(out, "| {what} | {assumed} | {from} |");
    }
    out
}

fn percent(part: f64) -> String {
    format!("{:.4} %", part * 100.0)
}

/// A row each: the mean of its years, the worst of them, and in how many of them four nines were reached.
#[must_use]
pub fn summary(rows: &[(String, Vec<Year>)]) -> String {
    let mut out = String::from(
        "| | of records | of minutes | worst year, of minutes | late minutes a year | slowest record, s | worker-hours a \
         year | years with four nines of records | of minutes |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for (name, years) in rows {
        let count = years.len().max(1) as f64;
        let mean = |of: &dyn Fn(&Year) -> f64| years.iter().map(of).sum::<f64>() / count;
        let with = |of: &dyn Fn(&Year) -> f64| years.iter().filter(|year| of(year) >= 0.9999).count();
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {:.1} | {} | {} | {} of {} | {} of {} |",
            percent(mean(&Year::of_records)),
            percent(mean(&Year::of_minutes)),
            percent(years.iter().map(Year::of_minutes).fold(1.0, f64::min)),
            mean(&|year| f64::from(year.late_minutes)),
            grouped(years.iter().map(|year| f64::from(year.worst_seconds)).fold(0.0, f64::max)),
            grouped(mean(&|year| year.worker_hours)),
            with(&Year::of_records),
            years.len(),
            with(&Year::of_minutes),
            years.len(),
        );
    }
    out
}

/// What the lateness of these years is put down to, in means.
#[must_use]
pub fn causes(years: &[Year]) -> String {
    let count = years.len().max(1) as f64;
    let mut out = String::from(
        "| put down to | times a year | late records a year | late minutes a year |\n|---|---:|---:|---:|\n",
    );
    for (index, cause) in Cause::ALL.into_iter().enumerate() {
        let mean = |of: &dyn Fn(&Year) -> f64| years.iter().map(of).sum::<f64>() / count;
        let times = match cause {
            Cause::Nothing => String::new(),
            _ => format!("{:.1}", mean(&|year| f64::from(year.times[index]))),
        };
        let _ = writeln!(
            out,
            "| {} | {times} | {} | {:.1} |",
            cause.name(),
            grouped(mean(&|year| year.late[index].0)),
            mean(&|year| f64::from(year.late[index].1)),
        );
    }
    out
}
