//! What mock and real broker can both play.

use std::collections::BTreeSet;
use std::time::Duration;

use landfall_kafka::{
    CommitOffset, KafkaSource, Source, SourceErrorKind, SourceEvent, TopicPartition, TopicPattern, Topics, read_range,
};
use rdkafka::producer::Producer;

use crate::allocations;
use crate::cluster::{Cluster, WAIT, mock, queue_odd, real, send, send_bad_header_name, send_odd, tp, unique};
use crate::driver::Member;

macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod on_the_mock_cluster {
            $(#[test] fn $name() { super::$name(&super::mock()); })*
        }
        mod on_a_real_broker {
            $(#[test] fn $name() { if let Some(cluster) = super::real() { super::$name(&cluster); } })*
        }
    };
}

on_both! {
    every_record_comes_once_and_in_order_and_the_end_is_told,
    key_value_headers_and_timestamp_arrive_as_they_were_sent,
    a_partition_that_was_not_started_is_silent,
    a_start_in_the_middle_begins_there,
    seeking_back_while_running_never_delivers_a_stale_record,
    pausing_and_resuming_neither_loses_nor_repeats,
    pausing_twice_and_resuming_what_runs_changes_nothing,
    commits_come_back_with_their_metadata,
    a_second_member_takes_over_partitions_after_they_are_released,
    revoked_partitions_may_be_released_one_by_one,
    a_member_that_closes_leaves_the_group_at_once,
    a_pattern_picks_up_a_topic_that_appears_later,
    an_offset_out_of_range_names_its_partition_and_a_new_start_heals_it,
    a_start_of_what_is_not_assigned_is_refused,
    a_poll_delivers_at_most_what_was_asked_for,
    the_cached_end_is_known_after_a_fetch,
    a_header_name_that_is_not_utf8_reads_the_same_on_both_ways,
    a_stretch_is_read_from_its_first_offset_to_its_end,
    the_size_of_headers_is_told_without_a_copy,
}

fn names(topic: &str) -> Topics {
    Topics::Names(vec![topic.to_owned()])
}

fn every_record_comes_once_and_in_order_and_the_end_is_told(cluster: &Cluster) {
    let topic = cluster.topic(3);
    for partition in 0..3 {
        cluster.produce(&topic, partition, 0, 2_000);
    }
    let mut member = Member::new(&cluster.settings(names(&topic)));
    member.start_all(3);
    member.until("all ends are seen", |m| m.ends.len() == 3);
    for partition in 0..3 {
        let got = &member.values[&tp(&topic, partition)];
        let wanted: Vec<_> = (0..2_000).map(|n| (n, format!("{partition}-{n}"))).collect();
        assert_eq!(got, &wanted);
        assert_eq!(member.ends[&tp(&topic, partition)], 2_000);
    }
    assert_eq!(member.errors, []);
}

fn key_value_headers_and_timestamp_arrive_as_they_were_sent(cluster: &Cluster) {
    let topic = cluster.topic(1);
    send_odd(&cluster.producer(&[]), &topic);
    let mut source = KafkaSource::connect(&cluster.settings(names(&topic))).unwrap();
    let mut seen = Vec::new();
    let mut assigned = Vec::new();
    let mut started = false;
    for _ in 0..600 {
        source.poll(Duration::from_millis(100), 100, &mut |event| match event {
            SourceEvent::Assigned(partitions) => assigned.extend(partitions),
            SourceEvent::Record(record) => seen.push((
                record.offset,
                record.key.map(<[u8]>::to_vec),
                record.value.map(<[u8]>::to_vec),
                record.headers.to_vec(),
                record.timestamp_ms,
            )),
            _ => {}
        });
        if !started && !assigned.is_empty() {
            started = source.start(&assigned[0], 0).is_ok();
        }
        if seen.len() == 2 {
            break;
        }
    }
    let headers =
        vec![("a".to_owned(), Some(b"1".to_vec())), ("a".to_owned(), Some(vec![0xff, 0])), ("none".to_owned(), None)];
    assert_eq!(seen[0], (0, None, None, headers, 1_700_000_000_123));
    let (offset, key, value, headers, timestamp_ms) = &seen[1];
    assert_eq!((*offset, key.as_deref(), value.as_deref()), (1, Some(&b""[..]), Some(&b""[..])));
    assert!(headers.is_empty() && *timestamp_ms > 1_700_000_000_123);
}

