//! What a scaler decided last for a pool, and what it remembers for its next decision: one object a pool, changed by
//! compare-and-swap, with the scaler's id in it, so that two scalers of one pool notice each other.

use bytes::Bytes;
use jiff::Timestamp;
use landfall_s3::{Condition, ErrorKind, ObjectOptions, PutRequest, SharedStore, StoreError};
use serde::{Deserialize, Serialize};

use crate::location::StateLocation;

/// The format this build reads and writes.
pub const SCALING_FORMAT: u32 = 1;
/// Changes of a pool's size that are kept.
const CHANGES: usize = 20;

/// The last decision about a pool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScalingRecord {
    pub format: u32,
    pub pool: String,
    /// When it was decided.
    pub at: Timestamp,
    /// Workers asked for.
    pub desired: u32,
    /// Why, in words; of the pool as a whole, so that whoever has a job in it may read it.
    pub because: String,
    /// What stands out of single jobs, by their names. `None` of an older version, whose `because` has them in it.
    #[serde(default)]
    pub about_jobs: Option<String>,
    /// The latest changes of the number of workers, the newest last.
    #[serde(default)]
    pub changes: Vec<ScalingChange>,
    /// Records behind over all jobs that could be measured.
    pub lag_records: u64,
    /// Age of the oldest record not yet consumed; none where it is not known.
    #[serde(default)]
    pub lag_seconds: Option<f64>,
    /// Who decided.
    #[serde(default)]
    pub scaler: String,
    /// What the decision remembers; nobody else looks inside.
    pub history: serde_json::Value,
}

/// Another number of workers was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingChange {
    pub at: Timestamp,
    /// Who decided.
    pub by: String,
    /// Workers asked for before.
    pub from: u32,
    /// Workers asked for since.
    pub to: u32,
    /// Why, in words.
    pub because: String,
}

impl ScalingRecord {
    /// Puts the changes of the record before this one into it, and its own where it is one. `from`: what is asked for;
    /// `said`: what was decided last, where anything was. Where somebody else asked for what is decided now, or where
    /// what was decided has not come about yet, nothing changed.
    pub fn follow(&mut self, mut changes: Vec<ScalingChange>, from: u32, said: Option<u32>) {
        if self.desired != from && Some(self.desired) != said {
            let (by, because) = (self.scaler.clone(), self.because.clone());
            changes.push(ScalingChange { at: self.at, by, from, to: self.desired, because });
        }
        changes.drain(..changes.len().saturating_sub(CHANGES));
        self.changes = changes;
    }
}

/// The part of a record that people are told, read without its history, which is large.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ScalingDecision {
    format: u32,
    pub pool: String,
    pub at: Timestamp,
    pub desired: u32,
    pub because: String,
    #[serde(default)]
    about_jobs: Option<String>,
    /// The newest last.
    #[serde(default)]
    pub changes: Vec<ScalingChange>,
}

impl ScalingDecision {
    /// As a scaler wrote it.
    #[must_use]
    pub fn new(pool: &str, at: Timestamp, desired: u32, because: &str) -> Self {
        let (pool, because) = (pool.to_owned(), because.to_owned());
        Self {
            format: SCALING_FORMAT,
            pool,
            at,
            desired,
            because,
            about_jobs: Some(String::new()),
            changes: Vec::new(),
        }
    }
}

/// A record as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredScaling {
    /// None where the object cannot be read as a record, such as one of another format.
    pub record: Option<ScalingRecord>,
    pub etag: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScalingError {
    #[error("somebody else decided about pool {pool} meanwhile: let only one scaler run")]
    Contended { pool: String },
    #[error("the decision about pool {pool} cannot be written: {message}")]
    Encode { pool: String, message: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads and writes the decisions of a fleet. One attempt a request.
#[derive(Debug, Clone)]
pub struct ScalingStore {
    store: SharedStore,
    location: StateLocation,
}

impl ScalingStore {
    #[must_use]
    pub fn new(store: SharedStore, location: StateLocation) -> Self {
        Self { store, location }
    }

    /// None where nobody ever decided.
    pub async fn read(&self, pool: &str) -> Result<Option<StoredScaling>, ScalingError> {
        match self.store.get(&self.location.bucket, &self.location.scaling_key(pool)).await {
            Ok(object) => {
                let record: Option<ScalingRecord> = serde_json::from_slice(&object.body).ok();
                let record = record.filter(|record| record.format == SCALING_FORMAT);
                Ok(Some(StoredScaling { record, etag: object.head.etag }))
            }
            Err(error) if error.kind == ErrorKind::NoSuchKey => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What was decided last, for people; none also where it cannot be read as a decision.
    pub async fn decision(&self, pool: &str) -> Result<Option<ScalingDecision>, ScalingError> {
        match self.store.get(&self.location.bucket, &self.location.scaling_key(pool)).await {
            Ok(object) => {
                let decision: Option<ScalingDecision> = serde_json::from_slice(&object.body).ok();
                Ok(decision.filter(|decision| decision.format == SCALING_FORMAT).map(|mut decision| {
                    if decision.about_jobs.is_none() {
                        "Decided by an older version, in words that may name jobs of other teams."
                            .clone_into(&mut decision.because);
                    }
                    decision
                }))
            }
            Err(error) if error.kind == ErrorKind::NoSuchKey => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes over exactly what was read: `etag` of [`read`](Self::read), none where there was nothing.
    pub async fn write(&self, record: &ScalingRecord, etag: Option<String>) -> Result<(), ScalingError> {
        let pool = || record.pool.clone();
        let body = serde_json::to_vec(record)
            .map_err(|error| ScalingError::Encode { pool: pool(), message: error.to_string() })?;
        let request = PutRequest {
            bucket: self.location.bucket.clone(),
            key: self.location.scaling_key(&record.pool),
            body: Bytes::from(body),
            condition: etag.map_or(Condition::IfAbsent, Condition::IfMatch),
            options: ObjectOptions { content_type: Some("application/json".to_owned()), ..ObjectOptions::default() },
        };
        match self.store.put(request).await {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.kind, ErrorKind::PreconditionFailed | ErrorKind::Conflict) => {
                Err(ScalingError::Contended { pool: pool() })
            }
            Err(error) => Err(error.into()),
        }
    }
}
