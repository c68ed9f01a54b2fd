//! What the API asks of the outside world, as small traits: a Kafka cluster without joining a group, the operator's
//! rules, and the clock and ids of new jobs. The object store is `landfall_s3::Store`. Offsets are as in Kafka; ends and commits are
//! exclusive.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use landfall_job::{FieldError, JobSpec};
use landfall_kafka::{
    ClusterClient, ClusterError, CommitOffset, GroupOffset, Isolation, NewTopicSpec, TopicDescription, TopicPartition,
    Topics, Watermarks,
};

/// One registered cluster. Every call is bounded in time by the adapter.
#[async_trait]
pub trait Cluster: Send + Sync + std::fmt::Debug {
    /// The cluster's own id, if it has one.
    async fn cluster_id(&self) -> Result<Option<String>, ClusterError>;
    /// Those of the topics that exist, by name.
    async fn topics(&self, topics: Topics) -> Result<BTreeMap<String, TopicDescription>, ClusterError>;
    /// First offset and end of each partition, as a reader of this isolation sees them.
    async fn watermarks(
        &self,
        partitions: Vec<TopicPartition>,
        isolation: Isolation,
    ) -> Result<Vec<(TopicPartition, Watermarks)>, ClusterError>;
    /// The first offset whose record is at or after this time; none where all that this isolation shows are older.
    async fn offsets_at(
        &self,
        partitions: Vec<TopicPartition>,
        timestamp_ms: i64,
        isolation: Isolation,
    ) -> Result<Vec<(TopicPartition, Option<i64>)>, ClusterError>;
    /// What the group has committed; partitions without a commit are left out.
    async fn committed(&self, group: &str, partitions: Vec<TopicPartition>) -> Result<Vec<GroupOffset>, ClusterError>;
    /// Commits for a group that has no members.
    async fn commit(&self, group: &str, offsets: Vec<CommitOffset>) -> Result<(), ClusterError>;
    async fn create_topic(&self, topic: NewTopicSpec) -> Result<(), ClusterError>;
}

/// The cluster behind librdkafka. Its calls block, so each runs on tokio's blocking threads.
#[derive(Debug, Clone)]
pub struct KafkaCluster {
    client: Arc<ClusterClient>,
}

impl KafkaCluster {
    #[must_use]
    pub fn new(client: Arc<ClusterClient>) -> Self {
        Self { client }
    }

    async fn ask<T: Send + 'static>(
        &self,
        request: &'static str,
        ask: impl FnOnce(&ClusterClient) -> Result<T, ClusterError> + Send + 'static,
    ) -> Result<T, ClusterError> {
        let client = Arc::clone(&self.client);
        tokio::task::spawn_blocking(move || ask(&client)).await.unwrap_or_else(|ended| {
            Err(ClusterError::Refused {
                request: request.to_owned(),
                code: "_FAIL".to_owned(),
                message: format!("the request ended early: {ended}"),
            })
        })
    }
}

#[async_trait]
impl Cluster for KafkaCluster {
    async fn cluster_id(&self) -> Result<Option<String>, ClusterError> {
        self.ask("cluster id", ClusterClient::cluster_id).await
    }

    async fn topics(&self, topics: Topics) -> Result<BTreeMap<String, TopicDescription>, ClusterError> {
        self.ask("topic description", move |client| client.topics(&topics)).await
    }

    async fn watermarks(
        &self,
        partitions: Vec<TopicPartition>,
        isolation: Isolation,
    ) -> Result<Vec<(TopicPartition, Watermarks)>, ClusterError> {
        self.ask("first and end offsets", move |client| client.watermarks(&partitions, isolation)).await
    }

    async fn offsets_at(
        &self,
        partitions: Vec<TopicPartition>,
        timestamp_ms: i64,
        isolation: Isolation,
    ) -> Result<Vec<(TopicPartition, Option<i64>)>, ClusterError> {
        let wanted: Vec<_> = partitions.into_iter().map(|partition| (partition, timestamp_ms)).collect();
        self.ask("offsets for a time", move |client| client.offsets_at(&wanted, isolation)).await
    }

    async fn committed(&self, group: &str, partitions: Vec<TopicPartition>) -> Result<Vec<GroupOffset>, ClusterError> {
        let group = group.to_owned();
        self.ask("offsets of a group", move |client| client.committed(&group, &partitions)).await
    }

    async fn commit(&self, group: &str, offsets: Vec<CommitOffset>) -> Result<(), ClusterError> {
        let group = group.to_owned();
        self.ask("commit of offsets", move |client| client.commit(&group, &offsets)).await
    }

    async fn create_topic(&self, topic: NewTopicSpec) -> Result<(), ClusterError> {
        self.ask("creation of a topic", move |client| client.create_topic(&topic)).await
    }
}

/// What the operator's configuration says of a job: whether what it names is registered, and whether it stays off the
/// fleet's own objects. Asked of every document, before anything outside is.
pub trait JobRules: Send + Sync + std::fmt::Debug {
    /// Every mistake; none: the job fits the fleet.
    fn mistakes(&self, spec: &JobSpec) -> Vec<FieldError>;
}

/// Time and chance of the control plane.
pub trait Environment: Send + Sync + std::fmt::Debug {
    fn now(&self) -> Timestamp;
    /// 128 random bits in hex.
    fn fresh_id(&self) -> String;
}

/// The machine's clock and generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEnvironment;

impl Environment for SystemEnvironment {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn fresh_id(&self) -> String {
        format!("{:032x}", rand::random::<u128>())
    }
}
