//! Creating a job: checks, then entry 0 of its log, then commits of others that lie ahead of its start are put back, then
//! the record (which decides who has the name), then the start offsets as the group's first commit, so that lag can be
//! told before any worker runs.
//!
//! Each step can be the last one: a log without a record is an unused uid, a group without a commit is told by the
//! record's origins, and a commit that was put back for a job that never came leads to more records, not to fewer.
//! `group` says why the order is safe also for two that create at once.

use landfall_commit::{Origins, SourcePartition};
use landfall_job::{FieldError, JobSpec};
use landfall_kafka::ClusterError;
use landfall_store::record::RECORD_FORMAT;
use landfall_store::{Connector, Desired, EventKind, IdempotencyMark, JobRecord, JobStoreError, Stored};
use sha2::{Digest, Sha256};

use super::check::{self, Plan};
use super::{BackendError, access, group};
use crate::auth::Principal;
use crate::state::ApiState;

/// A job as created, or as found to be created already by the same request.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) stored: Stored,
    pub(crate) warnings: Vec<String>,
    /// True when the same idempotency key and body had made it before.
    pub(crate) replayed: bool,
}

/// What a job begins as.
#[derive(Debug)]
pub(crate) struct NewJob {
    pub(crate) spec: JobSpec,
    /// Made by Connect's REST API: a group that has committed nothing begins at the first records.
    pub(crate) connector: Option<Connector>,
    pub(crate) desired: Desired,
    /// For its history.
    pub(crate) note: String,
}

impl NewJob {
    pub(crate) fn of(spec: JobSpec) -> Self {
        Self { spec, connector: None, desired: Desired::Running, note: String::new() }
    }
}

pub(crate) async fn create(
    state: &ApiState,
    principal: &Principal,
    new: NewJob,
    idempotency: Option<IdempotencyMark>,
) -> Result<Created, BackendError> {
    let spec = &new.spec;
    access::ensure_own_team(principal, spec)?;
    ensure_addressable(spec)?;
    let before = state.jobs.lookup(spec.name.as_str()).await?;
    if let Some(there) = &before
        && !there.record.closed
    {
        return existing(principal, there.clone(), idempotency.as_ref());
    }
    let plan = match check::new_job(state, spec, new.connector.is_some()).await {
        Ok(plan) => plan,
        // Somebody took the name while we looked: then it is their start offsets that we found in the group.
        Err(error) => return taken_or(state, principal, spec.name.as_str(), idempotency.as_ref(), error).await,
    };
    make_dead_letter_topic(state, spec, &plan).await?;

    let (mut warnings, ahead) = (plan.warnings.clone(), plan.ahead.clone());
    let earlier = before.as_ref().map(|tombstone| &tombstone.record);
    let record = new_record(state, principal, new, plan, earlier, idempotency.clone());
    state.logs.write_origins(&record, &log_origins(&record)).await?;
    let idle = "stop its members, or name another group in source.group";
    if let Err(error) = group::put_back(state, &record.spec, &record.uid, &ahead, idle).await {
        // The members may be workers of somebody who took the name.
        return taken_or(state, principal, &record.name, idempotency.as_ref(), error).await;
    }
    let created = match state.jobs.create(record, before.map(|tombstone| tombstone.etag)).await {
        Ok(created) => created,
        // Somebody took the name meanwhile: perhaps this very request, sent twice at once.
        Err(JobStoreError::AlreadyExists { name }) => {
            let there = state.jobs.get(&name).await?;
            return existing(principal, there, idempotency.as_ref());
        }
        Err(error) => return Err(error.into()),
    };
    warnings.extend(group::commit_origins(state, &created.record).await);
    tracing::info!(
        job = created.record.name,
        job_uid = created.record.uid,
        by = principal.name,
        partitions = created.record.origins.len(),
        "job created"
    );
    Ok(Created { stored: created, warnings, replayed: false })
}

/// `validate` is a path of its own below `/v1/jobs`: a job of that name could not be reached.
pub(crate) fn ensure_addressable(spec: &JobSpec) -> Result<(), BackendError> {
    if spec.name.as_str() != "validate" {
        return Ok(());
    }
    let mistake = FieldError::new("name", "is reserved", "choose another name").with_value("\"validate\"");
    Err(BackendError::InvalidJob(vec![mistake]))
}

/// A check that failed because somebody took the name meanwhile is not the caller's mistake.
async fn taken_or(
    state: &ApiState,
    principal: &Principal,
    name: &str,
    idempotency: Option<&IdempotencyMark>,
    error: BackendError,
) -> Result<Created, BackendError> {
    if !matches!(error, BackendError::CheckFailed(_)) {
        return Err(error);
    }
    match state.jobs.lookup(name).await? {
        Some(there) if !there.record.closed => existing(principal, there, idempotency),
        _ => Err(error),
    }
}

