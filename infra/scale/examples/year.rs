//! Simulates years with all that befalls a pool: `cargo run --release -p landfall-scale --example year [DIRECTORY]` prints
//! the page, and writes it where a directory is given.
#![allow(clippy::disallowed_methods)] // a program that writes a file; the library is what is pure

use std::fmt::Write as _;
use std::path::PathBuf;

use landfall_scale::Limits;
use landfall_scale::simulate::year::{Assumptions, Year, assumed, causes, summary, year};

const NAME: &str = "year-2026-11-27";
const YEARS: u64 = 10;
/// Of each variant: the first of the same.
const YEARS_OF_VARIANTS: u64 = 3;
const SEED: u64 = 20_261_127;

fn years(assumptions: &Assumptions, count: u64) -> Vec<Year> {
    (0..count).map(|number| year(assumptions, SEED + number)).collect()
}

/// The same years with one thing changed.
fn variants() -> Vec<(&'static str, Assumptions)> {
    let as_assumed = Assumptions::default;
    let workers = |min_workers| Limits { min_workers, ..as_assumed().limits };
    vec![
        ("one worker at least", Assumptions { limits: workers(1), ..as_assumed() }),
        ("three workers at least", Assumptions { limits: workers(3), ..as_assumed() }),
        ("all workers Spot", Assumptions { on_demand_tasks: 0, ..as_assumed() }),
        ("all workers on demand", Assumptions { on_demand_tasks: 100, ..as_assumed() }),
        ("files of 30 s", Assumptions { rotate_seconds: 30, ..as_assumed() }),
        ("files of 2 min", Assumptions { rotate_seconds: 120, ..as_assumed() }),
        ("files of 4 min", Assumptions { rotate_seconds: 240, ..as_assumed() }),
        ("ten losses of a zone", Assumptions { zone_losses_per_year: 10.0, ..as_assumed() }),
        ("workers lost ten times as often", Assumptions { crash_days: 3.0, ..as_assumed() }),
        ("S3 away as seldom as never", Assumptions { s3_away_part: 0.0, s3_brown_outs_per_year: 0.0, ..as_assumed() }),
        ("S3 as its SLA allows", Assumptions { s3_away_part: 1e-3, ..as_assumed() }),
        ("S3 away in 120 short brown-outs", Assumptions { s3_brown_outs_per_year: 120.0, ..as_assumed() }),
    ]
}

fn main() -> std::io::Result<()> {
    let assumptions = Assumptions::default();
    let all = years(&assumptions, YEARS);
    let first = all.first().cloned().into_iter().collect::<Vec<_>>();
    let changed = variants().into_iter().map(|(name, changed)| (name.to_owned(), years(&changed, YEARS_OF_VARIANTS)));
    let changed: Vec<(String, Vec<Year>)> = changed.collect();
    let mut text = format!("# A year, simulated\n\n{}", include_str!("year.md"));
    let rows = vec![(format!("the year of seed {SEED}"), first.clone()), (format!("{YEARS} years"), all.clone())];
    let _ = write!(text, "\n## What came out\n\n{}", summary(&rows));
    let _ = write!(text, "\nOf the first year alone:\n\n{}", causes(&first));
    let _ = write!(text, "\nOf all {YEARS}, in means:\n\n{}", causes(&all));
    let _ = write!(text, "\n## What is assumed\n\n{}", assumed(&assumptions));
    let mut rows = vec![(
        "as assumed".to_owned(),
        all.into_iter().take(usize::try_from(YEARS_OF_VARIANTS).unwrap_or(usize::MAX)).collect(),
    )];
    rows.extend(changed);
    let _ = write!(
        text,
        "\n## One thing changed\n\nThe first {YEARS_OF_VARIANTS} of these years again, and under each change.\n\n{}",
        summary(&rows)
    );
    print!("{text}");
    let directory = std::env::args().nth(1).map(PathBuf::from);
    directory.map_or(Ok(()), |directory| std::fs::write(directory.join(format!("{NAME}.md")), text))
}
