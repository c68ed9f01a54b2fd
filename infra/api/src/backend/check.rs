//! A valid document against the real parts: are cluster, topics, group, bucket and dead-letter topic what the job
//! takes them for? All mistakes at once, within one bound on time; nothing is changed except what the bucket's
//! probe writes and removes.

use std::sync::Arc;
use std::time::Duration;

use landfall_job::reader::closest;
use landfall_job::{FieldError, JobSpec};
use landfall_kafka::{ClusterError, NewTopicSpec, Topics};
use landfall_store::{End, Origin};
use tokio::time::Instant;

use super::{BackendError, bucket, resolve};
use crate::ports::Cluster;
use crate::state::ApiState;

/// What a job would begin with.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Plan {
    pub(crate) origins: Vec<Origin>,
    pub(crate) ends: Option<Vec<End>>,
    /// To be made before the job begins.
    pub(crate) dead_letter_topic: Option<NewTopicSpec>,
    /// What the user should know although the job is accepted.
    pub(crate) warnings: Vec<String>,
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
    pub(crate) fn new(limit: Duration) -> Self {
        Self { deadline: Instant::now() + limit, limit, errors: Vec::new(), warnings: Vec::new() }
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
pub(crate) async fn new_job(state: &ApiState, spec: &JobSpec) -> Result<Plan, BackendError> {
    let mut checks = Checks::new(state.limits.checks);
    let mut bucket_checks = Checks { deadline: checks.deadline, ..Checks::new(state.limits.checks) };
    let cluster = registered(state, &mut checks, "source.cluster", &spec.source.cluster);
    let kafka = async {
        let mut plan = Plan::default();
        if let Some(cluster) = &cluster {
            plan = resolve::resolve(&mut checks, cluster.as_ref(), spec).await?;
        }
        plan.dead_letter_topic = dead_letter_topic(state, &mut checks, spec, &plan).await?;
        Ok::<_, BackendError>(plan)
    };
    let (plan, bucket) = tokio::join!(kafka, bucket::check(state, &mut bucket_checks, spec));
    let mut plan = plan?;
    bucket?;
    checks.merge(bucket_checks);
    if !checks.errors.is_empty() {
        return Err(BackendError::CheckFailed(checks.errors));
    }
    plan.warnings = checks.warnings;
    Ok(plan)
}

/// Checks what may change in a job that exists: its topics and where its dead letters go.
pub(crate) async fn changed_job(state: &ApiState, spec: &JobSpec) -> Result<Plan, BackendError> {
    let mut checks = Checks::new(state.limits.checks);
    let mut plan = Plan::default();
    if let Some(cluster) = registered(state, &mut checks, "source.cluster", &spec.source.cluster) {
        resolve::topics(&mut checks, cluster.as_ref(), spec).await?;
    }
    plan.dead_letter_topic = dead_letter_topic(state, &mut checks, spec, &plan).await?;
    if !checks.errors.is_empty() {
        return Err(BackendError::CheckFailed(checks.errors));
    }
    plan.warnings = checks.warnings;
    Ok(plan)
}

fn registered(state: &ApiState, checks: &mut Checks, field: &str, name: &str) -> Option<Arc<dyn Cluster>> {
    let found = state.clusters.get(name).map(Arc::clone);
    if found.is_none() {
        checks.errors.push(not_registered(field, "cluster", name, state.clusters.keys().map(String::as_str)));
    }
    found
}

/// The mistake of naming what the operator has not registered.
pub(crate) fn not_registered<'a>(
    field: &str,
    thing: &str,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> FieldError {
    let fix = match (closest(name, known.clone()), known.collect::<Vec<_>>()) {
        (Some(near), _) => format!("did you mean {near}?"),
        (None, names) if names.is_empty() => format!("the operator has registered no {thing}"),
        (None, names) => format!("write one of {}", names.join(", ")),
    };
    FieldError::new(field, format!("is not a registered {thing}"), fix).with_value(format!("{name:?}"))
}

/// The dead-letter topic must exist and be writable, or may be made.
async fn dead_letter_topic(
    state: &ApiState,
    checks: &mut Checks,
    spec: &JobSpec,
    plan: &Plan,
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
        None if letters.create => {
            // The partition of a letter is kept where the topic has it.
            let widest = plan.origins.iter().map(|origin| origin.partition.saturating_add(1)).max().unwrap_or(1);
            Ok(Some(NewTopicSpec {
                name: topic.clone(),
                partitions: widest,
                replication: -1,
                config: std::collections::BTreeMap::new(),
            }))
        }
        None => {
            let problem = format!("does not exist on cluster {}", letters.cluster);
            let fix = "create the topic, or write dead_letter.create: true";
            checks.errors.push(FieldError::new(field, problem, fix).with_value(shown));
            Ok(None)
        }
    }
}
