//! The longer object calls: PUT, GET, HEAD, LIST, and many deletes at once.

use std::collections::BTreeMap;

use s3s::dto::{
    ChecksumMode, ChecksumType, CommonPrefix, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETagCondition,
    Error, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output,
    Object, PutObjectInput, PutObjectOutput, ServerSideEncryption, StorageClass,
};
use s3s::{S3Request, S3Response};

use super::{Answer, Service, verify};
use crate::checksum::unquoted;
use crate::embedded::backend::PutInput;
use crate::embedded::failure::Failure;
use crate::embedded::list::ListingRequest;
use crate::embedded::medium::{Medium, ObjectMeta, StoredOptions};
use crate::embedded::reply;

impl<M: Medium> Service<M> {
    pub(super) async fn put(&self, request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let trailers = request.trailing_headers;
        let input = request.input;
        let preconditions = reply::preconditions(input.if_match, input.if_none_match.as_ref())?;
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
        let put = PutInput {
            chunks,
            preconditions,
            options: StoredOptions {
                content_type: input.content_type,
                content_encoding: stored_encoding(input.content_encoding),
                storage_class: input.storage_class.map(|class| class.as_str().to_owned()),
                sse: input.server_side_encryption.map(|sse| sse.as_str().to_owned()),
                sse_kms_key_id: input.ssekms_key_id,
                tags: tags(input.tagging.as_deref()),
                metadata: input.metadata.into_iter().flatten().collect(),
            },
            crc64nvme: declared.crc64nvme.clone(),
        };
        let (bucket, key) = (input.bucket, input.key);
        let meta = self
            .run(move |backend| {
                declared.verify(&put.chunks)?;
                backend.put(&bucket, &key, &put)
            })
            .await?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(reply::etag(&meta.etag)),
            checksum_crc64nvme: meta.crc64nvme,
            checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            ..PutObjectOutput::default()
        }))
    }

    pub(super) async fn get(&self, input: GetObjectInput) -> Answer<GetObjectOutput> {
        let (bucket, key) = (input.bucket, input.key);
        let (meta, reader) = self.run(move |backend| backend.open(&bucket, &key)).await?;
        readable(&meta, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let (span, content_range) = match &input.range {
            None => (0..meta.size_bytes, None),
            Some(range) => {
                let span = range.check(meta.size_bytes)?;
                let shown = format!("bytes {}-{}/{}", span.start, span.end.saturating_sub(1), meta.size_bytes);
                (span, Some(shown))
            }
        };
        let checksum = whole_checksum(&meta, input.checksum_mode.as_ref()).filter(|_| content_range.is_none());
        Ok(S3Response::new(GetObjectOutput {
            content_length: Some(reply::length(span.end - span.start)),
            body: Some(reply::stream_of(&self.backend, reader, span.start, span.end)),
            content_range,
            accept_ranges: Some("bytes".to_owned()),
            checksum_type: checksum.as_ref().map(|_| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            checksum_crc64nvme: checksum,
            e_tag: Some(reply::etag(&meta.etag)),
            last_modified: Some(reply::timestamp(meta.last_modified_ms)),
            content_type: Some(content_type(&meta)),
            content_encoding: meta.options.content_encoding,
            storage_class: meta.options.storage_class.map(StorageClass::from),
            server_side_encryption: meta.options.sse.map(ServerSideEncryption::from),
            ssekms_key_id: meta.options.sse_kms_key_id,
            metadata: Some(meta.options.metadata.into_iter().collect()),
            ..GetObjectOutput::default()
        }))
    }

    pub(super) async fn head(&self, input: HeadObjectInput) -> Answer<HeadObjectOutput> {
        let (bucket, key) = (input.bucket, input.key);
        let meta = self.run(move |backend| backend.head(&bucket, &key)).await?;
        readable(&meta, input.if_match.as_ref(), input.if_none_match.as_ref())?;
        let checksum = whole_checksum(&meta, input.checksum_mode.as_ref());
        Ok(S3Response::new(HeadObjectOutput {
            content_length: Some(reply::length(meta.size_bytes)),
            accept_ranges: Some("bytes".to_owned()),
            checksum_type: checksum.as_ref().map(|_| ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
            checksum_crc64nvme: checksum,
            e_tag: Some(reply::etag(&meta.etag)),
            last_modified: Some(reply::timestamp(meta.last_modified_ms)),
            content_type: Some(content_type(&meta)),
            content_encoding: meta.options.content_encoding,
            storage_class: meta.options.storage_class.map(StorageClass::from),
            server_side_encryption: meta.options.sse.map(ServerSideEncryption::from),
            ssekms_key_id: meta.options.sse_kms_key_id,
            metadata: Some(meta.options.metadata.into_iter().collect()),
            ..HeadObjectOutput::default()
        }))
    }

    pub(super) async fn delete_many(&self, input: DeleteObjectsInput) -> Answer<DeleteObjectsOutput> {
        let quiet = input.delete.quiet.unwrap_or_default();
        let mut output = DeleteObjectsOutput::default();
        for object in input.delete.objects {
            let (bucket, key) = (input.bucket.clone(), object.key.clone());
            match self.run(move |backend| backend.delete(&bucket, &key)).await {
                Ok(()) if quiet => {}
                Ok(()) => output
                    .deleted
                    .get_or_insert_default()
                    .push(DeletedObject { key: Some(object.key), ..DeletedObject::default() }),
                Err(error) => output.errors.get_or_insert_default().push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(object.key),
                    message: error.message().map(str::to_owned),
                    version_id: None,
                }),
            }
        }
        Ok(S3Response::new(output))
    }

    pub(super) async fn list(&self, input: ListObjectsV2Input) -> Answer<ListObjectsV2Output> {
        let wanted = ListingRequest {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone(),
            start_after: input.start_after.clone(),
            continuation: input.continuation_token.clone(),
            max_keys: input.max_keys.map(|max| usize::try_from(max).unwrap_or_default()),
        };
        let bucket = input.bucket.clone();
        let listing = self.run(move |backend| backend.list(&bucket, &wanted)).await?;
        let count = listing.objects.len() + listing.common_prefixes.len();
        let contents = listing.objects.into_iter().map(|(key, meta)| Object {
            key: Some(key),
            e_tag: Some(reply::etag(&meta.etag)),
            size: Some(reply::length(meta.size_bytes)),
            last_modified: Some(reply::timestamp(meta.last_modified_ms)),
            ..Object::default()
        });
        let prefixes = listing.common_prefixes.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) });
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            start_after: input.start_after,
            continuation_token: input.continuation_token,
            max_keys: Some(input.max_keys.unwrap_or(1_000)),
            key_count: Some(i32::try_from(count).unwrap_or(i32::MAX)),
            contents: Some(contents.collect()),
            common_prefixes: Some(prefixes.collect()),
            is_truncated: Some(listing.continuation.is_some()),
            next_continuation_token: listing.continuation,
            ..ListObjectsV2Output::default()
        }))
    }
}

