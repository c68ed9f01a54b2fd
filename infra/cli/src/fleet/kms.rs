//! A registered bucket's KMS key, where a job names no encryption of its own.

use async_trait::async_trait;
use bytes::Bytes;
use landfall_s3::error::StoreError;
use landfall_s3::store::{
    Condition, LifecycleRule, ListPage, ListRequest, Object, ObjectHead, ObjectOptions, OpenUpload, PartReceipt,
    PutRequest, SharedStore, Store,
};

const SSE_KMS: &str = "aws:kms";

/// Adds the key to what is created; everything else passes through.
#[derive(Debug)]
pub(super) struct KmsStore {
    inner: SharedStore,
    key: String,
}

impl KmsStore {
    pub(super) fn new(inner: SharedStore, key: String) -> Self {
        Self { inner, key }
    }

    /// Another kind of encryption that a job asks for stays as it is.
    fn with_key(&self, options: &ObjectOptions) -> ObjectOptions {
        let mut options = options.clone();
        if options.sse.as_deref().is_none_or(|sse| sse == SSE_KMS) {
            options.sse = Some(SSE_KMS.to_owned());
            options.sse_kms_key_id.get_or_insert_with(|| self.key.clone());
        }
        options
    }
}

#[async_trait]
impl Store for KmsStore {
    async fn put(&self, mut request: PutRequest) -> Result<String, StoreError> {
        request.options = self.with_key(&request.options);
        self.inner.put(request).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Object, StoreError> {
        self.inner.get(bucket, key).await
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectHead, StoreError> {
        self.inner.head(bucket, key).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        self.inner.delete(bucket, key).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, StoreError> {
        self.inner.list(request).await
    }

    async fn create_upload(&self, bucket: &str, key: &str, options: &ObjectOptions) -> Result<String, StoreError> {
        self.inner.create_upload(bucket, key, &self.with_key(options)).await
    }

    async fn upload_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        chunks: Vec<Bytes>,
    ) -> Result<PartReceipt, StoreError> {
        self.inner.upload_part(bucket, key, upload_id, number, chunks).await
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
        self.inner.upload_part_declaring(bucket, key, upload_id, number, body, crc64nvme).await
    }

    async fn list_parts(&self, bucket: &str, key: &str, upload_id: &str) -> Result<Vec<PartReceipt>, StoreError> {
        self.inner.list_parts(bucket, key, upload_id).await
    }

    async fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        parts: &[PartReceipt],
        condition: Condition,
    ) -> Result<String, StoreError> {
        self.inner.complete_upload(bucket, key, upload_id, parts, condition).await
    }

    async fn abort_upload(&self, bucket: &str, key: &str, upload_id: &str) -> Result<(), StoreError> {
        self.inner.abort_upload(bucket, key, upload_id).await
    }

    async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<OpenUpload>, StoreError> {
        self.inner.list_uploads(bucket, prefix).await
    }

    async fn lifecycle(&self, bucket: &str) -> Result<Vec<LifecycleRule>, StoreError> {
        self.inner.lifecycle(bucket).await
    }

    async fn head_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        self.inner.head_bucket(bucket).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use landfall_s3::embedded::LocalStore;
    use landfall_s3::store::ObjectOptions;

    use super::KmsStore;

    #[test]
    fn the_key_is_added_unless_the_job_asks_for_something_else() {
        let store = KmsStore::new(Arc::new(LocalStore::memory(&["lake"])), "alias/lake".into());
        let plain = store.with_key(&ObjectOptions::default());
        assert_eq!((plain.sse.as_deref(), plain.sse_kms_key_id.as_deref()), (Some("aws:kms"), Some("alias/lake")));
        let own = ObjectOptions {
            sse: Some("aws:kms".into()),
            sse_kms_key_id: Some("alias/own".into()),
            ..ObjectOptions::default()
        };
        assert_eq!(store.with_key(&own).sse_kms_key_id.as_deref(), Some("alias/own"));
        let s3_keys = ObjectOptions { sse: Some("AES256".into()), ..ObjectOptions::default() };
        assert_eq!(store.with_key(&s3_keys), s3_keys);
    }
}
