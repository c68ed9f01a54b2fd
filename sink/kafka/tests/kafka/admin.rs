//! The questions asked of a cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_kafka::{
    ClusterClient, ClusterError, CommitOffset, Connection, EmbeddedKafka, GroupOffset, GroupProtocol, Isolation,
    NewTopicSpec, TopicPattern, Topics, Watermarks,
};
use rdkafka::producer::{BaseRecord, Producer};

use crate::cluster::{Cluster, WAIT, mock, real, tp, unique};
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
    topics_are_described_by_name_and_the_missing_ones_are_missing,
    topics_are_found_by_pattern,
    watermarks_of_many_partitions_come_together,
    the_offset_for_a_time_is_the_first_not_older_record,
    a_group_is_committed_for_and_read_without_joining_it,
    a_group_with_members_is_not_committed_for,
    the_timestamp_of_the_record_at_an_offset_is_read,
    a_name_that_is_no_topic_is_refused_before_it_is_sent,
}

fn topics_are_described_by_name_and_the_missing_ones_are_missing(cluster: &Cluster) {
    let topic = cluster.topic(5);
    let found = cluster.client().describe(&[topic.clone(), unique("missing"), topic.clone()]).unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), [&topic]);
    assert_eq!(found[&topic].partitions, [0, 1, 2, 3, 4]);
    // The mock cluster has no ids to give.
    assert_eq!(found[&topic].id.is_some(), matches!(cluster, Cluster::Real(_)), "{found:?}");
}

fn topics_are_found_by_pattern(cluster: &Cluster) {
    let prefix = unique("pat");
    for name in ["a", "b", "c1"] {
        cluster.create(&format!("{prefix}-{name}"), 1);
    }
    let topics = Topics::Pattern(TopicPattern::parse(&format!("{prefix}-[a-z]")).unwrap());
    let found = cluster.client().topics(&topics).unwrap();
    assert_eq!(found.into_keys().collect::<Vec<_>>(), [format!("{prefix}-a"), format!("{prefix}-b")]);
}

fn watermarks_of_many_partitions_come_together(cluster: &Cluster) {
    let topic = cluster.topic(3);
    cluster.produce(&topic, 0, 0, 7);
    cluster.produce(&topic, 2, 0, 11);
    let mut answer =
        cluster.client().watermarks(&[tp(&topic, 0), tp(&topic, 1), tp(&topic, 2)], Isolation::ReadCommitted).unwrap();
    answer.sort_by_key(|(partition, _)| partition.clone());
    let ends: Vec<_> = answer.into_iter().map(|(_, marks)| marks).collect();
    assert_eq!(ends, [7, 0, 11].map(|end| Watermarks { start: 0, end }));
    assert_eq!(cluster.client().watermarks(&[], Isolation::ReadCommitted).unwrap(), []);
    let error = cluster.client().watermarks(&[tp(&unique("missing"), 0)], Isolation::ReadCommitted).unwrap_err();
    assert!(
        matches!(
            error,
            ClusterError::UnknownTopic { .. } | ClusterError::Unreachable { .. } | ClusterError::Refused { .. }
        ),
        "{error}"
    );
}