fn a_partition_that_was_not_started_is_silent(cluster: &Cluster) {
    let topic = cluster.topic(4);
    for partition in 0..4 {
        cluster.produce(&topic, partition, 0, 500);
    }
    let mut member = Member::new(&cluster.settings(names(&topic)));
    member.until("partitions are assigned", |m| m.assigned.len() == 4);
    // The driver fails at a record of a partition that was not started.
    for _ in 0..10 {
        member.poll();
    }
    member.start(&tp(&topic, 2), 0);
    member.until("the end", |m| m.ends.contains_key(&tp(&topic, 2)));
    for _ in 0..10 {
        member.poll();
    }
    assert_eq!(member.count(), 500);
    assert_eq!(member.ends.len(), 1);
}

fn a_start_in_the_middle_begins_there(cluster: &Cluster) {
    let topic = cluster.topic(1);
    cluster.produce(&topic, 0, 0, 1_000);
    let mut member = Member::new(&cluster.settings(names(&topic)));
    member.until("the partition is assigned", |m| m.assigned.len() == 1);
    member.start(&tp(&topic, 0), 700);
    member.until("the end", |m| !m.ends.is_empty());
    assert_eq!(member.values[&tp(&topic, 0)].first(), Some(&(700, "0-700".to_owned())));
    assert_eq!(member.count(), 300);
    // At the end itself there is nothing but the end.
    member.values.clear();
    member.start(&tp(&topic, 0), 1_000);
    member.until("the end again", |m| !m.ends.is_empty());
    assert_eq!((member.count(), member.ends[&tp(&topic, 0)]), (0, 1_000));
}

fn seeking_back_while_running_never_delivers_a_stale_record(cluster: &Cluster) {
    let topic = cluster.topic(2);
    for partition in 0..2 {
        cluster.produce(&topic, partition, 0, 20_000);
    }
    let mut member = Member::new(&cluster.settings(names(&topic)));
    member.max_events = 700;
    member.start_all(2);
    let (moved, calm) = (tp(&topic, 0), tp(&topic, 1));
    for round in 0..60_i64 {
        member.until("some records came", |m| m.values.get(&moved).is_some_and(|v| v.len() > 300));
        let offset = (round * 1_237) % 15_000;
        member.values.remove(&moved);
        member.start(&moved, offset);
        member.until("records after the seek came", |m| m.values.contains_key(&moved));
        let got = &member.values[&moved];
        for (n, (at, value)) in got.iter().enumerate() {
            assert_eq!((*at, value), (offset + n as i64, &format!("0-{}", offset + n as i64)), "round {round}");
        }
    }
    member.until("the other partition is read to its end", |m| m.ends.contains_key(&calm));
    let offsets: Vec<_> = member.values[&calm].iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, (0..20_000).collect::<Vec<_>>());
    assert_eq!(member.errors, []);
}

fn pausing_and_resuming_neither_loses_nor_repeats(cluster: &Cluster) {
    let topic = cluster.topic(2);
    for partition in 0..2 {
        cluster.produce(&topic, partition, 0, 15_000);
    }
    let mut member = Member::new(&cluster.settings(names(&topic)));
    member.max_events = 300;
    member.start_all(2);
    let one = [tp(&topic, 0)];
    while member.ends.len() < 2 {
        member.source.pause(&one).unwrap();
        let before = member.values.get(&one[0]).map_or(0, Vec::len);
        member.poll();
        member.poll();
        assert_eq!(member.values.get(&one[0]).map_or(0, Vec::len), before, "a paused partition delivered");
        member.source.resume(&one).unwrap();
        member.until("it goes on", |m| {
            m.ends.contains_key(&one[0]) || m.values.get(&one[0]).map_or(0, Vec::len) > before
        });
        if member.ends.contains_key(&one[0]) {
            member.until("the other ends too", |m| m.ends.len() == 2);
        }
    }
    for partition in 0..2 {
        let offsets: Vec<_> = member.values[&tp(&topic, partition)].iter().map(|(offset, _)| *offset).collect();
        assert_eq!(offsets, (0..15_000).collect::<Vec<_>>());
    }
}

