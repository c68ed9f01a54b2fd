//! The kinds of findings and notes: stable words, the invariant each of them breaks, and what an operator does.

use serde::Serialize;

/// What does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The log has no entry at all.
    NoLog,
    /// Entries are gone from the middle of the log.
    Hole,
    /// Entries are gone from the end of the log.
    LostTail,
    /// An entry that cannot be read, or that cannot stand where it stands.
    BadEntry,
    /// A sidecar that is gone, cannot be read, or does not add up to its entry.
    BadSidecar,
    /// An object of the log was replaced since an earlier audit.
    LogChanged,
    /// An entry claims offsets that were accounted for already.
    Overlap,
    /// Records that are in no visible object although the log accounts for them.
    Missing,
    /// Records that are visible twice.
    Doubled,
    /// An object where readers look for the job's, which the log does not name.
    Foreign,
    /// An object that is not ours stands under a name of the log.
    Overwritten,
    /// An object of ours whose bytes, records or offsets are not what the log says.
    Changed,
    /// A file of the log that has not become visible for too long.
    Uncompleted,
    /// An open upload that nobody will complete.
    OrphanUpload,
    /// Kafka's committed offset is beyond what is visible.
    CommittedAhead,
    /// The topic's offsets do not fit the log.
    Source,
    /// The generator's count and the audit's do not agree.
    Tally,
}

impl Kind {
    /// As in JSON, with spaces.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::NoLog => "no log",
            Self::Hole => "hole",
            Self::LostTail => "lost tail",
            Self::BadEntry => "bad entry",
            Self::BadSidecar => "bad sidecar",
            Self::LogChanged => "log changed",
            Self::Overlap => "overlap",
            Self::Missing => "missing",
            Self::Doubled => "doubled",
            Self::Foreign => "foreign",
            Self::Overwritten => "overwritten",
            Self::Changed => "changed",
            Self::Uncompleted => "uncompleted",
            Self::OrphanUpload => "orphan upload",
            Self::CommittedAhead => "committed ahead",
            Self::Source => "source",
            Self::Tally => "tally",
        }
    }

    /// By `docs/exactly-once.md`; none where it is not the sink's promise that is broken.
    pub(crate) fn invariant(self) -> Option<&'static str> {
        match self {
            Self::Missing => Some("I1"),
            Self::Doubled => Some("I2"),
            Self::NoLog
            | Self::Hole
            | Self::LostTail
            | Self::BadEntry
            | Self::BadSidecar
            | Self::LogChanged
            | Self::Overlap => Some("I3"),
            Self::Foreign | Self::Overwritten => Some("I4"),
            Self::CommittedAhead => Some("I5"),
            Self::Changed => Some("I6"),
            Self::Uncompleted => Some("I7"),
            Self::OrphanUpload => Some("I8"),
            Self::Source | Self::Tally => None,
        }
    }

    /// What an operator does about it.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::NoLog => {
                "do not start the job over: everything would land again; restore the log from versions or a copy"
            }
            Self::Hole | Self::LostTail | Self::BadEntry => {
                "stop the job; restore the entry from the bucket's versions or a copy; deny deletes and expiry under \
                 the log"
            }
            Self::BadSidecar => {
                "restore it from the bucket's versions or a copy; needed only where a file of the entry is to be \
                 rebuilt or audited by its offsets"
            }
            Self::LogChanged => "find out who writes under the log; restore the object from the bucket's versions",
            Self::Overlap => {
                "stop the job and report it: two writers broke the protocol; readers drop these offsets of one of the \
                 two entries"
            }
            Self::Missing => {
                "restore the object from the bucket's versions, or land its offsets again under another name while \
                 Kafka has them"
            }
            Self::Doubled => "take the second copy out of the readers' sight",
            Self::Foreign => "find out who wrote it, and move it out of the job's prefix",
            Self::Overwritten => {
                "find out who writes under the job's names; restore our object from the bucket's versions"
            }
            Self::Changed => "restore the object from the bucket's versions; find out who wrote over it",
            Self::Uncompleted => {
                "look at the job's status and errors: a running worker completes or rebuilds the file; start one where \
                 none runs"
            }
            Self::OrphanUpload => "abort it, and let a lifecycle rule of the bucket abort such uploads",
            Self::CommittedAhead => {
                "set the group's offset back to `visible`; until then tools that trust it overstate what has landed"
            }
            Self::Source => "the log's offsets mean other records now: begin a new generation of the job",
            Self::Tally => "compare what was produced with what landed",
        }
    }
}

/// What an operator should know and what is no damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoteKind {
    /// An object that the log calls completed is gone: a reader may have deleted it.
    Deleted,
    /// A file of the log is not visible yet.
    Pending,
    /// An object of the job's that no readable entry names, while the log is damaged.
    Unnamed,
    /// A comparison that the damage of the log does not allow.
    NotJudged,
    /// An object that is too large to be read.
    Unread,
    /// Open uploads that could not be listed, or not all of them.
    Uploads,
    /// The audit was interrupted: what it says is of a part.
    Interrupted,
}

impl NoteKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Pending => "pending",
            Self::Unnamed => "unnamed",
            Self::NotJudged => "not judged",
            Self::Unread => "unread",
            Self::Uploads => "uploads",
            Self::Interrupted => "interrupted",
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::Kind;

    #[test]
    fn the_word_of_a_kind_is_that_of_the_json_with_spaces() {
        for kind in [Kind::NoLog, Kind::LostTail, Kind::BadSidecar, Kind::OrphanUpload, Kind::CommittedAhead] {
            let json = serde_json::to_value(kind).unwrap();
            assert_eq!(json.as_str().unwrap().replace('_', " "), kind.word());
        }
    }
}
