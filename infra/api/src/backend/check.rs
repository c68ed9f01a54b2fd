//! A valid document against the operator's rules and the real parts: are cluster, topics, group, bucket and dead-letter
//! topic what the job takes them for? All mistakes at once, within one bound on time; nothing is changed except what
//! the bucket's probe writes and removes.

use std::sync::Arc;
use std::time::Duration;

use landfall_job::{FieldError, JobSpec};
use landfall_kafka::{ClusterError, NewTopicSpec, TopicPartition, Topics};
use landfall_store::{End, JobRecord, Origin};
use tokio::time::Instant;

use super::resolve::{self, Moment};
use super::{BackendError, bucket};
use crate::ports::Cluster;
use crate::state::ApiState;

/// What a dead-letter topic that is made here takes, the most that the letter writer sends: a record may be set aside
/// because it is large.
const LETTER_BYTES: u32 = 64 << 20;

/// What a job would begin with, or what a change of it adds.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Plan {
    pub(crate) origins: Vec<Origin>,
    pub(crate) ends: Option<Vec<End>>,
    /// Partitions whose commit is another consumer's and ahead of their start (inclusive): to be put back to it.
    pub(crate) ahead: Vec<(TopicPartition, i64)>,
    /// To be made before the job begins.
    pub(crate) dead_letter_topic: Option<NewTopicSpec>,
    /// What the user should know although the job is accepted.
    pub(crate) warnings: Vec<String>,
}

impl Plan {
    /// Gives a record, before it takes the new document, the origins and ends of the topics that this one adds. Those
    /// it has stay: somebody may have added the same topic meanwhile, and a worker may have begun there.
    pub(crate) fn add_to(&self, record: &mut JobRecord) {
        let before = record.spec.source.topics.clone();
        record.origins.extend(self.origins.iter().filter(|origin| !before.contains(&origin.topic)).cloned());
        if let Some(ends) = &mut record.ends {
            ends.extend(self.ends.iter().flatten().filter(|end| !before.contains(&end.topic)).cloned());
        }
    }
}

/// Gathers mistakes until the deadline.
#[derive(Debug)]
pub(crate) struct Checks {
    deadline: Instant,
    limit: Duration,
    pub(crate) errors: Vec<FieldError>,
    pub(crate) warnings: Vec<String>,
}

impl Checks {
    /// Begins with what the operator's rules find.
    fn by_rules(state: &ApiState, spec: &JobSpec) -> Self {
        let limit = state.limits.checks;
        let errors = state.rules.mistakes(spec);
        Self { deadline: Instant::now() + limit, limit, errors, warnings: Vec::new() }
    }

    /// For what is asked at the same time.
    fn beside(&self) -> Self {
        Self { deadline: self.deadline, limit: self.limit, errors: Vec::new(), warnings: Vec::new() }
    }

    /// The answer, or the name of what did not give one in time.
    pub(crate) async fn in_time<T>(&self, what: &str, answer: impl Future<Output = T>) -> Result<T, BackendError> {
        tokio::time::timeout_at(self.deadline, answer)
            .await
            .map_err(|_| BackendError::CheckTimedOut { what: what.to_owned(), limit: self.limit })
    }

