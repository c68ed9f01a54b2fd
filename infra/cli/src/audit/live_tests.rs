//! A job that goes on, an audit that is interrupted, objects that change: all of it while the audit is at work.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use landfall_commit::{
    Entry, FileEntry, FileKind, FileRef, FileSets, JobUid, Lane, Offsets, Origins, Part, Paths, Rebuilt, Seq,
    SkipReason, SourcePartition,
};
use landfall_kafka::{ClusterClient, CommitOffset, Connection, EmbeddedKafka, GroupProtocol, TopicPartition};
use landfall_s3::embedded::{LocalStore, MemoryMedium};
use landfall_s3::{Condition, Fault, FaultPlan, FaultyStore, ObjectOptions, Operation, PlannedFault, PutRequest};
use landfall_s3::{Store, Timer, crc64nvme};
use landfall_store::StateLocation;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tokio_util::sync::CancellationToken;

use super::kind::{Kind, NoteKind};
use super::log;
use super::report::Report;
use super::requests::Counted;
use super::{Options, Target, audit_with};

const UID: &str = "u1";
const KEY: &str = "data/a.jsonl";
const BODY: &str = "{}\n{}\n{}\n{}\n{}\n";
/// As long as [`BODY`], and other bytes.
const OTHER_BODY: &str = "[]\n{}\n{}\n{}\n{}\n";

fn partition() -> SourcePartition {
    SourcePartition { cluster: "main".into(), topic: "bids".into(), topic_id: String::new(), partition: 0 }
}

fn paths(uid: &str) -> Paths {
    Paths::new("_landfall/", &JobUid::from(uid), Lane(0))
}

fn empty(seq: u64) -> Entry {
    Entry::empty(UID.into(), Lane(0), Seq(seq), format!("t{seq}").as_str().into(), "w", 0)
}

fn parts(body: &str) -> Vec<Part> {
    let sum = crc64nvme(&[Bytes::copy_from_slice(body.as_bytes())]);
    vec![Part { number: 1, etag: "e".into(), size_bytes: body.len() as u64, crc64nvme: sum }]
}

/// Offsets and records come by fives.
fn five(seq: u64) -> Offsets {
    Offsets::from_range((seq - 1) * 5..seq * 5)
}

fn completed(seq: u64) -> Entry {
    Entry { completed: vec![FileRef { seq: Seq(1), file: 0 }], ..empty(seq) }
}

fn rebuilt(seq: u64) -> Entry {
    let rebuilt = Rebuilt {
        seq: Seq(1),
        file: 0,
        attempt: 1,
        token: "r1".into(),
        upload_id: "u2".into(),
        parts: parts(BODY),
        bytes: BODY.len() as u64,
        missing: BTreeMap::new(),
    };
    Entry { rebuilt: vec![rebuilt], ..empty(seq) }
}

/// What goes on beside the audit: `sleep_ms` is where the store keeps it waiting.
struct Meanwhile(Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>);

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile")
    }
}

#[async_trait]
impl Timer for Meanwhile {
    async fn sleep_ms(&self, _duration_ms: u64) {
        (self.0)().await;
    }

    fn random(&self) -> u64 {
        0
    }
}

/// A job, its bucket and its topic.
#[derive(Debug)]
struct World {
    kafka: EmbeddedKafka,
    store: LocalStore<MemoryMedium>,
}

impl World {
    /// With a topic of so many records, and the first entry of the log.
    async fn new(records: usize) -> Arc<Self> {
        let kafka = EmbeddedKafka::start(1).unwrap();
        kafka.create_topic("bids", 1).unwrap();
        let world = Arc::new(Self { kafka, store: LocalStore::memory(&["lake"]) });
        world.produce(records);
        let start = BTreeMap::from([(partition(), 0)]);
        let origins = Origins { start, bucket: "lake".into(), lanes: 1, created_at_ms: 0 };
        world.append(&Entry::zero(UID.into(), Lane(0), "t0".into(), "w", origins)).await;
        world
    }

