//! The generator: a thread that produces at the wanted rate, and waits before the embedded Kafka would drop what is not
//! landed. It keeps 5 MB or 100,000 records a partition; what the group has committed is visible in S3 and may go.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use landfall_kafka::{ClusterClient, Connection, TopicPartition};
use rand::Rng;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};

use super::events::Events;
use super::malformed::Fault;

/// Events and their malformed kin are at most so long.
pub(super) const MAX_EVENT_BYTES: usize = 800;
/// A file is closed at so many records: well below the next bound, so that waiting always ends.
pub(super) const RECORDS_PER_FILE: u64 = 2_500;
/// Records of a partition that are not committed yet: 5,000 of 800 bytes are 4 MB of the 5 MB the embedded Kafka keeps.
const MAX_UNLANDED: u64 = 5_000;
const TICK: Duration = Duration::from_millis(20);
const ASK_COMMITTED_EVERY: Duration = Duration::from_millis(200);
const KAFKA_TIMEOUT: Duration = Duration::from_secs(5);
const FLUSH_TIMEOUT: Duration = Duration::from_secs(20);
/// Kafka may be busy for so long before the generator gives up.
const SILENCE: Duration = Duration::from_secs(30);
const SEED: u64 = 2_026;

/// What to generate.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) topic: String,
    pub(super) group: String,
    pub(super) partitions: u32,
    /// Events a second.
    pub(super) rate: u32,
    /// 0 to 1.
    pub(super) malformed: f64,
}

/// What was acknowledged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Produced {
    /// By partition: one more than the last offset.
    pub(super) ends: BTreeMap<i32, u64>,
    pub(super) records: u64,
    pub(super) malformed: u64,
}

/// Counts for the progress line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) records: u64,
    pub(super) malformed: u64,
    /// The generator stands still until more is landed.
    pub(super) waiting: bool,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    records: AtomicU64,
    malformed: AtomicU64,
    waiting: AtomicBool,
    acknowledged: Mutex<BTreeMap<i32, u64>>,
    undelivered: AtomicU64,
}

/// Takes in acknowledgements.
#[derive(Clone)]
struct Acknowledgements(Arc<Shared>);

impl ClientContext for Acknowledgements {}

impl ProducerContext for Acknowledgements {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: Self::DeliveryOpaque) {
        match result {
            Ok(message) => {
                let end = u64::try_from(message.offset()).map_or(0, |offset| offset + 1);
                let mut ends = self.0.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
                let known = ends.entry(message.partition()).or_default();
                *known = end.max(*known);
            }
            Err((error, _)) => {
                self.0.undelivered.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, "an event was not delivered");
            }
        }
    }
}

/// A running generator.
#[derive(Debug)]
pub(super) struct Generator {
    shared: Arc<Shared>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Generator {
    pub(super) fn start(plan: Plan, connection: &Connection) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::default());
        // Compressed batches also leave the embedded Kafka more room than the bound counts on.
        let extra = [("linger.ms", "20".to_owned()), ("compression.type", "lz4".to_owned())];
        let config = connection.producer_config(&extra)?;
        let producer: BaseProducer<Acknowledgements> =
            config.create_with_context(Acknowledgements(Arc::clone(&shared)))?;
        let client = ClusterClient::new(connection, KAFKA_TIMEOUT)?;
        let work = Work::new(plan, Arc::clone(&shared), producer, client);
        let thread = std::thread::Builder::new().name("generator".to_owned()).spawn(move || work.run())?;
        Ok(Self { shared, thread })
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            records: self.shared.records.load(Ordering::Relaxed),
            malformed: self.shared.malformed.load(Ordering::Relaxed),
            waiting: self.shared.waiting.load(Ordering::Relaxed),
        }
    }

    /// A generator that ended by itself has failed.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.thread.is_finished() {
            bail!("the generator ended early; set LANDFALL_LOG=warn to see why")
        } else {
            Ok(())
        }
    }

    /// Stops, waits for the last acknowledgements and answers what was produced.
    pub(super) async fn stop(self) -> anyhow::Result<Produced> {
        self.shared.stop.store(true, Ordering::Release);
        let (shared, thread) = (self.shared, self.thread);
        let ended = tokio::task::spawn_blocking(move || thread.join()).await.context("the generator did not end")?;
        ended.map_err(|_| anyhow!("the generator panicked"))??;
        let undelivered = shared.undelivered.load(Ordering::Relaxed);
        if undelivered > 0 {
            bail!("{undelivered} events were not delivered to the embedded kafka");
        }
        let ends = shared.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Produced {
            ends,
            records: shared.records.load(Ordering::Relaxed),
            malformed: shared.malformed.load(Ordering::Relaxed),
        })
    }
}

