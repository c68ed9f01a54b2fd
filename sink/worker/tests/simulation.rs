//! Seeded simulation: the real engine and the real I/O code on one deterministic executor, with a simulated clock, an
//! in-memory S3 that loses answers, delays and fails, and an in-memory Kafka with groups, rebalances and crashes.
//!
//! `LANDFALL_SIM_SEED=17 cargo test --workspace --test simulation` repeats one schedule; `LANDFALL_SIM_RUNS=1000` runs
//! more of them, from `LANDFALL_SIM_FROM` on. `LANDFALL_SIM_MATRIX=deep` runs the crash matrix with second crashes and
//! more worlds; with `UPDATE_GOLDEN=1` it is written to docs/crash-matrix.md.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "simulation/check.rs"]
mod check;
#[path = "simulation/executor.rs"]
mod executor;
#[path = "simulation/kafka.rs"]
mod kafka;
#[path = "simulation/lanes.rs"]
mod lanes;
#[path = "simulation/matrix.rs"]
mod matrix;
#[path = "simulation/points.rs"]
mod points;
#[path = "simulation/scratch.rs"]
mod scratch;
#[path = "simulation/stops.rs"]
mod stops;
#[path = "simulation/storm.rs"]
mod storm;
#[path = "simulation/world.rs"]
mod world;

use std::collections::BTreeMap;

use matrix::Matrix;
use points::Point;
use world::{Weather, World};

const RUNS: u64 = 200;

/// What a storm must bring; a kind that never came proves nothing.
const KINDS: [&str; 34] = [
    "crash",
    "freeze",
    "SIGTERM",
    "limit of open files met",
    "limit of the span met",
    "revoke",
    "upload lost",
    "late effect",
    "clock jump",
    "config change",
    "partition added",
    "compaction",
    "retention",
    "transaction committed",
    "transaction aborted",
    "spoilt commit",
    "kafka gives no answer",
    "spoilt letters",
    "scratch lost",
    "scratch full",
    "credentials expired",
    "store away",
    "reader took an object",
    "consumer error",
    "rebuilt",
    "store: invalid part",
    "store: 409",
    "store: refused",
    "store: answer lost",
    "store: effect late",
    "store: delayed",
    "store: hollow success",
    "store: shown late",
    "store: arrives twice",
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn seeds() -> std::ops::Range<u64> {
    let from = number("LANDFALL_SIM_FROM").unwrap_or(0);
    match number("LANDFALL_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => from..from + number("LANDFALL_SIM_RUNS").unwrap_or(RUNS),
    }
}

fn stormy(seed: u64) -> World {
    let mut world = World::new(seed, Weather::Storm);
    world.play();
    world.check();
    world
}

#[test]
fn no_schedule_of_crashes_rebalances_and_lost_answers_loses_or_doubles_a_record() {
    let mut faults: BTreeMap<&str, u64> = BTreeMap::new();
    let mut passed: BTreeMap<Point, u64> = BTreeMap::new();
    let mut failed = Vec::new();
    for seed in seeds() {
        let Ok(world) = std::panic::catch_unwind(|| stormy(seed)) else {
            failed.push(seed);
            continue;
        };
        world.faults.iter().for_each(|(fault, times)| *faults.entry(fault).or_default() += times);
        let hits = world.broker.lock().unwrap().trap.hits.clone();
        hits.into_iter().for_each(|(point, times)| *passed.entry(point).or_default() += times);
    }
    println!("simulated: {faults:#?}");
    for point in Point::ALL {
        println!("{:>10} x {}", passed.get(point).copied().unwrap_or(0), point.name());
    }
    assert!(failed.is_empty(), "seeds {failed:?} failed; repeat one with LANDFALL_SIM_SEED");
    if seeds().end - seeds().start >= RUNS {
        let never: Vec<_> = KINDS.iter().filter(|kind| faults.get(*kind).is_none_or(|times| *times == 0)).collect();
        assert!(never.is_empty(), "planned faults that never came: {never:?}");
        let never: Vec<_> = Point::ALL.iter().filter(|point| !passed.contains_key(point)).collect();
        assert!(never.is_empty(), "points that were never passed: {never:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(stormy(3).log, stormy(3).log);
}

/// Every point, every moment: nothing lost, nothing doubled, and everything comes to rest.
#[test]
fn every_cell_of_the_crash_matrix_holds() {
    let deep = std::env::var("LANDFALL_SIM_MATRIX").is_ok_and(|how| how == "deep");
    let matrix = if deep { Matrix::run(120, 5, 2) } else { Matrix::run(40, 1, 0) };
    let (runs, seconds) = matrix.runs();
    println!("{runs} runs, {seconds} of them with a second crash\n{}", matrix.table());
    assert!(!deep || seconds > 0);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/crash-matrix.md");
    if deep && std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, matrix.document(runs, seconds)).unwrap();
    }
    // What is committed is of the same points and moments; its times are those of the day it was made.
    let committed = std::fs::read_to_string(path).unwrap();
    for point in Point::ALL {
        assert!(committed.contains(&format!("\n| {} |", point.name())), "{path} has no row {:?}", point.name());
    }
}
