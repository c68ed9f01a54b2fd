//! Questions asked of a cluster outside any group: which topics there are and their ids; in `offsets` where partitions
//! begin and end, in `groups` what a group has committed, in `peek` the timestamps of single records. Every request is
//! bounded by the client's time limit; all methods block and belong on a blocking thread.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::executor::block_on;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::metadata::MetadataPartition;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::cluster_error::ClusterError;
use crate::connection::Connection;
use crate::context::Context;
use crate::error::kind_of;
use crate::events::{ListEntry, code_name};
use crate::native_admin::{self, NativeError};
use crate::sasl;
use crate::settings::{Isolation, SettingsError, Topics, check_topic_name};
use crate::source::{SourceErrorKind, TopicPartition};

pub(crate) type Client = Arc<BaseConsumer<Context>>;

/// Topics described in one request.
const DESCRIBE_CHUNK: usize = 500;
/// Some of librdkafka's requests want a client with a group; this one is never joined and never committed for.
pub(crate) const NO_GROUP: &str = "landfall-no-group";
/// How librdkafka's mock cluster names itself.
const MOCK_CLUSTER: &str = "mockCluster";
/// Log lines and errors taken in after a request; more wait for the next.
const DRAIN: usize = 64;

/// A client that asks one cluster.
pub struct ClusterClient {
    client: Client,
    /// Another client: librdkafka takes the isolation of an offset request from the client's configuration. Made when
    /// it is first wanted, as few jobs read what is not committed.
    uncommitted: Mutex<Option<Client>>,
    /// A client each of the groups that were asked last, the latest at the end; one that is at work is missing.
    pub(crate) group_clients: Mutex<Vec<(String, BaseConsumer<Context>)>>,
    context: Context,
    config: ClientConfig,
    bootstrap: String,
    timeout: Duration,
}

impl std::fmt::Debug for ClusterClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterClient").field("bootstrap", &self.bootstrap).finish_non_exhaustive()
    }
}

/// A topic that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    pub name: String,
    /// Changes when the topic is deleted and made again. `None` from a cluster that knows no topic ids, as the mock
    /// cluster.
    pub id: Option<String>,
    /// Rising partition numbers.
    pub partitions: Vec<i32>,
    /// Whether we may read and write it; `None` where the cluster does not say.
    pub may_read: Option<bool>,
    pub may_write: Option<bool>,
}

/// What a group has committed for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOffset {
    pub partition: TopicPartition,
    /// Exclusive: the next offset to read.
    pub offset: i64,
    pub metadata: String,
}

/// A topic to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopicSpec {
    pub name: String,
    pub partitions: i32,
    /// -1 is the cluster's default.
    pub replication: i32,
    /// Topic settings as `retention.ms`.
    pub config: BTreeMap<String, String>,
}

impl ClusterClient {
    /// Makes the client; nothing is sent yet. `timeout` bounds every request.
    ///
    /// # Errors
    /// The connection cannot be that of a client.
    pub fn new(connection: &Connection, timeout: Duration) -> Result<Self, ClusterError> {
        let context = Context::of(connection);
        let config = connection.admin_config(Isolation::ReadCommitted)?;
        let client = Arc::new(new_client(&config, NO_GROUP, &context)?);
        let bootstrap = connection.bootstrap.clone();
        let (uncommitted, group_clients) = (Mutex::default(), Mutex::default());
        Ok(Self { client, uncommitted, group_clients, context, config, bootstrap, timeout })
    }

    /// The cluster's id, `None` if it has none.
    ///
    /// # Errors
    /// No broker answers.
    pub fn cluster_id(&self) -> Result<Option<String>, ClusterError> {
        if let Some(id) = self.client().client().fetch_cluster_id(self.timeout) {
            return Ok(Some(id));
        }
        // No id, or no answer: metadata tells which.
        self.all_topic_names().map(|_| None)
    }

    /// The topics of a job that exist, by name. A name that does not exist is missing from the answer.
    ///
    /// # Errors
    /// See [`ClusterError`]; `Authorization` names the topic.
    pub fn topics(&self, topics: &Topics) -> Result<BTreeMap<String, TopicDescription>, ClusterError> {
        match topics {
            Topics::Names(names) => self.describe(names),
            Topics::Pattern(pattern) => {
                let names: Vec<_> = self.all_topic_names()?.into_iter().filter(|name| pattern.matches(name)).collect();
                self.describe(&names)
            }
        }
    }

