//! Why a record was set aside, skipped or refused: the closed lists that dead letters, metrics and the status speak in.
//!
//! [`Reason::as_str`] is a contract with the outside (dead-letter headers, `records_dead_lettered_total{reason}`):
//! a name is added here, never changed. The message of a [`Rejection`] is for people and is bounded in length.

use std::fmt;

/// A rejection's message is cut to this many bytes, so that a hostile record cannot make a large one.
pub const MAX_MESSAGE_BYTES: usize = 512;

/// The step of a record's way at which it was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Reading the record's bytes as what the job says they are.
    Decode,
    /// Finding the object the record belongs to.
    Route,
    /// Writing the record into its file's format.
    Encode,
}

impl Stage {
    /// The name used in dead letters and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Route => "route",
            Self::Encode => "encode",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a record is a dead letter. The list is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The value is not exactly one strict JSON document (RFC 8259), or it is nested too deep.
    MalformedJson,
    /// The value is not valid UTF-8.
    InvalidUtf8,
    /// The record is larger than `source.max_record_bytes`, or its row would take far more memory than that.
    TooLarge,
    /// The schema the record names does not exist.
    SchemaNotFound,
    /// The value is well formed but does not fit the job's columns.
    SchemaMismatch,
    /// A field or header the key template needs is missing or null, and the job says `dead_letter`.
    MissingField,
    /// The record's timestamp is absent, not a time, or outside the years 1970 to 9999.
    BadTimestamp,
    /// The record's value is null (a tombstone) or empty, and the job says `dead_letter`.
    NullValue,
    /// The object key cannot be rendered: a value is an object or array, or the key would be too long.
    KeyRender,
    /// The record could not be written in the file's format.
    Encode,
}

impl Reason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::MalformedJson,
        Self::InvalidUtf8,
        Self::TooLarge,
        Self::SchemaNotFound,
        Self::SchemaMismatch,
        Self::MissingField,
        Self::BadTimestamp,
        Self::NullValue,
        Self::KeyRender,
        Self::Encode,
    ];

    /// The name used in dead letters, metrics and the status document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MalformedJson => "malformed_json",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::TooLarge => "too_large",
            Self::SchemaNotFound => "schema_not_found",
            Self::SchemaMismatch => "schema_mismatch",
            Self::MissingField => "missing_field",
            Self::BadTimestamp => "bad_timestamp",
            Self::NullValue => "null_value",
            Self::KeyRender => "key_render",
            Self::Encode => "encode",
        }
    }

    /// One sentence for people who find the reason on a dashboard.
    pub fn describe(self) -> &'static str {
        match self {
            Self::MalformedJson => "the value is not exactly one strict JSON document, or it is nested too deep",
            Self::InvalidUtf8 => "the value is not valid UTF-8",
            Self::TooLarge => {
                "the record is larger than source.max_record_bytes, or its row takes far more memory than that"
            }
            Self::SchemaNotFound => "the schema the record names does not exist",
            Self::SchemaMismatch => "the value is well formed but does not fit the job's columns",
            Self::MissingField => "a field or header the object key needs is missing or null",
            Self::BadTimestamp => "the timestamp is absent, not a time, or outside the years 1970 to 9999",
            Self::NullValue => "the record's value is null (a tombstone) or empty",
            Self::KeyRender => "the object key cannot be rendered from this record",
            Self::Encode => "the record could not be written in the file's format",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a record is passed over without landing and without a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// The value is null or empty and the job says `decode.null_value: skip`.
    NullValue,
    /// By its headers: `decode.skip_with_header`, `decode.skip_without_header`.
    Filtered,
}

impl SkipReason {
    /// The name used in counters and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NullValue => "null_value",
            Self::Filtered => "filtered",
        }
    }
}

/// A record that must be set aside, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{stage}: {reason}: {message}")]
pub struct Rejection {
    pub stage: Stage,
    pub reason: Reason,
    /// At most [`MAX_MESSAGE_BYTES`] bytes.
    pub message: String,
}

impl Rejection {
    /// Cuts the message to [`MAX_MESSAGE_BYTES`].
    pub fn new(stage: Stage, reason: Reason, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_MESSAGE_BYTES {
            let mut end = MAX_MESSAGE_BYTES - '…'.len_utf8();
            while !message.is_char_boundary(end) {
                end -= 1;
            }
            message.truncate(end);
            message.push('…');
        }
        Self { stage, reason, message }
    }
}

/// A file's content could not be encoded: a fault of the program or of memory, never of one record.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error("zstd could not compress {bytes} bytes: {cause}")]
    Zstd { bytes: usize, cause: std::io::Error },
    #[error("gzip could not compress {bytes} bytes: {cause:?}")]
    Gzip { bytes: usize, cause: libdeflater::CompressionError },
    #[error("parquet could not write {records} rows: {cause}")]
    Parquet { records: u64, cause: parquet::errors::ParquetError },
    #[error("columns do not form a row batch: {cause}")]
    Arrow {
        #[from]
        cause: arrow::error::ArrowError,
    },
    #[error("a chunk of {chunk} was given to an encoder of {encoder}")]
    WrongChunk { chunk: &'static str, encoder: &'static str },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_reason_has_its_own_name_and_description() {
        let names: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.as_str()).collect();
        let words: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.describe()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        assert_eq!(words.len(), Reason::ALL.len());
    }

    #[test]
    fn a_long_message_is_cut_at_a_character_boundary() {
        let rejection = Rejection::new(Stage::Decode, Reason::Encode, "é".repeat(2_000));
        assert!(rejection.message.len() <= MAX_MESSAGE_BYTES);
        assert!(rejection.message.ends_with("é…"));
    }
}
