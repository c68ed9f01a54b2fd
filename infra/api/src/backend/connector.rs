//! Jobs as Kafka Connect's REST API sees them: a connector is a job that was made from a Connect config, and each worker
//! that runs it is a task. A job with a document of its own is no connector.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use landfall_connect::{Config, ConnectDefaults, Finding, Translation, translate};
use landfall_job::{FieldError, JobSpec};
use landfall_store::{Connector, Desired, EventKind, JobRecord, JobState, LiveWorkers, Stored};

use super::create::{self, NewJob};
use super::replace::{self, being_deleted};
use super::{BackendError, access, actions, remove};
use crate::auth::Principal;
use crate::problem::{Kind, Problem};
use crate::state::ApiState;

/// A connector and what it is made of.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) stored: Stored,
    pub(crate) config: Config,
}

/// Connect's words for a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectState {
    Running,
    Paused,
    Stopped,
    Failed,
}

impl ConnectState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
            Self::Failed => "FAILED",
        }
    }
}

/// One task: a live worker that runs the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) state: ConnectState,
    pub(crate) worker: String,
    pub(crate) trace: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) state: ConnectState,
    pub(crate) trace: Option<String>,
    /// By their number.
    pub(crate) tasks: Vec<Task>,
}

fn not_found(name: &str) -> Problem {
    Problem::new(Kind::NotFound, format!("Connector {name} not found"))
}

/// Every connector that the principal may see, by name.
pub(crate) async fn all(state: &ApiState, principal: &Principal) -> Result<Vec<Arc<Stored>>, BackendError> {
    let jobs = state.snapshots().jobs(state, Duration::ZERO).await?;
    let shown = |stored: &&Arc<Stored>| {
        let record = &stored.record;
        principal.sees(&record.spec.team) && record.connector.is_some() && record.desired != Desired::Deleted
    };
    Ok(jobs.living.values().filter(shown).cloned().collect())
}

/// One that is being deleted is gone already, as it is in Connect.
pub(crate) async fn find(state: &ApiState, principal: &Principal, name: &str) -> Result<Found, Problem> {
    let stored = match access::visible(state, principal, name).await {
        Ok(stored) => stored,
        Err(BackendError::Jobs(landfall_store::JobStoreError::NotFound { .. })) => return Err(not_found(name)),
        Err(error) => return Err(error.into()),
    };
    match stored.record.connector.clone() {
        Some(connector) if stored.record.desired != Desired::Deleted => Ok(Found { stored, config: connector.config }),
        _ => Err(not_found(name)),
    }
}

/// A config names no team: one that is there keeps its own, a new one is of the team that sends it, and of the operator's
/// choice for a principal of no team.
fn defaults_for(state: &ApiState, principal: &Principal, there: Option<&JobRecord>) -> ConnectDefaults {
    let defaults = state.connect.clone();
    let team = there.map(|record| record.spec.team.clone()).or_else(|| principal.team.clone());
    ConnectDefaults { team: team.unwrap_or_else(|| defaults.team.clone()), ..defaults }
}

/// The job of a config; what refuses it reads as Connect's own refusal.
fn job_of(defaults: &ConnectDefaults, name: &str, config: &Config) -> Result<(JobSpec, Vec<String>), Problem> {
    let translation = translate(name, config, defaults);
    if let Some(refusal) = translation.refusal() {
        return Err(Problem::new(Kind::InvalidRequest, refusal));
    }
    let warnings: Vec<String> = translation.warnings().collect();
    let Translation { job: Some(job), .. } = translation else {
        return Err(Problem::new(Kind::Internal, "the config became no job, and nothing in it was refused"));
    };
    Ok((JobSpec::parse(&job.to_string()).map_err(BackendError::from)?, warnings))
}

/// The job of a config or every mistake in it, by key; and what the user should read in either case.
pub(crate) async fn read(
    state: &ApiState,
    principal: &Principal,
    name: &str,
    config: &Config,
) -> Result<(Result<JobSpec, Vec<FieldError>>, Vec<String>), Problem> {
    let there = match find(state, principal, name).await {
        Ok(found) => Some(found),
        Err(problem) if problem.status == 404 => None,
        Err(problem) => return Err(problem),
    };
    let defaults = defaults_for(state, principal, there.as_ref().map(|found| &found.stored.record));
    let translation = translate(name, config, &defaults);
    let warnings = translation.warnings().collect();
    let job = match &translation.job {
        Some(job) => JobSpec::parse(&job.to_string()).map_err(|errors| errors.0),
        None => Err(translation.errors().filter_map(Finding::error).collect()),
    };
    Ok((job, warnings))
}

fn said(name: &str, warnings: &[String]) {
    for warning in warnings {
        tracing::warn!(job = name, warning, "connector config");
    }
}

pub(crate) async fn create(
    state: &ApiState,
    principal: &Principal,
    name: &str,
    config: Config,
    desired: Desired,
) -> Result<Found, Problem> {
    let (spec, warnings) = job_of(&defaults_for(state, principal, None), name, &config)?;
    let connector = Connector { config: config.clone() };
    let note = "from a Kafka Connect config".to_owned();
    let created = create::create(state, principal, NewJob { spec, connector: Some(connector), desired, note }, None);
    let created = created.await.map_err(|error| match error {
        BackendError::Jobs(landfall_store::JobStoreError::AlreadyExists { .. }) => {
            Problem::new(Kind::JobExists, format!("Connector {name} already exists"))
        }
        other => other.into(),
    })?;
    said(name, &warnings);
    Ok(Found { stored: created.stored, config })
}

