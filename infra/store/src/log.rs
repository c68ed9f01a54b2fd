//! Reading a job's commit log without being a worker, and the two entries the control plane writes itself:
//! entry 0 of each lane when a job is created, and the closing entry of a job that nobody runs any more.
//!
//! Both are appended with `If-None-Match: *`, like every entry; nothing here completes or aborts an upload.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use jiff::Timestamp;
use landfall_commit::entry::BadEntry;
use landfall_commit::state::FoldError;
use landfall_commit::{
    Checkpoint, Entry, JobUid, Lane, LogState, Offsets, Origins, Paths, Seq, SkipReason, SourcePartition, Token,
};
use landfall_s3::{Condition, ErrorKind, ListRequest, ObjectOptions, PutRequest, SharedStore, StoreError, Timer};

use crate::heartbeat::LastEntry;
use crate::location::StateLocation;
use crate::record::JobRecord;
use crate::retry::{MAX_ATTEMPTS, Retries};
use crate::status::{LogView, PartitionId};

const READ_CONCURRENCY: usize = 16;

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LogError {
    /// Entry 0 is gone: the log was expired or deleted.
    #[error(
        "the commit log of job {name:?} lane {lane} is empty: its objects under {prefix:?} were deleted or expired; restore them, or delete the job"
    )]
    Empty { name: String, lane: Lane, prefix: String },
    #[error("the commit log of job {name:?}: {key}: {source}")]
    Fold { name: Box<str>, key: Box<str>, source: FoldError },
    #[error("entry 0 of job {name:?} was written by somebody else")]
    Foreign { name: String },
    #[error("the commit log of job {name:?} is closed: nothing is appended to it")]
    Closed { name: String },
    #[error("the commit log of job {name:?} keeps growing: a worker still appends")]
    Busy { name: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LogError {
    /// True where the log itself is gone or damaged, for every reader and for good. A log that a newer version wrote
    /// is neither.
    #[must_use]
    pub fn unusable(&self) -> bool {
        match self {
            Self::Empty { .. } => true,
            Self::Fold { source, .. } => !matches!(source, FoldError::Bad(BadEntry::UnknownFormat { .. })),
            Self::Foreign { .. } | Self::Closed { .. } | Self::Busy { .. } | Self::Store(_) => false,
        }
    }
}

/// What has become of closing a log.
#[derive(Debug, Clone, PartialEq)]
pub enum Closing {
    /// Every lane ends with a closing entry.
    Closed,
    /// A lane holds a file that is not complete: only a worker can complete it. Nothing was closed.
    Unfinished,
    /// A lane is gone or damaged: there is nothing to complete in it and nothing to append to. The others are closed.
    Unusable(LogError),
}

/// Reads and closes commit logs.
#[derive(Debug)]
pub struct LogStore {
    store: SharedStore,
    location: StateLocation,
    retries: Retries,
    /// Named in the entries written here: `api-<host>`.
    writer: String,
}

impl LogStore {
    /// Waits, jitter and tokens come from `timer`.
    #[must_use]
    pub fn new(store: SharedStore, location: StateLocation, timer: Arc<dyn Timer>, writer: String) -> Self {
        Self { store, location, retries: Retries::new(timer), writer }
    }

    fn paths(&self, record: &JobRecord, lane: Lane) -> Paths {
        Paths::new(&self.location.prefix, &JobUid::from(record.uid.as_str()), lane)
    }

    /// Writes entry 0 of every lane. The uid is fresh, so any other object there is foreign.
    pub async fn write_origins(&self, record: &JobRecord, origins: &Origins) -> Result<(), LogError> {
        for lane in (0..record.lanes).map(Lane) {
            let token = Token::from(self.retries.token().as_str());
            let mut entry = Entry::zero(JobUid::from(record.uid.as_str()), lane, token, &self.writer, origins.clone());
            entry.config_version = record.config_version;
            if !self.append(record, &entry).await? {
                return Err(LogError::Foreign { name: record.name.clone() });
            }
        }
        Ok(())
    }

    /// Anything in the log beyond its entry 0: the job has worked, with these buckets and this cluster.
    pub async fn has_grown(&self, record: &JobRecord) -> Result<bool, LogError> {
        for lane in (0..record.lanes).map(Lane) {
            let paths = self.paths(record, lane);
            let page = self.list(&paths.log_prefix(), Some(paths.list_entries_from(Seq(1))), None, 1).await?;
            if !page.objects.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Folds one lane: the newest checkpoint and the entries after it.
    pub async fn read_lane(&self, record: &JobRecord, lane: Lane) -> Result<LogState, LogError> {
        let paths = self.paths(record, lane);
        let fold_error = |key: &str, source: FoldError| LogError::Fold {
            name: record.name.as_str().into(),
            key: key.into(),
            source,
        };
        let mut state = self.newest_checkpoint(record, lane, &paths).await?;
        let mut continuation = None;
        loop {
            let from = state.as_ref().map_or(Seq(0), LogState::next_seq);
            let start_after = continuation.is_none().then(|| paths.list_entries_from(from));
            let page = self.list(&paths.log_prefix(), start_after, continuation, 0).await?;
            let keys: Vec<String> = page
                .objects
                .into_iter()
                .filter(|object| paths.entry_seq(&object.key).is_some_and(|seq| seq >= from))
                .map(|object| object.key)
                .collect();
            let mut reads = futures::stream::iter(keys)
                .map(|key| async move { (self.get(&key).await, key) })
                .buffered(READ_CONCURRENCY);
            while let Some((body, key)) = reads.next().await {
                let fold_error = |source| fold_error(&key, source);
                let entry = Entry::from_json(&body?).map_err(|bad| fold_error(bad.into()))?;
                match state.as_mut() {
                    Some(state) => state.fold(&entry).map_err(fold_error)?,
                    None => state = Some(LogState::open(&entry).map_err(fold_error)?),
                }
            }
            continuation = page.continuation;
            if continuation.is_none() {
                break;
            }
        }
        state.ok_or_else(|| LogError::Empty { name: record.name.clone(), lane, prefix: paths.log_prefix() })
    }

    async fn newest_checkpoint(
        &self,
        record: &JobRecord,
        lane: Lane,
        paths: &Paths,
    ) -> Result<Option<LogState>, LogError> {
        let page = self.list(&paths.checkpoint_prefix(), None, None, 1).await?;
        let Some(object) = page.objects.first() else { return Ok(None) };
        let body = self.get(&object.key).await?;
        Checkpoint::from_json(&body, &JobUid::from(record.uid.as_str()), lane).map(Some).map_err(|source| {
            LogError::Fold { name: record.name.as_str().into(), key: object.key.as_str().into(), source }
        })
    }

    /// What the status document tells of the log, over all lanes.
    pub async fn view(&self, record: &JobRecord) -> Result<LogView, LogError> {
        let mut view = LogView { closing: true, ..LogView::default() };
        for lane in (0..record.lanes).map(Lane) {
            let state = self.read_lane(record, lane).await?;
            let entries: BTreeSet<Seq> = state.pending().keys().map(|file| file.seq).collect();
            view.uncompleted_entries += u64::try_from(entries.len()).unwrap_or(u64::MAX);
            view.closing &= state.closing();
            for (partition, set) in state.partitions() {
                let id = PartitionId {
                    cluster: partition.cluster.clone(),
                    topic: partition.topic.clone(),
                    partition: partition.partition,
                };
                view.landed.insert(id, i64::try_from(set.low()).unwrap_or(i64::MAX));
            }
            view.add(state.totals());
            let at = Timestamp::from_millisecond(state.last_written_at_ms()).unwrap_or(Timestamp::UNIX_EPOCH);
            let last = LastEntry { seq: state.last_seq().0, at };
            if view.last_entry.as_ref().is_none_or(|other| last.at > other.at) {
                view.last_entry = Some(last);
            }
        }
        Ok(view)
    }

    /// Why the log is of no use to anybody, if it is.
    pub async fn damage(&self, record: &JobRecord) -> Result<Option<LogError>, LogError> {
        for lane in (0..record.lanes).map(Lane) {
            match self.read_lane(record, lane).await {
                Ok(_) => {}
                Err(error) if error.unusable() => return Ok(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Appends the closing entry to every lane that has none.
    pub async fn close(&self, record: &JobRecord, now: Timestamp) -> Result<Closing, LogError> {
        let (mut states, mut damage) = (Vec::new(), None);
        for lane in (0..record.lanes).map(Lane) {
            match self.read_lane(record, lane).await {
                Ok(state) if !state.pending().is_empty() => return Ok(Closing::Unfinished),
                Ok(state) => states.push(state),
                Err(error) if error.unusable() => damage = Some(error),
                Err(error) => return Err(error),
            }
        }
        for state in states {
            if !self.close_lane(record, state, now).await? {
                return Ok(Closing::Unfinished);
            }
        }
        Ok(damage.map_or(Closing::Closed, Closing::Unusable))
    }

    async fn close_lane(&self, record: &JobRecord, mut state: LogState, now: Timestamp) -> Result<bool, LogError> {
        let lane = state.lane();
        for attempt in 1..=MAX_ATTEMPTS {
            if state.closing() {
                return Ok(true);
            }
            if !state.pending().is_empty() {
                return Ok(false);
            }
            let token = Token::from(self.retries.token().as_str());
            let uid = JobUid::from(record.uid.as_str());
            let mut entry = Entry::empty(uid, lane, state.next_seq(), token, &self.writer, now.as_millisecond());
            entry.config_version = record.config_version;
            entry.closing = true;
            if self.append(record, &entry).await? {
                return Ok(true);
            }
            // A worker was quicker: look at what it wrote before trying behind it.
            self.retries.pause(attempt).await;
            state = self.read_lane(record, lane).await?;
        }
        Err(LogError::Busy { name: record.name.clone() })
    }

    /// Declares that the job passes over everything below these offsets (exclusive) that it has not accounted for. The
    /// caller has seen to it that no worker runs the job. Partitions whose `low` is there already are left out.
    pub async fn skip(
        &self,
        record: &JobRecord,
        targets: &BTreeMap<PartitionId, u64>,
        now: Timestamp,
    ) -> Result<(), LogError> {
        for lane in (0..record.lanes).map(Lane) {
            let mut done = false;
            for attempt in 1..=MAX_ATTEMPTS {
                let state = self.read_lane(record, lane).await?;
                if state.closing() {
                    return Err(LogError::Closed { name: record.name.clone() });
                }
                let skipped = declared(&state, targets);
                if skipped.is_empty() {
                    done = true;
                    break;
                }
                let token = Token::from(self.retries.token().as_str());
                let uid = JobUid::from(record.uid.as_str());
                let mut entry = Entry::empty(uid, lane, state.next_seq(), token, &self.writer, now.as_millisecond());
                entry.config_version = record.config_version;
                entry.skipped = skipped;
                if self.append(record, &entry).await? {
                    done = true;
                    break;
                }
                self.retries.pause(attempt).await;
            }
            if !done {
                return Err(LogError::Busy { name: record.name.clone() });
            }
        }
        Ok(())
    }

    /// The entries of a lane below `end` (exclusive), the newest first, at most `limit`.
    pub async fn entries_before(
        &self,
        record: &JobRecord,
        lane: Lane,
        end: Seq,
        limit: usize,
    ) -> Result<Vec<Entry>, LogError> {
        let paths = self.paths(record, lane);
        let first = end.0.saturating_sub(u64::try_from(limit).unwrap_or(u64::MAX));
        let mut reads = futures::stream::iter((first..end.0).rev().map(|seq| paths.entry(Seq(seq))))
            .map(|key| async move { (self.get(&key).await, key) })
            .buffered(READ_CONCURRENCY);
        let mut entries = Vec::new();
        while let Some((body, key)) = reads.next().await {
            let bad = |bad: BadEntry| LogError::Fold {
                name: record.name.as_str().into(),
                key: key.into(),
                source: bad.into(),
            };
            entries.push(Entry::from_json(&body?).map_err(bad)?);
        }
        Ok(entries)
    }

    /// True when the entry is in the log; false when another one took its place.
    async fn append(&self, record: &JobRecord, entry: &Entry) -> Result<bool, LogError> {
        let key = self.paths(record, entry.lane).entry(entry.seq);
        let body = entry.to_json().map_err(|bad| LogError::Fold {
            name: record.name.as_str().into(),
            key: key.as_str().into(),
            source: FoldError::Bad(bad),
        })?;
        let request = PutRequest {
            bucket: self.location.bucket.clone(),
            key: key.clone(),
            body: Bytes::from(body),
            condition: Condition::IfAbsent,
            options: ObjectOptions { content_type: Some("application/json".to_owned()), ..ObjectOptions::default() },
        };
        let mut attempt = 1;
        loop {
            match self.store.put(request.clone()).await {
                Ok(_) => return Ok(true),
                // The first answer may have been lost: our own token there means that it is ours.
                Err(error) if error.kind == ErrorKind::PreconditionFailed => {
                    let there = Entry::from_json(&self.get(&key).await?);
                    return Ok(there.is_ok_and(|there| there.token == entry.token));
                }
                Err(error) => self.retries.wait_or_give_up(&mut attempt, error).await?,
            }
        }
    }

    async fn get(&self, key: &str) -> Result<Bytes, LogError> {
        let mut attempt = 1;
        loop {
            match self.store.get(&self.location.bucket, key).await {
                Ok(object) => return Ok(object.body),
                Err(error) => self.retries.wait_or_give_up(&mut attempt, error).await?,
            }
        }
    }

    async fn list(
        &self,
        prefix: &str,
        start_after: Option<String>,
        continuation: Option<String>,
        max_keys: u32,
    ) -> Result<landfall_s3::ListPage, LogError> {
        let request = ListRequest {
            bucket: self.location.bucket.clone(),
            prefix: prefix.to_owned(),
            start_after,
            continuation,
            delimiter: None,
            max_keys,
        };
        let mut attempt = 1;
        loop {
            match self.store.list(request.clone()).await {
                Ok(page) => return Ok(page),
                Err(error) => self.retries.wait_or_give_up(&mut attempt, error).await?,
            }
        }
    }
}

/// What a skip to these offsets (exclusive) passes over: nothing that is accounted for, and nothing that is absent.
fn declared(
    state: &LogState,
    targets: &BTreeMap<PartitionId, u64>,
) -> BTreeMap<SourcePartition, BTreeMap<SkipReason, Offsets>> {
    let mut skipped = BTreeMap::new();
    for (partition, set) in state.partitions() {
        let id = PartitionId {
            cluster: partition.cluster.clone(),
            topic: partition.topic.clone(),
            partition: partition.partition,
        };
        let Some(target) = targets.get(&id).filter(|target| **target > set.low()) else { continue };
        let open = Offsets::from_range(set.low()..*target).difference(set.above());
        if !open.is_empty() {
            skipped.insert(partition.clone(), BTreeMap::from([(SkipReason::Declared, open)]));
        }
    }
    skipped
}
