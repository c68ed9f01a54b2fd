//! What only a real broker plays: transactions, retention, deletion, the new group protocol, SASL over TLS.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use futures::executor::block_on;
use landfall_kafka::{
    ClusterClient, ClusterError, Connection, GroupProtocol, Isolation, NewTopicSpec, RangeError, SignedIn, Source,
    SourceErrorKind, Token, TokenSource, TopicPattern, Topics,
};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::cluster::{Cluster, WAIT, real, send, tp, unique};
use crate::driver::Member;

fn admin(cluster: &Cluster) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", cluster.connection().bootstrap).create().unwrap()
}

pub(crate) fn delete_topic(cluster: &Cluster, topic: &str) {
    let results = block_on(admin(cluster).delete_topics(&[topic], &AdminOptions::new())).unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

fn delete_records(cluster: &Cluster, topic: &str, before: i64) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(before)).unwrap();
    block_on(admin(cluster).delete_records(&list, &AdminOptions::new())).unwrap();
}

/// Ten records and their control record, committed or aborted.
fn transaction(cluster: &Cluster, topic: &str, first: usize, commit: bool) {
    let id = unique("tx");
    let producer = cluster.producer(&[("transactional.id", &id)]);
    // The first transactional producer after a broker's start is told to wait for the coordinator.
    let ready = (0..30).any(|_| producer.init_transactions(Duration::from_secs(10)).is_ok());
    assert!(ready, "the transaction coordinator never came up");
    producer.begin_transaction().unwrap();
    for n in first..first + 10 {
        send(&producer, topic, 0, &n.to_string());
    }
    if commit {
        producer.commit_transaction(WAIT).unwrap();
    } else {
        producer.flush(WAIT).unwrap();
        producer.abort_transaction(WAIT).unwrap();
    }
}

