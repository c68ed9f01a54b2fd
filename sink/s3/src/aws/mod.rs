//! [`Store`] over AWS's SDK: one attempt a call, bounded in time, every refusal mapped by its S3 code.
//!
//! The SDK's own retries are off: the protocol retries. Every body carries a CRC64NVME that we compute, so the SDK
//! never adds a checksum of its own in an `aws-chunked` trailer (some servers keep that as the Content-Encoding).

mod answer;
mod body;
mod connect;
mod convert;
mod settings;
mod uploads;

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use bytes::{Bytes, BytesMut};

use self::answer::At;
pub use self::settings::{AssumeRole, AwsSettings, ConnectError, PayloadSigning, StaticCredentials};
use crate::checksum::{crc64nvme, quoted};
use crate::error::{ErrorKind, Operation, StoreError};
use crate::store::{
    Condition, LifecycleRule, ListPage, ListRequest, Listed, Object, ObjectHead, ObjectOptions, OpenUpload,
    PartReceipt, PutRequest, Store,
};

/// Bodies above this are hashed off the async threads and get the transfer's time limit.
const LARGE_BODY_BYTES: usize = 1 << 20;

/// One S3 endpoint with one set of credentials.
#[derive(Debug, Clone)]
pub struct AwsStore {
    client: Client,
    settings: AwsSettings,
    unsigned_payload: bool,
}

impl AwsStore {
    /// Builds the client. Sends no S3 request: a wrong key or bucket shows at the first one.
    ///
    /// # Errors
    /// Settings that can never work.
    pub async fn connect(settings: AwsSettings) -> Result<Self, ConnectError> {
        let connection = connect::connect(&settings).await?;
        Ok(Self { client: connection.client, settings, unsigned_payload: connection.unsigned_payload })
    }

    /// Creates a bucket unless it is there: for local servers and tests, where nobody else does it.
    ///
    /// # Errors
    /// The store's refusal, other than that the bucket is there and ours.
    pub async fn ensure_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        match self.head_bucket(bucket).await {
            Err(error) if error.kind == ErrorKind::NoSuchBucket => {}
            other => return other,
        }
        let at = At { operation: Operation::HeadBucket, bucket, key: "" };
        let call = self.client.create_bucket().bucket(bucket);
        match self.attempt(at, self.settings.operation_timeout_ms, call.send()).await {
            Err(error) if error.code != "BucketAlreadyOwnedByYou" => Err(error),
            _ => Ok(()),
        }
    }

    #[cfg(test)]
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    fn owner(&self) -> Option<String> {
        self.settings.expected_bucket_owner.clone()
    }

    /// One attempt within a time limit.
    async fn attempt<T, E>(
        &self,
        at: At<'_>,
        limit_ms: u64,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
    ) -> Result<T, StoreError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        // The SDK's futures are tens of kilobytes: boxed, so that callers stay small.
        match tokio::time::timeout(Duration::from_millis(limit_ms), Box::pin(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(at.refused(&error)),
            Err(_) => Err(timed_out(at, limit_ms)),
        }
    }

    fn limit_ms(&self, body_bytes: usize) -> u64 {
        if body_bytes > LARGE_BODY_BYTES {
            self.settings.transfer_timeout_ms
        } else {
            self.settings.operation_timeout_ms
        }
    }
}

fn timed_out(at: At<'_>, limit_ms: u64) -> StoreError {
    at.error(ErrorKind::Timeout, "Timeout", format!("no complete answer within {limit_ms} ms"))
}

/// The checksum of a body, off the async threads when it is large.
async fn checksum_of(chunks: &[Bytes]) -> String {
    if chunks.iter().map(Bytes::len).sum::<usize>() <= LARGE_BODY_BYTES {
        return crc64nvme(chunks);
    }
    let owned = chunks.to_vec();
    match tokio::task::spawn_blocking(move || crc64nvme(&owned)).await {
        Ok(sum) => sum,
        Err(_) => crc64nvme(chunks),
    }
}

/// A success that lacks its ETag tells nothing of what the store did.
fn etag_of(at: At<'_>, etag: Option<&str>) -> Result<String, StoreError> {
    match etag {
        Some(etag) if !etag.is_empty() => Ok(quoted(etag)),
        _ => Err(at.error(ErrorKind::Server, "MissingETag", "the store answered success without an etag")),
    }
}

