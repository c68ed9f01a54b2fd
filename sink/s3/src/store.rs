//! The port to an object store: what the commit protocol needs of S3, one attempt a call.
//!
//! No call here retries by itself: an append, a part and a Complete are retried by the protocol, which knows
//! what a second attempt means. `RetryingStore` wraps a store for the calls where a plain retry is right.
//! Every call is bounded in time by the adapter's settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{ErrorKind, Operation, StoreError};

/// User metadata of an object (`x-amz-meta-*`, names without that prefix, lower case).
pub type Metadata = BTreeMap<String, String>;

/// A condition on a write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Condition {
    #[default]
    None,
    /// `If-None-Match: *`: only if no object is there.
    IfAbsent,
    /// `If-Match: <etag>`: only over exactly that object.
    IfMatch(String),
}

/// How objects are stored; passed through to S3 as given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectOptions {
    pub content_type: Option<String>,
    pub storage_class: Option<String>,
    /// `AES256`, `aws:kms`.
    pub sse: Option<String>,
    pub sse_kms_key_id: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub metadata: Metadata,
}

#[derive(Debug, Clone)]
pub struct PutRequest {
    pub bucket: String,
    pub key: String,
    pub body: Bytes,
    pub condition: Condition,
    pub options: ObjectOptions,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    pub etag: String,
    pub length_bytes: u64,
    pub last_modified_ms: i64,
    pub metadata: Metadata,
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub storage_class: Option<String>,
    pub sse: Option<String>,
    pub sse_kms_key_id: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Object {
    pub head: ObjectHead,
    pub body: Bytes,
}

#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    pub bucket: String,
    pub prefix: String,
    /// Only keys greater than this one (exclusive).
    pub start_after: Option<String>,
    /// From the page before.
    pub continuation: Option<String>,
    pub delimiter: Option<String>,
    /// At most this many keys; 0 means the store's own limit (1,000 on S3).
    pub max_keys: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub key: String,
    pub etag: String,
    pub size_bytes: u64,
    pub last_modified_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListPage {
    pub objects: Vec<Listed>,
    pub common_prefixes: Vec<String>,
    /// Present when there is more.
    pub continuation: Option<String>,
}

/// One part of a multipart upload as S3 acknowledged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartReceipt {
    /// 1-based.
    pub number: u32,
    pub etag: String,
    pub size_bytes: u64,
    /// CRC64NVME of the part, base64 of 8 big-endian bytes, as S3 writes it.
    pub crc64nvme: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUpload {
    pub key: String,
    pub upload_id: String,
    pub initiated_ms: i64,
}

/// An enabled lifecycle rule, as far as the commit log must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleRule {
    pub id: String,
    /// Empty: the whole bucket. A rule filtered by tags or size alone also shows its prefix here.
    pub prefix: String,
    pub expires_objects: bool,
    pub abort_incomplete_uploads_after_days: Option<u32>,
}

/// An object store. One attempt a call; errors say what is known of the request's fate.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// PutObject. Answers the new ETag.
    async fn put(&self, request: PutRequest) -> Result<String, StoreError>;
    async fn get(&self, bucket: &str, key: &str) -> Result<Object, StoreError>;
    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectHead, StoreError>;
    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError>;
    /// One page, keys in ascending byte order.
    async fn list(&self, request: ListRequest) -> Result<ListPage, StoreError>;
    /// CreateMultipartUpload, declaring CRC64NVME with type FULL_OBJECT. Answers the upload id.
    async fn create_upload(&self, bucket: &str, key: &str, options: &ObjectOptions) -> Result<String, StoreError>;
    /// UploadPart with its CRC64NVME. `chunks` are sent one after another as one part (no copy needed).
    async fn upload_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        chunks: Vec<Bytes>,
    ) -> Result<PartReceipt, StoreError>;
    /// UploadPart that declares the given CRC64NVME whatever the bytes are. Only the capability probe and the
    /// conformance suite use it, to see a wrong checksum refused.
    async fn upload_part_declaring(
        &self,
        bucket: &str,
        key: &str,
        _upload_id: &str,
        _number: u32,
        _body: Bytes,
        _crc64nvme: &str,
    ) -> Result<PartReceipt, StoreError> {
        Err(StoreError {
            operation: Operation::UploadPart,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            kind: ErrorKind::NotImplemented,
            code: "NotImplemented".to_owned(),
            status: None,
            message: "this store cannot declare a foreign checksum".to_owned(),
            request_id: None,
        })
    }
    /// All parts, every page.
    async fn list_parts(&self, bucket: &str, key: &str, upload_id: &str) -> Result<Vec<PartReceipt>, StoreError>;
    /// CompleteMultipartUpload with each part's ETag and CRC64NVME. Answers the ETag. An error inside a 200 is an `Err`.
    async fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        parts: &[PartReceipt],
        condition: Condition,
    ) -> Result<String, StoreError>;
    async fn abort_upload(&self, bucket: &str, key: &str, upload_id: &str) -> Result<(), StoreError>;
    /// One page (up to 1,000) of the open uploads under a prefix, as far as the server can tell.
    async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<OpenUpload>, StoreError>;
    /// Enabled lifecycle rules; `NotImplemented` where the store has none to show.
    async fn lifecycle(&self, bucket: &str) -> Result<Vec<LifecycleRule>, StoreError>;
    async fn head_bucket(&self, bucket: &str) -> Result<(), StoreError>;
}

pub type SharedStore = Arc<dyn Store>;