/// What the thread owns.
struct Work {
    plan: Plan,
    shared: Arc<Shared>,
    producer: BaseProducer<Acknowledgements>,
    client: ClusterClient,
    partitions: Vec<TopicPartition>,
    /// By partition: records sent, and those committed by the group.
    sent: Vec<u64>,
    committed: Vec<u64>,
}

impl Work {
    fn new(plan: Plan, shared: Arc<Shared>, producer: BaseProducer<Acknowledgements>, client: ClusterClient) -> Self {
        let topic: Arc<str> = Arc::from(plan.topic.as_str());
        let numbers = 0..i32::try_from(plan.partitions).unwrap_or(i32::MAX);
        let partitions: Vec<_> =
            numbers.map(|partition| TopicPartition { topic: Arc::clone(&topic), partition }).collect();
        let zeros = vec![0; partitions.len()];
        Self { plan, shared, producer, client, committed: zeros.clone(), sent: zeros, partitions }
    }

    fn run(mut self) -> anyhow::Result<()> {
        let mut events = Events::seeded(SEED);
        let mut text = String::with_capacity(MAX_EVENT_BYTES);
        let (mut last_tick, mut owed) = (Instant::now(), 0.0_f64);
        let (mut asked_at, mut answered_at) = (Instant::now(), Instant::now());
        while !self.shared.stop.load(Ordering::Acquire) {
            let now = Instant::now();
            // After a wait the lost time is not made up for: the rate is a rate.
            owed = (owed + f64::from(self.plan.rate) * (now - last_tick).as_secs_f64()).min(f64::from(self.plan.rate));
            last_tick = now;
            while owed >= 1.0 {
                if !self.produce_one(&mut events, &mut text)? {
                    owed = 0.0;
                }
                owed -= 1.0;
            }
            self.producer.poll(Duration::ZERO);
            if now - asked_at >= ASK_COMMITTED_EVERY {
                asked_at = now;
                match self.client.committed(&self.plan.group, &self.partitions) {
                    Ok(offsets) => {
                        answered_at = now;
                        self.take_committed(&offsets);
                    }
                    Err(error) if now - answered_at > SILENCE => {
                        return Err(error).context("the group's commits could not be read");
                    }
                    Err(error) => tracing::debug!(%error, "the group's commits could not be read; asking again"),
                }
            }
            std::thread::sleep(TICK);
        }
        self.producer.flush(FLUSH_TIMEOUT).context("the last events were not acknowledged")
    }

    fn take_committed(&mut self, offsets: &[landfall_kafka::GroupOffset]) {
        for offset in offsets {
            let at = usize::try_from(offset.partition.partition).ok().and_then(|at| self.committed.get_mut(at));
            if let (Some(committed), Ok(told)) = (at, u64::try_from(offset.offset)) {
                *committed = told.max(*committed);
            }
        }
    }

    /// False when every partition is as full as it may be.
    fn produce_one(&mut self, events: &mut Events, text: &mut String) -> anyhow::Result<bool> {
        let count = self.partitions.len();
        let first = events.rng().random_range(0..count);
        let room = |at: &usize| self.sent[*at].saturating_sub(self.committed[*at]) < MAX_UNLANDED;
        let Some(at) = (0..count).map(|step| (first + step) % count).find(room) else {
            self.shared.waiting.store(true, Ordering::Relaxed);
            return Ok(false);
        };
        self.shared.waiting.store(false, Ordering::Relaxed);
        let now_ms = jiff::Timestamp::now().as_millisecond();
        events.write(now_ms, text);
        let malformed = self.plan.malformed > 0.0 && events.rng().random_bool(self.plan.malformed);
        let bad = malformed.then(|| Fault::any(events.rng()).of(text));
        let payload = bad.as_deref().unwrap_or(text.as_bytes());
        let partition = self.partitions[at].partition;
        loop {
            let record =
                BaseRecord::<(), [u8]>::to(&self.plan.topic).partition(partition).payload(payload).timestamp(now_ms);
            match self.producer.send(record) {
                Ok(()) => break,
                // The client's own queue is full: let it work.
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    self.producer.poll(Duration::from_millis(50));
                }
                Err((error, _)) => return Err(error).context("an event cannot be produced"),
            }
        }
        self.sent[at] += 1;
        self.shared.records.fetch_add(1, Ordering::Relaxed);
        self.shared.malformed.fetch_add(u64::from(malformed), Ordering::Relaxed);
        Ok(true)
    }
}
