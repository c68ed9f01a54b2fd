//! A job that lands records while the audit reads its log.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use landfall_commit::{Entry, JobUid, Lane, Offsets, Origins, Paths, Seq, SkipReason, SourcePartition};
use landfall_kafka::{ClusterClient, CommitOffset, Connection, EmbeddedKafka, GroupProtocol, TopicPartition};
use landfall_s3::embedded::{LocalStore, MemoryMedium};
use landfall_s3::{Condition, Fault, FaultPlan, FaultyStore, ObjectOptions, Operation, PlannedFault, PutRequest};
use landfall_s3::{Store, Timer};
use landfall_store::StateLocation;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tokio_util::sync::CancellationToken;

use super::{Options, Target, audit_with};

const UID: &str = "u1";

fn partition() -> SourcePartition {
    SourcePartition { cluster: "main".into(), topic: "bids".into(), topic_id: String::new(), partition: 0 }
}

/// What goes on beside the audit: `sleep_ms` is where the store keeps it waiting.
#[derive(Debug)]
struct BusyJob {
    kafka: EmbeddedKafka,
    store: LocalStore<MemoryMedium>,
}

impl BusyJob {
    fn produce(&self, records: usize) {
        let bootstrap = self.kafka.bootstrap_servers().unwrap();
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
        for _ in 0..records {
            producer.send(BaseRecord::<(), str>::to("bids").partition(0).payload("{}")).unwrap();
        }
        producer.flush(Duration::from_secs(20)).unwrap();
    }

    async fn append(&self, entry: &Entry) {
        let request = PutRequest {
            bucket: "lake".into(),
            key: Paths::new("_landfall/", &JobUid::from(UID), Lane(0)).entry(entry.seq),
            body: entry.to_json().unwrap().into(),
            condition: Condition::IfAbsent,
            options: ObjectOptions::default(),
        };
        self.store.put(request).await.unwrap();
    }

    /// Five records come, and the log accounts for them.
    async fn go_on(&self, seq: u64) {
        self.produce(5);
        let mut entry = Entry::empty(UID.into(), Lane(0), Seq(seq), format!("t{seq}").as_str().into(), "w", 0);
        let offsets = Offsets::from_range((seq - 1) * 5..seq * 5);
        entry.skipped.insert(partition(), BTreeMap::from([(SkipReason::Gap, offsets)]));
        self.append(&entry).await;
    }

    fn client(&self) -> Arc<ClusterClient> {
        let connection = Connection {
            bootstrap: self.kafka.bootstrap_servers().unwrap(),
            group_protocol: GroupProtocol::Classic,
            properties: BTreeMap::new(),
            client_id: "audit-test".into(),
        };
        Arc::new(ClusterClient::new(&connection, Duration::from_secs(10)).unwrap())
    }
}

#[async_trait]
impl Timer for BusyJob {
    async fn sleep_ms(&self, _duration_ms: u64) {
        self.go_on(2).await;
    }

    fn random(&self) -> u64 {
        0
    }
}

#[tokio::test]
async fn a_job_that_lands_records_while_its_log_is_read_is_clean() {
    let kafka = EmbeddedKafka::start(1).unwrap();
    kafka.create_topic("bids", 1).unwrap();
    let busy = Arc::new(BusyJob { kafka, store: LocalStore::memory(&["lake"]) });
    let start = BTreeMap::from([(partition(), 0)]);
    let origins = Origins { start, bucket: "lake".into(), lanes: 1, created_at_ms: 0 };
    busy.append(&Entry::zero(UID.into(), Lane(0), "t0".into(), "w", origins)).await;
    busy.go_on(1).await;
    let kafka = busy.client();
    let at = TopicPartition { topic: "bids".into(), partition: 0 };
    kafka.commit("landfall-bids", &[CommitOffset { partition: at, offset: 5, metadata: UID.into() }]).unwrap();

    let fault = PlannedFault::on(Operation::List, Fault::Delay { ms: 1 }).key_contains("/log/");
    let store = FaultyStore::with_timer(busy.store.clone(), FaultPlan::of(vec![fault]), busy.clone());
    let record = serde_json::from_value(serde_json::json!({
        "format": 1, "name": "bids", "uid": UID, "generation": 1, "config_version": 1,
        "spec": {"name": "bids", "source": {"cluster": "main", "topics": ["bids"]}, "sink": {"bucket": "lake"}},
        "desired": "running", "origins": [], "lanes": 1, "changed_by": "test",
        "created_at": "2026-01-01T00:00:00Z", "changed_at": "2026-01-01T00:00:00Z",
    }));
    let target = Target {
        store: Arc::new(store.clone()),
        location: StateLocation::new("lake", "_landfall/"),
        record: record.unwrap(),
        kafka,
        deep: false,
    };
    let report = audit_with(&target, &Options::default(), &CancellationToken::new()).await.unwrap();
    assert!(store.unfired().is_empty(), "nothing happened while the log was read");
    assert_eq!((report.partitions[0].landed, report.partitions[0].end), (10, Some(10)));
    assert!(report.clean, "{:#?}", report.findings);
}
