//! The backend as an s3s service: S3 over HTTP, its requests and answers translated and nothing decided.

mod objects;
mod verify;

use std::sync::Arc;

use s3s::dto::{
    AbortIncompleteMultipartUpload, Bucket, BucketLocationConstraint, ChecksumAlgorithm, ChecksumType,
    ExpirationStatus, LifecycleExpiration, LifecycleRule as RuleDocument, LifecycleRuleFilter, MultipartUpload, Part,
};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteObjectInput,
    DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, GetBucketLifecycleConfigurationInput,
    GetBucketLifecycleConfigurationOutput, GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput,
    GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput,
    ListBucketsOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsV2Input, ListObjectsV2Output,
    ListPartsInput, ListPartsOutput, PutObjectInput, PutObjectOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result};

use super::backend::{Backend, hex};
use super::failure::Failure;
use super::local::on_backend;
use super::medium::{Medium, StoredOptions};
use super::multipart::PartClaim;
use super::reply;
use crate::checksum::encode;

/// S3's page of parts (inclusive).
const MAX_PARTS: usize = 1_000;

#[derive(Debug)]
pub(super) struct Service<M> {
    backend: Arc<Backend<M>>,
}

impl<M: Medium> Service<M> {
    pub(super) fn new(backend: Arc<Backend<M>>) -> Self {
        Self { backend }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Backend<M>) -> Result<T, Failure> + Send + 'static,
    ) -> S3Result<T> {
        Ok(on_backend(&self.backend, work).await?)
    }
}

type Answer<T> = S3Result<S3Response<T>>;

#[async_trait::async_trait]
impl<M: Medium> S3 for Service<M> {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        self.put(request).await
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        self.get(request.input).await
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        self.head(request.input).await
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        let DeleteObjectInput { bucket, key, .. } = request.input;
        self.run(move |backend| backend.delete(&bucket, &key)).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(&self, request: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        self.delete_many(request.input).await
    }

    async fn list_objects_v2(&self, request: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        self.list(request.input).await
    }

