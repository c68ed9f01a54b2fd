//! The clusters tests run on, and a producer for them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use landfall_kafka::{
    ClusterClient, Connection, EmbeddedKafka, GroupProtocol, NewTopicSpec, SourceSettings, TopicPartition, Topics,
};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

pub(crate) const WAIT: Duration = Duration::from_secs(60);

pub(crate) enum Cluster {
    Mock(EmbeddedKafka),
    Real(Connection),
}

/// The real broker, or `None` where there is none and none is demanded.
pub(crate) fn real() -> Option<Cluster> {
    let Ok(bootstrap) = std::env::var("LANDFALL_TEST_KAFKA_BOOTSTRAP") else {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "set LANDFALL_TEST_KAFKA_BOOTSTRAP to host:port of a Kafka broker: with CI=true these tests must run"
        );
        eprintln!("not run: LANDFALL_TEST_KAFKA_BOOTSTRAP is not set");
        return None;
    };
    Some(Cluster::Real(connection(bootstrap)))
}

pub(crate) fn mock() -> Cluster {
    Cluster::Mock(EmbeddedKafka::start(1).unwrap())
}

fn connection(bootstrap: String) -> Connection {
    // Quick to notice new topics and partitions.
    let properties = [("topic.metadata.refresh.interval.ms", "500")];
    Connection {
        bootstrap,
        properties: properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        client_id: "landfall-test".to_owned(),
        group_protocol: GroupProtocol::Classic,
        tokens: None,
    }
}

/// A name that no other test, and no earlier run on the same broker, has used.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("{prefix}-{now:x}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Cluster {
    pub(crate) fn connection(&self) -> Connection {
        match self {
            Self::Mock(kafka) => connection(kafka.bootstrap_servers().unwrap()),
            Self::Real(connection) => connection.clone(),
        }
    }

    pub(crate) fn client(&self) -> ClusterClient {
        ClusterClient::new(&self.connection(), Duration::from_secs(20)).unwrap()
    }

    /// Makes a topic with a fresh name.
    pub(crate) fn topic(&self, partitions: u32) -> String {
        let name = unique("t");
        self.create(&name, partitions);
        name
    }

    pub(crate) fn create(&self, name: &str, partitions: u32) {
        match self {
            Self::Mock(kafka) => kafka.create_topic(name, partitions).unwrap(),
            Self::Real(_) => self
                .client()
                .create_topic(&NewTopicSpec {
                    name: name.to_owned(),
                    partitions: partitions as i32,
                    replication: 1,
                    config: BTreeMap::new(),
                })
                .unwrap(),
        }
    }

    pub(crate) fn settings(&self, topics: Topics) -> SourceSettings {
        SourceSettings::new(self.connection(), unique("g"), topics)
    }

    pub(crate) fn producer(&self, extra: &[(&str, &str)]) -> BaseProducer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.connection().bootstrap).set("linger.ms", "5");
        for (key, value) in extra {
            config.set(*key, *value);
        }
        config.create().unwrap()
    }

    /// `count` records `<partition>-<n>` from `first` on, in batches of a thousand.
    pub(crate) fn produce(&self, topic: &str, partition: i32, first: usize, count: usize) {
        let producer = self.producer(&[]);
        for n in first..first + count {
            send(&producer, topic, partition, &format!("{partition}-{n}"));
            if n % 1_000 == 0 {
                producer.poll(Duration::ZERO);
            }
        }
        producer.flush(WAIT).unwrap();
    }
}

pub(crate) fn send(producer: &BaseProducer, topic: &str, partition: i32, value: &str) {
    let record = BaseRecord::to(topic).partition(partition).key("k").payload(value);
    producer.send(record).map_err(|(error, _)| error).unwrap();
}

/// Null and empty key and value, headers that repeat and have no value.
pub(crate) fn send_odd(producer: &BaseProducer, topic: &str) {
    queue_odd(producer, topic);
    producer.flush(WAIT).unwrap();
}

/// The same, on the way only.
pub(crate) fn queue_odd(producer: &BaseProducer, topic: &str) {
    let headers = OwnedHeaders::new()
        .insert(Header { key: "a", value: Some("1") })
        .insert(Header { key: "a", value: Some(&b"\xff\x00"[..]) })
        .insert(Header::<&[u8]> { key: "none", value: None });
    let odd = BaseRecord::<[u8], [u8]>::to(topic).partition(0).timestamp(1_700_000_000_123).headers(headers);
    producer.send(odd).map_err(|(error, _)| error).unwrap();
    let empty = BaseRecord::<[u8], [u8]>::to(topic).partition(0).key(&b""[..]).payload(&b""[..]);
    producer.send(empty).map_err(|(error, _)| error).unwrap();
}

/// One record `value` with a header whose name is not UTF-8, `bad-\xff: \xfe`, and another `good: 1`. Nobody on the way
/// looks at the names; rdkafka takes none that is not a `str`.
#[allow(unsafe_code)]
pub(crate) fn send_bad_header_name(producer: &BaseProducer, topic: &str) {
    use rdkafka_sys::rd_kafka_vtype_t as Part;
    let topic = std::ffi::CString::new(topic).unwrap();
    let (value, odd, one) = (b"value", b"\xfe", b"1");
    // SAFETY: each part is followed by the arguments of its kind; all are alive for the call, which copies them.
    let answer = unsafe {
        rdkafka_sys::rd_kafka_producev(
            producer.client().native_ptr(),
            Part::RD_KAFKA_VTYPE_TOPIC,
            topic.as_ptr(),
            Part::RD_KAFKA_VTYPE_PARTITION,
            0_i32,
            Part::RD_KAFKA_VTYPE_MSGFLAGS,
            rdkafka_sys::RD_KAFKA_MSG_F_COPY,
            Part::RD_KAFKA_VTYPE_VALUE,
            value.as_ptr(),
            value.len(),
            Part::RD_KAFKA_VTYPE_HEADER,
            c"bad-\xff".as_ptr(),
            odd.as_ptr(),
            odd.len(),
            Part::RD_KAFKA_VTYPE_HEADER,
            c"good".as_ptr(),
            one.as_ptr(),
            one.len(),
            Part::RD_KAFKA_VTYPE_END,
        )
    };
    assert_eq!(answer, rdkafka_sys::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
    producer.flush(WAIT).unwrap();
}

pub(crate) fn tp(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition { topic: topic.into(), partition }
}
