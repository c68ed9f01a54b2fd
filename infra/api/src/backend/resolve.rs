//! Start and stop of a job as explicit offsets, resolved once: "latest" means the same after a crash, and so does "end".
//! For all topics when the job is created, for those that a later document adds when it comes. Start offsets are
//! inclusive, ends exclusive; both are those that the job's isolation sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use landfall_job::{FieldError, JobSpec, Start, Stop};
use landfall_kafka::{Isolation, TopicDescription, TopicPartition, TopicPattern, Topics, Watermarks};
use landfall_store::{End, Origin};

use super::BackendError;
use super::check::{Checks, Plan};
use super::starts::{self, starts};
use crate::ports::Cluster;

/// First offset and end of each partition.
pub(super) type Bounds = BTreeMap<TopicPartition, Watermarks>;

/// When the topics become the job's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// `connector`: made from a Kafka Connect config, which begins at the first records where its group stands nowhere.
    Creation { connector: bool },
    /// With a later document. `bounded`: the job has ends, and so must these topics.
    Addition { bounded: bool },
}

/// What the job sees of transactions, and with it where a partition ends for it.
pub(crate) fn isolation(spec: &JobSpec) -> Isolation {
    match spec.source.isolation {
        landfall_job::Isolation::ReadCommitted => Isolation::ReadCommitted,
        landfall_job::Isolation::ReadUncommitted => Isolation::ReadUncommitted,
    }
}

/// The topics of the job that exist. A named topic that does not is a mistake; a pattern may match none yet.
pub(crate) async fn topics(
    checks: &mut Checks,
    cluster: &dyn Cluster,
    spec: &JobSpec,
) -> Result<Option<BTreeMap<String, TopicDescription>>, BackendError> {
    let (field, wanted) = match &spec.source.topics {
        landfall_job::Topics::Named(names) => ("source.topics", Topics::Names(names.clone())),
        landfall_job::Topics::Matching(pattern) => match TopicPattern::parse(pattern.as_str()) {
            Ok(parsed) => ("source.topics_regex", Topics::Pattern(parsed)),
            Err(error) => {
                let mistake =
                    FieldError::new("source.topics_regex", error.to_string(), "write a pattern such as ^bids-[a-z]+$");
                checks.errors.push(mistake.with_value(format!("{:?}", pattern.as_str())));
                return Ok(None);
            }
        },
    };
    let Some(found) = checks.kafka(&spec.source.cluster, field, cluster.topics(wanted)).await? else {
        return Ok(None);
    };
    match &spec.source.topics {
        landfall_job::Topics::Named(names) => {
            for (index, name) in names.iter().enumerate().filter(|(_, name)| !found.contains_key(*name)) {
                let problem = format!("does not exist on cluster {}", spec.source.cluster);
                let mistake =
                    FieldError::new(format!("source.topics[{index}]"), problem, "create the topic, or mend its name");
                checks.errors.push(mistake.with_value(format!("{name:?}")));
            }
        }
        landfall_job::Topics::Matching(pattern) if found.is_empty() => {
            checks.warnings.push(format!("no topic of cluster {} matches {pattern} yet", spec.source.cluster));
        }
        landfall_job::Topics::Matching(_) => {}
    }
    for topic in found.values().filter(|topic| topic.may_read == Some(false)) {
        let problem = format!("may not be read: topic {} of cluster {}", topic.name, spec.source.cluster);
        checks.errors.push(FieldError::new(field, problem, "ask the operator to grant read on it"));
    }
    Ok(Some(found))
}

