//! An embedded Kafka for `landfall dev` and tests: librdkafka's mock cluster, reached like any other through a port
//! on loopback. It keeps 5 MB or 100,000 records a partition and then drops the oldest, forgets everything when it
//! is dropped, shows aborted transactions, and knows no admin requests that create topics.

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;

use crate::context::Context;
use crate::settings::{SettingsError, check_topic_name};

/// The running cluster; it ends when this is dropped.
pub struct EmbeddedKafka {
    owner: BaseConsumer<Context>,
}

impl std::fmt::Debug for EmbeddedKafka {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmbeddedKafka")
    }
}

/// Why the embedded cluster did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedKafkaError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("the embedded kafka cannot {request}: {source}")]
    Mock { request: String, source: KafkaError },
    #[error("the embedded kafka did not start")]
    NotStarted,
}

impl EmbeddedKafka {
    /// Starts `brokers` brokers on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// The client behind it cannot be made.
    pub fn start(brokers: u32) -> Result<Self, EmbeddedKafkaError> {
        let mut config = ClientConfig::new();
        config.set("test.mock.num.brokers", brokers.max(1).to_string()).set("client.id", "embedded-kafka");
        let owner = config.create_with_context(Context::new("embedded-kafka"));
        let embedded = Self { owner: owner.map_err(SettingsError::from_kafka)? };
        embedded.cluster()?;
        Ok(embedded)
    }

    /// What clients connect to.
    ///
    /// # Errors
    /// The cluster is not there.
    pub fn bootstrap_servers(&self) -> Result<String, EmbeddedKafkaError> {
        Ok(self.cluster()?.bootstrap_servers())
    }

    /// Makes a topic.
    ///
    /// # Errors
    /// The name is no topic name, or the topic is there already.
    pub fn create_topic(&self, name: &str, partitions: u32) -> Result<(), EmbeddedKafkaError> {
        check_topic_name(name)?;
        let partitions = i32::try_from(partitions.max(1)).unwrap_or(i32::MAX);
        let created = self.cluster()?.create_topic(name, partitions, 1);
        created.map_err(|source| EmbeddedKafkaError::Mock { request: format!("create topic {name}"), source })
    }

    /// Cuts every connection and accepts none, or accepts them again.
    ///
    /// # Errors
    /// The cluster is not there.
    pub fn set_reachable(&self, reachable: bool) -> Result<(), EmbeddedKafkaError> {
        let cluster = self.cluster()?;
        let done = if reachable { cluster.broker_up(-1) } else { cluster.broker_down(-1) };
        done.map_err(|source| EmbeddedKafkaError::Mock { request: "change its reach".to_owned(), source })
    }

    fn cluster(&self) -> Result<MockCluster<'_, Context>, EmbeddedKafkaError> {
        self.owner.client().mock_cluster().ok_or(EmbeddedKafkaError::NotStarted)
    }
}
