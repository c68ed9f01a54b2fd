//! The multipart half of [`AwsStore`].

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;

use super::answer::At;
use super::{AwsStore, body, convert, encryption, etag_of, storage_class};
use crate::checksum::quoted;
use crate::error::{ErrorKind, Operation, StoreError};
use crate::store::{Condition, ObjectOptions, OpenUpload, PartReceipt};

/// S3's own limit (inclusive).
const MAX_PART_NUMBER: u32 = 10_000;
/// A page holds 1,000 parts; a server that never ends its pages is left here.
const MAX_PAGES: usize = 64;

impl AwsStore {
    pub(super) async fn begin(&self, bucket: &str, key: &str, options: &ObjectOptions) -> Result<String, StoreError> {
        let at = At { operation: Operation::CreateUpload, bucket, key };
        let call = self
            .client
            .create_multipart_upload()
            .bucket(bucket)
            .key(key)
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme)
            .checksum_type(ChecksumType::FullObject)
            .set_content_type(options.content_type.clone())
            .set_storage_class(storage_class(options))
            .set_server_side_encryption(encryption(options))
            .set_ssekms_key_id(options.sse_kms_key_id.clone())
            .set_tagging(convert::tagging(options))
            .set_metadata(convert::metadata_out(&options.metadata))
            .set_expected_bucket_owner(self.owner());
        let answer = self.attempt(at, self.settings.operation_timeout_ms, call.send()).await?;
        match answer.upload_id() {
            Some(id) if !id.is_empty() => Ok(id.to_owned()),
            _ => Err(at.error(ErrorKind::Server, "MissingUploadId", "the store answered success without an upload id")),
        }
    }

    pub(super) async fn send_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        chunks: Vec<Bytes>,
        crc64nvme: String,
    ) -> Result<PartReceipt, StoreError> {
        let at = At { operation: Operation::UploadPart, bucket, key };
        let part_number = sdk_part_number(at, number)?;
        let size_bytes: u64 = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let call = self
            .client
            .upload_part()
            .bucket(bucket)
            .key(key)
            .upload_id(upload_id)
            .part_number(part_number)
            .content_length(i64::try_from(size_bytes).unwrap_or(i64::MAX))
            .checksum_crc64_nvme(&crc64nvme)
            .set_expected_bucket_owner(self.owner())
            .body(body::part_body(chunks, !self.unsigned_payload))
            .customize();
        let call = if self.unsigned_payload { call.disable_payload_signing() } else { call };
        let answer = self.attempt(at, self.settings.transfer_timeout_ms, call.send()).await?;
        Ok(PartReceipt { number, etag: etag_of(at, answer.e_tag())?, size_bytes, crc64nvme })
    }

    pub(super) async fn every_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
    ) -> Result<Vec<PartReceipt>, StoreError> {
        let at = At { operation: Operation::ListParts, bucket, key };
        let mut parts = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let call = self
                .client
                .list_parts()
                .bucket(bucket)
                .key(key)
                .upload_id(upload_id)
                .set_part_number_marker(marker.clone())
                .set_expected_bucket_owner(self.owner());
            let answer = self.attempt(at, self.settings.operation_timeout_ms, call.send()).await?;
            parts.extend(answer.parts().iter().filter_map(convert::part_receipt));
            let next = answer.next_part_number_marker().map(str::to_owned);
            if !answer.is_truncated().unwrap_or_default() || next.is_none() || next == marker {
                return Ok(parts);
            }
            marker = next;
        }
        Err(at.error(ErrorKind::Server, "EndlessListing", format!("more than {MAX_PAGES} pages of parts")))
    }

    pub(super) async fn complete(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        parts: &[PartReceipt],
        condition: &Condition,
    ) -> Result<String, StoreError> {
        let at = At { operation: Operation::CompleteUpload, bucket, key };
        let mut completed = Vec::with_capacity(parts.len());
        for part in parts {
            let checksum = (!part.crc64nvme.is_empty()).then(|| part.crc64nvme.clone());
            completed.push(
                CompletedPart::builder()
                    .part_number(sdk_part_number(at, part.number)?)
                    .e_tag(quoted(&part.etag))
                    .set_checksum_crc64_nvme(checksum)
                    .build(),
            );
        }
        let (if_match, if_none_match) = convert::conditions(condition);
        let call = self
            .client
            .complete_multipart_upload()
            .bucket(bucket)
            .key(key)
            .upload_id(upload_id)
            .checksum_type(ChecksumType::FullObject)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(completed)).build())
            .set_if_match(if_match)
            .set_if_none_match(if_none_match)
            .set_expected_bucket_owner(self.owner());
        let answer = self.attempt(at, self.settings.transfer_timeout_ms, call.send()).await?;
        etag_of(at, answer.e_tag())
    }

    pub(super) async fn abort(&self, bucket: &str, key: &str, upload_id: &str) -> Result<(), StoreError> {
        let at = At { operation: Operation::AbortUpload, bucket, key };
        let call = self
            .client
            .abort_multipart_upload()
            .bucket(bucket)
            .key(key)
            .upload_id(upload_id)
            .set_expected_bucket_owner(self.owner());
        self.attempt(at, self.settings.operation_timeout_ms, call.send()).await.map(drop)
    }

    pub(super) async fn open_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<OpenUpload>, StoreError> {
        let at = At { operation: Operation::ListUploads, bucket, key: prefix };
        let call =
            self.client.list_multipart_uploads().bucket(bucket).prefix(prefix).set_expected_bucket_owner(self.owner());
        let answer = self.attempt(at, self.settings.operation_timeout_ms, call.send()).await?;
        let uploads = answer.uploads().iter().filter_map(|upload| {
            Some(OpenUpload {
                key: upload.key()?.to_owned(),
                upload_id: upload.upload_id()?.to_owned(),
                initiated_ms: convert::ms(upload.initiated()),
            })
        });
        Ok(uploads.collect())
    }
}

fn sdk_part_number(at: At<'_>, number: u32) -> Result<i32, StoreError> {
    i32::try_from(number).ok().filter(|_| (1..=MAX_PART_NUMBER).contains(&number)).ok_or_else(|| {
        at.error(
            ErrorKind::Rejected,
            "InvalidPartNumber",
            format!("part number {number} is not in 1..={MAX_PART_NUMBER}"),
        )
    })
}
