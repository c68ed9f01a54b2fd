//! Where a job stands in each partition, and moving a stopped job: forward is a skip that its log declares, back is a new
//! generation with a log of its own. Old objects stay, so records between the new and the old place land again.
//!
//! Both need that nobody works: a worker that wakes up later finds an entry in its place and folds it, or finds the old
//! log closed.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use landfall_job::{ExistingObject, FieldError};
use landfall_kafka::{TopicPartition, Watermarks};
use landfall_store::{
    Closing, Desired, EventKind, JobRecord, JobStoreError, LogView, Origin, PartitionId, StatusDocument, Stored,
};

use super::{BackendError, access, create, group, resolve, status};
use crate::auth::Principal;
use crate::state::ApiState;
use crate::view::{OffsetList, OffsetView};

/// Where a partition shall stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// The next offset to land; none: the first that Kafka has.
    pub(crate) offset: Option<i64>,
}

/// What has become of it.
#[derive(Debug)]
pub(crate) struct Moved {
    pub(crate) stored: Stored,
    /// True where the job got a new log.
    pub(crate) new_generation: bool,
    /// What the user should know although it is done.
    pub(crate) warnings: Vec<String>,
}

pub(crate) async fn offsets(state: &ApiState, principal: &Principal, name: &str) -> Result<OffsetList, BackendError> {
    let record = access::visible(state, principal, name).await?.record;
    Ok(list(&record, status::status(state, principal, name).await?))
}

fn list(record: &JobRecord, status: StatusDocument) -> OffsetList {
    let start = |partition: &landfall_store::status::PartitionStatus| {
        let of = |origin: &&Origin| {
            origin.cluster == partition.cluster
                && origin.topic == partition.topic
                && origin.partition == partition.partition
        };
        record.origins.iter().find(of).map_or(0, |origin| origin.start_offset)
    };
    let offsets = status.partitions.into_iter().map(|partition| OffsetView {
        start_offset: start(&partition),
        landed_offset: partition.landed_offset,
        committed_offset: partition.committed_offset,
        end_offset: partition.end_offset,
        lag: partition.lag,
        cluster: partition.cluster,
        topic: partition.topic,
        partition: partition.partition,
    });
    OffsetList { offsets: offsets.collect() }
}

/// Moves a stopped job. `targets` empty: every partition to the first offset that Kafka has.
pub(crate) async fn set(
    state: &ApiState,
    principal: &Principal,
    name: &str,
    targets: Vec<Target>,
    if_match: Option<&[String]>,
) -> Result<Moved, BackendError> {
    let stored = access::visible(state, principal, name).await?;
    if if_match.is_some_and(|etags| !etags.contains(&stored.etag)) {
        return Err(JobStoreError::Conflict { name: name.to_owned() }.into());
    }
    let record = &stored.record;
    nobody_works(state, record).await?;
    let view = state.logs.view(record).await?;
    if view.uncompleted_entries > 0 {
        return Err(wrong_state(record, "not landed to the end", "resume it, and stop it when it has landed"));
    }
    let bounds = bounds(state, record, &view).await?;
    let wanted = wanted(record, &view, &bounds, targets)?;
    // Nothing is appended to a log that is closed: an earlier move was cut short.
    let back = view.closing || wanted.iter().any(|(id, offset)| view.landed.get(id).is_some_and(|low| offset < low));
    let now = state.environment.now();
    let detail = detail(&wanted, &view);
    let mut warnings = Vec::new();
    let stored = if back {
        let stored = again(state, principal, record, &wanted, &detail, now).await?;
        warnings.extend(meets_old_objects(&stored.record));
        // The old generation's commits carry its uid and say nothing to the new one.
        warnings.extend(group::commit_origins(state, &stored.record).await);
        stored
    } else {
        let forward = wanted.iter().map(|(id, offset)| (id.clone(), u64::try_from(*offset).unwrap_or(0))).collect();
        state.logs.skip(record, &forward, now).await?;
        let skipped = state.jobs.update(name, |record| {
            access::ensure_visible(principal, record)?;
            record.changed(now, &principal.name, EventKind::OffsetsSet, format!("skipped forward: {detail}"));
            Ok::<(), BackendError>(())
        });
        skipped.await?
    };
    tracing::info!(job = name, job_uid = stored.record.uid, by = principal.name, back, detail, "offsets set");
    Ok(Moved { stored, new_generation: back, warnings })
}

/// What lands again may have the keys of what landed before.
pub(super) fn meets_old_objects(record: &JobRecord) -> Option<String> {
    let sink = &record.spec.sink;
    let unique = sink.key.as_str().contains("{unique}");
    (!unique && sink.on_existing_object == ExistingObject::Fail).then(|| {
        "sink.key has no {unique} and sink.on_existing_object is fail: the job fails where a file gets the key of one \
         that landed before; move the old objects away, or change one of the two"
            .to_owned()
    })
}

/// The job is stopped, and no live worker has it.
async fn nobody_works(state: &ApiState, record: &JobRecord) -> Result<(), BackendError> {
    if record.desired != Desired::Stopped {
        return Err(wrong_state(record, record.desired.name(), "stop it first, offsets are set while nobody works"));
    }
    if state.heartbeats.read(state.environment.now()).await?.anyone_runs(&record.uid) {
        return Err(wrong_state(record, "not at rest yet", "wait until its workers have landed what is open"));
    }
    Ok(())
}

fn wrong_state(record: &JobRecord, state: &str, fix: &'static str) -> BackendError {
    BackendError::WrongState { name: record.name.clone(), state: state.to_owned(), fix }
}