/// The name is taken: by the same request before, or by another job.
fn existing(
    principal: &Principal,
    there: Stored,
    idempotency: Option<&IdempotencyMark>,
) -> Result<Created, BackendError> {
    let name = there.record.name.clone();
    let taken = || BackendError::Jobs(JobStoreError::AlreadyExists { name: name.clone() });
    let (Some(ours), Some(theirs)) = (idempotency, &there.record.idempotency) else { return Err(taken()) };
    if ours.key_sha256 != theirs.key_sha256 || !principal.sees(&there.record.spec.team) {
        return Err(taken());
    }
    if ours.body_sha256 != theirs.body_sha256 {
        return Err(BackendError::IdempotencyMismatch { name });
    }
    Ok(Created { stored: there, warnings: Vec::new(), replayed: true })
}

/// The mark of a create request: whose key, and which document. The document counts as it was understood, so that
/// its layout does not matter.
pub(crate) fn idempotency_mark(principal: &Principal, key: &str, spec: &JobSpec) -> Option<IdempotencyMark> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut key_hash = Sha256::new();
    key_hash.update(principal.name.as_bytes());
    key_hash.update([0]);
    key_hash.update(key.as_bytes());
    let body = serde_json::to_vec(spec).ok()?;
    Some(IdempotencyMark { key_sha256: hex(&key_hash.finalize()), body_sha256: hex(&Sha256::digest(body)) })
}

fn new_record(
    state: &ApiState,
    principal: &Principal,
    new: NewJob,
    plan: Plan,
    earlier: Option<&JobRecord>,
    idempotency: Option<IdempotencyMark>,
) -> JobRecord {
    let now = state.environment.now();
    let spec = new.spec;
    let team = spec.team.clone();
    let mut record = JobRecord {
        format: RECORD_FORMAT,
        name: spec.name.to_string(),
        uid: state.environment.fresh_id(),
        generation: earlier.map_or(1, |earlier| earlier.generation.saturating_add(1)),
        config_version: 1,
        spec,
        earlier: Vec::new(),
        desired: new.desired,
        restarts: 0,
        origins: plan.origins,
        ends: plan.ends,
        lanes: 1,
        created_at: now,
        changed_at: now,
        changed_by: principal.name.clone(),
        failed: None,
        finished_at: None,
        closed: false,
        idempotency,
        connector: new.connector,
        // Another team's past under this name is that team's business.
        events: earlier
            .filter(|earlier| earlier.spec.team == team)
            .map(|earlier| earlier.events.clone())
            .unwrap_or_default(),
        write_token: String::new(),
    };
    record.note(now, &principal.name, EventKind::Created, new.note);
    record
}

pub(crate) fn log_origins(record: &JobRecord) -> Origins {
    let start = record
        .origins
        .iter()
        .map(|origin| {
            let partition = SourcePartition {
                cluster: origin.cluster.clone(),
                topic: origin.topic.clone(),
                topic_id: origin.topic_id.clone().unwrap_or_default(),
                partition: origin.partition,
            };
            (partition, u64::try_from(origin.start_offset).unwrap_or(0))
        })
        .collect();
    Origins {
        start,
        bucket: record.spec.sink.bucket.clone(),
        lanes: record.lanes,
        created_at_ms: record.created_at.as_millisecond(),
    }
}

pub(crate) async fn make_dead_letter_topic(state: &ApiState, spec: &JobSpec, plan: &Plan) -> Result<(), BackendError> {
    let Some(topic) = &plan.dead_letter_topic else { return Ok(()) };
    let Some(cluster) = state.clusters.get(&spec.dead_letter.cluster) else { return Ok(()) };
    match cluster.create_topic(topic.clone()).await {
        Ok(()) | Err(ClusterError::TopicExists { .. }) => Ok(()),
        Err(error @ ClusterError::Unreachable { .. }) => Err(BackendError::Unavailable {
            what: format!("kafka cluster {}", spec.dead_letter.cluster),
            message: error.to_string(),
        }),
        Err(error) => {
            let problem = format!("cannot be created: {error}");
            let fix = "create it by hand, or ask the operator to grant the right to create topics";
            let mistake = FieldError::new("dead_letter.topic", problem, fix);
            Err(BackendError::CheckFailed(vec![mistake.with_value(format!("{:?}", topic.name))]))
        }
    }
}
