//! [`Store`] straight over the backend, in-process: no HTTP, no signature. With [`MemoryMedium`](super::MemoryMedium)
//! no call ever waits, so a simulation stays deterministic.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::backend::{Backend, Preconditions, PutInput};
use super::failure::Failure;
use super::list::ListingRequest;
use super::medium::{Medium, ObjectMeta, PartMeta, StoredOptions};
use super::memory::MemoryMedium;
use super::multipart::PartClaim;
use crate::checksum::encode;
use crate::error::{Operation, StoreError};
use crate::store::{
    Condition, LifecycleRule, ListPage, ListRequest, Listed, Object, ObjectHead, ObjectOptions, OpenUpload,
    PartReceipt, PutRequest, Store,
};

#[derive(Debug)]
pub struct LocalStore<M> {
    backend: Arc<Backend<M>>,
}

impl<M> Clone for LocalStore<M> {
    fn clone(&self) -> Self {
        Self { backend: Arc::clone(&self.backend) }
    }
}

impl LocalStore<MemoryMedium> {
    /// An empty store in memory with these buckets; a name that S3 would refuse is left out.
    #[must_use]
    pub fn memory(buckets: &[&str]) -> Self {
        let backend = Backend::new(MemoryMedium::new());
        for bucket in buckets {
            if let Err(failure) = backend.create_bucket(bucket) {
                tracing::error!(%failure, bucket, "bucket not created");
            }
        }
        Self::new(Arc::new(backend))
    }
}

impl<M: Medium> LocalStore<M> {
    #[must_use]
    pub fn new(backend: Arc<Backend<M>>) -> Self {
        Self { backend }
    }

    #[must_use]
    pub fn backend(&self) -> &Arc<Backend<M>> {
        &self.backend
    }

    async fn run<T: Send + 'static>(
        &self,
        operation: Operation,
        bucket: &str,
        key: &str,
        work: impl FnOnce(&Backend<M>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let result = on_backend(&self.backend, work).await;
        result.map_err(|failure| failure.into_store_error(operation, bucket, key))
    }
}

/// Runs work where the medium allows it: inline, or off the async threads when it may wait for a disk.
pub(super) async fn on_backend<M: Medium, T: Send + 'static>(
    backend: &Arc<Backend<M>>,
    work: impl FnOnce(&Backend<M>) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    if !M::BLOCKING {
        return work(backend);
    }
    let backend = Arc::clone(backend);
    match tokio::task::spawn_blocking(move || work(&backend)).await {
        Ok(result) => result,
        Err(error) => Err(Failure::internal(format!("the backend's task ended early: {error}"))),
    }
}

fn stored(options: &ObjectOptions) -> StoredOptions {
    StoredOptions {
        content_type: options.content_type.clone(),
        content_encoding: None,
        storage_class: options.storage_class.clone(),
        sse: options.sse.clone(),
        sse_kms_key_id: options.sse_kms_key_id.clone(),
        tags: options.tags.clone(),
        metadata: options.metadata.clone(),
    }
}

fn preconditions(condition: Condition) -> Preconditions {
    match condition {
        Condition::None => Preconditions::default(),
        Condition::IfAbsent => Preconditions { absent: true, matches: None },
        Condition::IfMatch(etag) => Preconditions { absent: false, matches: Some(etag) },
    }
}

fn object_head(meta: ObjectMeta) -> ObjectHead {
    ObjectHead {
        etag: meta.etag,
        length_bytes: meta.size_bytes,
        last_modified_ms: meta.last_modified_ms,
        metadata: meta.options.metadata,
        content_type: meta.options.content_type.or_else(|| Some("application/octet-stream".to_owned())),
        content_encoding: meta.options.content_encoding,
        storage_class: meta.options.storage_class,
        sse: meta.options.sse,
        sse_kms_key_id: meta.options.sse_kms_key_id,
    }
}

fn receipt(part: &PartMeta) -> PartReceipt {
    PartReceipt {
        number: part.number,
        etag: format!("\"{}\"", super::backend::hex(&part.md5)),
        size_bytes: part.size_bytes,
        crc64nvme: encode(part.crc64nvme),
    }
}

