//! Where Kafka and S3 are: by flags, or by the variables that `tests/parts` exports.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use landfall_kafka::{ClusterClient, Connection, GroupProtocol, Isolation, TopicPartition, Topics};
use landfall_s3::{AwsSettings, AwsStore, MeteredStore, RetryPolicy, RetryingStore, SharedStore};
use rdkafka::ClientConfig;

pub const BUCKET: &str = "landfall-bench";
const KAFKA_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Args)]
pub struct Place {
    /// host:port of a Kafka broker
    #[arg(long, global = true, env = "LANDFALL_TEST_KAFKA_BOOTSTRAP", default_value = "127.0.0.1:9092")]
    pub bootstrap: String,
    /// URL of an S3 server; needed where objects land
    #[arg(long, global = true, env = "LANDFALL_TEST_S3_ENDPOINT", default_value = "http://127.0.0.1:9000")]
    pub endpoint: String,
    #[arg(long, global = true, env = "LANDFALL_TEST_S3_ACCESS_KEY", default_value = "landfall-test")]
    pub access_key: String,
    #[arg(
        long,
        global = true,
        env = "LANDFALL_TEST_S3_SECRET_KEY",
        default_value = "landfall-test-secret",
        hide_env_values = true
    )]
    pub secret_key: String,
}

/// A topic as it is now.
#[derive(Debug)]
pub struct Topic {
    pub id: Option<String>,
    /// First (inclusive) and end (exclusive) offset of each partition.
    pub partitions: Vec<(TopicPartition, i64, i64)>,
}

impl Topic {
    #[must_use]
    pub fn records(&self) -> u64 {
        self.partitions.iter().filter_map(|(_, start, end)| u64::try_from(end - start).ok()).sum()
    }
}

impl Place {
    /// What a child needs to find the same place.
    pub fn environment(&self) -> [(&'static str, &str); 4] {
        [
            ("LANDFALL_TEST_KAFKA_BOOTSTRAP", &self.bootstrap),
            ("LANDFALL_TEST_S3_ENDPOINT", &self.endpoint),
            ("LANDFALL_TEST_S3_ACCESS_KEY", &self.access_key),
            ("LANDFALL_TEST_S3_SECRET_KEY", &self.secret_key),
        ]
    }

    pub fn connection(&self) -> Connection {
        Connection {
            bootstrap: self.bootstrap.clone(),
            properties: BTreeMap::new(),
            client_id: "landfall-bench".to_owned(),
            group_protocol: GroupProtocol::Classic,
            tokens: None,
        }
    }

    pub fn client_config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("client.id", "landfall-bench");
        config
    }

    pub fn cluster(&self) -> anyhow::Result<ClusterClient> {
        ClusterClient::new(&self.connection(), KAFKA_TIMEOUT)
            .with_context(|| format!("kafka at {} cannot be used", self.bootstrap))
    }

    pub fn topic(&self, name: &str) -> anyhow::Result<Topic> {
        let cluster = self.cluster()?;
        let topics = cluster.topics(&Topics::Names(vec![name.to_owned()]))?;
        let described = topics.get(name).with_context(|| format!("kafka has no topic {name}"))?;
        let partitions: Vec<TopicPartition> =
            described.partitions.iter().map(|p| TopicPartition { topic: name.into(), partition: *p }).collect();
        let marks = cluster.watermarks(&partitions, Isolation::ReadCommitted)?;
        let partitions = marks.into_iter().map(|(partition, marks)| (partition, marks.start, marks.end)).collect();
        Ok(Topic { id: described.id.clone(), partitions })
    }

    async fn s3(&self) -> anyhow::Result<AwsStore> {
        let settings = AwsSettings::local(&self.endpoint, &self.access_key, &self.secret_key);
        Ok(AwsStore::connect(settings).await?)
    }

    /// The store as a worker has it: every attempt counted, plain calls retried. Creates the bucket.
    pub async fn counted_store(&self) -> anyhow::Result<SharedStore> {
        let store = self.s3().await?;
        store.ensure_bucket(BUCKET).await.with_context(|| format!("s3 at {} cannot be used", self.endpoint))?;
        Ok(Arc::new(RetryingStore::new(MeteredStore::new(store), RetryPolicy::default())))
    }

    /// For what the stage itself asks: its requests are no cost of the worker.
    pub async fn own_store(&self) -> anyhow::Result<SharedStore> {
        Ok(Arc::new(RetryingStore::new(self.s3().await?, RetryPolicy::default())))
    }
}
