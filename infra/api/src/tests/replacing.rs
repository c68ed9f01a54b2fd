//! What a replacement makes in Kafka: a dead-letter topic as wide as the job's topics, and only where it takes effect.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use landfall_kafka::{
    ClusterError, CommitOffset, GroupOffset, Isolation, NewTopicSpec, TopicDescription, TopicPartition, Topics,
    Watermarks,
};
use serde_json::{Value, json};

use super::{JSON, World, call, create, job};
use crate::ports::{Cluster, KafkaCluster};
use crate::state::ApiState;

/// A cluster that notes which topics it was asked for and makes none; nobody may write to `sealed`.
#[derive(Debug)]
struct Noting {
    inner: KafkaCluster,
    made: Arc<Mutex<Vec<NewTopicSpec>>>,
}

#[async_trait]
impl Cluster for Noting {
    async fn cluster_id(&self) -> Result<Option<String>, ClusterError> {
        self.inner.cluster_id().await
    }

    async fn topics(&self, topics: Topics) -> Result<BTreeMap<String, TopicDescription>, ClusterError> {
        let mut found = self.inner.topics(topics).await?;
        if let Some(sealed) = found.get_mut("sealed") {
            sealed.may_write = Some(false);
        }
        Ok(found)
    }

    async fn watermarks(
        &self,
        partitions: Vec<TopicPartition>,
        isolation: Isolation,
    ) -> Result<Vec<(TopicPartition, Watermarks)>, ClusterError> {
        self.inner.watermarks(partitions, isolation).await
    }

    async fn offsets_at(
        &self,
        partitions: Vec<TopicPartition>,
        timestamp_ms: i64,
        isolation: Isolation,
    ) -> Result<Vec<(TopicPartition, Option<i64>)>, ClusterError> {
        self.inner.offsets_at(partitions, timestamp_ms, isolation).await
    }

    async fn committed(&self, group: &str, partitions: Vec<TopicPartition>) -> Result<Vec<GroupOffset>, ClusterError> {
        self.inner.committed(group, partitions).await
    }

    async fn commit(&self, group: &str, offsets: Vec<CommitOffset>) -> Result<(), ClusterError> {
        self.inner.commit(group, offsets).await
    }

    async fn create_topic(&self, topic: NewTopicSpec) -> Result<(), ClusterError> {
        self.made.lock().unwrap().push(topic);
        Ok(())
    }
}

struct Noted {
    api: Router,
    made: Arc<Mutex<Vec<NewTopicSpec>>>,
}

impl Noted {
    fn over(world: &World) -> Self {
        let made = Arc::new(Mutex::new(Vec::new()));
        let cluster = Noting { inner: KafkaCluster::new(Arc::new(world.client())), made: Arc::clone(&made) };
        let mut parts = world.parts();
        parts.clusters = BTreeMap::from([("main".to_owned(), Arc::new(cluster) as Arc<dyn Cluster>)]);
        Self { api: crate::router(ApiState::new(parts)), made }
    }

    /// Name and partitions of the topics that were made since the last look.
    fn made(&self) -> Vec<(String, i32)> {
        self.made.lock().unwrap().drain(..).map(|topic| (topic.name, topic.partitions)).collect()
    }
}

fn with_letters(topic: &str) -> Value {
    let mut document: Value = serde_json::from_str(&job("bids")).unwrap();
    document["dead_letter"] = json!({"topic": topic, "create": true});
    document
}

#[tokio::test]
async fn a_dead_letter_topic_is_made_as_wide_as_the_topics_it_serves() {
    let world = World::new();
    world.kafka.create_topic("wide", 7).unwrap();
    let noted = Noted::over(&world);
    create(&noted.api, &with_letters("first").to_string()).await.expect(201);
    assert_eq!(noted.made(), [("first".to_owned(), 3)]);
    let body = with_letters("second").to_string();
    call(&noted.api, "PUT", "/v1/jobs/bids", &[JSON], &body).await.expect(200);
    assert_eq!(noted.made(), [("second".to_owned(), 3)]);
    let patch = r#"{"source": {"topics": ["bids", "wide"]}, "dead_letter": {"topic": "third"}}"#;
    let merge = "content-type: application/merge-patch+json";
    call(&noted.api, "PATCH", "/v1/jobs/bids", &[merge], patch).await.expect(200);
    assert_eq!(noted.made(), [("third".to_owned(), 7)]);
}

#[tokio::test]
async fn a_replacement_of_another_record_makes_no_topic() {
    let world = World::new();
    let noted = Noted::over(&world);
    create(&noted.api, &job("bids")).await.expect(201);
    let body = with_letters("letters").to_string();
    call(&noted.api, "PUT", "/v1/jobs/bids", &[JSON, "if-match: \"old\""], &body).await.expect(412);
    let merge = "content-type: application/merge-patch+json";
    call(&noted.api, "PATCH", "/v1/jobs/bids", &[merge, "if-match: \"old\""], &body).await.expect(412);
    assert_eq!(noted.made(), []);
}

#[tokio::test]
async fn a_dead_letter_topic_that_may_not_be_written_is_refused_by_its_field() {
    let world = World::new();
    world.kafka.create_topic("sealed", 1).unwrap();
    let noted = Noted::over(&world);
    let errors = create(&noted.api, &with_letters("sealed").to_string()).await.expect(422).errors();
    let [(field, told)] = errors.as_slice() else { panic!("{errors:?}") };
    assert_eq!(field, "dead_letter.topic");
    assert!(told.contains("may not be written on cluster main; ask the operator to grant write"), "{told}");
}