    fn produce(&self, records: usize) {
        let bootstrap = self.kafka.bootstrap_servers().unwrap();
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
        for _ in 0..records {
            producer.send(BaseRecord::<(), str>::to("bids").partition(0).payload("{}")).unwrap();
        }
        producer.flush(Duration::from_secs(20)).unwrap();
    }

    async fn put(&self, key: &str, body: Vec<u8>, metadata: &[(&str, &str)]) {
        let metadata = metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = PutRequest {
            bucket: "lake".into(),
            key: key.to_owned(),
            body: body.into(),
            condition: Condition::None,
            options: ObjectOptions { metadata, ..ObjectOptions::default() },
        };
        self.store.put(request).await.unwrap();
    }

    /// The object of the job's only file.
    async fn complete(&self, body: &str, token: &str) {
        let metadata = [("landfall-job", "bids"), ("landfall-token", token), ("landfall-records", "5")];
        self.put(KEY, body.into(), &metadata).await;
    }

    async fn delete(&self, key: &str) {
        self.store.delete("lake", key).await.unwrap();
    }

    async fn append(&self, entry: &Entry) {
        self.put(&paths(UID).entry(entry.seq), entry.to_json().unwrap(), &[]).await;
    }

    /// The log accounts for five records without landing them.
    async fn skip(&self, seq: u64) {
        let mut entry = empty(seq);
        entry.skipped.insert(partition(), BTreeMap::from([(SkipReason::Gap, five(seq))]));
        self.append(&entry).await;
    }

    /// Entry 1 names one file of five records, which is still to be completed.
    async fn land(&self) {
        let mut entry = empty(1);
        entry.files.push(FileEntry {
            key: KEY.into(),
            bucket: "lake".into(),
            token: "f1".into(),
            upload_id: "u".into(),
            parts: parts(BODY),
            bytes: BODY.len() as u64,
            records: 5,
            kind: FileKind::Data,
            min_timestamp_ms: 0,
            max_timestamp_ms: 0,
        });
        let held = BTreeMap::from([(partition(), five(1))]);
        entry.held.clone_from(&held);
        let sets = FileSets::new(vec![held]).to_json().unwrap();
        let sets = zstd::stream::encode_all(sets.as_slice(), 1).unwrap();
        self.put(&paths(UID).sidecar(entry.seq, &entry.token), sets, &[]).await;
        self.append(&entry).await;
    }

    fn client(&self) -> Arc<ClusterClient> {
        let connection = Connection {
            bootstrap: self.kafka.bootstrap_servers().unwrap(),
            group_protocol: GroupProtocol::Classic,
            tokens: None,
            properties: BTreeMap::new(),
            client_id: "audit-test".into(),
        };
        Arc::new(ClusterClient::new(&connection, Duration::from_secs(10)).unwrap())
    }

    fn commit(&self, offset: i64) {
        let partition = TopicPartition { topic: "bids".into(), partition: 0 };
        self.client().commit("landfall-bids", &[CommitOffset { partition, offset, metadata: UID.into() }]).unwrap();
    }

    fn target(&self, store: Arc<dyn Store>, deep: bool) -> Target {
        let record = serde_json::from_value(serde_json::json!({
            "format": 1, "name": "bids", "uid": UID, "generation": 1, "config_version": 1,
            "spec": {"name": "bids", "source": {"cluster": "main", "topics": ["bids"]},
                     "sink": {"bucket": "lake", "key": "data/{topic}-{unique}.{ext}"}},
            "desired": "running", "origins": [], "lanes": 1, "changed_by": "test",
            "created_at": "2026-01-01T00:00:00Z", "changed_at": "2026-01-01T00:00:00Z",
        }));
        let location = StateLocation::new("lake", "_landfall/");
        Target { store, location, record: record.unwrap(), kafka: self.client(), deep }
    }

