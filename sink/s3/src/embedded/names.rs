//! Which bucket names and keys the backend takes at all, and which of them can be plain files.

/// S3's own limit (inclusive).
pub(super) const MAX_KEY_BYTES: usize = 1_024;
/// What common file systems take (inclusive).
pub(super) const MAX_SEGMENT_BYTES: usize = 255;

/// S3's rule: 3-63 of a-z, 0-9, `.`, `-`; begins and ends with a letter or digit; no `..`.
pub(super) fn is_bucket_name(bucket: &str) -> bool {
    let bytes = bucket.as_bytes();
    let alphanumeric = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (3..=63).contains(&bytes.len())
        && alphanumeric(bytes.first())
        && alphanumeric(bytes.last())
        && bytes.iter().all(|byte| alphanumeric(Some(byte)) || matches!(byte, b'.' | b'-'))
        && !bucket.contains("..")
}

pub(super) fn check_key(key: &str) -> Result<(), String> {
    if key.is_empty() {
        return Err("key is empty: give it at least one byte".to_owned());
    }
    if key.len() > MAX_KEY_BYTES {
        return Err(format!("key of {} bytes is too long: at most {MAX_KEY_BYTES}", key.len()));
    }
    Ok(())
}

/// The segments of a key that stays below its folder, whatever it says.
pub(super) fn segments(key: &str) -> Result<Vec<&str>, String> {
    let segments: Vec<&str> = key.split('/').collect();
    for segment in &segments {
        let wrong = match *segment {
            "" => "an empty segment",
            "." | ".." => "the segment `.` or `..`",
            long if long.len() > MAX_SEGMENT_BYTES => "a segment of more than 255 bytes",
            odd if odd.contains('\0') => "a NUL byte",
            _ => continue,
        };
        return Err(format!("key {key:?} has {wrong}, which cannot be a plain file: use another key"));
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_could_leave_the_folder_are_refused() {
        for key in ["../a", "a/../b", "/etc/passwd", "a//b", "a/", "./a", "a/./b", "..", "a\0b"] {
            assert!(segments(key).is_err(), "{key:?}");
        }
        assert!(segments(&format!("a/{}", "x".repeat(256))).is_err());
        assert!(segments(&format!("a/{}", "x".repeat(255))).is_ok());
        for key in ["a", "dt=2026-01-01/hour=00/a+0.jsonl", "..a/b..", "%2e%2e/x", "a\\..\\b", "~", "ä/ö"] {
            assert!(segments(key).is_ok(), "{key:?}");
        }
    }

    #[test]
    fn bucket_names_follow_the_rule_of_s3() {
        for good in ["lake", "my-lake.v2", "0ab"] {
            assert!(is_bucket_name(good), "{good}");
        }
        for bad in ["", "ab", ".landfall-meta", "..", "a/b", "Lake", "-ab", "ab-", "a..b", &"x".repeat(64)] {
            assert!(!is_bucket_name(bad), "{bad}");
        }
    }
}
