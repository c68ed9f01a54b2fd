//! The job store: one object a job, changed only by compare-and-swap on its ETag, so that any number of API
//! processes and workers may write at once and none loses another's change.
//!
//! A conditional PUT whose answer was lost is decided by reading the object again: every write carries a random
//! token. Every loop is bounded; waits are jittered.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use landfall_s3::{
    Condition, ErrorKind, ListRequest, Listed, ObjectOptions, PutRequest, SharedStore, StoreError, Timer,
};

use crate::location::StateLocation;
use crate::record::{DecodeError, JobRecord};
use crate::retry::{MAX_ATTEMPTS, Retries};

/// Records in a range that is listed beside others: as many as a page holds.
const RANGE_RECORDS: usize = 1_000;
/// Ranges listed at once.
const LIST_CONCURRENCY: usize = 4;
/// GETs under way at once when many records are read.
const READ_CONCURRENCY: usize = 16;
/// A fleet with more records than this is refused by name instead of being read in part.
const MAX_RECORDS: usize = 100_000;

/// A record and the ETag it was read or written with.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub record: JobRecord,
    pub etag: String,
}

/// An object in the place of a record that cannot be read as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub name: String,
    pub reason: DecodeError,
}

/// What one poll of the job store saw.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    /// New or rewritten records, tombstones included.
    pub changed: Vec<Stored>,
    /// Names whose object is gone.
    pub removed: Vec<String>,
    pub broken: Vec<Broken>,
    /// Give it as `since` to the next poll.
    pub etags: HashMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobStoreError {
    #[error("job {name:?} does not exist")]
    NotFound { name: String },
    #[error("job {name:?} exists already")]
    AlreadyExists { name: String },
    #[error("job {name:?} was changed by somebody else meanwhile: read it again and repeat the change")]
    Conflict { name: String },
    #[error("job {name:?} is being changed by many at once: gave up after {attempts} attempts")]
    Contended { name: String, attempts: u32 },
    #[error("the record of job {name:?} cannot be read: {reason}")]
    Broken { name: String, reason: DecodeError },
    #[error("the record of job {name:?} cannot be written: {message}")]
    Encode { name: String, message: String },
    #[error("more than {MAX_RECORDS} job records under {prefix:?}")]
    TooMany { prefix: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an update did not happen: the store, or the change itself said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError<E> {
    #[error(transparent)]
    Store(JobStoreError),
    #[error("the change was refused")]
    Refused(E),
}

impl<E> From<JobStoreError> for UpdateError<E> {
    fn from(error: JobStoreError) -> Self {
        Self::Store(error)
    }
}

enum Put {
    Written(String),
    Lost,
}

/// One LIST page: the records in it by name and ETag; keys that name no record are left out of `names` only.
struct ListedNames {
    names: Vec<(String, String)>,
    last_key: Option<String>,
    continuation: Option<String>,
}

/// Keys after one (exclusive) up to another (inclusive).
struct KeyRange {
    after: Option<String>,
    until: Option<String>,
}

#[derive(Debug)]
pub struct JobStore {
    store: SharedStore,
    location: StateLocation,
    retries: Retries,
}

impl JobStore {
    /// Waits, jitter and write tokens come from `timer`.
    #[must_use]
    pub fn new(store: SharedStore, location: StateLocation, timer: Arc<dyn Timer>) -> Self {
        Self { store, location, retries: Retries::new(timer) }
    }

    #[must_use]
    pub fn location(&self) -> &StateLocation {
        &self.location
    }

    /// The record of a job, a tombstone included; `None` where the name was never used.
    pub async fn lookup(&self, name: &str) -> Result<Option<Stored>, JobStoreError> {
        let key = self.location.job_key(name);
        if self.location.job_of_key(&key) != Some(name) {
            return Ok(None);
        }
        let mut attempt = 1;
        loop {
            match self.store.get(&self.location.bucket, &key).await {
                Ok(object) => {
                    let record = JobRecord::decode(&object.body)
                        .map_err(|reason| JobStoreError::Broken { name: name.to_owned(), reason })?;
                    return Ok(Some(Stored { record, etag: object.head.etag }));
                }
                Err(error) if error.kind == ErrorKind::NoSuchKey => return Ok(None),
                Err(error) => self.retries.wait_or_give_up(&mut attempt, error).await?,
            }
        }
    }

    /// The record of a living job.
    pub async fn get(&self, name: &str) -> Result<Stored, JobStoreError> {
        match self.lookup(name).await? {
            Some(stored) if !stored.record.closed => Ok(stored),
            _ => Err(JobStoreError::NotFound { name: name.to_owned() }),
        }
    }

    /// Writes the first record of a job. `tombstone_etag`: the ETag of the closed record it follows, if any.
    pub async fn create(&self, mut record: JobRecord, tombstone_etag: Option<String>) -> Result<Stored, JobStoreError> {
        let condition = tombstone_etag.map_or(Condition::IfAbsent, Condition::IfMatch);
        match self.put(&mut record, condition).await? {
            Put::Written(etag) => Ok(Stored { record, etag }),
            Put::Lost => Err(JobStoreError::AlreadyExists { name: record.name }),
        }
    }

    /// Writes `record` over exactly the object with this ETag.
    pub async fn replace(&self, mut record: JobRecord, etag: &str) -> Result<Stored, JobStoreError> {
        match self.put(&mut record, Condition::IfMatch(etag.to_owned())).await? {
            Put::Written(etag) => Ok(Stored { record, etag }),
            Put::Lost => Err(JobStoreError::Conflict { name: record.name }),
        }
    }

    /// Reads, changes and writes until no other writer came between. `change` may run several times, each time on
    /// a fresh record; one that changes nothing writes nothing.
    pub async fn update<E>(
        &self,
        name: &str,
        change: impl FnMut(&mut JobRecord) -> Result<(), E>,
    ) -> Result<Stored, UpdateError<E>> {
        self.update_if(name, None, change).await
    }

    /// Like [`update`](Self::update), but only over a record with one of these ETags: any other is a `Conflict`.
    pub async fn update_if<E>(
        &self,
        name: &str,
        expected_etags: Option<&[String]>,
        mut change: impl FnMut(&mut JobRecord) -> Result<(), E>,
    ) -> Result<Stored, UpdateError<E>> {
        for attempt in 1..=MAX_ATTEMPTS {
            let current = self.get(name).await?;
            if expected_etags.is_some_and(|expected| !expected.contains(&current.etag)) {
                return Err(JobStoreError::Conflict { name: name.to_owned() }.into());
            }
            let mut record = current.record.clone();
            change(&mut record).map_err(UpdateError::Refused)?;
            if record == current.record {
                return Ok(current);
            }
            match self.put(&mut record, Condition::IfMatch(current.etag)).await? {
                Put::Written(etag) => return Ok(Stored { record, etag }),
                Put::Lost => self.retries.pause(attempt).await,
            }
        }
        Err(JobStoreError::Contended { name: name.to_owned(), attempts: MAX_ATTEMPTS }.into())
    }

    /// What is new against `since` (name → ETag as the poll before listed it): one LIST, whose pages are asked for beside
    /// each other where `since` tells where they begin, and a GET of each object whose ETag differs.
    pub async fn changes(&self, since: &HashMap<String, String>) -> Result<Changes, JobStoreError> {
        let mut lists = futures::stream::iter(self.ranges(since))
            .map(|range| self.list_range(range))
            .buffer_unordered(LIST_CONCURRENCY);
        let mut etags = HashMap::with_capacity(since.len());
        while let Some(names) = lists.next().await {
            etags.extend(names?);
            if etags.len() > MAX_RECORDS {
                return Err(JobStoreError::TooMany { prefix: self.location.jobs_prefix() });
            }
        }
        let mut stale: Vec<(String, String)> = etags
            .iter()
            .filter(|(name, etag)| since.get(*name) != Some(*etag))
            .map(|(name, etag)| (name.clone(), etag.clone()))
            .collect();
        stale.sort_unstable();
        let mut removed: Vec<String> = since.keys().filter(|name| !etags.contains_key(*name)).cloned().collect();
        removed.sort_unstable();
        let (changed, broken) = self.read_all(stale).await?;
        Ok(Changes { changed, removed, broken, etags })
    }

    /// Ranges that together are all keys; each held at most [`RANGE_RECORDS`] records before.
    fn ranges(&self, since: &HashMap<String, String>) -> Vec<KeyRange> {
        // In the order of keys, which is not that of names: `a-b.json` comes before `a.json`.
        let mut keys: Vec<String> = since.keys().map(|name| self.location.job_key(name)).collect();
        keys.sort_unstable();
        let mut after = None;
        let mut ranges = Vec::new();
        for key in keys.into_iter().skip(RANGE_RECORDS - 1).step_by(RANGE_RECORDS) {
            ranges.push(KeyRange { after: after.replace(key.clone()), until: Some(key) });
        }
        ranges.push(KeyRange { after, until: None });
        ranges
    }

    async fn list_range(&self, range: KeyRange) -> Result<Vec<(String, String)>, JobStoreError> {
        let until = range.until.as_ref();
        let mut listed = Vec::new();
        let mut continuation = None;
        loop {
            let page = self.list_page(range.after.clone(), continuation).await?;
            listed.extend(page.names);
            if listed.len() > MAX_RECORDS {
                return Err(JobStoreError::TooMany { prefix: self.location.jobs_prefix() });
            }
            let beyond = until.is_some_and(|until| page.last_key.is_some_and(|last| last >= *until));
            continuation = page.continuation.filter(|_| !beyond);
            if continuation.is_none() {
                listed.retain(|(name, _)| until.is_none_or(|until| self.location.job_key(name) <= *until));
                return Ok(listed);
            }
        }
    }

    async fn list_page(
        &self,
        start_after: Option<String>,
        continuation: Option<String>,
    ) -> Result<ListedNames, JobStoreError> {
        let request = ListRequest {
            bucket: self.location.bucket.clone(),
            prefix: self.location.jobs_prefix(),
            start_after,
            continuation,
            ..ListRequest::default()
        };
        let mut attempt = 1;
        loop {
            match self.store.list(request.clone()).await {
                Ok(page) => {
                    let named = |listed: Listed| {
                        self.location.job_of_key(&listed.key).map(|name| (name.to_owned(), listed.etag.clone()))
                    };
                    return Ok(ListedNames {
                        last_key: page.objects.last().map(|listed| listed.key.clone()),
                        names: page.objects.into_iter().filter_map(named).collect(),
                        continuation: page.continuation,
                    });
                }
                Err(error) => self.retries.wait_or_give_up(&mut attempt, error).await?,
            }
        }
    }

    /// Reads the named records in order; one that vanished meanwhile is left out.
    async fn read_all(&self, names: Vec<(String, String)>) -> Result<(Vec<Stored>, Vec<Broken>), JobStoreError> {
        let mut reads = futures::stream::iter(names)
            .map(|(name, _)| async move { self.lookup(&name).await })
            .buffered(READ_CONCURRENCY);
        let (mut read, mut broken) = (Vec::new(), Vec::new());
        while let Some(answer) = reads.next().await {
            match answer {
                Ok(Some(stored)) => read.push(stored),
                Ok(None) => {}
                Err(JobStoreError::Broken { name, reason }) => broken.push(Broken { name, reason }),
                Err(other) => return Err(other),
            }
        }
        Ok((read, broken))
    }

    /// A conditional PUT with one fate: written by us, or lost to somebody else.
    async fn put(&self, record: &mut JobRecord, condition: Condition) -> Result<Put, JobStoreError> {
        let name = record.name.clone();
        let key = self.location.job_key(&name);
        if self.location.job_of_key(&key) != Some(name.as_str()) {
            return Err(JobStoreError::Encode { name, message: "the name cannot be part of a key".to_owned() });
        }
        record.write_token = self.retries.token();
        let body = record
            .encode()
            .map_err(|error| JobStoreError::Encode { name: name.clone(), message: error.to_string() })?;
        let request = PutRequest {
            bucket: self.location.bucket.clone(),
            key,
            body: Bytes::from(body),
            condition,
            options: ObjectOptions { content_type: Some("application/json".to_owned()), ..ObjectOptions::default() },
        };
        let mut attempt = 1;
        loop {
            match self.store.put(request.clone()).await {
                Ok(etag) => return Ok(Put::Written(etag)),
                // A first attempt without a known answer may have been the one that is in the way.
                Err(error) if error.kind == ErrorKind::PreconditionFailed => {
                    return Ok(match self.lookup(&name).await? {
                        Some(now) if now.record.write_token == record.write_token => Put::Written(now.etag),
                        _ => Put::Lost,
                    });
                }
                // If-Match over an object that is gone.
                Err(error) if error.kind == ErrorKind::NoSuchKey => return Ok(Put::Lost),
                Err(error) => self.retries.wait_or_give_up(&mut attempt, error).await?,
            }
        }
    }
}
