//! Letters to a topic of the embedded Kafka, and to a real broker where `LANDFALL_TEST_KAFKA_BOOTSTRAP` names one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use landfall_dlq::{DlqError, Letter, TopicWriter, headers};
use landfall_kafka::{ClusterClient, Connection, EmbeddedKafka, GroupProtocol, NewTopicSpec};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, Timestamp};

fn connection(bootstrap: String, properties: &[(&str, &str)]) -> Connection {
    let properties = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Connection {
        bootstrap,
        properties,
        client_id: "landfall-test".to_owned(),
        group_protocol: GroupProtocol::Classic,
        tokens: None,
    }
}

fn letter(partition: i32, offset: i64) -> Letter {
    Letter {
        job: "bids".into(),
        cluster: "main".into(),
        topic: "bids".into(),
        partition,
        offset,
        timestamp_ms: 1_700_000_000_000 + offset,
        key: (offset % 2 == 0).then(|| vec![0xfe, 0]),
        value: (offset % 3 != 0).then(|| format!("{{broken {offset}").into_bytes()),
        headers: vec![("own".into(), Some(vec![0xff])), ("none".into(), None)],
        stage: "decode".into(),
        reason: "malformed_json".into(),
        error: "expected a key".into(),
        at_ms: 0,
    }
}

type Got = (i32, Option<Vec<u8>>, Option<Vec<u8>>, i64, Vec<(String, Option<Vec<u8>>)>);

fn read(bootstrap: &str, topic: &str, partitions: i32, count: usize) -> Vec<Got> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "reader")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..partitions {
        all.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&all).unwrap();
    let mut got = Vec::new();
    for _ in 0..600 {
        if got.len() == count {
            break;
        }
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        let Timestamp::CreateTime(time_ms) = message.timestamp() else { panic!("{:?}", message.timestamp()) };
        let headers = message.headers().unwrap().iter();
        got.push((
            message.partition(),
            message.key().map(<[u8]>::to_vec),
            message.payload().map(<[u8]>::to_vec),
            time_ms,
            headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect(),
        ));
    }
    got
}

/// Sends all of them; answers what was not delivered.
async fn send(writer: &TopicWriter, letters: &[Letter]) -> Vec<(usize, DlqError)> {
    writer.send_batch(letters, &(0..letters.len()).collect::<Vec<_>>()).await
}

async fn letters_arrive_whole(bootstrap: String, topic: &str) {
    let writer = TopicWriter::connect(&connection(bootstrap.clone(), &[]), topic).unwrap();
    let letters: Vec<_> = (0..60).map(|n| letter(i32::try_from(n % 6).unwrap(), n)).collect();
    assert!(send(&writer, &letters).await.is_empty());
    assert!(send(&writer, &[]).await.is_empty());
    let topic = topic.to_owned();
    let got = tokio::task::spawn_blocking(move || read(&bootstrap, &topic, 3, 60)).await.unwrap();
    assert_eq!(got.len(), 60);
    for letter in letters {
        let wanted = headers(&letter);
        let found = got.iter().find(|got| got.4 == wanted).expect("the letter with its headers");
        assert_eq!((&found.1, &found.2, found.3), (&letter.key, &letter.value, letter.timestamp_ms));
        if letter.partition < 3 {
            assert_eq!(found.0, letter.partition, "a partition that the topic has is kept");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_arrive_with_their_bytes_headers_time_and_partition() {
    let kafka = EmbeddedKafka::start(1).unwrap();
    kafka.create_topic("dlq", 3).unwrap();
    letters_arrive_whole(kafka.bootstrap_servers().unwrap(), "dlq").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_arrive_whole_in_a_real_broker() {
    let Ok(bootstrap) = std::env::var("LANDFALL_TEST_KAFKA_BOOTSTRAP") else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "set LANDFALL_TEST_KAFKA_BOOTSTRAP");
        eprintln!("not run: LANDFALL_TEST_KAFKA_BOOTSTRAP is not set");
        return;
    };
    let name = format!("dlq-{:x}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos());
    let spec = NewTopicSpec { name: name.clone(), partitions: 3, replication: 1, config: BTreeMap::new() };
    let client = ClusterClient::new(&connection(bootstrap.clone(), &[]), Duration::from_secs(20)).unwrap();
    tokio::task::spawn_blocking(move || client.create_topic(&spec)).await.unwrap().unwrap();
    letters_arrive_whole(bootstrap, &name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_larger_than_the_producers_queue_goes_through() {
    let kafka = EmbeddedKafka::start(1).unwrap();
    kafka.create_topic("dlq", 1).unwrap();
    let small = connection(kafka.bootstrap_servers().unwrap(), &[("queue.buffering.max.messages", "10")]);
    let writer = TopicWriter::connect(&small, "dlq").unwrap();
    assert!(send(&writer, &(0..500).map(|n| letter(0, n)).collect::<Vec<_>>()).await.is_empty());
    let bootstrap = kafka.bootstrap_servers().unwrap();
    let got = tokio::task::spawn_blocking(move || read(&bootstrap, "dlq", 1, 500)).await.unwrap();
    assert_eq!(got.len(), 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_larger_than_the_limit_fails_alone_and_by_name() {
    let kafka = EmbeddedKafka::start(1).unwrap();
    kafka.create_topic("dlq", 1).unwrap();
    let narrow = connection(kafka.bootstrap_servers().unwrap(), &[("message.max.bytes", "100000")]);
    let writer = TopicWriter::connect(&narrow, "dlq").unwrap();
    let large = Letter { value: Some(vec![b'x'; 200_000]), ..letter(0, 7) };
    let failed = send(&writer, &[letter(0, 1), large, letter(0, 2)]).await;
    let [(1, DlqError::TooLarge { source_record, .. })] = failed.as_slice() else { panic!("{failed:?}") };
    assert_eq!(source_record, "main/bids/0/7");
    let bootstrap = kafka.bootstrap_servers().unwrap();
    let got = tokio::task::spawn_blocking(move || read(&bootstrap, "dlq", 1, 2)).await.unwrap();
    assert_eq!(got.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_cluster_fails_the_batch_and_it_goes_through_later() {
    let kafka = EmbeddedKafka::start(1).unwrap();
    kafka.create_topic("dlq", 1).unwrap();
    let quick = connection(
        kafka.bootstrap_servers().unwrap(),
        &[("message.timeout.ms", "1000"), ("reconnect.backoff.max.ms", "500")],
    );
    let writer = TopicWriter::connect(&quick, "dlq").unwrap();
    until_delivered(&writer, &[letter(0, 0)]).await;
    kafka.set_reachable(false).unwrap();
    let failed = send(&writer, &[letter(0, 1)]).await;
    assert!(matches!(failed[0].1, DlqError::NotDelivered { .. } | DlqError::Unreachable { .. }), "{failed:?}");
    kafka.set_reachable(true).unwrap();
    until_delivered(&writer, &[letter(0, 1)]).await;
}

/// The time limit of a letter is short here, and the machine may be busy.
async fn until_delivered(writer: &TopicWriter, letters: &[Letter]) {
    for attempt in 0.. {
        let failed = send(writer, letters).await;
        if failed.is_empty() {
            break;
        }
        assert!(attempt < 30, "{failed:?}");
    }
}
