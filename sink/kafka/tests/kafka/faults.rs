//! What goes wrong, on the mock cluster: it fails on command.

use std::time::Duration;

use landfall_kafka::{Connection, GroupProtocol, Source, SourceSettings, Topics};
use rdkafka::mocking::{MockCluster, MockCoordinator};
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::cluster::{Cluster, mock, tp, unique};
use crate::driver::Member;

type Mock = MockCluster<'static, DefaultProducerContext>;

fn settings(mock: &Mock, topic: &str) -> SourceSettings {
    let connection = Connection {
        bootstrap: mock.bootstrap_servers(),
        properties: [("topic.metadata.refresh.interval.ms".to_owned(), "500".to_owned())].into(),
        client_id: "landfall-test".to_owned(),
        group_protocol: GroupProtocol::Classic,
        tokens: None,
    };
    SourceSettings::new(connection, unique("g"), Topics::Names(vec![topic.to_owned()]))
}

#[test]
fn a_member_the_group_forgot_loses_its_partitions_and_gets_them_again() {
    let mock = Mock::new(1).unwrap();
    mock.create_topic("t", 2, 1).unwrap();
    let mut member = Member::new(&settings(&mock, "t"));
    member.start_all(2);
    mock.request_errors(RDKafkaApiKey::Heartbeat, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID]);
    member.until("partitions are lost", |m| m.lost.len() == 2);
    assert!(member.revoked.is_empty());
    member.assigned.clear();
    member.until("partitions are assigned again", |m| m.assigned.len() == 2);
    member.lost.clear();
    member.positions.clear();
    member.start_all(2);
    member.until("their ends are seen", |m| m.ends.len() == 2);
}

#[test]
fn a_commit_the_group_refuses_is_answered_with_its_code() {
    let mock = Mock::new(1).unwrap();
    mock.create_topic("t", 1, 1).unwrap();
    let mut member = Member::new(&settings(&mock, "t"));
    member.start_all(1);
    mock.request_errors(RDKafkaApiKey::OffsetCommit, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED]);
    let commit = landfall_kafka::CommitOffset { partition: tp("t", 0), offset: 3, metadata: "u".into() };
    member.source.commit(&[commit]).unwrap();
    member.until("the commit is answered", |m| !m.commits.is_empty());
    let error = member.commits[0].0.clone().unwrap_err();
    assert_eq!(error.code, "GROUP_AUTHORIZATION_FAILED");
}

#[test]
fn a_topic_that_does_not_exist_is_told_with_its_name() {
    let mock = Mock::new(1).unwrap();
    mock.topic_error("gone", RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
    let mut member = Member::new(&settings(&mock, "gone"));
    member.until("the error comes", |m| !m.errors.is_empty());
    let (place, error) = &member.errors[0];
    assert_eq!(*place, None);
    assert_eq!(error.kind, landfall_kafka::SourceErrorKind::UnknownTopic);
    assert!(error.message.contains("gone"), "{error}");
}

#[test]
fn closing_ends_in_time_when_no_broker_answers_and_may_be_called_twice() {
    let cluster = mock();
    let topic = cluster.topic(2);
    let mut member = Member::new(&cluster.settings(Topics::Names(vec![topic.clone()])));
    member.start_all(2);
    if let Cluster::Mock(kafka) = &cluster {
        kafka.set_reachable(false).unwrap();
    }
    member.until("the outage is noticed", |m| !m.errors.is_empty());
    member.source.close(Duration::from_millis(500));
    member.source.close(Duration::from_millis(500));
    assert!(member.source.commit(&[]).is_ok());
    assert_eq!(member.source.cached_end(&tp(&topic, 0)), None);
}

#[test]
fn an_outage_is_told_and_consumption_goes_on_after_it() {
    let cluster = mock();
    let topic = cluster.topic(1);
    cluster.produce(&topic, 0, 0, 100);
    let mut member = Member::new(&cluster.settings(Topics::Names(vec![topic.clone()])));
    member.start_all(1);
    member.until("all is read", |m| m.count() == 100);
    let Cluster::Mock(kafka) = &cluster else { return };
    kafka.set_reachable(false).unwrap();
    member.until("the outage is told", |m| !m.errors.is_empty());
    assert!(
        member.errors.iter().all(|(_, e)| e.kind == landfall_kafka::SourceErrorKind::Transient),
        "{:?}",
        member.errors
    );
    kafka.set_reachable(true).unwrap();
    cluster.produce(&topic, 0, 100, 50);
    member.until("the rest is read", |m| m.count() == 150);
}

#[test]
fn a_group_whose_coordinator_moves_is_read_and_committed_for_all_the_same() {
    let mock = Mock::new(1).unwrap();
    mock.create_topic("t", 1, 1).unwrap();
    let connection = settings(&mock, "t").connection;
    let client = landfall_kafka::ClusterClient::new(&connection, Duration::from_secs(30)).unwrap();
    let moving = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
    ];
    mock.request_errors(RDKafkaApiKey::OffsetCommit, &moving);
    let commit = landfall_kafka::CommitOffset { partition: tp("t", 0), offset: 3, metadata: "u".into() };
    client.commit("g", &[commit]).unwrap();
    mock.request_errors(RDKafkaApiKey::OffsetFetch, &moving);
    let read = client.committed("g", &[tp("t", 0)]).unwrap();
    assert_eq!((read.len(), read[0].offset), (1, 3));
}

#[test]
fn a_coordinator_that_comes_back_after_the_time_limit_ends_nothing() {
    let mock = Mock::new(2).unwrap();
    mock.create_topic("t", 1, 1).unwrap();
    mock.coordinator(MockCoordinator::Group("g".to_owned()), 2).unwrap();
    mock.broker_down(2).unwrap();
    let connection = settings(&mock, "t").connection;
    let client = landfall_kafka::ClusterClient::new(&connection, Duration::from_millis(700)).unwrap();
    for _ in 0..3 {
        let error = client.committed("g", &[tp("t", 0)]).unwrap_err();
        assert!(matches!(error, landfall_kafka::ClusterError::Unreachable { .. }), "{error:?}");
    }
    mock.broker_up(2).unwrap();
    // What timed out is answered now, to nobody; with librdkafka's admin requests that ended the process.
    let read = (0..50).find_map(|_| client.committed("g", &[tp("t", 0)]).ok());
    assert_eq!(read, Some(vec![]));
    std::thread::sleep(Duration::from_secs(2));
}
