//! A Kafka, an S3 and a job in one process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use landfall_commit::{Lane, LogState, OffsetSet, Origins, SourcePartition, Totals};
use landfall_job::JobSpec;
use landfall_kafka::{ClusterClient, Connection, EmbeddedKafka, GroupProtocol, Isolation, TopicPartition, Topics};
use landfall_s3::embedded::{LocalStore, MemoryMedium};
use landfall_s3::{ErrorKind, FaultPlan, FaultyStore, ListRequest, Operation, Outage, SharedStore, SystemTimer};
use landfall_store::record::{Desired, End, Failure, JobRecord, Origin};
use landfall_store::{HeartbeatStore, JobStore, LogStore, StateLocation};
use landfall_worker::budget::Budget;
use landfall_worker::io::Threads;
use landfall_worker::settings::EngineSettings;
use landfall_worker::supervisor::{Worker, WorkerParts};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub const TOPIC: &str = "bids";
const BUCKET: &str = "lake";
const UID: &str = "0123456789abcdef0123456789abcdef";

pub fn event(n: u64) -> String {
    format!(
        "{{\"id\":{n},\"ts\":{},\"country\":\"{}\"}}",
        1_760_000_000_000 + n * 1_000,
        ["de", "fr", "us"][(n % 3) as usize]
    )
}

pub struct House {
    kafka: EmbeddedKafka,
    producer: BaseProducer,
    partitions: u32,
    produced: AtomicU32,
    pub store: SharedStore,
    /// The same store, to disturb.
    pub faults: FaultyStore<LocalStore<MemoryMedium>>,
    location: StateLocation,
    pub jobs: JobStore,
    /// Of the workers that are started from here on.
    pub tail_poll_ms: i64,
}

pub struct Running {
    end: CancellationToken,
    runtime: Option<Runtime>,
    task: Option<tokio::task::JoinHandle<()>>,
}

impl Running {
    pub async fn stop(mut self) {
        self.end.cancel();
        if let Some(task) = self.task.take() {
            task.await.unwrap();
        }
        self.shut();
    }

    /// As if the process were gone: its tasks end where they are. (Its polling threads go on until their answers
    /// stop coming; they append nothing more.)
    pub fn kill(mut self) {
        self.shut();
    }

