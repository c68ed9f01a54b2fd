//! Replays every curve under every rule: `cargo run --release -p landfall-scale --example scaling [DIRECTORY]` prints the
//! tables, and writes the page and its plots where a directory is given.
#![allow(clippy::disallowed_methods)] // a program that writes files; the library is what is pure

use std::fmt::Write as _;
use std::path::PathBuf;

use landfall_scale::Limits;
use landfall_scale::simulate::{
    CpuTracking, Curve, KedaRule, LagSource, Outcome, Parameters, Policy, comparison, page, run, svg, table,
};

const NAME: &str = "scaling-2026-11-27";
const RISES: &str =
    "30,000 records/s in 96 partitions, and for two hours a multiple of it, reached within so many minutes.";
/// For every rule.
const MOST_WORKERS: u32 = 100;
/// What the operator believes of a worker, records a second.
const STATED: f64 = 12_500.0;

/// `rate`: what a worker is said to do, records a second.
fn policies(rate: f64) -> Vec<Policy> {
    let limits = Limits { max_workers: MOST_WORKERS, worker_records_per_second: rate, ..Limits::default() };
    // A minute's work a worker.
    let threshold = rate * 60.0;
    let keda = |source| Policy::Keda(KedaRule { max_workers: MOST_WORKERS, ..KedaRule::new(threshold, source) });
    vec![
        Policy::Plan(Box::new(limits)),
        Policy::Cpu(CpuTracking { max_workers: MOST_WORKERS, ..CpuTracking::default() }),
        keda(LagSource::Positions),
        keda(LagSource::Commits),
        Policy::Fixed(MOST_WORKERS),
    ]
}

fn replay(curves: &[Curve], parameters: &Parameters, rate: f64) -> Vec<Outcome> {
    let pairs = curves.iter().flat_map(|curve| policies(rate).into_iter().map(move |policy| (curve, policy)));
    pairs.map(|(curve, policy)| run(curve, &policy, parameters)).collect()
}

fn main() -> std::io::Result<()> {
    let curves = Curve::all();
    let parameters = Parameters::default();
    let outcomes = replay(&curves, &parameters, STATED);
    let mut text = format!("# Scaling, simulated\n\n{}", include_str!("scaling.md"));
    let _ = write!(text, "\n## Loads and parameters\n\n{}", page(&curves, &parameters));
    let _ = write!(
        text,
        "\n## Against CPU tracking\n\n{}\n## All rules\n\n{}",
        comparison(&curves, &outcomes),
        table(&outcomes)
    );

    // The same with workers that are four times slower, and four times as fast as their operator believes.
    let small: Vec<Curve> = curves.iter().filter(|curve| curve.partitions < 1_000).cloned().collect();
    for (factor, title) in [(0.25, "Workers at a quarter of the rate"), (4.0, "Workers at four times the rate")] {
        let other = Parameters {
            worker_records_per_second: parameters.worker_records_per_second * factor,
            ..parameters.clone()
        };
        let outcomes = replay(&small, &other, STATED);
        let _ = write!(
            text,
            "\n## {title}\n\nThe limits still say 12,500 records/s; `plan` has to find out.\n\n{}\n{}",
            comparison(&small, &outcomes),
            table(&outcomes)
        );
    }
    let rises = Curve::rises();
    let outcomes_of_rises = replay(&rises, &parameters, STATED);
    let _ = write!(text, "\n## Rises\n\n{RISES}\n\n{}", comparison(&rises, &outcomes_of_rises));

    text.push_str("\n## Plots\n\n");
    let directory = std::env::args().nth(1).map(PathBuf::from);
    for curve in &curves {
        let drawn = |outcome: &&Outcome| outcome.curve == curve.name && outcome.policy != "fixed";
        let own: Vec<&Outcome> = outcomes.iter().filter(drawn).collect();
        let file = format!("{NAME}-{}.svg", curve.name);
        let _ = writeln!(text, "![{}: load, longest wait, workers, cost]({file})", curve.name);
        if let Some(directory) = &directory {
            std::fs::write(directory.join(file), svg(curve, &own))?;
        }
    }
    print!("{text}");
    directory.map_or(Ok(()), |directory| std::fs::write(directory.join(format!("{NAME}.md")), text))
}
