//! What is fuzzed, as plain functions: each takes any bytes whatever and panics where a property does not hold.
//!
//! `fuzz/fuzz_targets` hands them to libFuzzer; `tests/corpus.rs` gives them every input of `fuzz/corpus` in the ordinary
//! tests, so that what was found once stays mended. A target does no I/O and knows no clock: the same bytes end the same.
// A panic is the finding.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod input;
mod job;
mod log;
mod log_fold;
mod offsets;

#[cfg(feature = "connect")]
mod connector;
#[cfg(feature = "dlq")]
mod letter;
#[cfg(feature = "format")]
mod record;
#[cfg(feature = "store")]
mod stored;

/// What became of an input; a corpus holds some of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Read, and every property held.
    Accepted,
    /// No such thing, and said so properly.
    Refused,
}

pub type Target = fn(&[u8]) -> Answer;

/// Every target by its name: that of its fuzzer and of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("offsets_text", offsets::text),
    ("offsets_bitmap", offsets::bitmap),
    ("offsets_algebra", offsets::algebra),
    ("log_entry", log::entry),
    ("log_checkpoint", log::checkpoint),
    ("log_sidecar", log::sidecar),
    ("log_fold", log_fold::fold),
    ("job_document", job::document),
    ("job_values", job::values),
    ("key_template", job::key_template),
    ("time_format", job::time_format),
    #[cfg(feature = "format")]
    ("key_render", record::key_render),
    #[cfg(feature = "format")]
    ("event_time", record::event_time),
    #[cfg(feature = "format")]
    ("record_lines", record::lines),
    #[cfg(feature = "format")]
    ("record_columns", record::columns),
    #[cfg(feature = "store")]
    ("job_record", stored::job_record),
    #[cfg(feature = "store")]
    ("heartbeat", stored::heartbeat),
    #[cfg(feature = "connect")]
    ("connect_config", connector::config),
    #[cfg(feature = "connect")]
    ("job_table", connector::table),
    #[cfg(feature = "dlq")]
    ("dead_letter", letter::dead_letter),
];

/// Runs a target by its name.
///
/// # Panics
/// There is no such target, or a property does not hold.
pub fn run(name: &str, data: &[u8]) -> Answer {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no target {name}"));
    target(data)
}
