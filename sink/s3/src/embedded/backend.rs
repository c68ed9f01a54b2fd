//! S3's semantics over a medium: objects. Multipart is in `multipart`, listing in `list`.
//!
//! All calls on one key are serialised by a striped lock, which is what gives a conditional write one winner.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use md5::{Digest, Md5};

use super::failure::Failure;
use super::medium::{Medium, ObjectMeta, ObjectReader, StoredOptions};
use super::names;
use crate::checksum::{crc64nvme, unquoted};
use crate::error::Operation;
use crate::store::LifecycleRule;

const STRIPES: usize = 64;
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const MIN_PART_BYTES: u64 = 5 << 20;

/// Called around every operation: a way to disturb the backend below HTTP, and to write down what reached it.
pub trait Hook: Send + Sync + fmt::Debug {
    /// Before any effect; an answer here is given instead.
    fn before(&self, _operation: Operation, _bucket: &str, _key: &str) -> Option<Failure> {
        None
    }

    /// After the effect of an operation that succeeded; an answer here is given instead.
    fn after(&self, _operation: Operation, _bucket: &str, _key: &str) -> Option<Failure> {
        None
    }
}

/// Conditions of a write, as their headers gave them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preconditions {
    /// `If-None-Match: *`.
    pub absent: bool,
    /// `If-Match`, quotes or not.
    pub matches: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct PutInput {
    pub chunks: Vec<Bytes>,
    pub preconditions: Preconditions,
    pub options: StoredOptions,
    /// As the client declared it; verified.
    pub crc64nvme: Option<String>,
}

type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
type Ids = Arc<dyn Fn() -> u128 + Send + Sync>;

pub struct Backend<M> {
    pub(super) medium: M,
    locks: Vec<Mutex<()>>,
    clock: Clock,
    ids: Ids,
    pub(super) min_part_bytes: u64,
    pub(super) page_keys: usize,
    hook: RwLock<Option<Arc<dyn Hook>>>,
    lifecycle: RwLock<BTreeMap<String, Vec<LifecycleRule>>>,
}

impl<M: fmt::Debug> fmt::Debug for Backend<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").field("medium", &self.medium).finish_non_exhaustive()
    }
}

impl<M: Medium> Backend<M> {
    /// With the system's clock and random upload ids.
    #[must_use]
    pub fn new(medium: M) -> Self {
        Self::with_sources(medium, Arc::new(system_ms), Arc::new(rand::random))
    }

    /// With a clock (ms since the epoch) and a source of upload ids of the caller's, for repeatable runs.
    #[must_use]
    pub fn with_sources(medium: M, clock: Clock, ids: Ids) -> Self {
        Self {
            medium,
            locks: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            clock,
            ids,
            min_part_bytes: MIN_PART_BYTES,
            page_keys: super::list::MAX_KEYS,
            hook: RwLock::new(None),
            lifecycle: RwLock::new(BTreeMap::new()),
        }
    }

    /// Another least size of all parts but the last than S3's 5 MiB, for small worlds.
    #[must_use]
    pub fn with_min_part_bytes(self, min_part_bytes: u64) -> Self {
        Self { min_part_bytes, ..self }
    }

    /// Pages of a list with fewer keys than the thousand that S3 gives at most: fewer is what it may give at any time.
    #[must_use]
    pub fn with_page_keys(self, page_keys: usize) -> Self {
        Self { page_keys: page_keys.clamp(1, super::list::MAX_KEYS), ..self }
    }

    pub fn set_hook(&self, hook: Option<Arc<dyn Hook>>) {
        *self.hook.write().unwrap_or_else(PoisonError::into_inner) = hook;
    }

    /// Rules to be shown; nothing here ever expires. Kept for the life of the process.
    pub fn set_lifecycle(&self, bucket: &str, rules: Vec<LifecycleRule>) {
        self.lifecycle.write().unwrap_or_else(PoisonError::into_inner).insert(bucket.to_owned(), rules);
    }

    /// Creates a bucket; one that is there stays.
    ///
    /// # Errors
    /// A name that S3 refuses; the medium's.
    pub fn create_bucket(&self, bucket: &str) -> Result<(), Failure> {
        if !names::is_bucket_name(bucket) {
            return Err(Failure::new("InvalidBucketName", 400, format!("bucket name {bucket:?} is not valid")));
        }
        Ok(self.medium.create_bucket(bucket)?)
    }

    /// # Errors
    /// The medium's.
    pub fn buckets(&self) -> Result<Vec<String>, Failure> {
        Ok(self.medium.buckets()?)
    }

    /// # Errors
    /// `NoSuchBucket`.
    pub fn head_bucket(&self, bucket: &str) -> Result<(), Failure> {
        self.hooked(Operation::HeadBucket, bucket, "", || Ok(()))
    }

    /// # Errors
    /// `NoSuchLifecycleConfiguration` where none was set.
    pub fn lifecycle(&self, bucket: &str) -> Result<Vec<LifecycleRule>, Failure> {
        self.hooked(Operation::GetLifecycle, bucket, "", || {
            let rules = self.lifecycle.read().unwrap_or_else(PoisonError::into_inner);
            rules.get(bucket).cloned().ok_or_else(|| {
                Failure::new("NoSuchLifecycleConfiguration", 404, format!("bucket {bucket} has no lifecycle rules"))
            })
        })
    }

