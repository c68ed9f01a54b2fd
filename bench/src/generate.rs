//! Fills the topic.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use landfall_kafka::NewTopicSpec;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::event::write_event;
use crate::measure::{Meter, StageReport};
use crate::place::{PARTITIONS, Place};

const FLUSH_TIMEOUT: Duration = Duration::from_secs(120);
const FULL_QUEUE_WAIT: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Args)]
pub struct GenerateArgs {
    /// the topic to create; it must not be there yet
    #[arg(long, default_value = "bench-bids")]
    pub topic: String,
    /// how many events
    #[arg(long, default_value_t = 1_000_000)]
    pub events: u64,
    /// how many different values the field `campaign` has
    #[arg(long, default_value_t = 996)]
    pub paths: u32,
    /// seconds after which the stage fails
    #[arg(long, default_value_t = 900)]
    pub within: u64,
}

pub fn generate(place: &Place, args: &GenerateArgs) -> anyhow::Result<StageReport> {
    let spec = NewTopicSpec {
        name: args.topic.clone(),
        partitions: PARTITIONS,
        replication: 1,
        config: BTreeMap::from([("compression.type".to_owned(), "lz4".to_owned())]),
    };
    place.cluster()?.create_topic(&spec).with_context(|| format!("topic {} cannot be created", args.topic))?;
    let meter = Meter::start()?;
    let input_bytes = produce(place, args)?;
    let report = meter.stop("generate", args.events, input_bytes)?;
    // The broker's own word: what failed to arrive shows here.
    let there = place.topic(&args.topic)?.records();
    ensure!(there == args.events, "{there} of {} events are in the topic {}", args.events, args.topic);
    Ok(report)
}

fn produce(place: &Place, args: &GenerateArgs) -> anyhow::Result<u64> {
    let producer: BaseProducer = place
        .client_config()
        .set("linger.ms", "50")
        .set("batch.num.messages", "10000")
        .set("compression.type", "lz4")
        .set("queue.buffering.max.kbytes", "65536")
        .create()?;
    let deadline = Instant::now() + Duration::from_secs(args.within);
    let (mut event, mut bytes) = (String::new(), 0);
    let mut partition = 0;
    for n in 0..args.events {
        write_event(&mut event, n, args.paths);
        bytes += u64::try_from(event.len())?;
        let mut record = BaseRecord::<(), str>::to(&args.topic).partition(partition).payload(&event);
        partition = (partition + 1) % PARTITIONS;
        while let Err((error, back)) = producer.send(record) {
            ensure!(matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)), "produce: {error}");
            ensure!(Instant::now() < deadline, "{n} of {} events in {} s", args.events, args.within);
            record = back;
            producer.poll(FULL_QUEUE_WAIT);
        }
        if n % 1_000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(FLUSH_TIMEOUT)?;
    Ok(bytes)
}
