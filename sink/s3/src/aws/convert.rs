//! Between the port's types and the SDK's.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{AbortIncompleteMultipartUpload, ExpirationStatus, LifecycleRule as SdkRule, Part};

use crate::checksum::quoted;
use crate::store::{Condition, LifecycleRule, Metadata, ObjectOptions, PartReceipt};

/// `If-Match` and `If-None-Match`.
pub(super) fn conditions(condition: &Condition) -> (Option<String>, Option<String>) {
    match condition {
        Condition::None => (None, None),
        Condition::IfAbsent => (None, Some("*".to_owned())),
        Condition::IfMatch(etag) => (Some(quoted(etag)), None),
    }
}

pub(super) fn metadata_out(metadata: &Metadata) -> Option<HashMap<String, String>> {
    (!metadata.is_empty()).then(|| metadata.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
}

pub(super) fn metadata_in(metadata: Option<&HashMap<String, String>>) -> Metadata {
    metadata.into_iter().flatten().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
}

/// The `x-amz-tagging` header: `a=b&c=d`, percent-encoded.
pub(super) fn tagging(options: &ObjectOptions) -> Option<String> {
    (!options.tags.is_empty()).then(|| encode_tags(&options.tags))
}

fn encode_tags(tags: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = tags.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect();
    pairs.join("&")
}

fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

pub(super) fn ms(time: Option<&DateTime>) -> i64 {
    time.and_then(|time| time.to_millis().ok()).unwrap_or_default()
}

pub(super) fn length(value: Option<i64>) -> u64 {
    value.and_then(|value| u64::try_from(value).ok()).unwrap_or_default()
}

pub(super) fn part_receipt(part: &Part) -> Option<PartReceipt> {
    Some(PartReceipt {
        number: u32::try_from(part.part_number()?).ok()?,
        etag: quoted(part.e_tag()?),
        size_bytes: length(part.size()),
        // Empty where the server does not list checksums.
        crc64nvme: part.checksum_crc64_nvme().unwrap_or_default().to_owned(),
    })
}

/// None for a rule that is switched off.
pub(super) fn lifecycle_rule(rule: &SdkRule) -> Option<LifecycleRule> {
    if rule.status() != &ExpirationStatus::Enabled {
        return None;
    }
    let filter = rule.filter();
    let prefix = filter
        .and_then(|filter| filter.prefix())
        .or_else(|| filter.and_then(|filter| filter.and()).and_then(|and| and.prefix()));
    #[allow(deprecated)] // old rules still carry their prefix outside the filter
    let prefix = prefix.or_else(|| rule.prefix());
    Some(LifecycleRule {
        id: rule.id().unwrap_or_default().to_owned(),
        prefix: prefix.unwrap_or_default().to_owned(),
        expires_objects: rule
            .expiration()
            .is_some_and(|expiration| expiration.days().is_some() || expiration.date().is_some()),
        abort_incomplete_uploads_after_days: rule
            .abort_incomplete_multipart_upload()
            .and_then(AbortIncompleteMultipartUpload::days_after_initiation)
            .and_then(|days| u32::try_from(days).ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_encoded_as_a_query() {
        let options = ObjectOptions {
            tags: [("cost center".to_owned(), "ä&b=1".to_owned()), ("team".to_owned(), "bids".to_owned())].into(),
            ..ObjectOptions::default()
        };
        assert_eq!(tagging(&options).as_deref(), Some("cost%20center=%C3%A4%26b%3D1&team=bids"));
        assert_eq!(tagging(&ObjectOptions::default()), None);
    }
}
