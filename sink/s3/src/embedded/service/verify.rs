//! Every checksum that a client declared, in a header or a trailer, is compared with the content.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use s3s::TrailingHeaders;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum, Crc32, Crc32c, Sha1, Sha256};

use crate::embedded::backend::md5_of;
use crate::embedded::failure::Failure;

/// Base64 each, as the headers carry them.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub(super) content_md5: Option<String>,
    pub(super) crc32: Option<String>,
    pub(super) crc32c: Option<String>,
    /// Verified by the backend itself.
    pub(super) crc64nvme: Option<String>,
    pub(super) sha1: Option<String>,
    pub(super) sha256: Option<String>,
}

impl Declared {
    /// To be called once the body was read: trailers come after it.
    pub(super) fn with_trailers(mut self, trailers: Option<&TrailingHeaders>) -> Self {
        let Some(headers) = trailers.and_then(TrailingHeaders::take) else { return self };
        let of = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        self.crc32 = self.crc32.or_else(|| of("x-amz-checksum-crc32"));
        self.crc32c = self.crc32c.or_else(|| of("x-amz-checksum-crc32c"));
        self.crc64nvme = self.crc64nvme.or_else(|| of("x-amz-checksum-crc64nvme"));
        self.sha1 = self.sha1.or_else(|| of("x-amz-checksum-sha1"));
        self.sha256 = self.sha256.or_else(|| of("x-amz-checksum-sha256"));
        self
    }

    pub(super) fn verify(&self, chunks: &[Bytes]) -> Result<(), Failure> {
        if let Some(declared) = &self.content_md5 {
            same("Content-MD5", Some(declared), Some(&STANDARD.encode(md5_of(chunks))))?;
        }
        let mut hasher = ChecksumHasher {
            crc32: self.crc32.as_ref().map(|_| Crc32::new()),
            crc32c: self.crc32c.as_ref().map(|_| Crc32c::new()),
            sha1: self.sha1.as_ref().map(|_| Sha1::new()),
            sha256: self.sha256.as_ref().map(|_| Sha256::new()),
            crc64nvme: None,
        };
        for chunk in chunks {
            hasher.update(chunk);
        }
        let actual = hasher.finalize();
        same("CRC32", self.crc32.as_deref(), actual.checksum_crc32.as_deref())?;
        same("CRC32C", self.crc32c.as_deref(), actual.checksum_crc32c.as_deref())?;
        same("SHA1", self.sha1.as_deref(), actual.checksum_sha1.as_deref())?;
        same("SHA256", self.sha256.as_deref(), actual.checksum_sha256.as_deref())
    }
}

fn same(name: &str, declared: Option<&str>, actual: Option<&str>) -> Result<(), Failure> {
    if declared == actual {
        return Ok(());
    }
    Err(Failure::new("BadDigest", 400, format!("the declared {name} is not the content's")))
}