/// `aws-chunked` says how a request was framed; it is no property of the object.
pub(super) fn stored_encoding(encoding: Option<String>) -> Option<String> {
    let kept: Vec<String> = encoding?
        .split(',')
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty() && name != "aws-chunked")
        .collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// The `x-amz-tagging` header, kept as it was written: nothing here reads tags.
pub(super) fn tags(header: Option<&str>) -> BTreeMap<String, String> {
    let pairs = header.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (pair.to_owned(), String::new()),
        })
        .collect()
}

fn content_type(meta: &ObjectMeta) -> String {
    meta.options.content_type.clone().unwrap_or_else(|| "application/octet-stream".to_owned())
}

fn whole_checksum(meta: &ObjectMeta, mode: Option<&ChecksumMode>) -> Option<String> {
    mode.filter(|mode| mode.as_str() == ChecksumMode::ENABLED).and(meta.crc64nvme.clone())
}

/// Conditions of a read.
fn readable(
    meta: &ObjectMeta,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> Result<(), Failure> {
    let is_this = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == unquoted(&meta.etag),
    };
    if if_match.is_some_and(|condition| !is_this(condition)) {
        return Err(Failure::precondition("If-Match"));
    }
    if if_none_match.is_some_and(is_this) {
        return Err(Failure::new("NotModified", 304, ""));
    }
    Ok(())
}