fn pausing_twice_and_resuming_what_runs_changes_nothing(cluster: &Cluster) {
    let topic = cluster.topic(1);
    cluster.produce(&topic, 0, 0, 5_000);
    let mut member = Member::new(&cluster.settings(names(&topic)));
    member.max_events = 200;
    member.start_all(1);
    let one = [tp(&topic, 0)];
    for _ in 0..10 {
        member.poll();
        member.source.pause(&one).unwrap();
        member.source.pause(&one).unwrap();
        member.source.resume(&one).unwrap();
        member.source.resume(&one).unwrap();
    }
    member.until("the end", |m| !m.ends.is_empty());
    assert_eq!(member.count(), 5_000);
}

fn commits_come_back_with_their_metadata(cluster: &Cluster) {
    let topic = cluster.topic(2);
    let mut member = Member::new(&cluster.settings(names(&topic)));
    member.start_all(2);
    let commit = CommitOffset { partition: tp(&topic, 1), offset: 42, metadata: "01J9Z3-uid \u{e4}".to_owned() };
    member.source.commit(std::slice::from_ref(&commit)).unwrap();
    member.until("the commit is answered", |m| !m.commits.is_empty());
    assert_eq!(member.commits, [(Ok(()), vec![commit])]);
    let mut answer = member.source.committed(&[tp(&topic, 0), tp(&topic, 1)], Duration::from_secs(30)).unwrap();
    answer.sort();
    assert_eq!(answer, [(tp(&topic, 0), None), (tp(&topic, 1), Some((42, "01J9Z3-uid \u{e4}".to_owned())))]);
}

/// Both members poll until the partitions are shared out.
fn share(first: &mut Member, second: &mut Member, all: usize) -> Vec<TopicPartition> {
    let mut moved = Vec::new();
    first.until("the second member has its share", |first| {
        moved.extend(first.release());
        second.poll();
        second.assigned.len() == all / 2 && first.assigned.len() == all / 2
    });
    moved
}

fn a_second_member_takes_over_partitions_after_they_are_released(cluster: &Cluster) {
    let topic = cluster.topic(4);
    for partition in 0..4 {
        cluster.produce(&topic, partition, 0, 100);
    }
    let settings = cluster.settings(names(&topic));
    let mut first = Member::new(&settings);
    first.start_all(4);
    first.until("all is read", |m| m.count() == 400);
    let mut second = Member::new(&settings);
    let moved = share(&mut first, &mut second, 4);
    assert_eq!(moved.len(), 2);
    assert!(first.lost.is_empty() && second.lost.is_empty());
    assert_eq!(moved.iter().cloned().collect::<BTreeSet<_>>(), second.assigned);
    // The new owner reads from where it is told; the old one keeps its own and reads on.
    second.start_all(2);
    for partition in 0..4 {
        cluster.produce(&topic, partition, 100, 10);
    }
    second.until("the new owner has its records", |m| {
        first.poll();
        m.count() == 220
    });
    first.until("the old owner has its own new records", |m| m.count() == 420);
    for _ in 0..5 {
        first.poll();
        second.poll();
    }
    assert_eq!((first.count(), second.count()), (420, 220));
}

fn revoked_partitions_may_be_released_one_by_one(cluster: &Cluster) {
    let topic = cluster.topic(6);
    let settings = cluster.settings(names(&topic));
    let mut first = Member::new(&settings);
    first.start_all(6);
    let mut second = Member::new(&settings);
    first.until("some are revoked", |m| {
        second.poll();
        m.revoked.len() == 3
    });
    let revoked = first.revoked.clone();
    for (n, partition) in revoked.iter().enumerate() {
        for _ in 0..5 {
            first.poll();
            second.poll();
        }
        assert!(second.assigned.is_empty(), "given away after {n} of 3");
        first.source.release(std::slice::from_ref(partition)).unwrap();
    }
    second.until("all three have moved", |m| {
        first.poll();
        m.assigned.len() == 3
    });
    // Once more is no harm.
    first.source.release(&revoked).unwrap();
}