#[test]
fn the_end_lies_behind_the_control_records_and_aborted_records_never_come() {
    let Some(cluster) = real() else { return };
    let topic = cluster.topic(1);
    transaction(&cluster, &topic, 0, true);
    transaction(&cluster, &topic, 100, false);
    let mut member = Member::new(&cluster.settings(Topics::Names(vec![topic.clone()])));
    member.start_all(1);
    let place = tp(&topic, 0);
    member.until("the end behind the aborted transaction", |m| m.ends.get(&place) == Some(&22));
    let values: Vec<_> = member.values[&place].iter().map(|(_, value)| value.clone()).collect();
    assert_eq!(values, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(
        cluster.client().watermarks(std::slice::from_ref(&place), Isolation::ReadCommitted).unwrap()[0].1.end,
        22
    );

    let mut settings = cluster.settings(Topics::Names(vec![topic]));
    settings.isolation = Isolation::ReadUncommitted;
    let mut uncommitted = Member::new(&settings);
    uncommitted.start_all(1);
    uncommitted.until("the end", |m| m.ends.get(&place) == Some(&22));
    assert_eq!(uncommitted.count(), 20);
}

#[test]
fn an_open_transaction_holds_the_end_back_at_the_last_stable_offset() {
    let Some(cluster) = real() else { return };
    let topic = cluster.topic(1);
    cluster.produce(&topic, 0, 0, 5);
    let id = unique("tx");
    let producer = cluster.producer(&[("transactional.id", &id)]);
    assert!((0..30).any(|_| producer.init_transactions(Duration::from_secs(10)).is_ok()));
    producer.begin_transaction().unwrap();
    send(&producer, &topic, 0, "open");
    producer.flush(WAIT).unwrap();
    cluster.produce(&topic, 0, 5, 5);
    let mut member = Member::new(&cluster.settings(Topics::Names(vec![topic.clone()])));
    member.start_all(1);
    let place = tp(&topic, 0);
    member.until("the end before the open transaction", |m| m.ends.get(&place) == Some(&5));
    assert_eq!(member.count(), 5);
    // Who asks is told the end that it can reach: offset 5 is of the open transaction, 6 to 10 lie behind it.
    let client = cluster.client();
    let end = |isolation| client.watermarks(std::slice::from_ref(&place), isolation).unwrap()[0].1.end;
    assert_eq!((end(Isolation::ReadCommitted), end(Isolation::ReadUncommitted)), (5, 11));
    let last_ms = client.timestamps_at(&[(place.clone(), 4)]).unwrap()[&place];
    let after = |isolation| client.offsets_at(&[(place.clone(), last_ms + 1)], isolation).unwrap()[0].1;
    assert_eq!(after(Isolation::ReadCommitted), None);
    assert!(after(Isolation::ReadUncommitted).is_some_and(|offset| (5..=10).contains(&offset)));
    producer.commit_transaction(WAIT).unwrap();
    member.until("the end behind it", |m| m.ends.get(&place) == Some(&12));
    assert_eq!(member.count(), 11);
}

#[test]
fn a_start_below_the_log_start_is_out_of_range_and_a_start_at_it_heals() {
    let Some(cluster) = real() else { return };
    let topic = cluster.topic(1);
    cluster.produce(&topic, 0, 0, 100);
    delete_records(&cluster, &topic, 60);
    let place = tp(&topic, 0);
    assert_eq!(
        cluster.client().watermarks(std::slice::from_ref(&place), Isolation::ReadCommitted).unwrap()[0].1.start,
        60
    );
    // Many assignments: sometimes librdkafka fetches at 0 before it is paused, which must not be seen.
    for round in 0..5 {
        let mut member = Member::new(&cluster.settings(Topics::Names(vec![topic.clone()])));
        member.until("the partition is assigned", |m| m.assigned.len() == 1);
        if round == 0 {
            member.start(&place, 0);
            member.until("the error comes", |m| !m.errors.is_empty());
            let (at, error) = member.errors.remove(0);
            assert_eq!((at.as_ref(), error.kind), (Some(&place), SourceErrorKind::OffsetOutOfRange));
        }
        member.start(&place, 60);
        member.until("the end", |m| m.ends.get(&place) == Some(&100));
        assert_eq!(member.count(), 40);
        assert_eq!(member.errors, []);
        member.source.close(Duration::from_secs(10));
    }
}

#[test]
fn records_deleted_under_a_running_member_are_told_as_out_of_range() {
    let Some(cluster) = real() else { return };
    let topic = cluster.topic(1);
    cluster.produce(&topic, 0, 0, 1_000);
    let place = tp(&topic, 0);
    let mut member = Member::new(&cluster.settings(Topics::Names(vec![topic.clone()])));
    member.start_all(1);
    member.until("the end", |m| m.ends.contains_key(&place));
    member.source.pause(std::slice::from_ref(&place)).unwrap();
    cluster.produce(&topic, 0, 1_000, 100);
    delete_records(&cluster, &topic, 1_050);
    member.source.resume(std::slice::from_ref(&place)).unwrap();
    member.until("the error comes", |m| !m.errors.is_empty());
    assert_eq!(member.errors[0].1.kind, SourceErrorKind::OffsetOutOfRange);
    member.start(&place, 1_050);
    member.until("the rest is read", |m| m.count() == 1_050);
}

#[test]
fn a_topic_deleted_under_a_running_member_is_told_as_unknown() {
    let Some(cluster) = real() else { return };
    let topic = cluster.topic(1);
    cluster.produce(&topic, 0, 0, 10);
    let mut member = Member::new(&cluster.settings(Topics::Names(vec![topic.clone()])));
    member.start_all(1);
    member.until("the end", |m| !m.ends.is_empty());
    delete_topic(&cluster, &topic);
    member.until("the topic is told as unknown", |m| {
        m.release();
        m.errors.iter().any(|(_, error)| error.kind == SourceErrorKind::UnknownTopic)
    });
}

#[test]
fn a_topic_deleted_and_made_again_under_a_running_member_is_known_by_its_id() {
    let Some(cluster) = real() else { return };
    let topic = cluster.topic(1);
    cluster.produce(&topic, 0, 0, 10);
    let place = tp(&topic, 0);
    let id = |cluster: &Cluster| cluster.client().describe(std::slice::from_ref(&topic)).unwrap()[&topic].id.clone();
    let before = id(&cluster);
    let mut member = Member::new(&cluster.settings(Topics::Names(vec![topic.clone()])));
    member.start_all(1);
    member.until("the end", |m| m.ends.get(&place) == Some(&10));
    assert_eq!(id(&cluster), before);
    delete_topic(&cluster, &topic);
    // Made again as soon as the name is free, with more records than were read: librdkafka reads on at the old offset
    // as if nothing had happened. Whoever asks for the id after the last record it took knows better.
    let spec = NewTopicSpec { name: topic.clone(), partitions: 1, replication: 1, config: BTreeMap::new() };
    while cluster.client().create_topic(&spec).is_err() {
        std::thread::sleep(Duration::from_millis(20));
    }
    cluster.produce(&topic, 0, 1_000, 30);
    member.until("something of it is seen", |m| m.count() > 10 || !m.errors.is_empty() || !m.revoked.is_empty());
    assert_ne!(id(&cluster), before);
}

#[test]
fn new_partitions_of_a_topic_are_assigned() {
    let Some(cluster) = real() else { return };
    let topic = cluster.topic(1);
    let mut member = Member::new(&cluster.settings(Topics::Names(vec![topic.clone()])));
    member.start_all(1);
    let more = rdkafka::admin::NewPartitions::new(&topic, 3);
    block_on(admin(&cluster).create_partitions([&more], &AdminOptions::new())).unwrap();
    member.until("three partitions are assigned", |m| {
        m.release();
        m.assigned.len() == 3
    });
}

#[test]
fn the_new_group_protocol_shares_partitions_as_the_classic_one() {
    let Some(cluster) = real() else { return };
    let topic = cluster.topic(4);
    for partition in 0..4 {
        cluster.produce(&topic, partition, 0, 100);
    }
    let mut settings = cluster.settings(Topics::Names(vec![topic.clone()]));
    settings.connection.group_protocol = GroupProtocol::Consumer;
    let mut first = Member::new(&settings);
    first.start_all(4);
    first.until("all is read", |m| m.count() == 400);
    let mut second = Member::new(&settings);
    first.until("the second member has its share", |first| {
        first.release();
        second.poll();
        second.assigned.len() == 2 && first.assigned.len() == 2
    });
    second.start_all(2);
    second.until("it reads its share", |m| {
        first.poll();
        m.count() == 200
    });
    first.source.close(Duration::from_secs(30));
    second.until("it has all", |m| m.assigned.len() == 4);
}

#[test]
fn a_pattern_is_followed_under_the_new_group_protocol() {
    let Some(cluster) = real() else { return };
    let prefix = unique("np");
    // Kafka's own topics are nobody's to consume, whatever the pattern says.
    let topics = Topics::Pattern(TopicPattern::parse(&format!("__consumer_offsets|{prefix}-[a-z]+")).unwrap());
    cluster.create(&format!("{prefix}-a"), 1);
    cluster.create(&format!("{prefix}-1"), 1);
    let mut settings = cluster.settings(topics);
    settings.connection.group_protocol = GroupProtocol::Consumer;
    let mut member = Member::new(&settings);
    member.until("the first topic is there", |m| m.assigned.len() == 1);
    cluster.create(&format!("{prefix}-b"), 2);
    member.until("the new topic is there", |m| {
        m.release();
        m.assigned.len() == 3
    });
    assert!(member.assigned.iter().all(|p| !p.topic.ends_with("-1")), "{:?}", member.assigned);
}

#[test]
fn a_stretch_whose_beginning_is_gone_says_so() {
    let Some(cluster) = real() else { return };
    let topic = cluster.topic(1);
    cluster.produce(&topic, 0, 0, 100);
    delete_records(&cluster, &topic, 60);
    let settings = cluster.settings(Topics::Names(vec![topic.clone()]));
    let mut offsets = Vec::new();
    let mut read = |from| {
        offsets.clear();
        landfall_kafka::read_range(&settings, &tp(&topic, 0), from, 90, WAIT, &mut |record| {
            offsets.push(record.offset);
            true
        })
        .map(|()| offsets.clone())
    };
    let error = read(10).unwrap_err();
    assert!(matches!(&error, RangeError::Gone { partition: 0, offset: 10, .. }), "{error}");
    assert_eq!(read(60).unwrap(), (60..90).collect::<Vec<_>>());
}

#[test]
fn records_of_sixteen_mebibytes_come_whole() {
    let Some(cluster) = real() else { return };
    let topic = unique("large");
    let spec = NewTopicSpec {
        name: topic.clone(),
        partitions: 1,
        replication: 1,
        config: BTreeMap::from([("max.message.bytes".to_owned(), "18000000".to_owned())]),
    };
    cluster.client().create_topic(&spec).unwrap();
    let producer = cluster.producer(&[("message.max.bytes", "18000000")]);
    send(&producer, &topic, 0, &"x".repeat(16 * 1024 * 1024));
    send(&producer, &topic, 0, "small");
    producer.flush(WAIT).unwrap();
    let mut member = Member::new(&cluster.settings(Topics::Names(vec![topic.clone()])));
    member.start_all(1);
    member.until("the end", |m| !m.ends.is_empty());
    let sizes: Vec<_> = member.values[&tp(&topic, 0)].iter().map(|(_, value)| value.len()).collect();
    assert_eq!(sizes, [16 * 1024 * 1024, 5]);
}

/// `LANDFALL_TEST_KAFKA_SASL_*`: BOOTSTRAP, USER, PASSWORD, CA (a PEM file).
fn secure(name: &str) -> Option<String> {
    std::env::var(format!("LANDFALL_TEST_KAFKA_SASL_{name}")).ok()
}

fn secure_bootstrap() -> Option<String> {
    let bootstrap = secure("BOOTSTRAP");
    if bootstrap.is_none() {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "set LANDFALL_TEST_KAFKA_SASL_BOOTSTRAP, _USER, _PASSWORD, _CA"
        );
        eprintln!("not run: LANDFALL_TEST_KAFKA_SASL_BOOTSTRAP is not set");
    }
    bootstrap
}

