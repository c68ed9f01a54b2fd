//! What a medium must do for the backend: keep objects, parts and what is known of them.
//!
//! A medium decides nothing. The backend serialises all calls on one key, so a medium only has to make each change
//! visible at once or not at all, and to keep it once the call returned. `io::ErrorKind::InvalidInput` says that the
//! medium cannot hold such a key, `PermissionDenied` that it will not look there.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What a writer said about the object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StoredOptions {
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub storage_class: Option<String>,
    pub sse: Option<String>,
    pub sse_kms_key_id: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub metadata: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectMeta {
    /// With quotes.
    pub etag: String,
    pub size_bytes: u64,
    pub last_modified_ms: i64,
    /// Of the whole object; None where it is not known (a file that someone put there).
    pub crc64nvme: Option<String>,
    pub options: StoredOptions,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadMeta {
    pub key: String,
    pub upload_id: String,
    pub initiated_ms: i64,
    pub options: StoredOptions,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartMeta {
    /// 1-based.
    pub number: u32,
    /// 16 bytes of MD5, the part's ETag.
    pub md5: [u8; 16],
    pub size_bytes: u64,
    pub crc64nvme: u64,
}

/// Where a listing goes on: only keys greater than `after`; with `skip_prefix` also past all that begin with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor {
    pub after: String,
    pub skip_prefix: bool,
}

impl Cursor {
    /// True when the key lies beyond the cursor.
    #[must_use]
    pub fn admits(&self, key: &str) -> bool {
        key > self.after.as_str() && !(self.skip_prefix && key.starts_with(&self.after))
    }
}

/// An object opened for reading: what it reads stays what was opened, also when the key is replaced meanwhile.
pub trait ObjectReader: Send + Sync {
    /// At most `length_bytes` bytes from `offset_bytes`; shorter only at the end of the object.
    ///
    /// # Errors
    /// The medium's.
    fn read_at(&mut self, offset_bytes: u64, length_bytes: usize) -> io::Result<Bytes>;
}

/// See the module's words. Every error is the medium's own; "not there" is an answer, not an error.
#[allow(clippy::missing_errors_doc)]
pub trait Medium: Send + Sync + Debug + 'static {
    /// True when calls may wait for a disk and so belong off the async threads.
    const BLOCKING: bool;

    fn create_bucket(&self, bucket: &str) -> io::Result<()>;
    fn has_bucket(&self, bucket: &str) -> io::Result<bool>;
    fn buckets(&self) -> io::Result<Vec<String>>;
    /// Refuses, with the reason, a key that this medium cannot hold.
    fn admit(&self, bucket: &str, key: &str) -> io::Result<()>;

    fn object(&self, bucket: &str, key: &str) -> io::Result<Option<ObjectMeta>>;
    fn open(&self, bucket: &str, key: &str) -> io::Result<Option<(ObjectMeta, Box<dyn ObjectReader>)>>;
    fn put(&self, bucket: &str, key: &str, chunks: &[Bytes], meta: &ObjectMeta) -> io::Result<()>;
    fn remove(&self, bucket: &str, key: &str) -> io::Result<()>;
    /// At most `limit` keys with the prefix beyond the cursor, in ascending byte order.
    fn keys(&self, bucket: &str, prefix: &str, cursor: &Cursor, limit: usize) -> io::Result<Vec<String>>;

    fn create_upload(&self, bucket: &str, upload: &UploadMeta) -> io::Result<()>;
    fn upload(&self, bucket: &str, upload_id: &str) -> io::Result<Option<UploadMeta>>;
    fn uploads(&self, bucket: &str) -> io::Result<Vec<UploadMeta>>;
    fn put_part(&self, bucket: &str, upload_id: &str, part: &PartMeta, chunks: &[Bytes]) -> io::Result<()>;
    /// In ascending order of their numbers.
    fn parts(&self, bucket: &str, upload_id: &str) -> io::Result<Vec<PartMeta>>;
    /// Makes the object of these parts visible, then forgets the upload.
    fn complete(&self, bucket: &str, upload: &UploadMeta, parts: &[PartMeta], meta: &ObjectMeta) -> io::Result<()>;
    fn remove_upload(&self, bucket: &str, upload_id: &str) -> io::Result<()>;
}