    /// Asks Kafka. A cluster out of reach ends the checks; a refusal is a mistake of `field`, and `None` comes back.
    pub(crate) async fn kafka<T>(
        &mut self,
        cluster: &str,
        field: &str,
        answer: impl Future<Output = Result<T, ClusterError>>,
    ) -> Result<Option<T>, BackendError> {
        let what = format!("kafka cluster {cluster}");
        match self.in_time(&what, answer).await? {
            Ok(answer) => Ok(Some(answer)),
            Err(error @ ClusterError::Unreachable { .. }) => {
                Err(BackendError::Unavailable { what, message: error.to_string() })
            }
            Err(error) => {
                let fix = match &error {
                    ClusterError::Authorization { .. } => "ask the operator to grant it to the cluster's user",
                    ClusterError::Authentication { .. } => "ask the operator to mend the cluster's credentials",
                    _ => "",
                };
                self.errors.push(FieldError::new(field, format!("was refused: {error}"), fix));
                Ok(None)
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.errors.extend(other.errors);
        self.warnings.extend(other.warnings);
    }
}

/// Checks a new job. Cluster and bucket are asked at the same time.
/// `connector`: a group that has committed nothing is none to go on from, and no mistake.
pub(crate) async fn new_job(state: &ApiState, spec: &JobSpec, connector: bool) -> Result<Plan, BackendError> {
    let mut checks = Checks::by_rules(state, spec);
    let mut bucket_checks = checks.beside();
    // The probe writes into the job's folder: where the rules keep the job out, it writes nothing.
    let allowed = !checks.errors.iter().any(|error| error.field.starts_with("sink."));
    resolve::check_times(&mut checks, spec, state.environment.now());
    let cluster = registered(state, &mut checks, "source.cluster", &spec.source.cluster);
    let kafka = async {
        let mut plan = Plan::default();
        if let Some(cluster) = &cluster
            && let Some(topics) = resolve::topics(&mut checks, cluster.as_ref(), spec).await?
        {
            let moment = Moment::Creation { connector };
            plan = resolve::resolve(&mut checks, cluster.as_ref(), spec, &topics, moment).await?;
        }
        let width = width(plan.origins.iter().map(|origin| origin.partition));
        plan.dead_letter_topic = dead_letter_topic(state, &mut checks, spec, width).await?;
        Ok::<_, BackendError>(plan)
    };
    let bucket = async { if allowed { bucket::check(state, &mut bucket_checks, spec).await } else { Ok(()) } };
    let (plan, bucket) = tokio::join!(kafka, bucket);
    let mut plan = match plan {
        // What is wrong with the bucket is told all the same.
        Err(BackendError::Unavailable { what, message }) if !bucket_checks.errors.is_empty() => {
            let problem = format!("could not be checked: {what} gave no answer: {message}");
            checks.errors.push(FieldError::new("source.cluster", problem, "try again"));
            Plan::default()
        }
        plan => plan?,
    };
    bucket?;
    checks.merge(bucket_checks);
    // Before the others: what they say of the group is no news then.
    let taken = checks.in_time("the state bucket", group_taken(state, spec)).await??;
    checks.errors.splice(0..0, taken);
    if !checks.errors.is_empty() {
        return Err(BackendError::CheckFailed(checks.errors));
    }
    plan.warnings = checks.warnings;
    Ok(plan)
}

/// Two jobs in one group would take partitions from each other, and each would land only some of them. Of two that are
/// created at the same moment neither sees the other.
async fn group_taken(state: &ApiState, spec: &JobSpec) -> Result<Option<FieldError>, BackendError> {
    let group = spec.group_id();
    let same = |other: &JobSpec| {
        other.name != spec.name && other.source.cluster == spec.source.cluster && other.group_id() == group
    };
    let jobs = state.snapshots().jobs(state, Duration::ZERO).await?;
    // Whose it is is another team's business.
    let taken = jobs.living.values().any(|stored| same(&stored.record.spec));
    Ok(taken.then(|| {
        let problem = "is the group of another job, which would lose partitions to this one";
        FieldError::new("source.group", problem, "name another, or leave it out").with_value(format!("{group:?}"))
    }))
}

/// Checks what may change in a job that exists: its topics and where its dead letters go. The plan is for topics that
/// the job's document does not have yet.
pub(crate) async fn changed_job(state: &ApiState, record: &JobRecord, spec: &JobSpec) -> Result<Plan, BackendError> {
    let mut checks = Checks::by_rules(state, spec);
    let mut plan = Plan::default();
    let mut topics = None;
    if let Some(cluster) = registered(state, &mut checks, "source.cluster", &spec.source.cluster) {
        topics = resolve::topics(&mut checks, cluster.as_ref(), spec).await?;
        let mut added = topics.clone().unwrap_or_default();
        added.retain(|name, _| !record.spec.source.topics.contains(name));
        if !added.is_empty() {
            let moment = Moment::Addition { bounded: record.ends.is_some() };
            plan = resolve::resolve(&mut checks, cluster.as_ref(), spec, &added, moment).await?;
        }
    }
    let partitions = topics.iter().flatten().flat_map(|(_, topic)| topic.partitions.iter().copied());
    plan.dead_letter_topic = dead_letter_topic(state, &mut checks, spec, width(partitions)).await?;
    if !checks.errors.is_empty() {
        return Err(BackendError::CheckFailed(checks.errors));
    }
    plan.warnings = checks.warnings;
    Ok(plan)
}

/// The rules have told already of a cluster that is not registered.
fn registered(state: &ApiState, checks: &mut Checks, field: &str, name: &str) -> Option<Arc<dyn Cluster>> {
    let found = state.clusters.get(name).map(Arc::clone);
    if found.is_none() && !checks.errors.iter().any(|error| error.field == field) {
        let mistake = FieldError::new(field, "is not known to this API", "ask the operator to restart it");
        checks.errors.push(mistake.with_value(format!("{name:?}")));
    }
    found
}

/// How many partitions a topic needs to have each of these.
fn width(partitions: impl Iterator<Item = i32>) -> i32 {
    partitions.map(|partition| partition.saturating_add(1)).max().unwrap_or(1)
}

/// The dead-letter topic must exist and be writable, or may be made with `width` partitions.
async fn dead_letter_topic(
    state: &ApiState,
    checks: &mut Checks,
    spec: &JobSpec,
    width: i32,
) -> Result<Option<NewTopicSpec>, BackendError> {
    let letters = &spec.dead_letter;
    let Some(topic) = &letters.topic else { return Ok(None) };
    let same_cluster = letters.cluster == spec.source.cluster;
    let cluster = match state.clusters.get(&letters.cluster).map(Arc::clone) {
        Some(cluster) => cluster,
        // Told once already, as the source's.
        None if same_cluster => return Ok(None),
        None => {
            registered(state, checks, "dead_letter.cluster", &letters.cluster);
            return Ok(None);
        }
    };
    let field = "dead_letter.topic";
    let shown = format!("{topic:?}");
    if same_cluster && spec.source.topics.contains(topic) {
        let fix = "name a topic that the job does not read, else it reads its own dead letters";
        checks.errors.push(FieldError::new(field, "is a topic of the job's source", fix).with_value(shown));
        return Ok(None);
    }
    let asked = cluster.topics(Topics::Names(vec![topic.clone()]));
    let Some(found) = checks.kafka(&letters.cluster, field, asked).await? else { return Ok(None) };
    match found.get(topic) {
        Some(there) => {
            if there.may_write == Some(false) {
                let problem = format!("may not be written on cluster {}", letters.cluster);
                let fix = "ask the operator to grant write on it, or name another topic";
                checks.errors.push(FieldError::new(field, problem, fix).with_value(shown));
            }
            Ok(None)
        }
        // The partition of a letter is kept where the topic has it.
        None if letters.create => Ok(Some(NewTopicSpec {
            name: topic.clone(),
            partitions: width,
            replication: -1,
            config: std::collections::BTreeMap::from([("max.message.bytes".to_owned(), LETTER_BYTES.to_string())]),
        })),
        None => {
            let problem = format!("does not exist on cluster {}", letters.cluster);
            let fix = "create the topic, or write dead_letter.create: true";
            checks.errors.push(FieldError::new(field, problem, fix).with_value(shown));
            Ok(None)
        }
    }
}
