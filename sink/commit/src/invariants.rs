//! The invariants of the protocol as numbered predicates over what can be observed: the log's entries, the visible
//! objects, Kafka's committed offsets, open uploads, what a worker holds. Used by tests, by the simulation, by `landfall
//! audit` and by whoever doubts.
//!
//! - I1 no loss: visible files, dead letters, declared skips, gaps, losses and absences cover `[origin, low)` exactly
//! - I2 no duplicate: every offset is in at most one visible file
//! - I3 entries are pairwise disjoint, files within an entry too, and seq is dense
//! - I4 nothing visible that no entry names with its token
//! - I5 Kafka's committed offset is at most the `low` of visible files
//! - I6 a visible object matches its entry's bytes (and records, where they were counted)
//! - I7 once faults stop, every file of the log becomes visible and `low` reaches the end
//! - I8 no open upload older than a given age that neither an entry nor a live writer names
//! - I9 memory, open files and the records of a partition that no entry accounts for stay under their limits

#[cfg(test)]
mod fixture;
mod life;
mod log;
mod objects;

use std::fmt;

pub use self::life::{Holding, Limits, OpenUpload, i7_all_landed, i8_no_forgotten_upload, i9_within_limits};
pub use self::log::{i1_i2_cover, i3_disjoint_and_dense, i3_sidecar};
pub use self::objects::{Seen, i4_i6_visible, i5_commit_not_ahead};

/// One broken invariant, in words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    pub invariant: &'static str,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

fn violation(invariant: &'static str, what: String) -> Violation {
    Violation { invariant, what }
}
