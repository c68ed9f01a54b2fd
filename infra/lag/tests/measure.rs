//! A measured lag on the embedded Kafka.
#![allow(clippy::unwrap_used, clippy::panic, clippy::float_cmp)]

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_kafka::{
    ClusterClient, CommitOffset, Connection, EmbeddedKafka, GroupProtocol, Isolation, TopicPartition, Topics,
};
use landfall_lag::{Age, MeasureError, Reached, Request, measure};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

fn partition(partition: i32) -> TopicPartition {
    TopicPartition { topic: "bids".into(), partition }
}

#[test]
fn lag_is_measured_from_positions_commits_and_origins_with_the_age_of_the_oldest_record() {
    let kafka = EmbeddedKafka::start(1).unwrap();
    kafka.create_topic("bids", 4).unwrap();
    let bootstrap = kafka.bootstrap_servers().unwrap();
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &bootstrap).create().unwrap();
    for n in 0..400_i64 {
        let to = i32::try_from(n % 4).unwrap();
        let record = BaseRecord::<str, str>::to("bids").partition(to).payload("x").timestamp(1_000_000 + n / 4 * 1_000);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    let connection = Connection {
        bootstrap,
        properties: BTreeMap::new(),
        client_id: "test".into(),
        group_protocol: GroupProtocol::Classic,
        tokens: None,
    };
    let client = ClusterClient::new(&connection, Duration::from_secs(20)).unwrap();
    let commit = |n, offset, uid: &str| CommitOffset { partition: partition(n), offset, metadata: uid.into() };
    client.commit("g", &[commit(0, 10, "own"), commit(1, 60, "own"), commit(2, 90, "foreign")]).unwrap();
    let mut request = Request {
        cluster: "main".into(),
        group: "g".into(),
        topics: Topics::Names(vec!["bids".into(), "missing".into()]),
        isolation: Isolation::ReadCommitted,
        job_uid: Some("own".into()),
        positions: BTreeMap::from([(partition(0), 100)]),
        origins: BTreeMap::from([(partition(2), 50)]),
        ends: BTreeMap::from([(partition(3), 5)]),
        records_per_second: None,
        read_ages: true,
    };
    let report = measure(&client, &request, 1_100_000).unwrap();
    let shown: Vec<_> = report.partitions.iter().map(|p| (p.partition, p.lag, p.counted_from)).collect();
    assert_eq!(
        shown,
        [(0, 0, Reached::Position), (1, 40, Reached::Committed), (2, 50, Reached::Origin), (3, 5, Reached::Origin)]
    );
    assert_eq!(report.records, 95);
    // The oldest is offset 0 of partition 3, of 1,000 s; now is 1,100 s.
    assert_eq!(report.age, Some(Age { seconds: 100.0, estimated: false }));
    assert_eq!(report.partitions[2].age, Some(Age { seconds: 50.0, estimated: false }));

    request.topics = Topics::Names(vec!["missing".into()]);
    assert!(matches!(measure(&client, &request, 0), Err(MeasureError::NoTopics { .. })));
}