    async fn list_buckets(&self, _request: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        let names = self.run(Backend::buckets).await?;
        let buckets = names.into_iter().map(|name| Bucket { name: Some(name), ..Bucket::default() }).collect();
        Ok(S3Response::new(ListBucketsOutput { buckets: Some(buckets), ..ListBucketsOutput::default() }))
    }

    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        let bucket = request.input.bucket;
        let location = format!("/{bucket}");
        self.run(move |backend| backend.create_bucket(&bucket)).await?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(location) }))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        let bucket = request.input.bucket;
        self.run(move |backend| backend.head_bucket(&bucket)).await?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_bucket_location(&self, request: S3Request<GetBucketLocationInput>) -> Answer<GetBucketLocationOutput> {
        let bucket = request.input.bucket;
        self.run(move |backend| backend.head_bucket(&bucket)).await?;
        let location_constraint = None::<BucketLocationConstraint>;
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint }))
    }

    async fn get_bucket_lifecycle_configuration(
        &self,
        request: S3Request<GetBucketLifecycleConfigurationInput>,
    ) -> Answer<GetBucketLifecycleConfigurationOutput> {
        let bucket = request.input.bucket;
        let rules = self.run(move |backend| backend.lifecycle(&bucket)).await?;
        let documents = rules.into_iter().map(|rule| RuleDocument {
            id: Some(rule.id),
            status: ExpirationStatus::from_static(ExpirationStatus::ENABLED),
            filter: Some(LifecycleRuleFilter { prefix: Some(rule.prefix), ..LifecycleRuleFilter::default() }),
            prefix: None,
            expiration: rule
                .expires_objects
                .then(|| LifecycleExpiration { days: Some(1), ..LifecycleExpiration::default() }),
            abort_incomplete_multipart_upload: rule
                .abort_incomplete_uploads_after_days
                .map(|days| AbortIncompleteMultipartUpload { days_after_initiation: Some(reply::number(days)) }),
            noncurrent_version_expiration: None,
            noncurrent_version_transitions: None,
            transitions: None,
        });
        let output = GetBucketLifecycleConfigurationOutput {
            rules: Some(documents.collect()),
            ..GetBucketLifecycleConfigurationOutput::default()
        };
        Ok(S3Response::new(output))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let input = request.input;
        let options = StoredOptions {
            content_type: input.content_type,
            content_encoding: objects::stored_encoding(input.content_encoding),
            storage_class: input.storage_class.map(|class| class.as_str().to_owned()),
            sse: input.server_side_encryption.map(|sse| sse.as_str().to_owned()),
            sse_kms_key_id: input.ssekms_key_id,
            tags: objects::tags(input.tagging.as_deref()),
            metadata: input.metadata.into_iter().flatten().collect(),
        };
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        let upload = self.run(move |backend| backend.create_upload(&bucket, &key, options)).await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(upload.upload_id),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: input.checksum_type,
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let trailers = request.trailing_headers;
        let input = request.input;
        let chunks = reply::collect(input.body, input.content_length).await?;
        let declared = verify::Declared {
            content_md5: input.content_md5,
            crc32: input.checksum_crc32,
            crc32c: input.checksum_crc32c,
            crc64nvme: input.checksum_crc64nvme,
            sha1: input.checksum_sha1,
            sha256: input.checksum_sha256,
        }
        .with_trailers(trailers.as_ref());
        let number = u32::try_from(input.part_number).unwrap_or_default();
        let (bucket, key, id) = (input.bucket, input.key, input.upload_id);
        let part = self
            .run(move |backend| {
                declared.verify(&chunks)?;
                backend.upload_part(&bucket, &key, &id, number, &chunks, declared.crc64nvme.as_deref())
            })
            .await?;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(reply::etag(&hex(&part.md5))),
            checksum_crc64nvme: Some(encode(part.crc64nvme)),
            ..UploadPartOutput::default()
        }))
    }

    async fn list_parts(&self, request: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let input = request.input;
        let (bucket, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id.clone());
        let mut parts = self.run(move |backend| backend.list_parts(&bucket, &key, &id)).await?;
        let after = input.part_number_marker.and_then(|marker| u32::try_from(marker).ok()).unwrap_or_default();
        let limit = input.max_parts.and_then(|max| usize::try_from(max).ok()).unwrap_or(MAX_PARTS).min(MAX_PARTS);
        parts.retain(|part| part.number > after);
        let is_truncated = parts.len() > limit;
        parts.truncate(limit);
        let next = parts.last().map(|part| reply::number(part.number)).filter(|_| is_truncated);
        let listed = parts.iter().map(|part| Part {
            part_number: Some(reply::number(part.number)),
            e_tag: Some(reply::etag(&hex(&part.md5))),
            size: Some(reply::length(part.size_bytes)),
            checksum_crc64nvme: Some(encode(part.crc64nvme)),
            ..Part::default()
        });
        Ok(S3Response::new(ListPartsOutput {
            parts: Some(listed.collect()),
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            is_truncated: Some(is_truncated),
            next_part_number_marker: next,
            part_number_marker: input.part_number_marker,
            checksum_algorithm: Some(ChecksumAlgorithm::from_static(ChecksumAlgorithm::CRC64NVME)),
            checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            ..ListPartsOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let input = request.input;
        let preconditions = reply::preconditions(input.if_match, input.if_none_match.as_ref())?;
        let listed = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let claims: Vec<PartClaim> = listed
            .into_iter()
            .map(|part| PartClaim {
                number: part.part_number.and_then(|number| u32::try_from(number).ok()).unwrap_or_default(),
                etag: part.e_tag.map(s3s::dto::ETag::into_value).unwrap_or_default(),
                crc64nvme: part.checksum_crc64nvme,
            })
            .collect();
        let (bucket, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id);
        let meta =
            self.run(move |backend| backend.complete_upload(&bucket, &key, &id, &claims, &preconditions)).await?;
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(reply::etag(&meta.etag)),
            checksum_crc64nvme: meta.crc64nvme,
            checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        let AbortMultipartUploadInput { bucket, key, upload_id, .. } = request.input;
        self.run(move |backend| backend.abort_upload(&bucket, &key, &upload_id)).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        let input = request.input;
        let (bucket, prefix) = (input.bucket.clone(), input.prefix.clone().unwrap_or_default());
        let mut uploads = self.run(move |backend| backend.list_uploads(&bucket, &prefix)).await?;
        if let Some(marker) = &input.key_marker {
            uploads.retain(|upload| upload.key.as_str() > marker.as_str());
        }
        let limit = input.max_uploads.and_then(|max| usize::try_from(max).ok()).unwrap_or(1_000).min(1_000);
        let is_truncated = uploads.len() > limit;
        uploads.truncate(limit);
        let last = uploads.last().filter(|_| is_truncated);
        let (next_key_marker, next_upload_id_marker) =
            (last.map(|upload| upload.key.clone()), last.map(|upload| upload.upload_id.clone()));
        let listed = uploads.into_iter().map(|upload| MultipartUpload {
            key: Some(upload.key),
            upload_id: Some(upload.upload_id),
            initiated: Some(reply::timestamp(upload.initiated_ms)),
            ..MultipartUpload::default()
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            uploads: Some(listed.collect()),
            bucket: Some(input.bucket),
            prefix: input.prefix,
            is_truncated: Some(is_truncated),
            next_key_marker,
            next_upload_id_marker,
            ..ListMultipartUploadsOutput::default()
        }))
    }
}