    /// Describes topics by name. One that does not exist is missing from the answer.
    ///
    /// # Errors
    /// See [`ClusterError`]; `Authorization` names the topic.
    pub fn describe(&self, names: &[String]) -> Result<BTreeMap<String, TopicDescription>, ClusterError> {
        for name in names {
            check_topic_name(name)?;
        }
        let mut names = names.to_vec();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        if self.cluster_id()?.is_some_and(|id| id.starts_with(MOCK_CLUSTER)) {
            return self.describe_without_ids(&names);
        }
        let mut found = BTreeMap::new();
        for chunk in names.chunks(DESCRIBE_CHUNK) {
            let topics = native_admin::describe_topics(&self.client(), chunk, self.timeout);
            for topic in topics.map_err(|error| self.failed("topic description", error))? {
                match topic.error {
                    None => {
                        let description = TopicDescription {
                            name: topic.name,
                            id: topic.id,
                            partitions: topic.partitions,
                            may_read: topic.may_read,
                            may_write: topic.may_write,
                        };
                        found.insert(description.name.clone(), description);
                    }
                    Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {}
                    Some(code) => {
                        return Err(
                            self.failed(&format!("description of topic {}", topic.name), (code, code.to_string()))
                        );
                    }
                }
            }
        }
        Ok(found)
    }

