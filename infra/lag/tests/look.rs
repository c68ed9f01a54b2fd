//! A look at a fleet with an embedded Kafka, a cluster that does not answer, and jobs in several pools.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use landfall_commit::{Entry, FileEntry, FileKind, FileRef, Lane, Offsets, Origins, Paths, Seq, SourcePartition};
use landfall_job::JobSpec;
use landfall_kafka::{ClusterClient, CommitOffset, Connection, EmbeddedKafka, GroupProtocol, TopicPartition};
use landfall_lag::{Lookout, Memory, Rested, SeenPool, decide, keep};
use landfall_s3::embedded::LocalStore;
use landfall_s3::{Condition, ObjectOptions, PutRequest, SharedStore, SystemTimer};
use landfall_scale::{Limits, Phase};
use landfall_store::record::RECORD_FORMAT;
use landfall_store::{
    Desired, HeartbeatStore, JobRecord, JobStore, LogStore, Origin, ScalingError, ScalingStore, StateLocation,
};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

fn client(bootstrap: &str) -> Arc<ClusterClient> {
    let connection = Connection {
        bootstrap: bootstrap.to_owned(),
        properties: BTreeMap::new(),
        client_id: "test".into(),
        group_protocol: GroupProtocol::Classic,
        tokens: None,
    };
    Arc::new(ClusterClient::new(&connection, Duration::from_secs(3)).unwrap())
}

fn record(name: &str, pool: &str, cluster: &str, origin: i64) -> JobRecord {
    let text = format!(
        "{{name: {name}, pool: {pool}, source: {{cluster: {cluster}, topics: [bids]}}, sink: {{bucket: lake}}}}"
    );
    JobRecord {
        format: RECORD_FORMAT,
        name: name.into(),
        uid: format!("uid-{name}"),
        generation: 1,
        config_version: 1,
        spec: JobSpec::parse(&text).unwrap(),
        earlier: Vec::new(),
        desired: Desired::Running,
        restarts: 0,
        origins: vec![Origin {
            cluster: cluster.into(),
            topic: "bids".into(),
            partition: 0,
            start_offset: origin,
            topic_id: None,
        }],
        ends: None,
        lanes: 1,
        created_at: Timestamp::UNIX_EPOCH,
        changed_at: Timestamp::UNIX_EPOCH,
        changed_by: "test".into(),
        failed: None,
        finished_at: None,
        closed: false,
        idempotency: None,
        connector: None,
        events: Vec::new(),
        write_token: String::new(),
    }
}

fn phases(pool: &SeenPool) -> BTreeMap<&str, (Phase, Option<u64>)> {
    let lag = |job: &landfall_scale::JobSample| {
        job.lag.as_ref().map(|lag| lag.partitions.iter().map(landfall_scale::PartitionSample::lag).sum())
    };
    pool.jobs.iter().map(|job| (&*job.name, (job.phase, lag(job)))).collect()
}

fn logs(store: &SharedStore) -> LogStore {
    LogStore::new(Arc::clone(store), StateLocation::new("lake", "_landfall/"), Arc::new(SystemTimer), "test".into())
}

/// The log of a job whose worker appended a file and ended, with what was to come after it.
async fn append(store: &SharedStore, uid: &str, seq: u64, change: impl FnOnce(&mut Entry)) {
    let mut entry = Entry::empty(uid.into(), Lane(0), Seq(seq), format!("t{seq}").as_str().into(), "w-1", 0);
    change(&mut entry);
    let request = PutRequest {
        bucket: "lake".into(),
        key: Paths::new("_landfall/", &uid.into(), Lane(0)).entry(Seq(seq)),
        body: entry.to_json().unwrap().into(),
        condition: Condition::IfAbsent,
        options: ObjectOptions::default(),
    };
    store.put(request).await.unwrap();
}

