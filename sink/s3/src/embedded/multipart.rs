//! S3's multipart semantics: an upload is invisible until Complete, which checks every part it is given.
//!
//! Of the answers that S3 leaves open this backend gives the plain one: a second Complete is `NoSuchUpload`.

use bytes::Bytes;
use md5::{Digest, Md5};

use super::backend::{Backend, Preconditions, hex, md5_of, verified};
use super::failure::Failure;
use super::medium::{Medium, ObjectMeta, PartMeta, StoredOptions, UploadMeta};
use crate::checksum;
use crate::error::Operation;

/// S3's limits (inclusive).
const MAX_PART_NUMBER: u32 = 10_000;

/// A part as a Complete lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartClaim {
    pub number: u32,
    /// Quotes or not.
    pub etag: String,
    pub crc64nvme: Option<String>,
}

impl<M: Medium> Backend<M> {
    /// # Errors
    /// S3's refusals of CreateMultipartUpload.
    pub fn create_upload(&self, bucket: &str, key: &str, options: StoredOptions) -> Result<UploadMeta, Failure> {
        self.hooked(Operation::CreateUpload, bucket, key, || {
            self.writable(bucket, key)?;
            let upload = UploadMeta {
                key: key.to_owned(),
                upload_id: self.new_upload_id(),
                initiated_ms: self.now_ms(),
                options,
            };
            self.medium.create_upload(bucket, &upload)?;
            Ok(upload)
        })
    }

    /// # Errors
    /// S3's refusals of UploadPart.
    pub fn upload_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        chunks: &[Bytes],
        declared_crc64nvme: Option<&str>,
    ) -> Result<PartMeta, Failure> {
        self.hooked(Operation::UploadPart, bucket, key, || {
            if !(1..=MAX_PART_NUMBER).contains(&number) {
                return Err(Failure::invalid(format!("part number {number} is not in 1..={MAX_PART_NUMBER}")));
            }
            let sum = verified(chunks, declared_crc64nvme)?;
            let part = PartMeta {
                number,
                md5: md5_of(chunks),
                size_bytes: chunks.iter().map(|chunk| chunk.len() as u64).sum(),
                crc64nvme: checksum::decode(&sum).unwrap_or_default(),
            };
            let _held = self.lock(bucket, key);
            self.open_upload(bucket, key, upload_id)?;
            self.medium.put_part(bucket, upload_id, &part, chunks)?;
            Ok(part)
        })
    }

    /// # Errors
    /// `NoSuchUpload`, `NoSuchBucket`.
    pub fn list_parts(&self, bucket: &str, key: &str, upload_id: &str) -> Result<Vec<PartMeta>, Failure> {
        self.hooked(Operation::ListParts, bucket, key, || {
            let _held = self.lock(bucket, key);
            self.open_upload(bucket, key, upload_id)?;
            Ok(self.medium.parts(bucket, upload_id)?)
        })
    }

    /// # Errors
    /// S3's refusals of CompleteMultipartUpload; the upload stays as it is.
    pub fn complete_upload(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        claims: &[PartClaim],
        preconditions: &Preconditions,
    ) -> Result<ObjectMeta, Failure> {
        self.hooked(Operation::CompleteUpload, bucket, key, || {
            let _held = self.lock(bucket, key);
            let upload = self.open_upload(bucket, key, upload_id)?;
            let parts = claimed(&self.medium.parts(bucket, upload_id)?, claims, self.min_part_bytes)?;
            self.check(bucket, key, preconditions)?;
            self.medium.admit(bucket, key)?;
            let sums: Vec<(String, u64)> =
                parts.iter().map(|part| (checksum::encode(part.crc64nvme), part.size_bytes)).collect();
            let meta = ObjectMeta {
                etag: multipart_etag(&parts),
                size_bytes: parts.iter().map(|part| part.size_bytes).sum(),
                last_modified_ms: self.now_ms(),
                crc64nvme: checksum::combine(sums.iter().map(|(sum, size)| (sum.as_str(), *size))),
                options: upload.options.clone(),
            };
            self.medium.complete(bucket, &upload, &parts, &meta)?;
            Ok(meta)
        })
    }

    /// # Errors
    /// `NoSuchUpload`, `NoSuchBucket`.
    pub fn abort_upload(&self, bucket: &str, key: &str, upload_id: &str) -> Result<(), Failure> {
        self.hooked(Operation::AbortUpload, bucket, key, || {
            let _held = self.lock(bucket, key);
            self.open_upload(bucket, key, upload_id)?;
            Ok(self.medium.remove_upload(bucket, upload_id)?)
        })
    }

    /// Open uploads under a prefix, by key, then by age.
    ///
    /// # Errors
    /// `NoSuchBucket`.
    pub fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<UploadMeta>, Failure> {
        self.hooked(Operation::ListUploads, bucket, prefix, || {
            let mut uploads = self.medium.uploads(bucket)?;
            uploads.retain(|upload| upload.key.starts_with(prefix));
            uploads.sort_by(|a, b| (&a.key, a.initiated_ms, &a.upload_id).cmp(&(&b.key, b.initiated_ms, &b.upload_id)));
            Ok(uploads)
        })
    }

    fn open_upload(&self, bucket: &str, key: &str, upload_id: &str) -> Result<UploadMeta, Failure> {
        match self.medium.upload(bucket, upload_id)? {
            Some(upload) if upload.key == key => Ok(upload),
            _ => Err(Failure::no_such_upload(upload_id)),
        }
    }
}

/// The parts a Complete names, checked one by one.
fn claimed(there: &[PartMeta], claims: &[PartClaim], min_part_bytes: u64) -> Result<Vec<PartMeta>, Failure> {
    if claims.is_empty() {
        return Err(Failure::new("MalformedXML", 400, "a Complete names at least one part"));
    }
    if claims.windows(2).any(|pair| pair[0].number >= pair[1].number) {
        return Err(Failure::new("InvalidPartOrder", 400, "the parts are not in ascending order"));
    }
    let mut parts = Vec::with_capacity(claims.len());
    for claim in claims {
        let invalid = |why: &str| Failure::new("InvalidPart", 400, format!("part {} {why}", claim.number));
        let part = there
            .binary_search_by_key(&claim.number, |part| part.number)
            .ok()
            .and_then(|index| there.get(index))
            .ok_or_else(|| invalid("was not uploaded"))?;
        if checksum::unquoted(&claim.etag) != hex(&part.md5) {
            return Err(invalid("has another etag"));
        }
        if claim.crc64nvme.as_deref().is_some_and(|sum| checksum::decode(sum) != Some(part.crc64nvme)) {
            return Err(invalid("has another checksum"));
        }
        parts.push(part.clone());
    }
    if let Some((_, others)) = parts.split_last()
        && let Some(small) = others.iter().find(|part| part.size_bytes < min_part_bytes)
    {
        let message = format!("part {} has {} bytes, at least {min_part_bytes}", small.number, small.size_bytes);
        return Err(Failure::new("EntityTooSmall", 400, message));
    }
    Ok(parts)
}

fn multipart_etag(parts: &[PartMeta]) -> String {
    let mut digest = Md5::new();
    for part in parts {
        digest.update(part.md5);
    }
    let whole: [u8; 16] = digest.finalize().into();
    format!("\"{}-{}\"", hex(&whole), parts.len())
}
