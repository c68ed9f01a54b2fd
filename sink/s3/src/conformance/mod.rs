//! One suite for every store, fake and real: what the commit protocol relies on, one function a behaviour.
//!
//! Run it against a store whose bucket is there; all keys lie under a unique prefix and stay there.

mod multipart;
mod objects;
mod races;

use std::fmt::Debug;
use std::future::Future;

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::error::{ErrorKind, StoreError};
use crate::store::{Condition, ObjectOptions, PutRequest, SharedStore, Store};

/// S3's least size of every part but the last.
const PART_BYTES: usize = 5 << 20;

/// What the suite runs against.
#[derive(Debug, Clone)]
pub struct Subject {
    pub store: SharedStore,
    pub bucket: String,
    /// Differs from run to run; no slashes.
    pub unique: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    pub name: &'static str,
    /// What was wrong.
    pub failure: Option<String>,
}

type Check = (&'static str, fn(Subject) -> BoxFuture<'static, Result<(), String>>);

macro_rules! checks {
    ($($module:ident :: $name:ident),* $(,)?) => {
        &[$((stringify!($name), |subject| Box::pin($module::$name(subject)))),*]
    };
}

/// Every check by its name.
const CHECKS: &[Check] = checks![
    objects::a_second_if_none_match_is_412,
    objects::if_match_replaces_only_the_version_it_names,
    objects::an_object_comes_back_with_bytes_metadata_and_content_type,
    objects::an_object_never_gets_a_content_encoding,
    objects::an_empty_object_is_an_object,
    objects::missing_keys_and_buckets_have_their_codes,
    objects::a_deleted_object_is_gone_and_deleting_again_is_no_error,
    objects::list_shows_a_put_at_once,
    objects::list_pages_cover_every_key_once_in_order,
    objects::list_starts_after_a_key_and_groups_by_delimiter,
    multipart::an_upload_of_one_part_is_byte_exact,
    multipart::an_upload_of_three_parts_is_byte_exact,
    multipart::an_upload_is_invisible_until_complete,
    multipart::list_parts_shows_what_was_uploaded,
    multipart::a_part_uploaded_again_replaces_the_first,
    multipart::a_wrong_checksum_is_refused,
    multipart::complete_refuses_foreign_parts,
    multipart::complete_refuses_a_small_part_before_the_last,
    multipart::a_conditional_complete_over_an_object_is_412,
    multipart::a_complete_of_an_unknown_upload_makes_no_object,
    multipart::an_aborted_upload_takes_no_part,
    multipart::open_uploads_are_listed_by_their_key,
    races::racing_conditional_puts_have_one_winner,
    races::racing_conditional_completes_have_one_winner,
    races::racing_completes_of_one_upload_leave_one_whole_object,
];

/// Runs every check, one after another.
pub async fn run(subject: &Subject) -> Vec<CheckResult> {
    let mut results = Vec::with_capacity(CHECKS.len());
    for (name, check) in CHECKS {
        let failure = check(subject.clone()).await.err();
        results.push(CheckResult { name, failure });
    }
    results
}

impl Subject {
    fn key(&self, name: &str) -> String {
        format!("conformance/{}/{name}", self.unique)
    }

    async fn put(&self, key: &str, body: &[u8], condition: Condition) -> Result<String, StoreError> {
        let request = PutRequest {
            bucket: self.bucket.clone(),
            key: key.to_owned(),
            body: Bytes::copy_from_slice(body),
            condition,
            options: ObjectOptions::default(),
        };
        self.store.put(request).await
    }
}

/// `size` bytes that differ from position to position and from seed to seed.
fn pattern(size: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    Bytes::from(bytes)
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

fn same<T: PartialEq + Debug>(what: &str, actual: &T, wanted: &T) -> Result<(), String> {
    ensure(actual == wanted, || format!("{what}: {actual:?}, wanted {wanted:?}"))
}

async fn ok<T>(what: &str, request: impl Future<Output = Result<T, StoreError>>) -> Result<T, String> {
    request.await.map_err(|error| format!("{what}: {error}"))
}

/// The request must fail with one of these kinds.
async fn fails<T: Debug>(
    what: &str,
    kinds: &[ErrorKind],
    request: impl Future<Output = Result<T, StoreError>>,
) -> Result<StoreError, String> {
    match request.await {
        Ok(answer) => Err(format!("{what}: answered success {answer:?}, wanted {kinds:?}")),
        Err(error) if kinds.contains(&error.kind) => Ok(error),
        Err(error) => Err(format!("{what}: {error} is {:?}, wanted {kinds:?}", error.kind)),
    }
}
