//! The two stages that only read: the bare loop, which everything is compared with, and the worker's source.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use clap::Args;
use landfall_kafka::{KafkaSource, Source, SourceErrorKind, SourceEvent, SourceSettings, Topics};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::measure::{Meter, StageReport};
use crate::place::Place;

/// The name of the stage that everything is compared with.
pub const BARE: &str = "bare consume loop";
const POLL: Duration = Duration::from_millis(100);
const BATCH: usize = 4_000;
/// Values are copied into a buffer of the size of a worker's chunk.
const COPY_BYTES: usize = 1 << 20;

#[derive(Debug, Clone, Args)]
pub struct ConsumeArgs {
    /// the topic to read to its end
    #[arg(long, default_value = "bench-bids")]
    pub topic: String,
    /// seconds after which the stage fails
    #[arg(long, default_value_t = 900)]
    pub within: u64,
}

/// librdkafka's consumer with the fetch settings of the worker's, which counts and does nothing else.
pub fn bare(place: &Place, args: &ConsumeArgs) -> anyhow::Result<StageReport> {
    let topic = place.topic(&args.topic)?;
    let meter = Meter::start()?;
    let consumer: BaseConsumer = place
        .client_config()
        .set("group.id", "landfall-bench-bare")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true")
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.max.bytes", "16777216")
        .set("queued.max.messages.kbytes", "32768")
        .create()?;
    let mut all = TopicPartitionList::new();
    for (partition, start, _) in &topic.partitions {
        all.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(*start))?;
    }
    consumer.assign(&all)?;
    let deadline = Instant::now() + Duration::from_secs(args.within);
    let (mut records, mut bytes, mut ends) = (0_u64, 0_usize, 0);
    while ends < topic.partitions.len() {
        match consumer.poll(POLL) {
            Some(Ok(message)) => {
                records += 1;
                bytes += message.payload_len();
            }
            Some(Err(KafkaError::PartitionEOF(_))) => ends += 1,
            Some(Err(error)) => bail!("the bare consumer: {error}"),
            None => ensure!(Instant::now() < deadline, "{records} records in {} s", args.within),
        }
    }
    ensure!(records == topic.records(), "{records} of {} records were read", topic.records());
    meter.stop(BARE, records, u64::try_from(bytes)?)
}

/// The worker's own source and one copy of each value.
pub fn source(place: &Place, args: &ConsumeArgs) -> anyhow::Result<StageReport> {
    let topic = place.topic(&args.topic)?;
    let meter = Meter::start()?;
    let group = format!("landfall-bench-source-{}", std::process::id());
    let settings = SourceSettings::new(place.connection(), group, Topics::Names(vec![args.topic.clone()]));
    let mut source = KafkaSource::connect(&settings)?;
    let deadline = Instant::now() + Duration::from_secs(args.within);
    let (mut records, mut bytes) = (0_u64, 0_usize);
    let (mut ends, mut waiting, mut failure) = (BTreeSet::new(), Vec::new(), None);
    let mut copy = Vec::with_capacity(COPY_BYTES);
    while ends.len() < topic.partitions.len() {
        source.poll(POLL, BATCH, &mut |event| match event {
            SourceEvent::Record(record) => {
                let value = record.value.unwrap_or_default();
                records += 1;
                bytes += value.len();
                if copy.len() + value.len() > COPY_BYTES {
                    std::hint::black_box(&copy);
                    copy.clear();
                }
                copy.extend_from_slice(value);
            }
            SourceEvent::EndOfPartition { slot, .. } => {
                ends.insert(slot);
            }
            SourceEvent::Assigned(partitions) => waiting.extend(partitions),
            SourceEvent::Error { error, .. } if error.kind != SourceErrorKind::Transient => failure = Some(error),
            SourceEvent::Error { .. }
            | SourceEvent::Revoked(_)
            | SourceEvent::Lost(_)
            | SourceEvent::Committed { .. } => {}
        });
        if let Some(error) = failure {
            bail!("the source: {error}");
        }
        waiting.retain(|partition| source.start(partition, 0).is_err());
        ensure!(Instant::now() < deadline, "{records} records in {} s", args.within);
    }
    source.close(Duration::from_secs(10));
    ensure!(records == topic.records(), "{records} of {} records were read", topic.records());
    meter.stop("source + copy", records, u64::try_from(bytes)?)
}
