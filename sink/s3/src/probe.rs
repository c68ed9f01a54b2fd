//! The capability probe: asks a store for everything that exactly-once rests on, and says what it found.
//!
//! It writes only under `<state_prefix>probe/` and `<data_prefix>_landfall-probe/`, with a unique part, and takes
//! its own objects away again. It reads as the worker's role does, so that a right that is missing shows here.

mod checks;

use crate::error::{ErrorKind, Operation, StoreError};
use crate::store::Store;

/// A 409 is the store's word that another request was at the same place at the same time. Probes at once do that to
/// each other on stores with real folders, where one takes away a folder that it emptied and another writes into it
/// (versitygw #1988).
const TRIES: u32 = 5;

/// Where the job's state and data live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeSettings {
    pub state_bucket: String,
    /// Ends with `/`, or is empty.
    pub state_prefix: String,
    pub data_bucket: String,
    /// Where every key of the job begins; what follows its last `/` is not looked at.
    pub data_prefix: String,
    /// How long open uploads live, where the operator knows it: rules tell only of those that are rules.
    pub upload_lifetime_ms: Option<u64>,
    /// How long a file of the job may be open.
    pub max_open_ms: u64,
    /// Differs from probe to probe.
    pub unique: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CheckName {
    /// A second PUT with If-None-Match is 412.
    SecondConditionalPut,
    /// Of two at once, one wins.
    ConcurrentConditionalPuts,
    /// HEAD of an uploaded object shows its token and length.
    HeadShowsToken,
    /// LIST shows a PUT at once.
    ListAfterPut,
    /// Wrong bytes under a declared checksum are refused.
    WrongChecksumRefused,
    /// A Complete over an existing object with If-None-Match is 412.
    ConditionalComplete,
    /// A Complete of an upload that never was.
    InventedUpload,
    /// DELETE under the log is denied.
    LogDeleteDenied,
    /// HEAD of a missing key is 404, not 403.
    MissingKeyIsNotFound,
    /// No lifecycle rule expires the log.
    LogNeverExpires,
    /// How long an open upload lives.
    UploadLifetime,
}

impl CheckName {
    /// As it is shown in a job's `degraded_because`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SecondConditionalPut => "second_conditional_put",
            Self::ConcurrentConditionalPuts => "concurrent_conditional_puts",
            Self::HeadShowsToken => "head_shows_token",
            Self::ListAfterPut => "list_after_put",
            Self::WrongChecksumRefused => "wrong_checksum_refused",
            Self::ConditionalComplete => "conditional_complete",
            Self::InventedUpload => "invented_upload",
            Self::LogDeleteDenied => "log_delete_denied",
            Self::MissingKeyIsNotFound => "missing_key_is_not_found",
            Self::LogNeverExpires => "log_never_expires",
            Self::UploadLifetime => "upload_lifetime",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub check: CheckName,
    pub ok: bool,
    /// True: where this is not ok the job is at least once, and says so.
    pub degrades: bool,
    pub detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProbeReport {
    pub findings: Vec<Finding>,
}

impl ProbeReport {
    /// What takes the promise of exactly once away; empty when nothing does.
    pub fn degraded(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.degrades && !finding.ok)
    }

    /// What no job may be created over: a rule that will expire the log.
    #[must_use]
    pub fn refused(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.check == CheckName::LogNeverExpires && !finding.ok)
    }

    #[must_use]
    pub fn of(&self, check: CheckName) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.check == check)
    }
}

/// Probes both buckets.
///
/// # Errors
/// The store could not be asked: the first contact's refusal (wrong bucket, no right) at once, a fault of the store
/// in the middle as it is; a conflict after [`TRIES`] of them. A capability that is missing is a finding, not an error.
pub async fn probe(store: &dyn Store, settings: ProbeSettings) -> Result<ProbeReport, StoreError> {
    let folder = settings.data_prefix.rfind('/').map_or(0, |at| at + 1);
    let data_prefix = settings.data_prefix.get(..folder).unwrap_or_default().to_owned();
    let mut tries_left = TRIES;
    loop {
        tries_left -= 1;
        // What a try left behind must not be taken for the next one's.
        let unique = format!("{}-{tries_left}", settings.unique);
        let probe =
            checks::Probe::new(store, ProbeSettings { unique, data_prefix: data_prefix.clone(), ..settings.clone() });
        probe.first_contact().await?;
        let result = probe.findings().await;
        probe.tidy_up().await;
        match result {
            Err(error) if error.kind == ErrorKind::Conflict && tries_left > 0 => {
                tracing::debug!(%error, "the probe met another at the same keys, and begins again");
            }
            result => return Ok(ProbeReport { findings: result? }),
        }
    }
}

/// A refusal says something about the store; anything else means that it could not be asked.
fn told(error: StoreError) -> Result<ErrorKind, StoreError> {
    let lost = matches!(error.kind, ErrorKind::NoSuchBucket | ErrorKind::Credentials);
    if error.kind.fate_unknown() || lost { Err(error) } else { Ok(error.kind) }
}

/// A store without a bucket or a right answers so to anything: tells that from a store that lacks a capability.
fn is_plain_denial(error: &StoreError) -> bool {
    error.kind == ErrorKind::AccessDenied && error.operation != Operation::Head
}