#[async_trait]
impl<M: Medium> Store for LocalStore<M> {
    async fn put(&self, request: PutRequest) -> Result<String, StoreError> {
        let PutRequest { bucket, key, body, condition, options } = request;
        let input = PutInput {
            chunks: vec![body],
            preconditions: preconditions(condition),
            options: stored(&options),
            crc64nvme: None,
        };
        let (to_bucket, to_key) = (bucket.clone(), key.clone());
        let meta =
            self.run(Operation::Put, &bucket, &key, move |backend| backend.put(&to_bucket, &to_key, &input)).await?;
        Ok(meta.etag)
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Object, StoreError> {
        let (of_bucket, of_key) = (bucket.to_owned(), key.to_owned());
        let read = move |backend: &Backend<M>| {
            let (meta, mut reader) = backend.open(&of_bucket, &of_key)?;
            let length = usize::try_from(meta.size_bytes).map_err(|error| Failure::internal(error.to_string()))?;
            let body = reader.read_at(0, length)?;
            Ok(Object { head: object_head(meta), body })
        };
        self.run(Operation::Get, bucket, key, read).await
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectHead, StoreError> {
        let (of_bucket, of_key) = (bucket.to_owned(), key.to_owned());
        let meta = self.run(Operation::Head, bucket, key, move |backend| backend.head(&of_bucket, &of_key)).await?;
        Ok(object_head(meta))
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        let (of_bucket, of_key) = (bucket.to_owned(), key.to_owned());
        self.run(Operation::Delete, bucket, key, move |backend| backend.delete(&of_bucket, &of_key)).await
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, StoreError> {
        let ListRequest { bucket, prefix, start_after, continuation, delimiter, max_keys } = request;
        let wanted = ListingRequest {
            prefix: prefix.clone(),
            delimiter,
            start_after,
            continuation,
            max_keys: usize::try_from(max_keys).ok().filter(|max| *max > 0),
        };
        let of_bucket = bucket.clone();
        let listing =
            self.run(Operation::List, &bucket, &prefix, move |backend| backend.list(&of_bucket, &wanted)).await?;
        let objects = listing.objects.into_iter().map(|(key, meta)| Listed {
            key,
            etag: meta.etag,
            size_bytes: meta.size_bytes,
            last_modified_ms: meta.last_modified_ms,
        });
        Ok(ListPage {
            objects: objects.collect(),
            common_prefixes: listing.common_prefixes,
            continuation: listing.continuation,
        })
    }

    async fn create_upload(&self, bucket: &str, key: &str, options: &ObjectOptions) -> Result<String, StoreError> {
        let (of_bucket, of_key, options) = (bucket.to_owned(), key.to_owned(), stored(options));
        let create = move |backend: &Backend<M>| backend.create_upload(&of_bucket, &of_key, options);
        Ok(self.run(Operation::CreateUpload, bucket, key, create).await?.upload_id)
    }

    async fn upload_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        chunks: Vec<Bytes>,
    ) -> Result<PartReceipt, StoreError> {
        let (of_bucket, of_key, id) = (bucket.to_owned(), key.to_owned(), upload_id.to_owned());
        let upload = move |backend: &Backend<M>| backend.upload_part(&of_bucket, &of_key, &id, number, &chunks, None);
        Ok(receipt(&self.run(Operation::UploadPart, bucket, key, upload).await?))
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
        let (of_bucket, of_key, id) = (bucket.to_owned(), key.to_owned(), upload_id.to_owned());
        let sum = crc64nvme.to_owned();
        let upload =
            move |backend: &Backend<M>| backend.upload_part(&of_bucket, &of_key, &id, number, &[body], Some(&sum));
        Ok(receipt(&self.run(Operation::UploadPart, bucket, key, upload).await?))
    }

    async fn list_parts(&self, bucket: &str, key: &str, upload_id: &str) -> Result<Vec<PartReceipt>, StoreError> {
        let (of_bucket, of_key, id) = (bucket.to_owned(), key.to_owned(), upload_id.to_owned());
        let list = move |backend: &Backend<M>| backend.list_parts(&of_bucket, &of_key, &id);
        Ok(self.run(Operation::ListParts, bucket, key, list).await?.iter().map(receipt).collect())
    }

    async fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        parts: &[PartReceipt],
        condition: Condition,
    ) -> Result<String, StoreError> {
        let (of_bucket, of_key, id) = (bucket.to_owned(), key.to_owned(), upload_id.to_owned());
        let claims: Vec<PartClaim> = parts
            .iter()
            .map(|part| PartClaim {
                number: part.number,
                etag: part.etag.clone(),
                crc64nvme: (!part.crc64nvme.is_empty()).then(|| part.crc64nvme.clone()),
            })
            .collect();
        let preconditions = preconditions(condition);
        let complete =
            move |backend: &Backend<M>| backend.complete_upload(&of_bucket, &of_key, &id, &claims, &preconditions);
        Ok(self.run(Operation::CompleteUpload, bucket, key, complete).await?.etag)
    }

    async fn abort_upload(&self, bucket: &str, key: &str, upload_id: &str) -> Result<(), StoreError> {
        let (of_bucket, of_key, id) = (bucket.to_owned(), key.to_owned(), upload_id.to_owned());
        let abort = move |backend: &Backend<M>| backend.abort_upload(&of_bucket, &of_key, &id);
        self.run(Operation::AbortUpload, bucket, key, abort).await
    }

    async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<OpenUpload>, StoreError> {
        let (of_bucket, of_prefix) = (bucket.to_owned(), prefix.to_owned());
        let list = move |backend: &Backend<M>| backend.list_uploads(&of_bucket, &of_prefix);
        let uploads = self.run(Operation::ListUploads, bucket, prefix, list).await?;
        let open = uploads.into_iter().take(1_000).map(|upload| OpenUpload {
            key: upload.key,
            upload_id: upload.upload_id,
            initiated_ms: upload.initiated_ms,
        });
        Ok(open.collect())
    }

    async fn lifecycle(&self, bucket: &str) -> Result<Vec<LifecycleRule>, StoreError> {
        let of_bucket = bucket.to_owned();
        self.run(Operation::GetLifecycle, bucket, "", move |backend| backend.lifecycle(&of_bucket)).await
    }

    async fn head_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        let of_bucket = bucket.to_owned();
        self.run(Operation::HeadBucket, bucket, "", move |backend| backend.head_bucket(&of_bucket)).await
    }
}