    async fn audit(&self, deep: bool, options: &Options) -> Report {
        let target = self.target(Arc::new(self.store.clone()), deep);
        audit_with(&target, options, &CancellationToken::new()).await.unwrap()
    }
}

/// Where the audit is kept waiting.
type At<'a> = (Operation, &'a str);

/// Audits, and does something at the first request of a kind to a key.
async fn audit_and<F: Future<Output = ()> + Send + 'static>(
    world: &Arc<World>,
    deep: bool,
    options: &Options,
    (operation, key): At<'_>,
    meanwhile: impl Fn(Arc<World>, CancellationToken) -> F + Send + Sync + 'static,
) -> Report {
    let cancel = CancellationToken::new();
    let (of_world, of_cancel) = (Arc::clone(world), cancel.clone());
    let meanwhile = Meanwhile(Box::new(move || Box::pin(meanwhile(Arc::clone(&of_world), of_cancel.clone()))));
    let fault = PlannedFault::on(operation, Fault::Delay { ms: 1 }).key_contains(key);
    let store = FaultyStore::with_timer(world.store.clone(), FaultPlan::of(vec![fault]), Arc::new(meanwhile));
    let target = world.target(Arc::new(store.clone()), deep);
    let report = audit_with(&target, options, &cancel).await.unwrap();
    assert!(store.unfired().is_empty(), "nothing happened meanwhile");
    report
}

fn with_state(path: &Path) -> Options {
    Options { state: Some(path.to_owned()), ..Options::default() }
}

fn strict() -> Options {
    Options { expect_all: true, ..Options::default() }
}

fn kinds(report: &Report) -> (Vec<Kind>, Vec<NoteKind>) {
    (report.found.keys().copied().collect(), report.noted.keys().copied().collect())
}

#[tokio::test]
async fn a_job_that_lands_records_while_its_log_is_read_is_clean() {
    let world = World::new(5).await;
    world.skip(1).await;
    world.commit(5);
    let report = audit_and(&world, false, &Options::default(), (Operation::List, "/log/"), |world, _| async move {
        world.produce(5);
        world.skip(2).await;
    })
    .await;
    assert_eq!((report.partitions[0].landed, report.partitions[0].end), (10, Some(10)));
    assert!(report.clean, "{:#?}", report.findings);
}

/// A job with one file, which is visible and committed, and which the log does not call completed yet.
async fn visible_and_not_recorded() -> Arc<World> {
    let world = World::new(5).await;
    world.land().await;
    world.complete(BODY, "f1").await;
    world.commit(5);
    world
}

#[tokio::test]
async fn a_file_that_is_completed_and_deleted_after_the_log_was_read_is_no_commit_ahead() {
    for (deep, operation) in [(false, Operation::Head), (true, Operation::Head), (true, Operation::Get)] {
        let world = visible_and_not_recorded().await;
        let report = audit_and(&world, deep, &Options::default(), (operation, KEY), |world, _| async move {
            world.append(&completed(2)).await;
            world.delete(KEY).await;
        })
        .await;
        assert_eq!(kinds(&report), (vec![], vec![NoteKind::Deleted]), "{:#?}", report.findings);
        assert_eq!((report.partitions[0].visible, report.tally.deleted), (5, 5));
    }
}

#[tokio::test]
async fn a_file_that_was_visible_by_head_is_no_commit_ahead_though_its_reading_finds_it_gone() {
    let world = visible_and_not_recorded().await;
    // Its entry is as old as the epoch.
    let patient = Options { pending_after_ms: u64::MAX, ..Options::default() };
    let report = audit_and(&world, true, &patient, (Operation::Get, KEY), |world, _| async move {
        world.delete(KEY).await;
    })
    .await;
    assert_eq!(kinds(&report), (vec![], vec![NoteKind::Pending]), "{:#?}", report.findings);
}