/// First offset and end of every partition that the log knows.
async fn bounds(
    state: &ApiState,
    record: &JobRecord,
    view: &LogView,
) -> Result<BTreeMap<PartitionId, Watermarks>, BackendError> {
    let name = record.spec.source.cluster.as_str();
    let what = || format!("kafka cluster {name}");
    let unavailable = |message: String| BackendError::Unavailable { what: what(), message };
    let cluster = state.clusters.get(name).ok_or_else(|| unavailable("it is not registered any more".to_owned()))?;
    let partitions: Vec<TopicPartition> = view
        .landed
        .keys()
        .map(|id| TopicPartition { topic: Arc::from(id.topic.as_str()), partition: id.partition })
        .collect();
    let asked = cluster.watermarks(partitions, resolve::isolation(&record.spec));
    let marks = tokio::time::timeout(state.limits.checks, asked)
        .await
        .map_err(|_| BackendError::CheckTimedOut { what: what(), limit: state.limits.checks })?
        .map_err(|error| unavailable(error.to_string()))?;
    let id = |partition: TopicPartition| PartitionId {
        cluster: name.to_owned(),
        topic: partition.topic.to_string(),
        partition: partition.partition,
    };
    Ok(marks.into_iter().map(|(partition, marks)| (id(partition), marks)).collect())
}

/// Every target against what Kafka has; all mistakes at once.
fn wanted(
    record: &JobRecord,
    view: &LogView,
    bounds: &BTreeMap<PartitionId, Watermarks>,
    mut targets: Vec<Target>,
) -> Result<BTreeMap<PartitionId, i64>, BackendError> {
    if targets.is_empty() {
        let all = |id: &PartitionId| Target { topic: id.topic.clone(), partition: id.partition, offset: None };
        targets = view.landed.keys().map(all).collect();
    }
    let (mut wanted, mut mistakes) = (BTreeMap::new(), Vec::new());
    for (index, target) in targets.into_iter().enumerate() {
        let field = format!("offsets[{index}]");
        let id = PartitionId {
            cluster: record.spec.source.cluster.clone(),
            topic: target.topic,
            partition: target.partition,
        };
        let place = format!("topic {} partition {}", id.topic, id.partition);
        let Some(marks) = bounds.get(&id).filter(|_| view.landed.contains_key(&id)) else {
            let problem = format!("{place} is not one of the job's");
            mistakes.push(FieldError::new(field, problem, "see the job's offsets for what it has"));
            continue;
        };
        let offset = target.offset.unwrap_or(marks.start);
        if !(marks.start..=marks.end).contains(&offset) {
            let fix = format!("write an offset from {} to {}", marks.start, marks.end);
            let mistake = FieldError::new(format!("{field}.offset"), format!("is outside what {place} has"), fix);
            mistakes.push(mistake.with_value(offset.to_string()));
        } else if wanted.insert(id, offset).is_some() {
            mistakes.push(FieldError::new(field, format!("{place} is given twice"), "keep one of them"));
        }
    }
    if mistakes.is_empty() { Ok(wanted) } else { Err(BackendError::CheckFailed(mistakes)) }
}

fn detail(wanted: &BTreeMap<PartitionId, i64>, view: &LogView) -> String {
    let moves = wanted.iter().map(|(id, offset)| {
        let low = view.landed.get(id).copied().unwrap_or(0);
        format!("{}/{}: {low} -> {offset}", id.topic, id.partition)
    });
    moves.collect::<Vec<_>>().join(", ")
}

/// The job anew, from these offsets on, the others where they stand. The old log is closed first: whoever wakes up with
/// it finds that out before anything becomes visible.
async fn again(
    state: &ApiState,
    principal: &Principal,
    old: &JobRecord,
    wanted: &BTreeMap<PartitionId, i64>,
    detail: &str,
    now: Timestamp,
) -> Result<Stored, BackendError> {
    match state.logs.close(old, now).await? {
        Closing::Closed => {}
        Closing::Unfinished => {
            return Err(wrong_state(old, "not landed to the end", "resume it, and stop it when it has landed"));
        }
        Closing::Unusable(error) => return Err(error.into()),
    }
    // Read once more: what somebody appended before the closing entry counts, and after it nobody appends.
    let view = state.logs.view(old).await?;
    let topic_id = |id: &PartitionId| {
        let of = |origin: &&Origin| origin.topic == id.topic && origin.topic_id.is_some();
        old.origins.iter().find(of).and_then(|origin| origin.topic_id.clone())
    };
    let origin = |(id, low): (&PartitionId, &i64)| Origin {
        cluster: id.cluster.clone(),
        topic_id: topic_id(id),
        topic: id.topic.clone(),
        partition: id.partition,
        start_offset: wanted.get(id).copied().unwrap_or(*low),
    };
    let mut next = old.clone();
    next.uid = state.environment.fresh_id();
    next.generation = old.generation.saturating_add(1);
    next.created_at = now;
    next.origins = view.landed.iter().map(origin).collect();
    state.logs.write_origins(&next, &create::log_origins(&next)).await?;
    // The old log is closed: the record must leave it, also where somebody changed it meanwhile.
    let said = format!("generation {}, again from: {detail}", next.generation);
    let leave = state.jobs.update(&old.name, |record| {
        access::ensure_visible(principal, record)?;
        if record.uid != old.uid || record.desired == Desired::Deleted {
            return Err(JobStoreError::Conflict { name: old.name.clone() }.into());
        }
        record.uid.clone_from(&next.uid);
        record.generation = next.generation;
        record.origins.clone_from(&next.origins);
        record.created_at = now;
        (record.failed, record.finished_at) = (None, None);
        record.changed(now, &principal.name, EventKind::OffsetsSet, said.clone());
        Ok::<(), BackendError>(())
    });
    Ok(leave.await?)
}