fn a_member_that_closes_leaves_the_group_at_once(cluster: &Cluster) {
    let topic = cluster.topic(4);
    let mut settings = cluster.settings(names(&topic));
    if matches!(cluster, Cluster::Real(_)) {
        // Far longer than the test waits: only a leave can hand the partitions over. (The mock cluster waits a
        // session's time for each rebalance.)
        settings.session_timeout_ms = 300_000;
    }
    let mut first = Member::new(&settings);
    first.start_all(4);
    let mut second = Member::new(&settings);
    share(&mut first, &mut second, 4);
    first.source.close(Duration::from_secs(30));
    assert_eq!(first.source.poll(Duration::ZERO, 10, &mut |_| {}), 0);
    assert!(first.source.start(&tp(&topic, 0), 0).is_err());
    second.until("the other has all", |m| m.assigned.len() == 4);
}

fn a_pattern_picks_up_a_topic_that_appears_later(cluster: &Cluster) {
    let prefix = unique("p");
    let topics = Topics::Pattern(TopicPattern::parse(&format!("{prefix}-[a-z]+")).unwrap());
    cluster.create(&format!("{prefix}-a"), 1);
    cluster.create(&format!("{prefix}-1"), 1);
    let mut member = Member::new(&cluster.settings(topics));
    member.until("the first topic is there", |m| m.assigned.len() == 1);
    cluster.create(&format!("{prefix}-b"), 2);
    member.until("the new topic is there", |m| {
        m.release();
        m.assigned.len() == 3
    });
    let topics: BTreeSet<_> = member.assigned.iter().map(|p| p.topic.to_string()).collect();
    assert_eq!(topics, BTreeSet::from([format!("{prefix}-a"), format!("{prefix}-b")]));
}

fn an_offset_out_of_range_names_its_partition_and_a_new_start_heals_it(cluster: &Cluster) {
    let topic = cluster.topic(2);
    cluster.produce(&topic, 0, 0, 50);
    cluster.produce(&topic, 1, 0, 50);
    let mut member = Member::new(&cluster.settings(names(&topic)));
    member.until("partitions are assigned", |m| m.assigned.len() == 2);
    let (bad, good) = (tp(&topic, 1), tp(&topic, 0));
    member.start(&bad, 10_000);
    member.start(&good, 0);
    member.until("the error comes", |m| !m.errors.is_empty());
    let (place, error) = &member.errors[0];
    assert_eq!((place.as_ref(), error.kind), (Some(&bad), SourceErrorKind::OffsetOutOfRange));
    member.errors.clear();
    member.until("the good one is read", |m| m.ends.contains_key(&good));
    assert!(!member.values.contains_key(&bad));
    member.start(&bad, 20);
    member.until("the bad one is read", |m| m.ends.contains_key(&bad));
    assert_eq!(member.values[&bad].first(), Some(&(20, "1-20".to_owned())));
    assert_eq!(member.values[&bad].len(), 30);
    assert_eq!(member.errors, []);
}

fn a_start_of_what_is_not_assigned_is_refused(cluster: &Cluster) {
    let topic = cluster.topic(1);
    let mut member = Member::new(&cluster.settings(names(&topic)));
    member.until("the partition is assigned", |m| m.assigned.len() == 1);
    let error = member.source.start(&tp(&topic, 5), 0).unwrap_err();
    assert!(error.kind == SourceErrorKind::Other && error.message.contains("not assigned"), "{error}");
    let error = member.source.start(&tp(&topic, 0), -1).unwrap_err();
    assert!(error.message.contains("offset -1"), "{error}");
}

fn a_poll_delivers_at_most_what_was_asked_for(cluster: &Cluster) {
    let topic = cluster.topic(1);
    cluster.produce(&topic, 0, 0, 1_000);
    let mut member = Member::new(&cluster.settings(names(&topic)));
    member.max_events = 1;
    member.start_all(1);
    member.until("the end", |m| !m.ends.is_empty());
    assert_eq!(member.count(), 1_000);
}

