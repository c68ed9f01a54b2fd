//! Pause, resume, stop and restart: they change what is desired; the workers do it within seconds.

use landfall_store::{Desired, EventKind, JobRecord, Stored};

use super::replace::being_deleted;
use super::{BackendError, access};
use crate::auth::Principal;
use crate::state::ApiState;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Pause,
    Resume,
    Stop,
    Restart,
}

impl Action {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "pause" => Some(Self::Pause),
            "resume" => Some(Self::Resume),
            "stop" => Some(Self::Stop),
            "restart" => Some(Self::Restart),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }

    fn event(self) -> EventKind {
        match self {
            Self::Pause => EventKind::Paused,
            Self::Resume => EventKind::Resumed,
            Self::Stop => EventKind::Stopped,
            Self::Restart => EventKind::Restarted,
        }
    }

    /// Applies the action to a record. One that is in effect already changes nothing.
    fn apply(self, record: &mut JobRecord) -> Result<(), BackendError> {
        let refused = |record: &JobRecord, state: &str, fix: &'static str| {
            Err(BackendError::WrongState { name: record.name.clone(), state: state.to_owned(), fix })
        };
        if record.desired == Desired::Deleted {
            return Err(being_deleted(&record.name));
        }
        if record.finished_at.is_some() && self != Self::Stop {
            return refused(
                record,
                "finished",
                "it has landed everything up to its stop; create a job of another name for more",
            );
        }
        match (self, record.desired) {
            (Self::Pause, Desired::Stopped) => refused(record, "stopped", "resume it first, it consumes nothing now"),
            (Self::Pause, _) => {
                record.desired = Desired::Paused;
                Ok(())
            }
            (Self::Stop, _) => {
                record.desired = Desired::Stopped;
                Ok(())
            }
            (Self::Resume, before) => {
                // A worker may not have seen the failure or the stop yet: only another number makes it begin anew.
                // From a pause it goes on as it is, in its place in the group.
                if record.failed.take().is_some() || before == Desired::Stopped {
                    record.restarts = record.restarts.saturating_add(1);
                }
                record.desired = Desired::Running;
                Ok(())
            }
            (Self::Restart, Desired::Stopped) => refused(record, "stopped", "resume it instead"),
            (Self::Restart, _) => {
                record.restarts = record.restarts.saturating_add(1);
                record.failed = None;
                Ok(())
            }
        }
    }
}

pub(crate) async fn act(
    state: &ApiState,
    principal: &Principal,
    name: &str,
    action: Action,
    if_match: Option<&[String]>,
) -> Result<Stored, BackendError> {
    access::visible(state, principal, name).await?;
    let stored = state
        .jobs
        .update_if(name, if_match, |record| {
            access::ensure_visible(principal, record)?;
            let before = record.clone();
            action.apply(record)?;
            if *record != before {
                record.changed(state.environment.now(), &principal.name, action.event(), "");
            }
            Ok::<(), BackendError>(())
        })
        .await?;
    tracing::info!(job = name, job_uid = stored.record.uid, action = action.name(), by = principal.name, "job action");
    Ok(stored)
}