    fn shut(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[derive(Default, Debug)]
pub struct Landed {
    pub ids: BTreeSet<u64>,
    pub records: u64,
    pub letters: u64,
    pub objects: Vec<String>,
}

impl House {
    pub async fn new(partitions: u32) -> Self {
        let kafka = EmbeddedKafka::start(1).unwrap();
        kafka.create_topic(TOPIC, partitions).unwrap();
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", kafka.bootstrap_servers().unwrap())
            .set("linger.ms", "5")
            .create()
            .unwrap();
        let faults = FaultyStore::new(LocalStore::memory(&[BUCKET]), FaultPlan::none());
        let store: SharedStore = Arc::new(faults.clone());
        let location = StateLocation::new(BUCKET, "_landfall/");
        let jobs = JobStore::new(Arc::clone(&store), location.clone(), Arc::new(SystemTimer));
        Self {
            kafka,
            producer,
            partitions,
            produced: AtomicU32::new(0),
            store,
            faults,
            location,
            jobs,
            tail_poll_ms: 1_000,
        }
    }

    pub fn connection(&self) -> Connection {
        Connection {
            bootstrap: self.kafka.bootstrap_servers().unwrap(),
            properties: BTreeMap::from([("session.timeout.ms".to_owned(), "6000".to_owned())]),
            client_id: "test".to_owned(),
            group_protocol: GroupProtocol::Classic,
            tokens: None,
        }
    }

    /// Partition by partition in turn: the client's own choice puts a whole batch into one.
    pub fn produce(&self, value: &str) {
        let partition = (self.produced.fetch_add(1, Ordering::Relaxed) % self.partitions).cast_signed();
        let record = || BaseRecord::<(), str>::to(TOPIC).partition(partition).payload(value);
        while self.producer.send(record()).is_err() {
            self.producer.poll(Duration::from_millis(20));
        }
    }

    pub fn flush(&self) {
        self.producer.flush(Duration::from_secs(20)).unwrap();
    }

    /// A bounded job over what is in the topic now.
    pub async fn create_job(&self, change: impl FnOnce(&mut serde_json::Value)) {
        let mut document = serde_json::json!({
            "name": "bids",
            "source": {"cluster": "main", "topics": [TOPIC], "start": "earliest", "stop": "end"},
            "sink": {"bucket": BUCKET, "key": "data/{field:country}/{topic}+{partition}+{first_offset}.{ext}"},
        });
        change(&mut document);
        let spec = JobSpec::parse(&document.to_string()).unwrap_or_else(|e| panic!("{e}"));
        let connection = self.connection();
        let (topics, marks) = tokio::task::spawn_blocking(move || {
            let kafka = ClusterClient::new(&connection, Duration::from_secs(10)).unwrap();
            let topics = kafka.topics(&Topics::Names(vec![TOPIC.to_owned()])).unwrap();
            let partitions: Vec<TopicPartition> = topics[TOPIC]
                .partitions
                .iter()
                .map(|p| TopicPartition { topic: TOPIC.into(), partition: *p })
                .collect();
            (topics, kafka.watermarks(&partitions, Isolation::ReadCommitted).unwrap())
        })
        .await
        .unwrap();
        let topic_id = topics[TOPIC].id.clone();
        let now = Timestamp::now();
        let origin = |tp: &TopicPartition, start: i64| Origin {
            cluster: "main".into(),
            topic: tp.topic.to_string(),
            topic_id: topic_id.clone(),
            partition: tp.partition,
            start_offset: start,
        };
        let end = |tp: &TopicPartition, end: i64| End {
            cluster: "main".into(),
            topic: tp.topic.to_string(),
            partition: tp.partition,
            end_offset: end,
        };
        let record = JobRecord {
            format: 1,
            name: "bids".into(),
            uid: UID.into(),
            generation: 1,
            config_version: 1,
            spec,
            earlier: Vec::new(),
            desired: Desired::Running,
            restarts: 0,
            origins: marks.iter().map(|(tp, marks)| origin(tp, marks.start)).collect(),
            ends: Some(marks.iter().map(|(tp, marks)| end(tp, marks.end)).collect()),
            lanes: 1,
            created_at: now,
            changed_at: now,
            changed_by: "test".into(),
            failed: None,
            finished_at: None,
            closed: false,
            idempotency: None,
            connector: None,
            events: Vec::new(),
            write_token: String::new(),
        };
        let start = marks
            .iter()
            .map(|(tp, marks)| {
                let source = SourcePartition {
                    cluster: "main".into(),
                    topic: tp.topic.to_string(),
                    topic_id: topic_id.clone().unwrap_or_default(),
                    partition: tp.partition,
                };
                (source, u64::try_from(marks.start).unwrap())
            })
            .collect();
        let origins = Origins { start, bucket: BUCKET.into(), lanes: 1, created_at_ms: now.as_millisecond() };
        let log = LogStore::new(Arc::clone(&self.store), self.location.clone(), Arc::new(SystemTimer), "test".into());
        log.write_origins(&record, &origins).await.unwrap();
        self.jobs.create(record, None).await.unwrap();
    }

    pub fn start_worker(&self, id: &str) -> Running {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let spawner = Threads::new(runtime.handle().clone(), 2).unwrap();
        let parts = WorkerParts {
            id: id.to_owned(),
            pool: "shared".into(),
            version: "test".into(),
            store: Arc::clone(&self.store),
            state: self.location.clone(),
            clusters: BTreeMap::from([("main".to_owned(), self.connection())]),
            rack: None,
            memory_bytes: 512 << 20,
            budget: Budget::new(256 << 20),
            scratch: None,
            engine: EngineSettings {
                tail_poll_ms: self.tail_poll_ms,
                complete_grace_ms: 2_000,
                ..EngineSettings::default()
            },
            upload_lifetime_ms: None,
            probe_every: Duration::from_millis(500),
            drain_timeout: Duration::from_secs(10),
            beat: Duration::from_millis(500),
            timer: Arc::new(SystemTimer),
            spawner: Arc::new(spawner),
            upload_slots: Arc::new(Semaphore::new(16)),
            fetch_kbytes: 16_384,
        };
        let end = CancellationToken::new();
        let task = runtime.spawn(Worker::new(parts).run(end.clone(), || {}));
        Running { end, runtime: Some(runtime), task: Some(task) }
    }

    pub async fn wait_finished(&self, within: Duration) {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let record = self.jobs.get("bids").await.unwrap().record;
            if let Some(failure) = record.failed {
                panic!("the job failed: {failure:?}");
            }
            if record.finished_at.is_some() {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "not finished in time; see the log above");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub async fn wait_failed(&self) -> Failure {
        for _ in 0..300 {
            if let Some(failure) = self.jobs.get("bids").await.unwrap().record.failed {
                return failure;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the job did not fail; see the log above");
    }

    /// Waits until a worker says for what it waits, and the job is not failed meanwhile.
    pub async fn wait_waiting(&self, word: &str) {
        let beats = HeartbeatStore::new(Arc::clone(&self.store), self.location.clone());
        for _ in 0..300 {
            assert_eq!(self.jobs.get("bids").await.unwrap().record.failed, None);
            let workers = beats.read(Timestamp::now()).await.unwrap();
            let mut jobs = workers.seen.iter().filter_map(|seen| seen.job(UID));
            if jobs.any(|job| job.waiting_for.as_ref().is_some_and(|waiting| waiting.what.contains(word))) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("nobody waits for {word}; see the log above");
    }

    /// No file becomes visible until this is lifted.
    pub fn deny_completes(&self, denied: bool) {
        // The probe's own object is not among them.
        let (operations, key_contains) = (vec![Operation::CompleteUpload], ".jsonl.zst".to_owned());
        let outage = Outage { kind: ErrorKind::SlowDown, operations, key_contains };
        self.faults.set_outages(denied.then_some(outage));
    }

    /// What takes the job's promise away, by the word of the worker that has it.
    async fn degraded_because(&self) -> Option<Vec<String>> {
        let beats = HeartbeatStore::new(Arc::clone(&self.store), self.location.clone());
        let workers = beats.read(Timestamp::now()).await.unwrap();
        workers.seen.iter().find_map(|seen| seen.job(UID)).map(|job| job.delivery.degraded_because.clone())
    }

    pub async fn wait_degraded(&self, wanted: impl Fn(&[String]) -> bool) {
        for _ in 0..300 {
            if self.degraded_because().await.is_some_and(|reasons| wanted(&reasons)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the reasons did not change in time; see the log above");
    }

    pub async fn log(&self) -> LogState {
        let log = LogStore::new(Arc::clone(&self.store), self.location.clone(), Arc::new(SystemTimer), "test".into());
        let record = self.jobs.get("bids").await.unwrap().record;
        log.read_lane(&record, Lane(0)).await.unwrap()
    }

    /// What the log adds up to.
    pub async fn totals(&self) -> Totals {
        self.log().await.totals().clone()
    }

    /// Waits until the log accounts for so many records.
    pub async fn wait_appended(&self, records: u64) {
        for _ in 0..300 {
            if self.totals().await.records == records {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("not appended in time; see the log above");
    }

    /// Offsets that the log accounts for, each partition's from its start on.
    pub async fn accounted(&self) -> u64 {
        self.log().await.partitions().values().map(OffsetSet::low).sum()
    }

    pub async fn wait_accounted(&self, offsets: u64) {
        for _ in 0..300 {
            if self.accounted().await == offsets {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("not declared in time; see the log above");
    }

    pub async fn wait_landed(&self, records: u64) {
        for _ in 0..300 {
            if self.landed().await.records >= records {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("not landed in time; see the log above");
    }

    /// As a lifecycle rule does it, or a server that forgets.
    pub async fn lose_open_uploads(&self) -> usize {
        let uploads = self.store.list_uploads(BUCKET, "").await.unwrap();
        for upload in &uploads {
            self.store.abort_upload(BUCKET, &upload.key, &upload.upload_id).await.unwrap();
        }
        uploads.len()
    }

    pub async fn keys(&self, prefix: &str) -> Vec<String> {
        let (mut keys, mut continuation) = (Vec::new(), None);
        loop {
            let request =
                ListRequest { bucket: BUCKET.into(), prefix: prefix.into(), continuation, ..ListRequest::default() };
            let page = self.store.list(request).await.unwrap();
            keys.extend(page.objects.into_iter().map(|object| object.key));
            continuation = page.continuation;
            if continuation.is_none() {
                return keys;
            }
        }
    }

    pub async fn landed(&self) -> Landed {
        let mut landed = Landed::default();
        for key in self.keys("data/").await {
            for line in self.lines(&key).await {
                let value: serde_json::Value = serde_json::from_str(&line).unwrap();
                landed.ids.insert(value["id"].as_u64().unwrap());
                landed.records += 1;
            }
            landed.objects.push(key);
        }
        for key in self.keys("_landfall-dlq/").await {
            landed.letters += self.lines(&key).await.len() as u64;
        }
        landed
    }

    async fn lines(&self, key: &str) -> Vec<String> {
        let object = self.store.get(BUCKET, key).await.unwrap();
        let text = zstd::decode_all(object.body.as_ref()).unwrap();
        String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
    }
}