#[tokio::test]
async fn a_file_that_becomes_visible_after_it_was_looked_for_is_looked_for_again() {
    let world = World::new(5).await;
    world.land().await;
    let after_the_log = (Operation::Get, "00000000000000000002.json");
    let report = audit_and(&world, false, &strict(), after_the_log, |world, _| async move {
        world.complete(BODY, "f1").await;
        world.append(&completed(2)).await;
    })
    .await;
    assert_eq!((kinds(&report), report.tally.landed), ((vec![], vec![]), 5), "{:#?}", report.findings);
}

#[tokio::test]
async fn a_file_that_is_rebuilt_after_the_log_was_read_is_not_overwritten() {
    for (deep, operation) in [(false, Operation::Head), (true, Operation::Head), (true, Operation::Get)] {
        let world = visible_and_not_recorded().await;
        let report = audit_and(&world, deep, &strict(), (operation, KEY), |world, _| async move {
            world.append(&rebuilt(2)).await;
            world.complete(BODY, "r1").await;
        })
        .await;
        assert_eq!((kinds(&report), report.tally.landed), ((vec![], vec![]), 5), "{:#?}", report.findings);
        assert_eq!((report.deep, report.work.objects_read), (deep, u64::from(deep)));
    }
}

#[tokio::test]
async fn an_object_of_a_stranger_stays_overwritten_however_the_log_goes_on() {
    let world = World::new(5).await;
    world.land().await;
    world.complete(BODY, "of-nobody").await;
    let report = audit_and(&world, false, &Options::default(), (Operation::Head, KEY), |world, _| async move {
        world.append(&rebuilt(2)).await;
    })
    .await;
    assert_eq!(kinds(&report), (vec![Kind::Overwritten], vec![]));
}

#[tokio::test]
async fn a_hole_at_the_end_of_what_an_interrupted_audit_has_read_is_told_and_found_again() {
    let folder = tempfile::TempDir::new().unwrap();
    let options = with_state(&folder.path().join("state"));
    let world = World::new(3_000).await;
    for seq in (1..=600).filter(|seq| *seq != 511) {
        world.skip(seq).await;
    }
    let last_of_a_batch = (Operation::Get, "00000000000000000511.json");
    let report = audit_and(&world, false, &options, last_of_a_batch, |_, cancel| async move { cancel.cancel() }).await;
    assert_eq!((report.complete, report.work.entries_read), (false, 512));
    assert_eq!(kinds(&report), (vec![Kind::Hole], vec![NoteKind::Interrupted]));
    for _ in 0..2 {
        let report = world.audit(false, &options).await;
        assert_eq!((report.complete, kinds(&report)), (true, (vec![Kind::Hole], vec![])));
    }
}

#[tokio::test]
async fn what_an_interrupted_reading_has_not_come_to_is_not_kept_as_right() {
    let folder = tempfile::TempDir::new().unwrap();
    let options = with_state(&folder.path().join("state"));
    let world = visible_and_not_recorded().await;
    assert!(world.audit(false, &options).await.clean);
    world.complete(OTHER_BODY, "f1").await;
    let report = audit_and(&world, true, &options, (Operation::Get, KEY), |_, cancel| async move { cancel.cancel() });
    assert!(!report.await.complete);
    for _ in 0..2 {
        assert_eq!(kinds(&world.audit(false, &options).await).0, [Kind::Changed]);
    }
}

#[tokio::test]
async fn what_a_reading_found_wrong_is_found_again_without_reading_until_a_reading_finds_it_right() {
    for known_before in [false, true] {
        let folder = tempfile::TempDir::new().unwrap();
        let options = with_state(&folder.path().join("state"));
        let world = visible_and_not_recorded().await;
        if known_before {
            assert!(world.audit(false, &options).await.clean);
        }
        world.complete(OTHER_BODY, "f1").await;
        for deep in [true, false, false, true, false] {
            let report = world.audit(deep, &options).await;
            assert_eq!(kinds(&report).0, [Kind::Changed], "deep {deep}");
            let what = &report.findings[0].finding.what;
            assert!(what.contains("checksum of part 1 of 1"), "{what}");
        }
        world.complete(BODY, "f1").await;
        for deep in [true, false] {
            assert!(world.audit(deep, &options).await.clean, "deep {deep}");
        }
    }
}

