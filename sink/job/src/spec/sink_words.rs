//! The words of the sink section: formats, compressions, policies.

crate::word_enum! {
    /// What a file is.
    pub enum SinkFormat as "a file format" {
        /// One JSON document a line.
        Jsonl = "jsonl",
        /// Columns.
        Parquet = "parquet",
    }
    later { "avro", "raw", "csv", "orc" }
}

crate::word_enum! {
    /// How a file is compressed: JSONL as a whole, Parquet page by page.
    pub enum Compression as "a compression" {
        /// Not at all.
        None = "none",
        /// Gzip.
        Gzip = "gzip",
        /// Snappy; Parquet only.
        Snappy = "snappy",
        /// Zstandard.
        Zstd = "zstd",
        /// LZ4 (raw blocks); Parquet only.
        Lz4 = "lz4",
    }
    later { "brotli", "bzip2", "xz" }
}

crate::word_enum! {
    /// What becomes of a field or header that the key needs and the record does not have.
    pub enum MissingField as "a policy for missing fields" {
        /// `__null__` stands in its place.
        Null = "__null__",
        /// The record is a dead letter with the reason `missing_field`.
        DeadLetter = "dead_letter",
    }
}

crate::word_enum! {
    /// What happens when an object that is not ours has the name of a new file.
    pub enum ExistingObject as "a policy for existing objects" {
        /// The job stops and says whose it is.
        Fail = "fail",
        /// It is replaced.
        Overwrite = "overwrite",
    }
}

crate::word_enum! {
    /// What may land beside the record's value.
    pub enum EnvelopeField as "an envelope field" {
        /// The topic.
        Topic = "topic",
        /// The partition.
        Partition = "partition",
        /// The offset.
        Offset = "offset",
        /// The record's timestamp.
        Timestamp = "timestamp",
        /// The key.
        Key = "key",
        /// The headers.
        Headers = "headers",
    }
}

impl EnvelopeField {
    /// The name of its column in a Parquet file, with a leading underscore so that it meets no field of the record.
    pub const fn column_name(self) -> &'static str {
        match self {
            Self::Topic => "_topic",
            Self::Partition => "_partition",
            Self::Offset => "_offset",
            Self::Timestamp => "_timestamp",
            Self::Key => "_key",
            Self::Headers => "_headers",
        }
    }
}

/// The column that keeps what no other column does.
pub const REST_COLUMN: &str = "_rest";

crate::word_enum! {
    /// What becomes of what no column takes: fields without a column, and values that do not fit theirs.
    pub enum Rest as "a policy for the rest" {
        /// It is kept as JSON in the column `_rest`.
        Column = "_rest",
        /// The record is a dead letter with the reason `schema_mismatch`.
        DeadLetter = "dead_letter",
    }
    later { "ignore", "drop" }
}
