//! Start and stop of a new job as explicit offsets, resolved once: "latest" means the same after a crash, and so
//! does "end". Start offsets are inclusive, ends exclusive.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use landfall_job::{FieldError, JobSpec, Start, Stop};
use landfall_kafka::{GroupOffset, TopicDescription, TopicPartition, TopicPattern, Topics, Watermarks};
use landfall_store::{End, Origin};

use super::BackendError;
use super::check::{Checks, Plan};
use crate::ports::Cluster;

type Bounds = BTreeMap<TopicPartition, Watermarks>;

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

/// Origins and ends of every partition there is now.
pub(crate) async fn resolve(checks: &mut Checks, cluster: &dyn Cluster, spec: &JobSpec) -> Result<Plan, BackendError> {
    let mut plan = Plan::default();
    let Some(topics) = topics(checks, cluster, spec).await? else { return Ok(plan) };
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
    let asked = cluster.watermarks(partitions.clone());
    let Some(bounds) = checks.kafka(name, "source.topics", asked).await? else { return Ok(plan) };
    let bounds: Bounds = bounds.into_iter().collect();
    let group = spec.group_id();
    let asked = cluster.committed(&group, partitions.clone());
    let Some(committed) = checks.kafka(name, "source.group", asked).await? else { return Ok(plan) };

    let Some(starts) = starts(checks, cluster, spec, &bounds, &committed).await? else { return Ok(plan) };
    plan.ends = ends(checks, cluster, spec, &bounds).await?;
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

async fn starts(
    checks: &mut Checks,
    cluster: &dyn Cluster,
    spec: &JobSpec,
    bounds: &Bounds,
    committed: &[GroupOffset],
) -> Result<Option<BTreeMap<TopicPartition, i64>>, BackendError> {
    let each = |of: &dyn Fn(&TopicPartition, &Watermarks) -> i64| {
        Some(bounds.iter().map(|(partition, marks)| (partition.clone(), of(partition, marks))).collect())
    };
    let Some(start) = &spec.source.start else {
        if let Some(first) = committed.first() {
            let problem = format!(
                "is not given, and group {} has committed offsets already (topic {} partition {}: {})",
                spec.group_id(),
                first.partition.topic,
                first.partition.partition,
                first.offset
            );
            let fix = "write source.start: committed to go on from there, or earliest to read everything";
            checks.errors.push(FieldError::new("source.start", problem, fix));
            return Ok(None);
        }
        return Ok(each(&|_, marks| marks.start));
    };
    match start {
        Start::Earliest => Ok(each(&|_, marks| marks.start)),
        Start::Latest => Ok(each(&|_, marks| marks.end)),
        Start::Committed => {
            if committed.is_empty() && !bounds.is_empty() {
                let problem = format!("has nothing to go on from: group {} has committed no offset", spec.group_id());
                let fix = "write earliest or latest, or name the group in source.group";
                checks.errors.push(FieldError::new("source.start", problem, fix).with_value("\"committed\""));
                return Ok(None);
            }
            let by_partition: BTreeMap<&TopicPartition, i64> =
                committed.iter().map(|commit| (&commit.partition, commit.offset)).collect();
            check_committed(checks, spec, &by_partition, bounds);
            Ok(each(&|partition, marks| by_partition.get(partition).copied().unwrap_or(marks.start)))
        }
        Start::Timestamp(at) => {
            let Some(found) = at_time(checks, cluster, spec, bounds, at.0, "source.start").await? else {
                return Ok(None);
            };
            Ok(each(&|partition, marks| found.get(partition).copied().unwrap_or(marks.end)))
        }
        Start::Offsets(offsets) => {
            check_offsets(checks, offsets, bounds);
            Ok(each(&|partition, marks| {
                let named = offsets.get(partition.topic.as_ref()).and_then(|by| by.get(&partition.partition));
                named.copied().unwrap_or(marks.start)
            }))
        }
    }
}

/// A commit beyond the end is of another topic of that name; one below the start has lost its records already.
fn check_committed(checks: &mut Checks, spec: &JobSpec, committed: &BTreeMap<&TopicPartition, i64>, bounds: &Bounds) {
    for (partition, offset) in committed {
        let Some(marks) = bounds.get(*partition) else { continue };
        let place = format!("topic {} partition {}", partition.topic, partition.partition);
        if *offset > marks.end {
            let problem = format!(
                "leads beyond the end of {place}: group {} committed {offset}, the end is {}",
                spec.group_id(),
                marks.end
            );
            let fix = "the topic was created anew: write source.start: earliest, or {offsets: ...}";
            checks.errors.push(FieldError::new("source.start", problem, fix).with_value("\"committed\""));
        } else if *offset < marks.start {
            checks.warnings.push(format!(
                "{place}: offsets {offset} to {} are gone from kafka and will be declared a gap",
                marks.start
            ));
        }
    }
}

/// Explicit offsets name partitions that exist and lie within what the topic has.
fn check_offsets(checks: &mut Checks, offsets: &BTreeMap<String, BTreeMap<i32, i64>>, bounds: &Bounds) {
    let known: BTreeSet<&str> = bounds.keys().map(|partition| partition.topic.as_ref()).collect();
    for (topic, partitions) in offsets {
        let field = format!("source.start.offsets.{topic}");
        if !known.contains(topic.as_str()) {
            checks.errors.push(FieldError::new(field, "is not a topic of the job", "name a topic of source.topics"));
            continue;
        }
        for (partition, offset) in partitions {
            let id = TopicPartition { topic: Arc::from(topic.as_str()), partition: *partition };
            let field = format!("{field}.{partition}");
            match bounds.get(&id) {
                None => checks.errors.push(FieldError::new(field, "is not a partition of the topic", "leave it out")),
                Some(marks) if !(marks.start..=marks.end).contains(offset) => {
                    let problem = "is outside what the partition has";
                    let fix = format!("write an offset from {} to {}", marks.start, marks.end);
                    checks.errors.push(FieldError::new(field, problem, fix).with_value(offset.to_string()));
                }
                Some(_) => {}
            }
        }
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

async fn at_time(
    checks: &mut Checks,
    cluster: &dyn Cluster,
    spec: &JobSpec,
    bounds: &Bounds,
    timestamp_ms: i64,
    field: &str,
) -> Result<Option<BTreeMap<TopicPartition, i64>>, BackendError> {
    let asked = cluster.offsets_at(bounds.keys().cloned().collect(), timestamp_ms);
    let found = checks.kafka(&spec.source.cluster, field, asked).await?;
    Ok(found.map(|found| found.into_iter().filter_map(|(partition, offset)| Some((partition, offset?))).collect()))
}
