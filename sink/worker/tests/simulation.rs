//! Seeded simulation: the real engine and the real I/O code on one deterministic executor, with a simulated clock, an
//! in-memory S3 that loses answers, delays and fails, and an in-memory Kafka with groups, rebalances and crashes.
//!
//! `LANDFALL_SIM_SEED=17 cargo test -p landfall-worker --test simulation` repeats one schedule;
//! `LANDFALL_SIM_RUNS=1000` runs more of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "simulation/executor.rs"]
mod executor;
#[path = "simulation/kafka.rs"]
mod kafka;
#[path = "simulation/world.rs"]
mod world;

use world::{Faults, World};

const RUNS: u64 = 60;

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("LANDFALL_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("LANDFALL_SIM_RUNS").unwrap_or(RUNS),
    }
}

#[test]
fn no_schedule_of_crashes_rebalances_and_lost_answers_loses_or_doubles_a_record() {
    let mut total = Faults::default();
    for seed in seeds() {
        let report = std::panic::catch_unwind(|| World::run(seed));
        match report {
            Ok(faults) => total.add(&faults),
            Err(_) => panic!("seed {seed} failed; repeat it with LANDFALL_SIM_SEED={seed}"),
        }
    }
    println!("simulated: {total:?}");
    if seeds().end - seeds().start >= RUNS {
        assert!(
            total.crashes > 0 && total.revokes > 0 && total.freezes > 0 && total.store_faults > 0,
            "a planned fault never fired: {total:?}"
        );
        assert!(total.expiries > 0 && total.rebuilds > 0, "no lost upload was ever rebuilt: {total:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    assert_eq!(World::trace(3), World::trace(3));
}
