//! The API over an embedded Kafka and an embedded S3 in memory, called through its own router.

mod access;
mod connect;
mod deleting;
mod documents;
mod landed;
mod lifecycle;
mod many;
mod openapi;
mod replacing;
mod requests;
mod rules;
mod server;
mod starting;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, StatusCode};
use landfall_config::{FleetConfig, Outside};
use landfall_connect::ConnectDefaults;
use landfall_job::{FieldError, JobSpec};
use landfall_kafka::{
    ClusterClient, CommitOffset, Connection, EmbeddedKafka, GroupOffset, GroupProtocol, TopicPartition,
};
use landfall_s3::embedded::{LocalStore, MemoryMedium};
use landfall_s3::{FaultPlan, FaultyStore, SystemTimer};
use landfall_store::{HeartbeatStore, JobStore, LogStore, ScalingStore, StateLocation};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use serde_json::Value;
use tower::ServiceExt;

use crate::auth::Authenticator;
use crate::health::HealthState;
use crate::ports::{Cluster, JobRules, KafkaCluster, SystemEnvironment};
use crate::readiness::StateBucketReadiness;
use crate::state::{ApiParts, ApiState, Limits};

pub(super) type Faulty = FaultyStore<LocalStore<MemoryMedium>>;

/// Everything an API process talks to.
pub(super) struct World {
    pub(super) kafka: EmbeddedKafka,
    pub(super) store: Faulty,
}

/// The rules of a configuration, as the processes of a fleet have them.
#[derive(Debug)]
pub(super) struct Rules(FleetConfig);

impl Rules {
    /// Of a fleet with the cluster `main` and these buckets, as `lake: {}`.
    pub(super) fn with_buckets(buckets: &str) -> Arc<Self> {
        let text = format!(
            "state: {{bucket: lake}}\nbuckets: {{{buckets}}}\nclusters: {{main: {{bootstrap_servers: 'k:9092'}}}}"
        );
        Arc::new(Self(configuration(&text)))
    }
}

/// A configuration without variables, files and secrets.
pub(super) fn configuration(text: &str) -> FleetConfig {
    let outside = Outside {
        variables: Vec::new(),
        variable: &|_| None,
        file: &|_| Err(std::io::ErrorKind::NotFound.into()),
        secret: &|_| Err("none here".to_owned()),
    };
    FleetConfig::parse(text, &outside).unwrap()
}

impl JobRules for Rules {
    fn mistakes(&self, spec: &JobSpec) -> Vec<FieldError> {
        self.0.check_job(spec).err().map(|errors| errors.0).unwrap_or_default()
    }
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) json: Value,
    pub(super) text: String,
}

impl World {
    /// One cluster `main` with the topic `bids` of 3 partitions, one bucket `lake`.
    pub(super) fn new() -> Self {
        let kafka = EmbeddedKafka::start(1).unwrap();
        kafka.create_topic("bids", 3).unwrap();
        Self { kafka, store: FaultyStore::new(LocalStore::memory(&["lake", "other"]), FaultPlan::none()) }
    }

    pub(super) fn client(&self) -> ClusterClient {
        let connection = Connection {
            bootstrap: self.kafka.bootstrap_servers().unwrap(),
            properties: BTreeMap::new(),
            client_id: "api-test".into(),
            group_protocol: GroupProtocol::Classic,
            tokens: None,
        };
        ClusterClient::new(&connection, Duration::from_secs(5)).unwrap()
    }

    pub(super) fn location() -> StateLocation {
        StateLocation::new("lake", "_landfall/")
    }

    pub(super) fn jobs(&self) -> JobStore {
        JobStore::new(Arc::new(self.store.clone()), Self::location(), Arc::new(SystemTimer))
    }

    pub(super) fn heartbeats(&self) -> HeartbeatStore {
        HeartbeatStore::new(Arc::new(self.store.clone()), Self::location())
    }

    pub(super) fn parts(&self) -> ApiParts {
        let store: landfall_s3::SharedStore = Arc::new(self.store.clone());
        let cluster: Arc<dyn Cluster> = Arc::new(KafkaCluster::new(Arc::new(self.client())));
        let readiness = StateBucketReadiness::new(Arc::clone(&store), Self::location());
        ApiParts {
            jobs: self.jobs(),
            heartbeats: self.heartbeats(),
            logs: LogStore::new(Arc::clone(&store), Self::location(), Arc::new(SystemTimer), "api-test".into()),
            scaling: ScalingStore::new(Arc::clone(&store), Self::location()),
            buckets: store,
            rules: Rules::with_buckets("lake: {}, nowhere: {}"),
            clusters: BTreeMap::from([("main".to_owned(), cluster)]),
            auth: Authenticator::none(),
            environment: Arc::new(SystemEnvironment),
            health: HealthState::new("1.2.3", Arc::new(readiness), None),
            limits: Limits::default(),
            connect: ConnectDefaults {
                cluster: "main".into(),
                pool: "shared".into(),
                team: "default".into(),
                endpoint: None,
            },
            upload_lifetime_ms: None,
        }
    }

    pub(super) fn api(&self) -> Router {
        crate::router(ApiState::new(self.parts()))
    }

    /// Produces `count` records to a partition of a topic.
    pub(super) fn produce(&self, topic: &str, partition: i32, count: usize) {
        let producer: ThreadedProducer<DefaultProducerContext> =
            ClientConfig::new().set("bootstrap.servers", self.kafka.bootstrap_servers().unwrap()).create().unwrap();
        for _ in 0..count {
            producer
                .send(BaseRecord::<[u8], [u8]>::to(topic).partition(partition).payload(b"{}"))
                .map_err(|(e, _)| e)
                .unwrap();
        }
        producer.flush(Duration::from_secs(10)).unwrap();
    }

    /// What a group has committed for the three partitions of `bids`.
    pub(super) fn committed(&self, group: &str) -> Vec<GroupOffset> {
        let partitions: Vec<_> = (0..3).map(|partition| TopicPartition { topic: "bids".into(), partition }).collect();
        self.client().committed(group, &partitions).unwrap()
    }

    pub(super) fn commit(&self, group: &str, topic: &str, partition: i32, offset: i64, metadata: &str) {
        let partition = TopicPartition { topic: topic.into(), partition };
        self.client().commit(group, &[CommitOffset { partition, offset, metadata: metadata.into() }]).unwrap();
    }
}

/// One request; headers as `name: value`.
pub(super) async fn call(api: &Router, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let response = api.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(to_bytes(body, 16 << 20).await.unwrap().to_vec()).unwrap();
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status: parts.status, headers: parts.headers, json, text }
}

pub(super) const JSON: &str = "content-type: application/json";

pub(super) fn job(name: &str) -> String {
    job_with(name, "")
}

/// The smallest job with more in its source: `,"start":"latest"`.
pub(super) fn job_with(name: &str, source: &str) -> String {
    format!(r#"{{"name":"{name}","source":{{"cluster":"main","topics":["bids"]{source}}},"sink":{{"bucket":"lake"}}}}"#)
}

pub(super) async fn create(api: &Router, body: &str) -> Answer {
    call(api, "POST", "/v1/jobs", &[JSON], body).await
}

impl Answer {
    #[track_caller]
    pub(super) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn errors(&self) -> Vec<(String, String)> {
        let field = |error: &Value, name: &str| error[name].as_str().unwrap_or_default().to_owned();
        let errors = self.json["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|e| (field(e, "field"), format!("{}; {}", field(e, "problem"), field(e, "fix")))).collect()
    }
}