    /// Makes a topic and waits until the cluster has it.
    ///
    /// # Errors
    /// [`ClusterError::TopicExists`], or see [`ClusterError`].
    pub fn create_topic(&self, spec: &NewTopicSpec) -> Result<(), ClusterError> {
        check_topic_name(&spec.name)?;
        let request = format!("creation of topic {}", spec.name);
        let admin: AdminClient<Context> =
            self.config.create_with_context(self.context.clone()).map_err(SettingsError::from_kafka)?;
        sasl::give_token(admin.inner().native_ptr(), &self.context);
        let mut topic = NewTopic::new(&spec.name, spec.partitions, TopicReplication::Fixed(spec.replication));
        for (key, value) in &spec.config {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().request_timeout(Some(self.timeout)).operation_timeout(Some(self.timeout));
        let answer = block_on(admin.create_topics([&topic], &options));
        let results = answer.map_err(|error| self.failed_kafka(&request, &error))?;
        match results.into_iter().next() {
            Some(Ok(_)) => Ok(()),
            Some(Err((topic, Code::TopicAlreadyExists))) => Err(ClusterError::TopicExists { topic }),
            Some(Err((_, code))) => Err(self.failed(&request, (code, code.to_string()))),
            None => Err(self.failed(&request, (Code::Fail, "empty answer".to_owned()))),
        }
    }

    /// The mock cluster has no controller, which answers descriptions; metadata comes from any broker.
    fn describe_without_ids(&self, names: &[String]) -> Result<BTreeMap<String, TopicDescription>, ClusterError> {
        let metadata = self.client().fetch_metadata(None, self.timeout);
        let metadata = metadata.map_err(|error| self.failed_kafka("topic description", &error))?;
        let mut found = BTreeMap::new();
        for topic in metadata.topics().iter().filter(|topic| topic.error().is_none()) {
            let name = topic.name().to_owned();
            if names.binary_search(&name).is_ok() {
                let mut partitions: Vec<i32> = topic.partitions().iter().map(MetadataPartition::id).collect();
                partitions.sort_unstable();
                let description =
                    TopicDescription { name: name.clone(), id: None, partitions, may_read: None, may_write: None };
                found.insert(name, description);
            }
        }
        Ok(found)
    }

    pub(crate) fn config(&self) -> &ClientConfig {
        &self.config
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    fn all_topic_names(&self) -> Result<Vec<String>, ClusterError> {
        let metadata = self.client().fetch_metadata(None, self.timeout);
        let metadata = metadata.map_err(|error| self.failed_kafka("list of topics", &error))?;
        self.drain();
        Ok(metadata.topics().iter().map(|topic| topic.name().to_owned()).collect())
    }

    pub(crate) fn check(&self, entry: ListEntry, request: &str) -> Result<ListEntry, ClusterError> {
        match entry.error {
            None => Ok(entry),
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => {
                Err(ClusterError::UnknownTopic { topic: entry.topic })
            }
            Some(code) => {
                let place = format!("{request}, topic {} partition {}", entry.topic, entry.partition);
                Err(self.failed(&place, (code, code.to_string())))
            }
        }
    }

    pub(crate) fn failed_kafka(&self, request: &str, error: &KafkaError) -> ClusterError {
        let code = match error {
            KafkaError::AdminOp(code) => Some(*code),
            other => other.rdkafka_error_code(),
        };
        self.failed(request, (code.unwrap_or(Code::Fail), error.to_string()))
    }

    /// Names the failure; a mere time-out takes the reason from what the client said meanwhile.
    pub(crate) fn failed(&self, request: &str, (code, message): NativeError) -> ClusterError {
        self.drain();
        let said = self.context.take_error();
        let refused = said.as_ref().filter(|(code, _)| kind_of(*code) == SourceErrorKind::Authentication);
        match kind_of(code) {
            SourceErrorKind::Authentication => {
                ClusterError::Authentication { bootstrap: self.bootstrap.clone(), message }
            }
            SourceErrorKind::Transient => match refused {
                Some((_, message)) => {
                    ClusterError::Authentication { bootstrap: self.bootstrap.clone(), message: message.clone() }
                }
                None => ClusterError::Unreachable {
                    bootstrap: self.bootstrap.clone(),
                    request: request.to_owned(),
                    timeout_ms: u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX),
                    message: said.map_or(message, |(_, reason)| reason),
                },
            },
            SourceErrorKind::Authorization => ClusterError::Authorization { request: request.to_owned(), message },
            _ => ClusterError::Refused { request: request.to_owned(), code: code_name(code), message },
        }
    }

    /// Takes in what the clients have to say, so that it does not pile up and their errors are known.
    pub(crate) fn drain(&self) {
        let uncommitted = self.uncommitted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for client in uncommitted.iter().chain([&self.client]) {
            drain(client);
        }
    }

    pub(crate) fn client_of_group(&self, group: &str) -> Result<BaseConsumer<Context>, SettingsError> {
        let mut config = self.config.clone();
        // It never joins; librdkafka keeps a commit for so long while the coordinator is away.
        let timeout_ms = self.timeout.as_millis().clamp(1_000, 60_000);
        config.set("session.timeout.ms", timeout_ms.to_string());
        new_client(&config, group, &self.context)
    }

    /// The client that sees offsets as a reader of this isolation does.
    pub(crate) fn reader(&self, isolation: Isolation) -> Result<Client, SettingsError> {
        if isolation == Isolation::ReadCommitted {
            return Ok(self.client());
        }
        let mut made = self.uncommitted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = made.as_ref() {
            sasl::sign_in(client);
            return Ok(Arc::clone(client));
        }
        let mut config = self.config.clone();
        config.set("isolation.level", isolation.level());
        Ok(Arc::clone(made.insert(Arc::new(new_client(&config, NO_GROUP, &self.context)?))))
    }

    /// Signed in by a token that has not run out: nobody may have polled it for longer than a token lives.
    pub(crate) fn client(&self) -> Client {
        sasl::sign_in(&self.client);
        Arc::clone(&self.client)
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }
}

/// Takes in what a client has to say; errors reach its context as well, and nothing is consumed here.
pub(crate) fn drain(client: &BaseConsumer<Context>) {
    for _ in 0..DRAIN {
        let _ = client.poll(Duration::ZERO);
    }
}

fn new_client(config: &ClientConfig, group: &str, context: &Context) -> Result<BaseConsumer<Context>, SettingsError> {
    let mut config = config.clone();
    config.set("group.id", group).set("enable.auto.commit", "false");
    sasl::consumer(&config, context.clone())
}

pub(crate) fn list_of<'a>(
    partitions: impl Iterator<Item = (&'a TopicPartition, Offset)>,
) -> Result<TopicPartitionList, ClusterError> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in partitions {
        check_topic_name(&partition.topic)?;
        let mut element = list.add_partition(&partition.topic, partition.partition);
        element.set_offset(offset).map_err(|error| ClusterError::Refused {
            request: "offset request".to_owned(),
            code: "_INVALID_ARG".to_owned(),
            message: error.to_string(),
        })?;
    }
    Ok(list)
}