fn storage_class(options: &ObjectOptions) -> Option<StorageClass> {
    options.storage_class.as_deref().map(StorageClass::from)
}

fn encryption(options: &ObjectOptions) -> Option<ServerSideEncryption> {
    options.sse.as_deref().map(ServerSideEncryption::from)
}

#[async_trait]
impl Store for AwsStore {
    async fn put(&self, request: PutRequest) -> Result<String, StoreError> {
        let at = At { operation: Operation::Put, bucket: &request.bucket, key: &request.key };
        let limit_ms = self.limit_ms(request.body.len());
        let checksum = checksum_of(std::slice::from_ref(&request.body)).await;
        let (if_match, if_none_match) = convert::conditions(&request.condition);
        let options = &request.options;
        let call = self
            .client
            .put_object()
            .bucket(&request.bucket)
            .key(&request.key)
            .checksum_crc64_nvme(checksum)
            .set_if_match(if_match)
            .set_if_none_match(if_none_match)
            .set_content_type(options.content_type.clone())
            .set_storage_class(storage_class(options))
            .set_server_side_encryption(encryption(options))
            .set_ssekms_key_id(options.sse_kms_key_id.clone())
            .set_tagging(convert::tagging(options))
            .set_metadata(convert::metadata_out(&options.metadata))
            .set_expected_bucket_owner(self.owner())
            .body(ByteStream::from(request.body.clone()))
            .customize();
        let call = if self.unsigned_payload { call.disable_payload_signing() } else { call };
        let answer = self.attempt(at, limit_ms, call.send()).await?;
        etag_of(at, answer.e_tag())
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Object, StoreError> {
        let at = At { operation: Operation::Get, bucket, key };
        let limit_ms = self.settings.transfer_timeout_ms;
        let call = self.client.get_object().bucket(bucket).key(key).set_expected_bucket_owner(self.owner());
        let read = async {
            let mut answer = self.attempt(at, self.settings.operation_timeout_ms, call.send()).await?;
            let length_bytes = convert::length(answer.content_length());
            let too_large = || {
                let limit = self.settings.max_get_bytes;
                at.error(ErrorKind::Rejected, "EntityTooLarge", format!("the object exceeds {limit} bytes"))
            };
            if length_bytes > self.settings.max_get_bytes {
                return Err(too_large());
            }
            let mut body = BytesMut::with_capacity(usize::try_from(length_bytes).unwrap_or_default());
            loop {
                match answer.body.next().await {
                    None => break,
                    Some(Ok(chunk)) => body.extend_from_slice(&chunk),
                    Some(Err(error)) => {
                        let cause = aws_sdk_s3::error::DisplayErrorContext(&error).to_string();
                        return Err(at.error(ErrorKind::Connection, "BrokenBody", cause));
                    }
                }
                if body.len() as u64 > self.settings.max_get_bytes {
                    return Err(too_large());
                }
            }
            let head = ObjectHead {
                etag: quoted(answer.e_tag().unwrap_or_default()),
                length_bytes: body.len() as u64,
                last_modified_ms: convert::ms(answer.last_modified()),
                metadata: convert::metadata_in(answer.metadata()),
                content_type: answer.content_type().map(str::to_owned),
                content_encoding: answer.content_encoding().map(str::to_owned),
                storage_class: answer.storage_class().map(|class| class.as_str().to_owned()),
                sse: answer.server_side_encryption().map(|sse| sse.as_str().to_owned()),
                sse_kms_key_id: answer.ssekms_key_id().map(str::to_owned),
            };
            Ok(Object { head, body: body.freeze() })
        };
        match tokio::time::timeout(Duration::from_millis(limit_ms), read).await {
            Ok(result) => result,
            Err(_) => Err(timed_out(at, limit_ms)),
        }
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectHead, StoreError> {
        let at = At { operation: Operation::Head, bucket, key };
        let call = self.client.head_object().bucket(bucket).key(key).set_expected_bucket_owner(self.owner());
        let answer = self.attempt(at, self.settings.operation_timeout_ms, call.send()).await?;
        Ok(ObjectHead {
            etag: quoted(answer.e_tag().unwrap_or_default()),
            length_bytes: convert::length(answer.content_length()),
            last_modified_ms: convert::ms(answer.last_modified()),
            metadata: convert::metadata_in(answer.metadata()),
            content_type: answer.content_type().map(str::to_owned),
            content_encoding: answer.content_encoding().map(str::to_owned),
            storage_class: answer.storage_class().map(|class| class.as_str().to_owned()),
            sse: answer.server_side_encryption().map(|sse| sse.as_str().to_owned()),
            sse_kms_key_id: answer.ssekms_key_id().map(str::to_owned),
        })
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), StoreError> {
        let at = At { operation: Operation::Delete, bucket, key };
        let call = self.client.delete_object().bucket(bucket).key(key).set_expected_bucket_owner(self.owner());
        self.attempt(at, self.settings.operation_timeout_ms, call.send()).await.map(drop)
    }

    async fn list(&self, request: ListRequest) -> Result<ListPage, StoreError> {
        let at = At { operation: Operation::List, bucket: &request.bucket, key: &request.prefix };
        let max_keys = (request.max_keys > 0).then(|| i32::try_from(request.max_keys).unwrap_or(i32::MAX));
        let call = self
            .client
            .list_objects_v2()
            .bucket(&request.bucket)
            .prefix(&request.prefix)
            .set_start_after(request.start_after.clone())
            .set_continuation_token(request.continuation.clone())
            .set_delimiter(request.delimiter.clone())
            .set_max_keys(max_keys)
            .set_expected_bucket_owner(self.owner());
        let answer = self.attempt(at, self.settings.operation_timeout_ms, call.send()).await?;
        let continuation = match (answer.is_truncated().unwrap_or_default(), answer.next_continuation_token()) {
            (false, _) => None,
            (true, Some(token)) => Some(token.to_owned()),
            // Taken for the end, it would hide the newest entries of a log.
            (true, None) => {
                return Err(at.error(ErrorKind::Server, "MissingToken", "the page says there is more and not where"));
            }
        };
        let objects = answer.contents().iter().filter_map(|object| {
            Some(Listed {
                key: object.key()?.to_owned(),
                etag: quoted(object.e_tag().unwrap_or_default()),
                size_bytes: convert::length(object.size()),
                last_modified_ms: convert::ms(object.last_modified()),
            })
        });
        Ok(ListPage {
            objects: objects.collect(),
            common_prefixes: answer
                .common_prefixes()
                .iter()
                .filter_map(|common| common.prefix().map(str::to_owned))
                .collect(),
            continuation,
        })
    }

    async fn create_upload(&self, bucket: &str, key: &str, options: &ObjectOptions) -> Result<String, StoreError> {
        self.begin(bucket, key, options).await
    }

    async fn upload_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        chunks: Vec<Bytes>,
    ) -> Result<PartReceipt, StoreError> {
        let checksum = checksum_of(&chunks).await;
        self.send_part(bucket, key, upload_id, number, chunks, checksum).await
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
        self.send_part(bucket, key, upload_id, number, vec![body], crc64nvme.to_owned()).await
    }

    async fn list_parts(&self, bucket: &str, key: &str, upload_id: &str) -> Result<Vec<PartReceipt>, StoreError> {
        self.every_part(bucket, key, upload_id).await
    }

    async fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        parts: &[PartReceipt],
        condition: Condition,
    ) -> Result<String, StoreError> {
        self.complete(bucket, key, upload_id, parts, &condition).await
    }

    async fn abort_upload(&self, bucket: &str, key: &str, upload_id: &str) -> Result<(), StoreError> {
        self.abort(bucket, key, upload_id).await
    }

    async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<OpenUpload>, StoreError> {
        self.open_uploads(bucket, prefix).await
    }

    async fn lifecycle(&self, bucket: &str) -> Result<Vec<LifecycleRule>, StoreError> {
        let at = At { operation: Operation::GetLifecycle, bucket, key: "" };
        let call =
            self.client.get_bucket_lifecycle_configuration().bucket(bucket).set_expected_bucket_owner(self.owner());
        let answer = self.attempt(at, self.settings.operation_timeout_ms, call.send()).await?;
        Ok(answer.rules().iter().filter_map(convert::lifecycle_rule).collect())
    }

    async fn head_bucket(&self, bucket: &str) -> Result<(), StoreError> {
        let at = At { operation: Operation::HeadBucket, bucket, key: "" };
        let call = self.client.head_bucket().bucket(bucket).set_expected_bucket_owner(self.owner());
        self.attempt(at, self.settings.operation_timeout_ms, call.send()).await.map(drop)
    }
}
