//! Where each partition of a job starts, by the job's document, what Kafka has and what the group has committed. Start
//! offsets are inclusive, commits exclusive: both are the next offset to read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use landfall_job::{FieldError, JobSpec, Start};
use landfall_kafka::{GroupOffset, TopicPartition, Watermarks};

use super::BackendError;
use super::check::Checks;
use super::resolve::{Bounds, Moment, at_time};
use crate::ports::Cluster;

/// Where each partition starts (inclusive); `None` after a mistake was noted.
pub(super) async fn starts(
    checks: &mut Checks,
    cluster: &dyn Cluster,
    spec: &JobSpec,
    bounds: &Bounds,
    committed: &[GroupOffset],
    moment: Moment,
) -> Result<Option<BTreeMap<TopicPartition, i64>>, BackendError> {
    let each = |of: &dyn Fn(&TopicPartition, &Watermarks) -> i64| {
        Some(bounds.iter().map(|(partition, marks)| (partition.clone(), of(partition, marks))).collect())
    };
    let created = matches!(moment, Moment::Creation { .. });
    let connector = moment == Moment::Creation { connector: true };
    let Some(start) = &spec.source.start else {
        // A job that exists has decided.
        if let Some(first) = committed.first().filter(|_| created) {
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
            if created && !connector && committed.is_empty() && !bounds.is_empty() {
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
            // They name topics that the job had from the beginning.
            if created {
                check_offsets(checks, offsets, bounds);
            }
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

/// Partitions where the group's commit lies ahead of the start and would be taken by a worker for an operator's reset,
/// with their start: those that carry nothing, as other consumers and Kafka's own tools write them.
pub(super) fn ahead(
    checks: &mut Checks,
    spec: &JobSpec,
    committed: &[GroupOffset],
    starts: &BTreeMap<TopicPartition, i64>,
) -> Vec<(TopicPartition, i64)> {
    let mut ahead = Vec::new();
    for commit in committed.iter().filter(|commit| commit.metadata.is_empty()) {
        let Some(start) = starts.get(&commit.partition).filter(|start| commit.offset > **start) else { continue };
        if ahead.is_empty() {
            checks.warnings.push(format!(
                "group {} has committed ahead of where the job starts (topic {} partition {}: {}, the job starts at {start}): it is put back",
                spec.group_id(),
                commit.partition.topic,
                commit.partition.partition,
                commit.offset
            ));
        }
        ahead.push((commit.partition.clone(), *start));
    }
    ahead
}
