//! How wide one log is: many workers that append to it all the time, and a store that takes its time. A measurement, made
//! by `just lanes`; docs/decisions/0003 has the figures.

use landfall_worker::settings::EngineSettings;

use super::points::Point;
use super::world::{Weather, World};

const LATENCY_MS: u64 = 60;
/// What comes before is warm-up.
const FROM_MS: u64 = 10_000;
const TO_MS: u64 = 60_000;
const STEP_MS: u64 = 10;
/// One poll a step and one record a poll: each partition brings records up to the end.
const RECORDS: u32 = 6_200;

#[test]
#[ignore = "a measurement of minutes: just lanes"]
fn one_log_and_many_writers() {
    println!("| writers | entries/s | files/entry | append p50, ms | p99, ms | tries/entry | GET/entry | LIST/entry |");
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|");
    for writers in [1, 10, 30, 100] {
        measure(writers);
    }
}

fn measure(writers: u32) {
    // For the other rows of the decision: the interval between two appends of one writer.
    let interval = std::env::var("LANDFALL_SIM_INTERVAL_MS").ok().and_then(|ms| ms.parse().ok());
    let append_interval_ms = interval.unwrap_or(EngineSettings::default().append_interval_ms);
    let settings = EngineSettings { part_size_bytes: 16 << 10, append_interval_ms, ..EngineSettings::default() };
    let mut world = World::empty(3, Weather::Still, settings);
    world.broker.lock().unwrap().fetch = 1;
    // The members are there before the partitions: each gets one.
    for _ in 0..writers {
        world.start_worker();
    }
    (0..writers).for_each(|_| world.add_partition(RECORDS));
    world.write_entry_zero();
    world.store.set_latency_ms(LATENCY_MS);
    for worker in &mut world.workers {
        worker.engine.set_writers(u64::from(writers));
    }
    let (mut before, mut entries_before) = (None, 0);
    while world.clock.now_ms() < TO_MS {
        world.clock.advance(STEP_MS);
        (0..world.workers.len()).for_each(|index| world.turn(index));
        if before.is_none() && world.clock.now_ms() >= FROM_MS {
            before = Some(world.broker.lock().unwrap().trap.hits.clone());
            entries_before = world.entries().len();
            world.append_ms.clear();
        }
    }
    let entries = world.entries().split_off(entries_before);
    let files: usize = entries.iter().map(|entry| entry.files.len()).sum();
    let (before, now) = (before.unwrap(), world.broker.lock().unwrap().trap.hits.clone());
    let of = |point: Point| now.get(&point).copied().unwrap_or(0) - before.get(&point).copied().unwrap_or(0);
    let mut append_ms = std::mem::take(&mut world.append_ms);
    append_ms.sort_unstable();
    let at = |percent: usize| append_ms[(append_ms.len() * percent / 100).min(append_ms.len() - 1)];
    let count = entries.len() as f64;
    println!(
        "| {writers} | {:.1} | {:.1} | {} | {} | {:.2} | {:.2} | {:.2} |",
        count / (TO_MS - FROM_MS) as f64 * 1_000.0,
        files as f64 / count,
        at(50),
        at(99),
        of(Point::Append) as f64 / count,
        of(Point::ReadEntry) as f64 / count,
        of(Point::FoldTail) as f64 / count,
    );
}
