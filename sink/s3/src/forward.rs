//! A shared store is a store.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::StoreError;
use crate::store::{
    Condition, LifecycleRule, ListPage, ListRequest, Object, ObjectHead, ObjectOptions, OpenUpload, PartReceipt,
    PutRequest, Store,
};

#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn put(&self, request: PutRequest) -> Result<String, StoreError> {
        (**self).put(request).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Object, StoreError> {
        (**self).get(bucket, key).await
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectHead, StoreError> {
        (**self).head(bucket, key).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        (**self).delete(bucket, key).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, StoreError> {
        (**self).list(request).await
    }

    async fn create_upload(&self, bucket: &str, key: &str, options: &ObjectOptions) -> Result<String, StoreError> {
        (**self).create_upload(bucket, key, options).await
    }

    async fn upload_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        chunks: Vec<Bytes>,
    ) -> Result<PartReceipt, StoreError> {
        (**self).upload_part(bucket, key, upload_id, number, chunks).await
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
        (**self).upload_part_declaring(bucket, key, upload_id, number, body, crc64nvme).await
    }

    async fn list_parts(&self, bucket: &str, key: &str, upload_id: &str) -> Result<Vec<PartReceipt>, StoreError> {
        (**self).list_parts(bucket, key, upload_id).await
    }

    async fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        parts: &[PartReceipt],
        condition: Condition,
    ) -> Result<String, StoreError> {
        (**self).complete_upload(bucket, key, upload_id, parts, condition).await
    }

    async fn abort_upload(&self, bucket: &str, key: &str, upload_id: &str) -> Result<(), StoreError> {
        (**self).abort_upload(bucket, key, upload_id).await
    }

    async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<OpenUpload>, StoreError> {
        (**self).list_uploads(bucket, prefix).await
    }

    async fn lifecycle(&self, bucket: &str) -> Result<Vec<LifecycleRule>, StoreError> {
        (**self).lifecycle(bucket).await
    }

    async fn head_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        (**self).head_bucket(bucket).await
    }
}
