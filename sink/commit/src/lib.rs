//! The commit log protocol, as pure decisions: no clock, no I/O, no threads, no randomness.
//!
//! A job's log is a dense sequence of immutable [`Entry`] objects in S3, appended with `If-None-Match: *`. Each entry
//! names finished multipart uploads and the source offsets they hold; no two entries may hold the same offset. That
//! disjointness is what makes every record land exactly once (`docs/exactly-once.md`). This crate says what an entry
//! is ([`entry`]), what a log adds up to ([`state`]), what to do with each answer of the store ([`decide`],
//! [`complete`]), where a partition starts after an assignment ([`recover`]) and where everything lies ([`paths`]).
//! The worker feeds it facts and carries out its decisions.
//!
//! Every offset bound named `end` or `low` is exclusive: the next offset.

pub mod checkpoint;
pub mod complete;
pub mod decide;
pub mod entry;
pub mod ids;
pub mod invariants;
pub mod offset_set;
pub mod offsets;
pub mod paths;
pub mod recover;
pub mod sidecar;
pub mod state;
pub mod totals;

pub use checkpoint::Checkpoint;
pub use complete::{Completion, Step, UploadFate, Verdict};
pub use entry::{Entry, FORMAT, FileEntry, FileKind, FileRef, Lost, Origins, Part, Rebuilt, SkipReason};
pub use ids::{JobUid, Lane, Seq, SourcePartition, Token};
pub use offset_set::OffsetSet;
pub use offsets::Offsets;
pub use paths::Paths;
pub use sidecar::FileSets;
pub use state::{FoldError, LogState, Overlap, PendingFile};
pub use totals::Totals;