/// Origins and ends of every partition of these topics there is now.
pub(crate) async fn resolve(
    checks: &mut Checks,
    cluster: &dyn Cluster,
    spec: &JobSpec,
    topics: &BTreeMap<String, TopicDescription>,
    moment: Moment,
) -> Result<Plan, BackendError> {
    let mut plan = Plan::default();
    let name = spec.source.cluster.as_str();
    let partitions: Vec<TopicPartition> = topics
        .values()
        .flat_map(|topic| {
            let shared: Arc<str> = Arc::from(topic.name.as_str());
            topic
                .partitions
                .iter()
                .map(move |partition| TopicPartition { topic: Arc::clone(&shared), partition: *partition })
        })
        .collect();
    let asked = cluster.watermarks(partitions.clone(), isolation(spec));
    let Some(bounds) = checks.kafka(name, "source.topics", asked).await? else { return Ok(plan) };
    let bounds: Bounds = bounds.into_iter().collect();
    let group = spec.group_id();
    let asked = cluster.committed(&group, partitions);
    let Some(committed) = checks.kafka(name, "source.group", asked).await? else { return Ok(plan) };

    let Some(starts) = starts(checks, cluster, spec, &bounds, &committed, moment).await? else { return Ok(plan) };
    plan.ahead = starts::ahead(checks, spec, &committed, &starts);
    plan.ends = match moment {
        Moment::Addition { bounded: false } => None,
        Moment::Creation { .. } | Moment::Addition { bounded: true } => ends(checks, cluster, spec, &bounds).await?,
    };
    plan.origins = starts
        .into_iter()
        .map(|(partition, start_offset)| Origin {
            cluster: name.to_owned(),
            topic_id: topics.get(partition.topic.as_ref()).and_then(|topic| topic.id.clone()),
            topic: partition.topic.to_string(),
            partition: partition.partition,
            start_offset,
        })
        .collect();
    Ok(plan)
}

/// Kafka knows no offset for a time that has not come: the present end would stand for it, and the job would finish
/// at once.
pub(crate) fn check_times(checks: &mut Checks, spec: &JobSpec, now: Timestamp) {
    let now_ms = now.as_millisecond();
    if let Stop::Timestamp(at) = spec.source.stop
        && at.0 > now_ms
    {
        let fix = "write a time that has passed, or never, and stop the job when the time has come";
        let mistake = FieldError::new("source.stop.timestamp", format!("is in the future, it is {now:.0} now"), fix);
        checks.errors.push(mistake.with_value(at.to_string()));
    }
    if let Some(Start::Timestamp(at)) = spec.source.start
        && at.0 > now_ms
    {
        checks.warnings.push(format!(
            "source.start.timestamp: {at} is in the future: the job starts at the present end, and older records land too"
        ));
    }
}

async fn ends(
    checks: &mut Checks,
    cluster: &dyn Cluster,
    spec: &JobSpec,
    bounds: &Bounds,
) -> Result<Option<Vec<End>>, BackendError> {
    let at_time = match &spec.source.stop {
        Stop::Never => return Ok(None),
        Stop::End => BTreeMap::new(),
        Stop::Timestamp(at) => match at_time(checks, cluster, spec, bounds, at.0, "source.stop").await? {
            Some(found) => found,
            None => return Ok(None),
        },
    };
    let ends = bounds.iter().map(|(partition, marks)| End {
        cluster: spec.source.cluster.clone(),
        topic: partition.topic.to_string(),
        partition: partition.partition,
        end_offset: at_time.get(partition).copied().unwrap_or(marks.end),
    });
    Ok(Some(ends.collect()))
}

pub(super) async fn at_time(
    checks: &mut Checks,
    cluster: &dyn Cluster,
    spec: &JobSpec,
    bounds: &Bounds,
    timestamp_ms: i64,
    field: &str,
) -> Result<Option<BTreeMap<TopicPartition, i64>>, BackendError> {
    let asked = cluster.offsets_at(bounds.keys().cloned().collect(), timestamp_ms, isolation(spec));
    let found = checks.kafka(&spec.source.cluster, field, asked).await?;
    Ok(found.map(|found| found.into_iter().filter_map(|(partition, offset)| Some((partition, offset?))).collect()))
}