fn a_file(entry: &mut Entry) {
    let partition =
        SourcePartition { cluster: "main".into(), topic: "bids".into(), topic_id: String::new(), partition: 0 };
    entry.held.insert(partition, Offsets::from_range(0..10));
    entry.files.push(FileEntry {
        key: "a".into(),
        bucket: "lake".into(),
        token: "t".into(),
        upload_id: "u".into(),
        parts: Vec::new(),
        bytes: 5,
        records: 10,
        kind: FileKind::Data,
        min_timestamp_ms: 0,
        max_timestamp_ms: 0,
    });
}

#[tokio::test]
async fn a_job_at_rest_whose_last_file_is_not_visible_wakes_its_pool_until_it_is() {
    let store: SharedStore = Arc::new(LocalStore::memory(&["lake"]));
    let location = StateLocation::new("lake", "_landfall/");
    let jobs = JobStore::new(Arc::clone(&store), location.clone(), Arc::new(SystemTimer));
    for (name, desired) in [("done", Desired::Stopped), ("left", Desired::Stopped), ("torn", Desired::Paused)] {
        let mut record = record(name, name, "main", 0);
        record.desired = desired;
        if name != "torn" {
            let start = BTreeMap::new();
            let origins = Origins { start, bucket: "lake".into(), lanes: 1, created_at_ms: 0 };
            logs(&store).write_origins(&record, &origins).await.unwrap();
        }
        jobs.create(record, None).await.unwrap();
    }
    append(&store, "uid-left", 1, a_file).await;
    let lookout = Lookout {
        jobs,
        heartbeats: HeartbeatStore::new(Arc::clone(&store), location.clone()),
        rested: Arc::new(Rested::new(logs(&store))),
        // Nobody is asked for what waits in Kafka.
        clusters: BTreeMap::new(),
        patience: Duration::from_secs(60),
    };
    let look = async || lookout.look(Timestamp::now()).await.unwrap().pools;
    let workers = |pools: &BTreeMap<String, SeenPool>, pool: &str| {
        let memory = Memory::default();
        decide(pool, &pools[pool], &Limits::default(), &memory, Some(0), "s", Timestamp::now()).unwrap().0.desired
    };
    for _ in 0..2 {
        let pools = look().await;
        assert_eq!((workers(&pools, "left"), workers(&pools, "done"), workers(&pools, "torn")), (1, 0, 0));
        assert_eq!(phases(&pools["done"])["done"], (Phase::Stopped, None));
        assert_eq!(phases(&pools["left"])["left"], (Phase::Running, Some(0)));
    }
    // Without a worker nothing is added to a log, so the log of one at rest is not read again until its record changes.
    append(&store, "uid-done", 1, a_file).await;
    assert_eq!(workers(&look().await, "done"), 0);
    let touch = |record: &mut JobRecord| -> Result<(), std::convert::Infallible> {
        record.restarts += 1;
        Ok(())
    };
    lookout.jobs.update("done", touch).await.unwrap();
    assert_eq!(workers(&look().await, "done"), 1);
    append(&store, "uid-left", 2, |entry| entry.completed.push(FileRef { seq: Seq(1), file: 0 })).await;
    let pools = look().await;
    assert_eq!((workers(&pools, "left"), phases(&pools["left"])["left"]), (0, (Phase::Stopped, None)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_does_not_answer_costs_only_its_own_jobs_their_samples() {
    let kafka = EmbeddedKafka::start(1).unwrap();
    kafka.create_topic("bids", 1).unwrap();
    let bootstrap = kafka.bootstrap_servers().unwrap();
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &bootstrap).create().unwrap();
    for _ in 0..100 {
        producer.send(BaseRecord::<str, str>::to("bids").partition(0).payload("x")).map_err(|(e, _)| e).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    let store: SharedStore = Arc::new(LocalStore::memory(&["lake"]));
    let location = StateLocation::new("lake", "_landfall/");
    let jobs = JobStore::new(Arc::clone(&store), location.clone(), Arc::new(SystemTimer));
    let mut paused = record("paused", "shared", "main", 0);
    paused.desired = Desired::Paused;
    let mut committed = record("committed", "shared", "main", 0);
    committed.uid = "uid-committed".into();
    for record in [record("new", "shared", "main", 40), committed, paused, record("other", "nightly", "main", 0)] {
        jobs.create(record, None).await.unwrap();
    }
    for number in 0..40 {
        jobs.create(record(&format!("far-{number}"), "shared", "far", 0), None).await.unwrap();
    }
    let near = client(&bootstrap);
    let commit = CommitOffset {
        partition: TopicPartition { topic: "bids".into(), partition: 0 },
        offset: 70,
        metadata: "uid-committed".into(),
    };
    near.commit("landfall-committed", &[commit]).unwrap();
    // A port that nobody listens on: asked once for each of its turns, not once for each of forty jobs.
    let clusters = BTreeMap::from([("main".to_owned(), near), ("far".to_owned(), client("127.0.0.1:1"))]);
    let heartbeats = HeartbeatStore::new(Arc::clone(&store), location.clone());
    let rested = Arc::new(Rested::new(logs(&store)));
    let lookout = Lookout { jobs, heartbeats, rested, clusters, patience: Duration::from_secs(60) };
    let began = Instant::now();
    let mut broken = store.get("lake", &location.job_key("new")).await.unwrap().body.to_vec();
    broken.truncate(20);
    let request = PutRequest {
        bucket: "lake".into(),
        key: location.job_key("torn"),
        body: broken.into(),
        condition: Condition::None,
        options: ObjectOptions::default(),
    };
    store.put(request).await.unwrap();
    let seen = lookout.look(Timestamp::now()).await.unwrap();
    assert_eq!(seen.unreadable, ["torn"]);
    let pools = seen.pools;
    assert!(began.elapsed() < Duration::from_secs(40), "each job waited for its own silence: {:?}", began.elapsed());
    assert_eq!(pools.keys().collect::<Vec<_>>(), ["nightly", "shared"]);
    let shared = phases(&pools["shared"]);
    assert_eq!(shared["new"], (Phase::Running, Some(60)));
    assert_eq!(shared["committed"], (Phase::Running, Some(30)));
    assert_eq!(shared["paused"], (Phase::Paused, None));
    assert_eq!(shared["far-7"], (Phase::Running, None));
    assert_eq!(phases(&pools["nightly"])["other"], (Phase::Running, Some(100)));
    assert_eq!(pools["shared"].unmeasured.len(), 40);
    assert!(!pools["shared"].unmeasured.contains_key("new"));
}

#[tokio::test]
async fn of_two_scalers_of_one_pool_one_notices_the_other() {
    let store: SharedStore = Arc::new(LocalStore::memory(&["lake"]));
    let scaling = ScalingStore::new(store, StateLocation::new("lake", "_landfall/"));
    let now = Timestamp::now();
    let decided =
        |memory: &Memory| decide("p", &SeenPool::default(), &Limits::default(), memory, Some(0), "one", now).unwrap();
    let (first, second) = (Memory::read(&scaling, "p").await.unwrap(), Memory::read(&scaling, "p").await.unwrap());
    let (_, record) = decided(&first);
    keep(&scaling, &record, first).await.unwrap();
    assert_eq!(keep(&scaling, &record, second).await, Err(ScalingError::Contended { pool: "p".into() }));
    let third = Memory::read(&scaling, "p").await.unwrap();
    assert_ne!(third, Memory::default(), "what was decided is remembered");
    // Also where they take turns, each sees that it is not alone; one that was alone before is not.
    assert_eq!((third.another("two", now, 90.0), third.another("one", now, 90.0)), (Some("one"), None));
    assert_eq!(third.another("two", now + Duration::from_secs(91), 90.0), None);
    keep(&scaling, &decided(&third).1, third).await.unwrap();
}