    /// # Errors
    /// S3's refusals of PutObject.
    pub fn put(&self, bucket: &str, key: &str, input: &PutInput) -> Result<ObjectMeta, Failure> {
        self.hooked(Operation::Put, bucket, key, || {
            self.writable(bucket, key)?;
            let crc64nvme = verified(&input.chunks, input.crc64nvme.as_deref())?;
            let meta = ObjectMeta {
                etag: format!("\"{}\"", hex(&md5_of(&input.chunks))),
                size_bytes: input.chunks.iter().map(|chunk| chunk.len() as u64).sum(),
                last_modified_ms: self.now_ms(),
                crc64nvme: Some(crc64nvme),
                options: input.options.clone(),
            };
            let _held = self.lock(bucket, key);
            self.check(bucket, key, &input.preconditions)?;
            self.medium.put(bucket, key, &input.chunks, &meta)?;
            Ok(meta)
        })
    }

    /// # Errors
    /// `NoSuchKey`, `NoSuchBucket`.
    pub fn head(&self, bucket: &str, key: &str) -> Result<ObjectMeta, Failure> {
        self.hooked(Operation::Head, bucket, key, || {
            let _held = self.lock(bucket, key);
            self.medium.object(bucket, key)?.ok_or_else(|| Failure::no_such_key(key))
        })
    }

    /// # Errors
    /// `NoSuchKey`, `NoSuchBucket`.
    pub fn open(&self, bucket: &str, key: &str) -> Result<(ObjectMeta, Box<dyn ObjectReader>), Failure> {
        self.hooked(Operation::Get, bucket, key, || {
            let _held = self.lock(bucket, key);
            self.medium.open(bucket, key)?.ok_or_else(|| Failure::no_such_key(key))
        })
    }

    /// A key that is not there is deleted with success, as on S3.
    ///
    /// # Errors
    /// `NoSuchBucket`.
    pub fn delete(&self, bucket: &str, key: &str) -> Result<(), Failure> {
        self.hooked(Operation::Delete, bucket, key, || {
            let _held = self.lock(bucket, key);
            Ok(self.medium.remove(bucket, key)?)
        })
    }

    pub(super) fn hooked<T>(
        &self,
        operation: Operation,
        bucket: &str,
        key: &str,
        effect: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let hook = self.hook.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(failure) = hook.as_ref().and_then(|hook| hook.before(operation, bucket, key)) {
            return Err(failure);
        }
        if !names::is_bucket_name(bucket) || !self.medium.has_bucket(bucket)? {
            return Err(Failure::no_such_bucket(bucket));
        }
        let answer = effect()?;
        match hook.and_then(|hook| hook.after(operation, bucket, key)) {
            Some(failure) => Err(failure),
            None => Ok(answer),
        }
    }

    pub(super) fn writable(&self, bucket: &str, key: &str) -> Result<(), Failure> {
        names::check_key(key).map_err(|message| match key.len() {
            0 => Failure::invalid(message),
            _ => Failure::new("KeyTooLongError", 400, message),
        })?;
        Ok(self.medium.admit(bucket, key)?)
    }

    /// To be called with the key's lock held.
    pub(super) fn check(&self, bucket: &str, key: &str, wanted: &Preconditions) -> Result<(), Failure> {
        if !wanted.absent && wanted.matches.is_none() {
            return Ok(());
        }
        let there = self.medium.object(bucket, key)?;
        if wanted.absent && there.is_some() {
            return Err(Failure::precondition("If-None-Match"));
        }
        match (&wanted.matches, there) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(Failure::no_such_key(key)),
            (Some(etag), Some(_)) if etag == "*" => Ok(()),
            (Some(etag), Some(there)) if unquoted(etag) == unquoted(&there.etag) => Ok(()),
            (Some(_), Some(_)) => Err(Failure::precondition("If-Match")),
        }
    }

    pub(super) fn lock(&self, bucket: &str, key: &str) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        (bucket, key).hash(&mut hasher);
        let stripe = usize::try_from(hasher.finish() % STRIPES as u64).unwrap_or_default();
        // A panic elsewhere leaves no half change in a medium: each of its calls is all or nothing.
        self.locks[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    pub(super) fn new_upload_id(&self) -> String {
        format!("{:032x}", (self.ids)())
    }
}

/// The checksum of the chunks, compared with the one the client declared.
pub(super) fn verified(chunks: &[Bytes], declared: Option<&str>) -> Result<String, Failure> {
    let actual = crc64nvme(chunks);
    match declared {
        Some(declared) if declared != actual => Err(Failure::new(
            "BadDigest",
            400,
            format!("the declared CRC64NVME {declared} is not the content's {actual}"),
        )),
        _ => Ok(actual),
    }
}

pub(super) fn md5_of(chunks: &[Bytes]) -> [u8; 16] {
    let mut digest = Md5::new();
    for chunk in chunks {
        digest.update(chunk);
    }
    digest.finalize().into()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn system_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}
