//! What no worker can put right: the job stops, says why, and nothing is landed twice or from the wrong topic.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::executor::block_on;
use landfall_commit::{Seq, Token};
use landfall_s3::{Condition, ObjectOptions, PutRequest, Store};

use super::world::{BUCKET, Weather, World, paths};

const SEEDS: std::ops::Range<u64> = 0..20;

/// Two workers that have landed something, while there is more to read.
fn at_work(seed: u64, codes: &'static [&'static str]) -> World {
    let mut world = World::new(seed, Weather::Still);
    world.must_fail_with = Some(codes);
    world.start_worker();
    world.start_worker();
    world.until(|world| world.visible_lows().values().sum::<u64>() > 60);
    world
}

/// Those that are at work stop, and so does one that is started now.
fn all_stop(world: &mut World) {
    let working = u32::try_from(world.workers.len()).unwrap();
    world.until(|world| world.workers.is_empty());
    assert_eq!(world.failed, working);
    world.start_worker();
    world.until(|world| world.workers.is_empty());
    assert_eq!(world.failed, working + 1);
    let mut landed = BTreeSet::new();
    for key in world.keys("data/") {
        for record in world.records_of(&key) {
            assert!(landed.insert(record), "{record:?} landed twice\n{}", world.tell());
        }
    }
    assert!(!landed.is_empty());
}

#[test]
fn a_topic_that_was_made_anew_stops_the_job_and_nothing_of_it_lands() {
    for seed in SEEDS {
        let mut world = at_work(seed, &["topic_recreated", "topic_truncated"]);
        let new = |offset: i64| format!("{{\"p\":0,\"o\":{offset},\"c\":\"new\"}}").into_bytes();
        {
            let mut broker = world.broker.lock().unwrap();
            broker.topic_id = "another".to_owned();
            for partition in &mut broker.partitions {
                // As many records again at the same offsets, all of a value that the old topic did not have.
                for (offset, value) in &mut partition.records {
                    *value = new(*offset);
                }
                // There is always more to read.
                for offset in partition.end..partition.end + 20 {
                    partition.records.insert(offset, new(offset));
                }
                partition.end += 20;
                partition.stable = partition.end;
            }
        }
        all_stop(&mut world);
        let named = world.entries().into_iter().flat_map(|entry| entry.files);
        let of_the_new: Vec<_> = named.map(|file| file.key).filter(|key| key.starts_with("data/new/")).collect();
        assert!(of_the_new.is_empty(), "seed {seed}: {of_the_new:?}\n{}", world.tell());
    }
}

#[test]
fn a_topic_that_ends_before_what_has_landed_stops_the_job() {
    for seed in SEEDS {
        let mut world = at_work(seed, &["topic_truncated"]);
        let lows = world.visible_lows();
        {
            let mut broker = world.broker.lock().unwrap();
            for number in broker.numbers() {
                let partition = broker.partition_mut(number);
                let end = i64::try_from(lows[&number] / 2).unwrap();
                partition.records.split_off(&end);
                (partition.end, partition.stable) = (end, end);
            }
            // The new leader is met by whoever is assigned to it next.
            for number in broker.numbers() {
                broker.shuffle(number);
            }
        }
        all_stop(&mut world);
    }
}

#[test]
fn a_log_that_was_deleted_starts_nothing_over() {
    for seed in SEEDS {
        let mut world = at_work(seed, &["empty_log", "bad_log"]);
        while !world.workers.is_empty() {
            world.crash(0);
        }
        let log = paths().log_prefix();
        let checkpoints = paths().checkpoint_prefix();
        // Half of the time the checkpoints are left.
        let gone = if seed % 2 == 0 { vec![log] } else { vec![log, checkpoints] };
        for key in gone.iter().flat_map(|prefix| world.keys(prefix)).collect::<Vec<_>>() {
            block_on(world.store.inner().delete(BUCKET, &key)).unwrap();
        }
        world.start_worker();
        all_stop(&mut world);
    }
}

/// Of appends that never came, more of them than a page of the list holds: they lie behind the log's end for ever.
#[test]
fn sidecars_without_entries_hold_nobody_up() {
    for seed in SEEDS {
        let mut world = World::new(seed, Weather::Still);
        world.start_worker();
        world.until(|world| world.entries().len() > 2);
        let end = world.entries().last().map_or(0, |entry| entry.seq.0);
        for ahead in 1..12 {
            let key = paths().sidecar(Seq(end + ahead), &Token::from("never"));
            let (body, condition) = (Bytes::from_static(b"x"), Condition::None);
            let request = PutRequest { bucket: BUCKET.into(), key, body, condition, options: ObjectOptions::default() };
            block_on(world.store.inner().put(request)).unwrap();
        }
        // Whoever starts now reads the whole log, those at work read on.
        world.start_worker();
        world.until(World::at_rest);
        world.check();
    }
}

/// Some meet it as they append, some as they read on, some as they start: each names the object.
#[test]
fn an_entry_of_a_newer_version_stops_all_that_meet_it_and_is_named() {
    for seed in SEEDS {
        let mut world = at_work(seed, &["bad_log"]);
        let last = world.entries().pop().unwrap();
        let mut newer: serde_json::Value = serde_json::from_slice(&last.to_json().unwrap()).unwrap();
        newer["format"] = 2.into();
        let key = paths().entry(last.seq.next());
        let request = PutRequest {
            bucket: BUCKET.to_owned(),
            key: key.clone(),
            body: newer.to_string().into_bytes().into(),
            condition: Condition::IfAbsent,
            options: ObjectOptions::default(),
        };
        block_on(world.store.inner().put(request)).unwrap();
        all_stop(&mut world);
        for message in &world.messages {
            assert!(message.contains(&key), "seed {seed}: {message:?} does not name {key}\n{}", world.tell());
        }
    }
}
