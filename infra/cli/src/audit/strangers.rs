//! Objects under the job's prefixes that no key of its log names.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::{Rules, of_key};
use super::kind::{Kind, NoteKind};
use super::objects::{Shown, Visible};
use super::report::Report;

/// What an object is that no key of the log names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stranger {
    /// The report tells of it.
    Told,
    /// None of the job's business, whatever the audit is asked for.
    Other,
    /// None of the job's business as long as others may write under its prefixes.
    Excused,
}

/// An object under the job's prefixes at a key that the log does not name.
pub(super) fn judge_stranger(
    report: &mut Report,
    bucket: &str,
    (key, shown, seen): (&str, &Shown, &Visible),
    log: &KnownTokens<'_>,
    rules: &Rules,
) -> Stranger {
    let token = seen.token.as_deref().unwrap_or("none");
    if seen.job.as_deref() == Some(log.job) {
        if let Some((of, records)) = log.own.get(token) {
            report.tally.doubled += records;
            let what = format!("{bucket}/{key} is a copy of {of}: its {records} records are visible twice");
            report.add(of_key(Kind::Doubled, what, key, Some(*records)));
        } else if log.others.contains(token) {
            return Stranger::Other;
        } else if log.damaged {
            let what = format!("{bucket}/{key} with token {token} is of an entry that the damaged log no longer tells");
            report.note(NoteKind::Unnamed, what, Some(key.to_owned()), seen.told_records);
        } else {
            let what = format!("{bucket}/{key} says it is of this job, and no entry names its token {token}");
            report.add(of_key(Kind::Foreign, what, key, seen.told_records));
        }
        return Stranger::Told;
    }
    // Another tool's note beside the data is harmless. What has the name of data is read as data.
    let reads_as_data = [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"].iter().any(|suffix| key.ends_with(suffix));
    if seen.job.is_some() || !reads_as_data || shown.modified_ms < log.since_ms {
        return Stranger::Other;
    }
    if rules.shared_prefix {
        return Stranger::Excused;
    }
    let what = format!("{bucket}/{key} is not the job's, and readers of its prefix take it for data");
    report.add(of_key(Kind::Foreign, what, key, None));
    Stranger::Told
}

/// The tokens of the logs, for objects that no key of the log names.
#[derive(Debug)]
pub(super) struct KnownTokens<'a> {
    pub(super) job: &'a str,
    /// Of this log: to the key of the file and its records.
    pub(super) own: BTreeMap<&'a str, (&'a str, u64)>,
    /// Those of strangers that other jobs' logs name, or older generations'.
    pub(super) others: BTreeSet<String>,
    /// Entries are gone or cannot be read.
    pub(super) damaged: bool,
    /// When the job began: what is older was there before it.
    pub(super) since_ms: i64,
}