#[tokio::test]
async fn what_only_a_shared_prefix_excuses_is_found_by_the_next_audit_without_it() {
    let folder = tempfile::TempDir::new().unwrap();
    let options = with_state(&folder.path().join("state"));
    let world = visible_and_not_recorded().await;
    world.put("data/other.jsonl", BODY.into(), &[]).await;
    world.put("data/_SUCCESS", Vec::new(), &[]).await;
    let shared = Options { shared_prefix: true, ..options.clone() };
    for _ in 0..2 {
        let report = world.audit(false, &shared).await;
        assert_eq!((report.clean, report.other_objects), (true, 2));
    }
    assert_eq!(kinds(&world.audit(false, &options).await).0, [Kind::Foreign]);
}

#[tokio::test]
async fn other_logs_are_searched_for_a_token_until_it_is_found_or_the_audit_is_cancelled() {
    const ENTRIES: u64 = 200;
    let world = World::new(0).await;
    for seq in 0..ENTRIES {
        let rebuilt = Rebuilt { token: format!("token-{seq}").as_str().into(), ..rebuilt(2).rebuilt.remove(0) };
        let entry = Entry { job_uid: "u0".into(), rebuilt: vec![rebuilt], ..empty(seq) };
        world.put(&paths("u0").entry(entry.seq), entry.to_json().unwrap(), &[]).await;
    }
    let target = world.target(Arc::new(world.store.clone()), false);
    let search = async |wanted: &[&str], cancel: &CancellationToken| {
        let counted = Counted::new(Arc::clone(&target.store));
        let wanted: BTreeSet<String> = wanted.iter().map(|token| (*token).to_owned()).collect();
        let found = log::tokens_of_others(&target, &counted, wanted, cancel).await.unwrap();
        (found.into_iter().collect::<Vec<_>>(), counted.sent().get)
    };
    let going = CancellationToken::new();
    let (found, gets) = search(&["token-3"], &going).await;
    assert_eq!(found, ["token-3"]);
    assert!(gets < ENTRIES / 2, "{gets} entries read for a token of the fourth");
    assert_eq!(search(&["token-3", "of-nobody"], &going).await, (vec!["token-3".to_owned()], ENTRIES));
    going.cancel();
    assert_eq!(search(&["token-3"], &going).await, (vec![], 0));
}

#[tokio::test]
async fn an_old_upload_is_no_orphan_while_a_live_worker_has_more_files_open_than_its_heartbeat_lists() {
    let world = World::new(0).await;
    world.store.create_upload("lake", "data/open.jsonl", &ObjectOptions::default()).await.unwrap();
    let options = Options { orphan_after_ms: Some(0), ..Options::default() };
    for (total, what) in [(0, (vec![Kind::OrphanUpload], vec![])), (51, (vec![], vec![NoteKind::Uploads]))] {
        let heartbeat = serde_json::json!({
            "format": 1, "worker": "w", "version": "1", "pool": "default", "started_at": "2026-01-01T00:00:00Z",
            "at": jiff::Timestamp::now(), "beat_ms": 60_000, "memory": {"limit_bytes": 1},
            "jobs": [{"name": "bids", "uid": UID, "config_version": 1, "state": "running", "open_files_total": total,
                      "delivery": {"mode": "exactly_once"}}],
        });
        let key = StateLocation::new("lake", "_landfall/").worker_key("w");
        world.put(&key, serde_json::to_vec(&heartbeat).unwrap(), &[]).await;
        let report = world.audit(false, &options).await;
        assert_eq!(kinds(&report), what, "{total} files open");
        assert_eq!(report.open_uploads, Some(u64::from(total > 0)));
    }
}