#[test]
fn sasl_ssl_with_an_own_ca_works_and_a_wrong_password_is_told_as_such() {
    let Some(bootstrap) = secure_bootstrap() else { return };
    let connection = |password: String| Connection {
        bootstrap: bootstrap.clone(),
        properties: [
            ("security.protocol", "SASL_SSL".to_owned()),
            ("sasl.mechanism", "SCRAM-SHA-512".to_owned()),
            ("sasl.username", secure("USER").unwrap()),
            ("sasl.password", password),
            ("ssl.ca.location", secure("CA").unwrap()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into(),
        client_id: "landfall-test".to_owned(),
        group_protocol: GroupProtocol::Classic,
        tokens: None,
    };
    let good = connection(secure("PASSWORD").unwrap());
    let client = ClusterClient::new(&good, Duration::from_secs(20)).unwrap();
    assert!(client.cluster_id().unwrap().is_some());
    let topic = unique("sasl");
    let spec = NewTopicSpec { name: topic.clone(), partitions: 1, replication: 1, config: BTreeMap::new() };
    client.create_topic(&spec).unwrap();
    let producer: rdkafka::producer::BaseProducer = good.producer_config(&[]).unwrap().create().unwrap();
    send(&producer, &topic, 0, "secret");
    producer.flush(WAIT).unwrap();
    let settings = landfall_kafka::SourceSettings::new(good, unique("g"), Topics::Names(vec![topic.clone()]));
    let mut member = Member::new(&settings);
    member.start_all(1);
    member.until("the record came", |m| m.count() == 1);

    let bad = ClusterClient::new(&connection("wrong".to_owned()), Duration::from_secs(5)).unwrap();
    let error = bad.describe(&[topic]).unwrap_err();
    assert!(matches!(error, ClusterError::Authentication { .. }), "{error}");
    assert!(!error.to_string().contains("wrong"), "{error}");
}

/// Tokens that live for seconds, as Amazon's live for minutes; Kafka takes unsigned ones where nobody configures an issuer.
#[derive(Debug, Default)]
struct ShortTokens {
    given: AtomicU32,
    none: AtomicBool,
}

const TOKEN_LIFE: Duration = Duration::from_secs(6);

impl TokenSource for ShortTokens {
    fn token(&self) -> Result<Token, String> {
        if self.none.load(Ordering::Relaxed) {
            return Err("the role is gone".to_owned());
        }
        self.given.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let (begins, ends) = (now.as_secs(), now + TOKEN_LIFE);
        let part = |json: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
        let claims = format!(r#"{{"sub":"role","iat":{begins},"exp":{}}}"#, ends.as_secs());
        Ok(Token {
            value: format!("{}.{}.", part(r#"{"alg":"none"}"#.to_owned()), part(claims)),
            principal: "role".to_owned(),
            expires_at_ms: i64::try_from(ends.as_millis()).unwrap(),
        })
    }
}

fn by_token(bootstrap: String, tokens: &Arc<ShortTokens>) -> Connection {
    Connection {
        bootstrap,
        properties: [
            ("security.protocol", "SASL_SSL".to_owned()),
            ("sasl.mechanism", "AWS_MSK_IAM".to_owned()),
            // Much shorter than a token lives, as the default is beside those of Amazon.
            ("reconnect.backoff.max.ms", "500".to_owned()),
            ("ssl.ca.location", secure("CA").unwrap()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into(),
        client_id: "landfall-test".to_owned(),
        group_protocol: GroupProtocol::Classic,
        tokens: Some(tokens.clone()),
    }
}

#[test]
fn every_client_signs_in_by_token_and_again_before_it_runs_out() {
    let Some(bootstrap) = secure_bootstrap() else { return };
    let tokens = Arc::new(ShortTokens::default());
    let connection = by_token(bootstrap, &tokens);
    let client = ClusterClient::new(&connection, Duration::from_secs(20)).unwrap();
    let topic = unique("token");
    let spec = NewTopicSpec { name: topic.clone(), partitions: 1, replication: 1, config: BTreeMap::new() };
    client.create_topic(&spec).unwrap();
    let producer: FutureProducer<SignedIn> =
        connection.producer_config(&[]).unwrap().create_with_context(SignedIn::by(&connection)).unwrap();
    let say = |value: &str| {
        let record: FutureRecord<'_, (), str> = FutureRecord::to(&topic).partition(0).payload(value);
        block_on(producer.send_result(record).unwrap_or_else(|(error, _)| panic!("{error}"))).unwrap().unwrap();
    };
    say("first");
    let settings = landfall_kafka::SourceSettings::new(connection, unique("g"), Topics::Names(vec![topic.clone()]));
    let mut member = Member::new(&settings);
    member.start_all(1);
    member.until("the first record came", |m| m.count() == 1);
    // Only the consumer is polled: these are its tokens, several lives of them.
    let before = tokens.given.load(Ordering::Relaxed);
    member.until("several tokens ran out", |_| tokens.given.load(Ordering::Relaxed) > before + 3);
    say("second");
    member.until("the second record came", |m| m.count() == 2);
    // Nobody polled this one for longer than its token lived.
    assert_eq!(client.describe(std::slice::from_ref(&topic)).unwrap().len(), 1);
    let first = [(tp(&topic, 0), 0)];
    assert_eq!(client.timestamps_at(&first).unwrap().len(), 1);
    assert!(client.committed(&unique("g"), &[tp(&topic, 0)]).unwrap().is_empty());
}

#[test]
fn where_there_is_no_token_the_reason_is_told() {
    let Some(bootstrap) = secure_bootstrap() else { return };
    let tokens = Arc::new(ShortTokens::default());
    tokens.none.store(true, Ordering::Relaxed);
    let client = ClusterClient::new(&by_token(bootstrap, &tokens), Duration::from_secs(3)).unwrap();
    let error = client.describe(&[unique("t")]).unwrap_err();
    assert!(matches!(error, ClusterError::Authentication { .. }), "{error}");
    assert!(error.to_string().contains("the role is gone"), "{error}");
    tokens.none.store(false, Ordering::Relaxed);
    assert_eq!(client.describe(&[unique("t")]).unwrap().len(), 0);
}
