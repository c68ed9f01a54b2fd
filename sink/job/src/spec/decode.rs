//! How the bytes of a record are read.

use serde::Serialize;

use crate::reader::{Field, Refused, Section, Table, nonempty_text};

crate::word_enum! {
    /// What a record's value is.
    pub enum DecodeFormat as "a record format" {
        /// One JSON document a record.
        Json = "json",
    }
    later { "avro", "json_schema", "protobuf", "string", "bytes", "raw" }
}

crate::word_enum! {
    /// What becomes of a record without a value (a tombstone, or empty).
    pub enum NullValue as "a policy for null values" {
        /// It is set aside with the reason `null_value`.
        DeadLetter = "dead_letter",
        /// It is skipped, and declared so in the log.
        Skip = "skip",
        /// It lands as a null, with its envelope.
        Keep = "keep",
    }
}

/// How the bytes of a record are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecodeSpec {
    /// What a value is.
    pub format: DecodeFormat,
    /// What becomes of a record without one.
    pub null_value: NullValue,
    /// Records with any of these headers are skipped, and declared so in the log.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip_with_header: Vec<String>,
    /// So are records that lack any of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip_without_header: Vec<String>,
}

pub(super) static TABLE: Table = Table {
    fields: &[
        Field::preset("format", "`json`", "json", "what a record's value is"),
        Field::preset(
            "null_value",
            "`dead_letter`, `skip` or `keep`",
            "dead_letter",
            "what becomes of a record whose value is null or empty; `keep` lands it as null and needs `sink.envelope` when the format is `jsonl`",
        ),
        Field::optional(
            "skip_with_header",
            "list of header names",
            "none",
            "records that have any of these headers are skipped before they are read, and declared so in the log",
        ),
        Field::optional(
            "skip_without_header",
            "list of header names",
            "none",
            "records that lack any of these headers are skipped in the same way",
        ),
    ],
    refused: &[
        Refused::later("registry"),
        Refused::later("schema_registry"),
        Refused::later("schema"),
        Refused::later("key_format"),
    ],
};

impl DecodeSpec {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let format = section.read("format");
        let null_value = section.read("null_value");
        let skip_with_header = section.list_with("skip_with_header", nonempty_text);
        let skip_without_header = section.list_with("skip_without_header", nonempty_text);
        section.finish();
        Some(Self {
            format: format?,
            null_value: null_value?,
            skip_with_header: skip_with_header?,
            skip_without_header: skip_without_header?,
        })
    }
}