fn the_cached_end_is_known_after_a_fetch(cluster: &Cluster) {
    let topic = cluster.topic(1);
    cluster.produce(&topic, 0, 0, 10);
    let mut member = Member::new(&cluster.settings(names(&topic)));
    member.until("the partition is assigned", |m| m.assigned.len() == 1);
    member.start(&tp(&topic, 0), 0);
    member.until("the end", |m| !m.ends.is_empty());
    member.until("the end is cached", |m| m.source.cached_end(&tp(&topic, 0)) == Some(10));
    let producer = cluster.producer(&[]);
    send(&producer, &topic, 0, "more");
    producer.flush(Duration::from_secs(30)).unwrap();
    member.until("the new end is cached", |m| m.source.cached_end(&tp(&topic, 0)) == Some(11));
    assert_eq!(member.source.cached_end(&tp("no-such-topic", 0)), None);
}

/// Polls a partition from offset 0 on until `count` records were seen.
fn consume(cluster: &Cluster, topic: &str, count: usize, mut see: impl FnMut(&landfall_kafka::RecordRef<'_>)) {
    let mut source = KafkaSource::connect(&cluster.settings(names(topic))).unwrap();
    let (mut seen, mut started) = (0, false);
    let deadline = std::time::Instant::now() + WAIT;
    while seen < count {
        assert!(std::time::Instant::now() < deadline, "{seen} of {count} records came");
        source.poll(Duration::from_millis(100), 10_000, &mut |event| {
            if let SourceEvent::Record(record) = event {
                seen += 1;
                see(&record);
            }
        });
        started = started || source.start(&tp(topic, 0), 0).is_ok();
    }
}

fn a_header_name_that_is_not_utf8_reads_the_same_on_both_ways(cluster: &Cluster) {
    let topic = cluster.topic(1);
    send_bad_header_name(&cluster.producer(&[]), &topic);
    let wanted = vec![("bad-\u{fffd}".to_owned(), Some(vec![0xfe])), ("good".to_owned(), Some(b"1".to_vec()))];
    consume(cluster, &topic, 1, |record| {
        assert_eq!(record.headers.to_vec(), wanted);
        assert_eq!(record.headers.total_bytes(), 5 + 1 + 4 + 1, "bytes of the record, not of what stands for them");
    });
    let mut again = Vec::new();
    read_range(&cluster.settings(names(&topic)), &tp(&topic, 0), 0, 1, WAIT, &mut |record| {
        again.push((record.value.map(<[u8]>::to_vec), record.headers.to_vec(), record.headers.total_bytes()));
        true
    })
    .unwrap();
    assert_eq!(again, [(Some(b"value".to_vec()), wanted, 11)]);
}

fn a_stretch_is_read_from_its_first_offset_to_its_end(cluster: &Cluster) {
    let topic = cluster.topic(2);
    cluster.produce(&topic, 1, 0, 500);
    let settings = cluster.settings(names(&topic));
    let read = |from, end, most: usize| {
        let mut got = Vec::new();
        let done = read_range(&settings, &tp(&topic, 1), from, end, WAIT, &mut |record| {
            got.push((record.offset, String::from_utf8(record.value.unwrap().to_vec()).unwrap()));
            got.len() < most
        });
        done.map(|()| got)
    };
    let wanted = |from: i64, end: i64| (from..end).map(|n| (n, format!("1-{n}"))).collect::<Vec<_>>();
    assert_eq!(read(100, 400, usize::MAX).unwrap(), wanted(100, 400));
    assert_eq!(read(450, 9_999, usize::MAX).unwrap(), wanted(450, 500), "it ends where the partition ends");
    assert_eq!(read(0, 400, 3).unwrap(), wanted(0, 3), "the visitor ends it");
    assert_eq!(read(7, 7, usize::MAX).unwrap(), []);
}

fn the_size_of_headers_is_told_without_a_copy(cluster: &Cluster) {
    let topic = cluster.topic(1);
    let producer = cluster.producer(&[]);
    for _ in 0..500 {
        queue_odd(&producer, &topic);
    }
    producer.flush(WAIT).unwrap();
    let (mut bytes, mut allocations) = (0, 0);
    consume(cluster, &topic, 1_000, |record| {
        let before = allocations::of_this_thread();
        bytes += record.headers.total_bytes();
        allocations += allocations::of_this_thread() - before;
    });
    assert_eq!((bytes, allocations), (500 * (2 + 3 + 4), 0));
}
