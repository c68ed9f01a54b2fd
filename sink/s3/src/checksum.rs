//! CRC64NVME as S3 writes it: base64 of the 8 bytes, big-endian.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest, checksum_combine};

/// The checksum of the chunks as one run of bytes.
#[must_use]
pub fn crc64nvme(chunks: &[Bytes]) -> String {
    let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
    for chunk in chunks {
        digest.update(chunk);
    }
    encode(digest.finalize())
}

/// The checksum of a whole object from its parts' (checksum, size), in order. None where a checksum is unreadable.
pub(crate) fn combine<'a>(parts: impl IntoIterator<Item = (&'a str, u64)>) -> Option<String> {
    let mut whole: Option<u64> = None;
    for (text, size_bytes) in parts {
        let part = decode(text)?;
        whole = Some(match whole {
            None => part,
            Some(before) => checksum_combine(CrcAlgorithm::Crc64Nvme, before, part, size_bytes),
        });
    }
    whole.map(encode)
}

pub(crate) fn decode(text: &str) -> Option<u64> {
    let bytes: [u8; 8] = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(u64::from_be_bytes(bytes))
}

pub(crate) fn encode(value: u64) -> String {
    STANDARD.encode(value.to_be_bytes())
}

/// ETags compare and travel with their quotes, as S3's headers show them.
pub(crate) fn quoted(etag: &str) -> String {
    if etag.starts_with('"') || etag.is_empty() { etag.to_owned() } else { format!("\"{etag}\"") }
}

pub(crate) fn unquoted(etag: &str) -> &str {
    etag.trim_matches('"')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue_is_met() {
        // CRC-64/NVME of "123456789" in the CRC catalogue.
        let text = crc64nvme(&[Bytes::from_static(b"1234"), Bytes::from_static(b"56789")]);
        assert_eq!(decode(&text).unwrap(), 0xAE8B_1486_0A79_9888);
    }

    #[test]
    fn parts_combine_to_the_checksum_of_the_whole() {
        let whole = Bytes::from((0..100_000u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
        let (a, b, c) = (whole.slice(..7), whole.slice(7..300_000), whole.slice(300_000..));
        let sums: Vec<(String, u64)> =
            [a, b, c].into_iter().map(|part| (crc64nvme(std::slice::from_ref(&part)), part.len() as u64)).collect();
        let combined = combine(sums.iter().map(|(sum, size)| (sum.as_str(), *size))).unwrap();
        assert_eq!(combined, crc64nvme(&[whole]));
    }

    #[test]
    fn an_unreadable_checksum_is_none_and_not_zero() {
        assert_eq!(decode("AAAA"), None);
        assert_eq!(combine([("not base64", 1)]), None);
    }
}