fn the_offset_for_a_time_is_the_first_not_older_record(cluster: &Cluster) {
    if matches!(cluster, Cluster::Mock(_)) {
        // The mock cluster knows no times.
        return;
    }
    let topic = cluster.topic(1);
    let producer = cluster.producer(&[]);
    let now_ms = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    for n in 0..10 {
        let record =
            BaseRecord::<str, str>::to(&topic).partition(0).payload("x").timestamp(now_ms - 10_000 + n * 1_000);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(WAIT).unwrap();
    let at = |time_ms| cluster.client().offsets_at(&[(tp(&topic, 0), time_ms)], Isolation::ReadCommitted).unwrap()[0].1;
    assert_eq!(at(now_ms - 6_500), Some(4));
    assert_eq!(at(0), Some(0));
    assert_eq!(at(now_ms + 60_000), None);
}

fn a_group_is_committed_for_and_read_without_joining_it(cluster: &Cluster) {
    let topic = cluster.topic(3);
    let group = unique("g");
    let client = cluster.client();
    let all = [0, 1, 2].map(|partition| tp(&topic, partition));
    assert_eq!(client.committed(&group, &all).unwrap(), []);
    let commit =
        |partition, offset| CommitOffset { partition: tp(&topic, partition), offset, metadata: "uid-7".into() };
    client.commit(&group, &[commit(0, 0), commit(2, 99)]).unwrap();
    let wanted =
        [(0, 0), (2, 99)].map(|(p, offset)| GroupOffset { partition: tp(&topic, p), offset, metadata: "uid-7".into() });
    let mut got = client.committed(&group, &all).unwrap();
    got.sort_by_key(|commit| commit.partition.clone());
    assert_eq!(got, wanted);
    // More groups than clients are kept, asked in turn.
    let others: Vec<String> = (0..6).map(|_| unique("g")).collect();
    for round in 1..=2 {
        for (other, at) in others.iter().zip(1..) {
            client.commit(other, &[commit(1, round * 10 + at)]).unwrap();
        }
        for (other, at) in others.iter().zip(1..) {
            assert_eq!(client.committed(other, &all).unwrap()[0].offset, round * 10 + at);
        }
    }
}

fn a_group_with_members_is_not_committed_for(cluster: &Cluster) {
    let topic = cluster.topic(1);
    let settings = cluster.settings(Topics::Names(vec![topic.clone()]));
    let mut member = Member::new(&settings);
    member.start_all(1);
    let commit = CommitOffset { partition: tp(&topic, 0), offset: 5, metadata: String::new() };
    let error = cluster.client().commit(&settings.group_id, &[commit]).unwrap_err();
    assert_eq!(error, ClusterError::GroupActive { group: settings.group_id.clone() });
}

fn the_timestamp_of_the_record_at_an_offset_is_read(cluster: &Cluster) {
    let topic = cluster.topic(3);
    let producer = cluster.producer(&[]);
    for n in 0..500_i64 {
        let partition = i32::try_from(n % 2).unwrap();
        let record = BaseRecord::<str, str>::to(&topic).partition(partition).payload("x").timestamp(1_000_000 + n);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(WAIT).unwrap();
    // Partition 2 is empty, partition 1 is asked for at its end.
    let wanted = [(tp(&topic, 0), 100), (tp(&topic, 1), 250), (tp(&topic, 2), 0)];
    let found = cluster.client().timestamps_at(&wanted).unwrap();
    assert_eq!(found, BTreeMap::from([(tp(&topic, 0), 1_000_200)]));
    assert_eq!(cluster.client().timestamps_at(&[]).unwrap(), BTreeMap::new());
}

fn a_name_that_is_no_topic_is_refused_before_it_is_sent(cluster: &Cluster) {
    let client = cluster.client();
    assert!(matches!(client.describe(&["a\0b".to_owned()]), Err(ClusterError::Settings(_))));
    assert!(matches!(client.watermarks(&[tp("a/b", 0)], Isolation::ReadCommitted), Err(ClusterError::Settings(_))));
}

#[test]
fn a_topic_is_created_once_and_deleted_and_made_again_has_another_id() {
    let Some(cluster) = real() else { return };
    let client = cluster.client();
    let config = BTreeMap::from([("retention.ms".to_owned(), "60000".to_owned())]);
    let spec = NewTopicSpec { name: unique("dlq"), partitions: 2, replication: 1, config };
    client.create_topic(&spec).unwrap();
    assert_eq!(client.create_topic(&spec), Err(ClusterError::TopicExists { topic: spec.name.clone() }));
    let describe = || client.describe(std::slice::from_ref(&spec.name)).unwrap().remove(&spec.name);
    let first = wait_for(describe).unwrap();
    assert_eq!((first.may_read, first.may_write), (Some(true), Some(true)));
    crate::real::delete_topic(&cluster, &spec.name);
    wait_for(|| describe().is_none().then_some(()));
    client.create_topic(&spec).unwrap();
    let second = wait_for(describe).unwrap();
    assert_ne!(first.id, second.id);
}

#[test]
fn a_topic_with_a_setting_kafka_does_not_know_is_refused_with_kafkas_code() {
    let Some(cluster) = real() else { return };
    let config = BTreeMap::from([("no.such.setting".to_owned(), "1".to_owned())]);
    let spec = NewTopicSpec { name: unique("t"), partitions: 1, replication: 1, config };
    let error = cluster.client().create_topic(&spec).unwrap_err();
    assert!(matches!(&error, ClusterError::Refused { code, .. } if code == "INVALID_CONFIG"), "{error}");
}

#[test]
fn the_cluster_has_an_id() {
    let embedded = mock();
    assert!(embedded.client().cluster_id().unwrap().is_some());
    if let Some(cluster) = real() {
        assert!(cluster.client().cluster_id().unwrap().is_some());
    }
}

#[test]
fn a_cluster_that_is_not_there_is_unreachable_and_every_question_ends() {
    let kafka = EmbeddedKafka::start(1).unwrap();
    let bootstrap = kafka.bootstrap_servers().unwrap();
    kafka.set_reachable(false).unwrap();
    let connection = Connection {
        bootstrap,
        properties: BTreeMap::new(),
        client_id: "test".to_owned(),
        group_protocol: GroupProtocol::Classic,
        tokens: None,
    };
    let client = ClusterClient::new(&connection, Duration::from_millis(700)).unwrap();
    let commit = CommitOffset { partition: tp("t", 0), offset: 5, metadata: String::new() };
    let spec = NewTopicSpec { name: "t".into(), partitions: 1, replication: 1, config: BTreeMap::new() };
    for error in [
        client.describe(&["t".to_owned()]).unwrap_err(),
        client.watermarks(&[tp("t", 0)], Isolation::ReadCommitted).unwrap_err(),
        client.committed("g", &[tp("t", 0)]).unwrap_err(),
        client.commit("g", &[commit]).unwrap_err(),
        client.create_topic(&spec).unwrap_err(),
        client.cluster_id().unwrap_err(),
    ] {
        assert!(matches!(&error, ClusterError::Unreachable { timeout_ms: 700, .. }), "{error:?}");
    }
}

fn wait_for<T>(mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..300 {
        if let Some(value) = ready() {
            return Some(value);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("waited in vain");
}
