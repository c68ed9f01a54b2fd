//! What the source costs over a bare consumer loop: CPU of reading one topic to its end, each in turn.
//!
//! `cargo run --example poll_cost -p landfall-kafka -- BOOTSTRAP [RECORDS] [BYTES]` makes a topic of 12 partitions on
//! a real broker, fills it and prints both with their ratio. Linux only: CPU is read from /proc.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use landfall_kafka::{
    ClusterClient, Connection, GroupProtocol, KafkaSource, NewTopicSpec, Source, SourceEvent, SourceSettings, Topics,
};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, producer::DefaultProducerContext};

const PARTITIONS: i32 = 12;

fn main() {
    let mut args = std::env::args().skip(1);
    let bootstrap = args.next().unwrap_or_else(|| panic!("give host:port of a broker"));
    let records: usize = args.next().map_or(2_000_000, |n| n.parse().unwrap());
    let bytes: usize = args.next().map_or(650, |n| n.parse().unwrap());
    let connection = Connection {
        bootstrap: bootstrap.clone(),
        properties: BTreeMap::new(),
        client_id: "poll-cost".into(),
        group_protocol: GroupProtocol::Classic,
        tokens: None,
    };
    let topic = format!("poll-cost-{}", std::process::id());
    let spec = NewTopicSpec {
        name: topic.clone(),
        partitions: PARTITIONS,
        replication: 1,
        config: BTreeMap::from([("compression.type".into(), "lz4".into())]),
    };
    ClusterClient::new(&connection, Duration::from_secs(30)).unwrap().create_topic(&spec).unwrap();
    produce(&bootstrap, &topic, records, bytes);
    // Twice, so that neither pays for being first.
    for _ in 0..2 {
        let bare = measure("bare", records * bytes, || bare(&bootstrap, &topic));
        let ours = measure("source", records * bytes, || ours(&connection, &topic));
        println!("ratio {:.2}", ours / bare);
    }
}

fn produce(bootstrap: &str, topic: &str, records: usize, bytes: usize) {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("linger.ms", "50")
        .set("batch.num.messages", "10000")
        .set("compression.type", "lz4")
        .set("queue.buffering.max.messages", "1000000")
        .create()
        .unwrap();
    for n in 0..records {
        let mut value = format!("{{\"bid\":{n},\"price\":{},\"pad\":\"", n.wrapping_mul(2_654_435_761) % 1_000_003);
        while value.len() + 2 < bytes {
            value.push(char::from(b'a' + u8::try_from((n + value.len() * 7) % 26).unwrap()));
        }
        value.push_str("\"}");
        let mut record =
            BaseRecord::<str, str>::to(topic).partition(i32::try_from(n).unwrap_or(0) % PARTITIONS).payload(&value);
        while let Err((_, back)) = producer.send(record) {
            record = back;
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    producer.flush(Duration::from_secs(120)).unwrap();
}

fn measure(name: &str, bytes: usize, run: impl FnOnce() -> (usize, usize)) -> f64 {
    let (cpu, clock) = (cpu_seconds(), Instant::now());
    let (records, read) = run();
    let (cpu, wall) = (cpu_seconds() - cpu, clock.elapsed().as_secs_f64());
    assert!(read >= bytes / 2, "{read} of {bytes} bytes");
    println!(
        "{name}: {records} records, {:.2} CPU-s/GB, {:.0} MB/s",
        cpu / read as f64 * 1e9,
        read as f64 / wall / 1e6
    );
    cpu
}

fn bare(bootstrap: &str, topic: &str) -> (usize, usize) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true")
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.max.bytes", "16777216")
        .set("queued.max.messages.kbytes", "32768")
        .create()
        .unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        all.add_partition_offset(topic, partition, Offset::Offset(0)).unwrap();
    }
    consumer.assign(&all).unwrap();
    let (mut records, mut read, mut ends) = (0, 0, 0);
    while ends < PARTITIONS {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                records += 1;
                read += message.payload().map_or(0, <[u8]>::len);
            }
            Some(Err(KafkaError::PartitionEOF(_))) => ends += 1,
            _ => {}
        }
    }
    (records, read)
}

fn ours(connection: &Connection, topic: &str) -> (usize, usize) {
    let group = format!("{topic}-{:?}", Instant::now());
    let settings = SourceSettings::new(connection.clone(), group, Topics::Names(vec![topic.to_owned()]));
    let mut source = KafkaSource::connect(&settings).unwrap();
    let (mut records, mut read) = (0, 0);
    let (mut ends, mut waiting) = (BTreeSet::new(), Vec::new());
    while ends.len() < usize::try_from(PARTITIONS).unwrap() {
        source.poll(Duration::from_millis(100), 10_000, &mut |event| match event {
            SourceEvent::Record(record) => {
                records += 1;
                read += record.value.map_or(0, <[u8]>::len);
            }
            SourceEvent::EndOfPartition { slot, .. } => {
                ends.insert(slot);
            }
            SourceEvent::Assigned(partitions) => waiting.extend(partitions),
            _ => {}
        });
        waiting.retain(|partition| source.start(partition, 0).is_err());
    }
    source.close(Duration::from_secs(10));
    (records, read)
}

/// User and system time of this process, in seconds; a tick of the kernel is 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = [11, 12].iter().map(|field| fields[*field].parse::<f64>().unwrap()).sum();
    ticks / 100.0
}
