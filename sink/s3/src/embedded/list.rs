//! ListObjectsV2: prefix, delimiter, start-after, pages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::backend::Backend;
use super::failure::Failure;
use super::medium::{Cursor, Medium, ObjectMeta};
use crate::error::Operation;

/// S3's limit of keys and common prefixes a page (inclusive).
pub(super) const MAX_KEYS: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListingRequest {
    pub prefix: String,
    pub delimiter: Option<String>,
    /// Exclusive; overruled by a continuation.
    pub start_after: Option<String>,
    pub continuation: Option<String>,
    /// None: 1,000.
    pub max_keys: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    pub objects: Vec<(String, ObjectMeta)>,
    pub common_prefixes: Vec<String>,
    /// Present when there is more.
    pub continuation: Option<String>,
}

impl<M: Medium> Backend<M> {
    /// # Errors
    /// `NoSuchBucket`, or a continuation that this backend never gave.
    pub fn list(&self, bucket: &str, request: &ListingRequest) -> Result<Listing, Failure> {
        self.hooked(Operation::List, bucket, &request.prefix, || self.page(bucket, request))
    }

    fn page(&self, bucket: &str, request: &ListingRequest) -> Result<Listing, Failure> {
        let limit = request.max_keys.unwrap_or(MAX_KEYS).min(self.page_keys);
        let mut cursor = match &request.continuation {
            Some(token) => decode(token)?,
            None => Cursor { after: request.start_after.clone().unwrap_or_default(), skip_prefix: false },
        };
        let mut listing = Listing::default();
        if limit == 0 {
            return Ok(listing);
        }
        loop {
            let keys = self.medium.keys(bucket, &request.prefix, &cursor, limit)?;
            if keys.is_empty() {
                return Ok(listing);
            }
            for key in keys {
                if !cursor.admits(&key) {
                    continue;
                }
                if listing.objects.len() + listing.common_prefixes.len() == limit {
                    listing.continuation = Some(encode(&cursor));
                    return Ok(listing);
                }
                match common_prefix(&key, request) {
                    // A start-after inside a group shows the group all the same, as on S3.
                    Some(common) => {
                        listing.common_prefixes.push(common.clone());
                        cursor = Cursor { after: common, skip_prefix: true };
                    }
                    None => {
                        let held = self.lock(bucket, &key);
                        // It may have been deleted since the keys were read.
                        if let Some(meta) = self.medium.object(bucket, &key)? {
                            listing.objects.push((key.clone(), meta));
                        }
                        drop(held);
                        cursor = Cursor { after: key, skip_prefix: false };
                    }
                }
            }
        }
    }
}

fn common_prefix(key: &str, request: &ListingRequest) -> Option<String> {
    let delimiter = request.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty())?;
    let rest = key.strip_prefix(&request.prefix)?;
    let end = request.prefix.len() + rest.find(delimiter)? + delimiter.len();
    key.get(..end).map(str::to_owned)
}

fn encode(cursor: &Cursor) -> String {
    let kind = if cursor.skip_prefix { 'p' } else { 'k' };
    URL_SAFE_NO_PAD.encode(format!("{kind}{}", cursor.after))
}

fn decode(token: &str) -> Result<Cursor, Failure> {
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let cursor = text.as_deref().and_then(|text| match text.split_at_checked(1)? {
        ("p", after) => Some(Cursor { after: after.to_owned(), skip_prefix: true }),
        ("k", after) => Some(Cursor { after: after.to_owned(), skip_prefix: false }),
        _ => None,
    });
    cursor.ok_or_else(|| Failure::invalid("the continuation token is not one of this server's"))
}
