//! The folded state at rest.

use serde::{Deserialize, Serialize};

use crate::entry::{BadEntry, FORMAT, read_stored};
use crate::ids::{JobUid, Lane};
use crate::state::{FoldError, LogState};

/// A folded state at rest, so that recovery need not read the whole log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    pub format: u32,
    pub state: LogState,
}

impl Checkpoint {
    pub fn to_json(state: &LogState) -> Result<Vec<u8>, BadEntry> {
        let mut state = state.clone();
        state.optimize();
        let checkpoint = Self { format: FORMAT, state };
        serde_json::to_vec(&checkpoint).map_err(|e| BadEntry::Malformed(e.to_string()))
    }

    pub fn from_json(bytes: &[u8], job_uid: &JobUid, lane: Lane) -> Result<LogState, FoldError> {
        let checkpoint: Self = read_stored(bytes)?;
        let state = checkpoint.state;
        let seq = state.last_seq();
        if state.job_uid() != job_uid {
            return Err(FoldError::ForeignJob { seq, found: state.job_uid().clone(), expected: job_uid.clone() });
        }
        if state.lane() != lane {
            return Err(FoldError::ForeignLane { seq, found: state.lane(), expected: lane });
        }
        Ok(state)
    }
}