/// Replaces the config or creates the connector. True: it is new.
pub(crate) async fn put(
    state: &ApiState,
    principal: &Principal,
    name: &str,
    config: Config,
) -> Result<(Found, bool), Problem> {
    match find(state, principal, name).await {
        Ok(found) => Ok((replace(state, principal, name, &found.stored.record, config, None).await?, false)),
        Err(problem) if problem.status == 404 => {
            Ok((create(state, principal, name, config, Desired::Running).await?, true))
        }
        Err(problem) => Err(problem),
    }
}

/// Null removes a key.
pub(crate) async fn patch(
    state: &ApiState,
    principal: &Principal,
    name: &str,
    changes: BTreeMap<String, Option<String>>,
) -> Result<Found, Problem> {
    let found = find(state, principal, name).await?;
    let mut config = found.config;
    for (key, value) in changes {
        match value {
            Some(value) => config.insert(key, value),
            None => config.remove(&key),
        };
    }
    config.insert("name".to_owned(), name.to_owned());
    // Worked out on this config: another one in its place is a conflict, which clients try again.
    let Stored { record, etag } = found.stored;
    replace(state, principal, name, &record, config, Some(&[etag])).await
}

async fn replace(
    state: &ApiState,
    principal: &Principal,
    name: &str,
    there: &JobRecord,
    config: Config,
    if_match: Option<&[String]>,
) -> Result<Found, Problem> {
    let (spec, warnings) = job_of(&defaults_for(state, principal, Some(there)), name, &config)?;
    let connector = Connector { config: config.clone() };
    let replaced = replace::replace(state, principal, name, spec, Some(connector), if_match).await?;
    said(name, &warnings);
    Ok(Found { stored: replaced.stored, config })
}

pub(crate) async fn delete(state: &ApiState, principal: &Principal, name: &str) -> Result<(), Problem> {
    find(state, principal, name).await?;
    remove::remove(state, principal, name, None).await?;
    Ok(())
}

/// What Connect allows in every state: each is done already, or is done from where the connector stands.
pub(crate) async fn act(
    state: &ApiState,
    principal: &Principal,
    name: &str,
    action: actions::Action,
) -> Result<(), Problem> {
    let found = find(state, principal, name).await?;
    match (action, found.stored.record.desired) {
        // It stays stopped.
        (actions::Action::Restart, Desired::Stopped) => {}
        (actions::Action::Pause, Desired::Stopped) => pause_stopped(state, principal, name).await?,
        _ => {
            actions::act(state, principal, name, action, None).await?;
        }
    }
    Ok(())
}

/// Into its place in the group, without reading.
async fn pause_stopped(state: &ApiState, principal: &Principal, name: &str) -> Result<(), BackendError> {
    let change = state.jobs.update(name, |record| {
        access::ensure_visible(principal, record)?;
        match record.desired {
            Desired::Deleted => return Err(being_deleted(name)),
            Desired::Stopped => {
                record.desired = Desired::Paused;
                record.restarts = record.restarts.saturating_add(1);
                record.changed(state.environment.now(), &principal.name, EventKind::Paused, "");
            }
            Desired::Running | Desired::Paused => {}
        }
        Ok(())
    });
    change.await?;
    Ok(())
}

/// What a connector and its tasks do, from its record and its workers' heartbeats.
pub(crate) fn condition(record: &JobRecord, workers: &LiveWorkers) -> Condition {
    let failure = record.failed.as_ref().map(|failed| format!("{}: {}", failed.code, failed.message));
    let state = match record.desired {
        _ if failure.is_some() => ConnectState::Failed,
        Desired::Running => ConnectState::Running,
        Desired::Paused => ConnectState::Paused,
        Desired::Stopped | Desired::Deleted => ConnectState::Stopped,
    };
    let live = workers.seen.iter().filter(|seen| seen.live());
    let of_job = live.filter_map(|seen| Some((seen, seen.job(&record.uid)?))).filter(|(_, job)| !job.past);
    let mut tasks: Vec<Task> = of_job
        .filter(|_| state != ConnectState::Stopped)
        .map(|(seen, job)| {
            let failed = job.state == JobState::Failed || failure.is_some();
            let trace = || job.errors.last().map(|error| format!("{}: {}", error.stage, error.message));
            Task {
                state: match job.state {
                    _ if failed => ConnectState::Failed,
                    JobState::Paused => ConnectState::Paused,
                    _ => ConnectState::Running,
                },
                worker: seen.heartbeat.worker.clone(),
                trace: failed.then(|| failure.clone().or_else(trace).unwrap_or_default()),
            }
        })
        .collect();
    if tasks.is_empty() && state == ConnectState::Failed {
        // Whoever watches the tasks alone shall see it.
        tasks.push(Task { state, worker: String::new(), trace: failure.clone() });
    }
    Condition { state, trace: failure, tasks }
}
