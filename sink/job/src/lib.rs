//! What a job is: the typed job document of Landfall, its validation, and what a change of it means.
//!
//! Pure: no I/O, no clock, no runtime. A [`JobSpec`] made from text obeys every rule of the document, with all defaults filled;
//! every mistake in a document is told at once, by field, value and fix. Sizes are in bytes ([`ByteSize`]), time spans and
//! instants in milliseconds ([`DurationMs`], [`TimestampMs`]).

mod column;
mod error;
pub mod names;
mod path;
pub mod reader;
pub mod spec;
pub mod template;
mod units;
mod update;
mod zone;

pub use column::{Column, ColumnType, MAX_TYPE_DEPTH, StructField};
pub use error::{FieldError, FieldErrors};
pub use names::JobName;
pub use path::FieldPath;
pub use spec::{
    Compression, DeadLetterPrefix, DeadLetterSpec, DecodeFormat, DecodeSpec, Delivery, EnvelopeField, ExistingObject,
    Isolation, JobSpec, MissingField, NullValue, OnGap, OnOffsetReset, RATIO_AFTER_RECORDS, RATIO_WINDOW_RECORDS,
    REST_COLUMN, Rest, RotateSpec, SinkFormat, SinkSpec, SourceSpec, Sse, SseType, Start, Stop, StorageClass,
    TimestampEncoding, TimestampSource, TimestampUnit, TopicPattern, Topics,
};
pub use template::{KeyTemplate, TemplatePart};
pub use units::{ByteSize, DurationMs, TimestampMs};
pub use update::{Change, validate_update};
pub use zone::Zone;
