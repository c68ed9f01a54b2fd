//! One store in front, one per registered bucket behind: region, role and owner differ from bucket to bucket.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;

use crate::aws::{AwsSettings, AwsStore, ConnectError};
use crate::error::StoreError;
use crate::store::{
    Condition, LifecycleRule, ListPage, ListRequest, Object, ObjectHead, ObjectOptions, OpenUpload, PartReceipt,
    PutRequest, SharedStore, Store,
};

/// Sends each call to the store registered for its bucket, else to the default. Which buckets a job may name is
/// decided where jobs are accepted, not here.
#[derive(Debug, Clone)]
pub struct StoreRouter {
    default: SharedStore,
    by_bucket: BTreeMap<String, SharedStore>,
}

impl StoreRouter {
    #[must_use]
    pub fn new(default: SharedStore, by_bucket: BTreeMap<String, SharedStore>) -> Self {
        Self { default, by_bucket }
    }

    /// Connects the default and every registered bucket.
    ///
    /// # Errors
    /// The first settings that cannot be used.
    pub async fn connect(default: AwsSettings, by_bucket: BTreeMap<String, AwsSettings>) -> Result<Self, ConnectError> {
        let default: SharedStore = std::sync::Arc::new(AwsStore::connect(default).await?);
        let mut stores: BTreeMap<String, SharedStore> = BTreeMap::new();
        for (bucket, settings) in by_bucket {
            stores.insert(bucket, std::sync::Arc::new(AwsStore::connect(settings).await?));
        }
        Ok(Self::new(default, stores))
    }

    /// The store that answers for a bucket.
    #[must_use]
    pub fn of(&self, bucket: &str) -> &SharedStore {
        self.by_bucket.get(bucket).unwrap_or(&self.default)
    }
}

#[async_trait]
impl Store for StoreRouter {
    async fn put(&self, request: PutRequest) -> Result<String, StoreError> {
        self.of(&request.bucket).put(request).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Object, StoreError> {
        self.of(bucket).get(bucket, key).await
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectHead, StoreError> {
        self.of(bucket).head(bucket, key).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        self.of(bucket).delete(bucket, key).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, StoreError> {
        self.of(&request.bucket).list(request).await
    }

    async fn create_upload(&self, bucket: &str, key: &str, options: &ObjectOptions) -> Result<String, StoreError> {
        self.of(bucket).create_upload(bucket, key, options).await
    }

    async fn upload_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        chunks: Vec<Bytes>,
    ) -> Result<PartReceipt, StoreError> {
        self.of(bucket).upload_part(bucket, key, upload_id, number, chunks).await
    }

    async fn upload_part_declaring(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        body: Bytes,
        crc64nvme: &str,
    ) -> Result<PartReceipt, StoreError> {
        self.of(bucket).upload_part_declaring(bucket, key, upload_id, number, body, crc64nvme).await
    }

    async fn list_parts(&self, bucket: &str, key: &str, upload_id: &str) -> Result<Vec<PartReceipt>, StoreError> {
        self.of(bucket).list_parts(bucket, key, upload_id).await
    }

    async fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        parts: &[PartReceipt],
        condition: Condition,
    ) -> Result<String, StoreError> {
        self.of(bucket).complete_upload(bucket, key, upload_id, parts, condition).await
    }

    async fn abort_upload(&self, bucket: &str, key: &str, upload_id: &str) -> Result<(), StoreError> {
        self.of(bucket).abort_upload(bucket, key, upload_id).await
    }

    async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<OpenUpload>, StoreError> {
        self.of(bucket).list_uploads(bucket, prefix).await
    }

    async fn lifecycle(&self, bucket: &str) -> Result<Vec<LifecycleRule>, StoreError> {
        self.of(bucket).lifecycle(bucket).await
    }

    async fn head_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        self.of(bucket).head_bucket(bucket).await
    }
}
