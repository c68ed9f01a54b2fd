//! Fills the topic.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use landfall_kafka::NewTopicSpec;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::measure::{Meter, StageReport};
use crate::place::Place;
use crate::shape::Shape;

const FLUSH_TIMEOUT: Duration = Duration::from_secs(120);
const FULL_QUEUE_WAIT: Duration = Duration::from_millis(20);

/// Records of 200 KiB and more, several to a batch.
const MAX_MESSAGE_BYTES: u32 = 32 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum Codec {
    None,
    #[default]
    Lz4,
    Zstd,
    Gzip,
}

impl Codec {
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    fn broker(self) -> &'static str {
        if self == Self::None { "uncompressed" } else { self.name() }
    }
}

/// One after another; partition 0 takes `hot` turns of each round.
fn partition_of(n: u64, partitions: i32, hot: u64) -> i32 {
    let round = hot - 1 + u64::from(partitions.unsigned_abs());
    i32::try_from((n % round).saturating_sub(hot - 1)).unwrap_or(0)
}

#[derive(Debug, Clone, Args)]
pub struct GenerateArgs {
    /// the topic to create; it must not be there yet
    #[arg(long, default_value = "bench-bids")]
    pub topic: String,
    /// how many events
    #[arg(long, default_value_t = 1_000_000)]
    pub events: u64,
    /// what the records are like
    #[arg(long, value_enum, default_value_t)]
    pub shape: Shape,
    /// of the topic
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(i32).range(1..))]
    pub partitions: i32,
    /// how the producer compresses, and the broker keeps it
    #[arg(long, value_enum, default_value_t)]
    pub codec: Codec,
    /// partition 0 gets this many records for one of each other
    #[arg(long, default_value_t = 1)]
    pub hot: u32,
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
        partitions: args.partitions,
        replication: 1,
        config: BTreeMap::from([
            ("compression.type".to_owned(), args.codec.broker().to_owned()),
            ("max.message.bytes".to_owned(), MAX_MESSAGE_BYTES.to_string()),
        ]),
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
        .set("compression.type", args.codec.name())
        .set("message.max.bytes", MAX_MESSAGE_BYTES.to_string())
        .set("queue.buffering.max.kbytes", "65536")
        .create()?;
    let deadline = Instant::now() + Duration::from_secs(args.within);
    let (mut event, mut bytes) = (String::new(), 0);
    let hot = u64::from(args.hot.max(1));
    for n in 0..args.events {
        args.shape.write(&mut event, n, args.paths);
        bytes += u64::try_from(event.len())?;
        let mut record =
            BaseRecord::<(), str>::to(&args.topic).partition(partition_of(n, args.partitions, hot)).payload(&event);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hot_partition_gets_that_many_for_one_of_each_other() {
        let mut counts = [0_u64; 4];
        for n in 0..5_300 {
            counts[usize::try_from(partition_of(n, 4, 50)).unwrap_or(9)] += 1;
        }
        assert_eq!(counts, [5_000, 100, 100, 100]);
        assert_eq!((0..6).map(|n| partition_of(n, 3, 1)).collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2]);
    }
}
