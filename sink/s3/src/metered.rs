//! Counts every request and times it: `landfall_s3_requests_total{operation,outcome}` and
//! `landfall_s3_request_seconds{operation}`. Wrap it closest to the adapter, so that each attempt counts.

use std::future::Future;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{Operation, StoreError};
use crate::store::{
    Condition, LifecycleRule, ListPage, ListRequest, Object, ObjectHead, ObjectOptions, OpenUpload, PartReceipt,
    PutRequest, Store,
};

#[derive(Debug, Clone)]
pub struct MeteredStore<S> {
    inner: S,
}

impl<S> MeteredStore<S> {
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self { inner }
    }
}

async fn measured<T>(
    operation: Operation,
    request: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    let begun = Instant::now();
    let result = request.await;
    let outcome = match &result {
        Ok(_) => "ok",
        Err(error) => error.kind.name(),
    };
    metrics::counter!("landfall_s3_requests_total", "operation" => operation.name(), "outcome" => outcome).increment(1);
    metrics::histogram!("landfall_s3_request_seconds", "operation" => operation.name()).record(begun.elapsed());
    result
}

#[async_trait]
impl<S: Store> Store for MeteredStore<S> {
    async fn put(&self, request: PutRequest) -> Result<String, StoreError> {
        measured(Operation::Put, self.inner.put(request)).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Object, StoreError> {
        measured(Operation::Get, self.inner.get(bucket, key)).await
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectHead, StoreError> {
        measured(Operation::Head, self.inner.head(bucket, key)).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        measured(Operation::Delete, self.inner.delete(bucket, key)).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, StoreError> {
        measured(Operation::List, self.inner.list(request)).await
    }

    async fn create_upload(&self, bucket: &str, key: &str, options: &ObjectOptions) -> Result<String, StoreError> {
        measured(Operation::CreateUpload, self.inner.create_upload(bucket, key, options)).await
    }

    async fn upload_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        chunks: Vec<Bytes>,
    ) -> Result<PartReceipt, StoreError> {
        measured(Operation::UploadPart, self.inner.upload_part(bucket, key, upload_id, number, chunks)).await
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
        let request = self.inner.upload_part_declaring(bucket, key, upload_id, number, body, crc64nvme);
        measured(Operation::UploadPart, request).await
    }

    async fn list_parts(&self, bucket: &str, key: &str, upload_id: &str) -> Result<Vec<PartReceipt>, StoreError> {
        measured(Operation::ListParts, self.inner.list_parts(bucket, key, upload_id)).await
    }

    async fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        parts: &[PartReceipt],
        condition: Condition,
    ) -> Result<String, StoreError> {
        let request = self.inner.complete_upload(bucket, key, upload_id, parts, condition);
        measured(Operation::CompleteUpload, request).await
    }

    async fn abort_upload(&self, bucket: &str, key: &str, upload_id: &str) -> Result<(), StoreError> {
        measured(Operation::AbortUpload, self.inner.abort_upload(bucket, key, upload_id)).await
    }

    async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<OpenUpload>, StoreError> {
        measured(Operation::ListUploads, self.inner.list_uploads(bucket, prefix)).await
    }

    async fn lifecycle(&self, bucket: &str) -> Result<Vec<LifecycleRule>, StoreError> {
        measured(Operation::GetLifecycle, self.inner.lifecycle(bucket)).await
    }

    async fn head_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        measured(Operation::HeadBucket, self.inner.head_bucket(bucket)).await
    }
}
