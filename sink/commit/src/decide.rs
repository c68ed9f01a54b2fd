//! What to do with each answer to an append. Every enum here is matched without a default arm: a new kind of answer
//! must be thought about.

use crate::entry::{BadEntry, Entry};
use crate::ids::{JobUid, Seq, Token};

/// What the store said to `PUT entry, If-None-Match: *`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendAnswer {
    /// 200.
    Created,
    /// 412: something is there.
    Exists,
    /// 409, 5xx, time-out, reset, throttled: it may or may not be there, or may still arrive.
    Unknown,
    /// Refused before any effect (403, 404 `NoSuchBucket`, a 4xx): it is not there, and the same request stays refused
    /// until somebody mends something.
    Refused,
}

/// What to do next about an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendStep {
    Committed,
    /// GET what lies at that seq.
    ReadExisting,
    /// The same body with the same token at the same seq again, after a pause. Nothing else may be appended
    /// meanwhile: a late PUT of this body may still land.
    RetrySame,
    /// The same, but say what it waits for: it will not heal by itself.
    WaitAndRetrySame,
}

#[must_use]
pub fn after_append(answer: &AppendAnswer) -> AppendStep {
    match answer {
        AppendAnswer::Created => AppendStep::Committed,
        AppendAnswer::Exists => AppendStep::ReadExisting,
        AppendAnswer::Unknown => AppendStep::RetrySame,
        AppendAnswer::Refused => AppendStep::WaitAndRetrySame,
    }
}

/// What a GET of the seq showed after a 412.
#[derive(Debug, Clone, PartialEq)]
pub enum Existing {
    Entry(Box<Entry>),
    /// Not readable as an entry of this format.
    Bad(BadEntry),
    /// 404 after a 412: a store that forgets, or an entry deleted under us. Ask again; it is not ours to fill blindly.
    Missing,
    Unknown,
}

/// What the existing entry means for our append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingStep {
    /// It carries our token: the first answer was lost, we are committed.
    OursCommitted,
    /// Fold it and everything after it, then check disjointness again.
    FoldOther,
    ReadAgain,
    /// The PUT again with the same body: the seq may be free after all.
    RetrySame,
    /// Stop the job.
    Stop,
}

#[must_use]
pub fn after_existing(existing: &Existing, job_uid: &JobUid, seq: Seq, token: &Token) -> ExistingStep {
    match existing {
        Existing::Entry(entry) if entry.job_uid != *job_uid || entry.seq != seq => ExistingStep::Stop,
        Existing::Entry(entry) if entry.token == *token => ExistingStep::OursCommitted,
        Existing::Entry(_) => ExistingStep::FoldOther,
        Existing::Bad(_) => ExistingStep::Stop,
        Existing::Missing => ExistingStep::RetrySame,
        Existing::Unknown => ExistingStep::ReadAgain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Lane;

    fn entry(uid: &str, seq: u64, token: &str) -> Existing {
        Existing::Entry(Box::new(Entry::empty(uid.into(), Lane(0), Seq(seq), token.into(), "w", 0)))
    }

    #[test]
    fn an_unknown_answer_is_answered_with_the_same_body_and_nothing_else() {
        assert_eq!(after_append(&AppendAnswer::Unknown), AppendStep::RetrySame);
        assert_eq!(after_append(&AppendAnswer::Refused), AppendStep::WaitAndRetrySame);
        assert_eq!(after_append(&AppendAnswer::Created), AppendStep::Committed);
        assert_eq!(after_append(&AppendAnswer::Exists), AppendStep::ReadExisting);
    }

    #[test]
    fn every_existing_entry_is_told_apart_by_uid_seq_and_token() {
        let decide = |existing: &Existing| after_existing(existing, &"uid".into(), Seq(5), &"mine".into());
        assert_eq!(decide(&entry("uid", 5, "mine")), ExistingStep::OursCommitted);
        assert_eq!(decide(&entry("uid", 5, "other")), ExistingStep::FoldOther);
        assert_eq!(decide(&entry("other", 5, "mine")), ExistingStep::Stop);
        assert_eq!(decide(&entry("uid", 6, "mine")), ExistingStep::Stop);
        assert_eq!(decide(&Existing::Bad(BadEntry::UnknownFormat { found: 9 })), ExistingStep::Stop);
        assert_eq!(decide(&Existing::Missing), ExistingStep::RetrySame);
        assert_eq!(decide(&Existing::Unknown), ExistingStep::ReadAgain);
    }
}
