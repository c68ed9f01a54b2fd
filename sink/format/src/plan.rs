//! A job's formats compiled once per job version, shared by all of its threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use landfall_job::{
    Compression, DecodeFormat, EnvelopeField, FieldPath, JobSpec, MissingField, NullValue, SinkFormat, TemplatePart,
    TimestampEncoding, TimestampSource,
};

use crate::chunk::ChunkBuffer;
use crate::columns::ColumnsPlan;
use crate::encode::FileEncoder;
use crate::json::PathTree;
use crate::lines::Codec;
use crate::reason::EncodeError;
use crate::route::{KeyPlan, TimeReader, TimeSource};

/// A job that cannot be compiled, though its document was accepted.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("sink.key: {0}")]
    Key(String),
    #[error("sink.compression: {compression} is not supported with format: {format}; write none, gzip or zstd")]
    Compression { compression: &'static str, format: &'static str },
    #[error("decode.null_value: keep has nothing to keep in a jsonl file without sink.envelope; add an envelope field")]
    NothingToKeep,
    #[error("sink.columns: {0}")]
    Columns(#[from] parquet::errors::ParquetError),
}

/// What a file of the job is made of.
#[derive(Debug)]
pub(crate) enum Shape {
    Lines { envelope: Vec<EnvelopeField>, codec: Codec },
    Columns(Arc<ColumnsPlan>),
}

/// How records of one job version are read, routed and encoded.
#[derive(Debug)]
pub struct Plan {
    /// Distinct for every plan of the process: tells a [`crate::Scratch`] whose it is.
    pub(crate) id: u64,
    pub(crate) tree: PathTree,
    pub(crate) time: TimeSource,
    /// Whether a record without a usable time is rejected: only where the key or the rotation needs it.
    pub(crate) needs_time: bool,
    pub(crate) key: KeyPlan,
    pub(crate) null_value: NullValue,
    /// Headers by which records are skipped: with any of the first, or without any of the second.
    pub(crate) skip_with: Vec<String>,
    pub(crate) skip_without: Vec<String>,
    /// Of key, value and headers together, inclusive.
    pub(crate) max_record_bytes: u64,
    /// Where that bound comes from.
    pub(crate) record_bound: &'static str,
    pub(crate) shape: Shape,
    ext: String,
    content_type: &'static str,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Plan {
    /// Compiles what a job says of decoding, routing and encoding.
    ///
    /// # Errors
    /// The job asks for something a validated document cannot ask for.
    pub fn compile(spec: &JobSpec) -> Result<Self, PlanError> {
        let DecodeFormat::Json = spec.decode.format;
        let sink = &spec.sink;
        let mut paths: Vec<(&FieldPath, bool)> = sink.columns.iter().map(|column| (&column.path, true)).collect();
        let time_user = paths.len();
        if let TimestampSource::Field { path, .. } = &sink.timestamp {
            paths.push((path, false));
        }
        let key_users = paths.len();
        paths.extend(sink.key.parts().iter().filter_map(|part| match part {
            TemplatePart::Field(path) => Some((path, false)),
            _ => None,
        }));
        let steps: Vec<(&[String], bool)> = paths.iter().map(|(path, column)| (path.steps(), *column)).collect();
        let (tree, slots) = PathTree::build(&steps);
        let (columns, users) = slots.split_at(time_user);
        let (time_slot, key_slots) = users.split_at(key_users - time_user);

        let zone = sink.time_zone.time_zone();
        let ext = sink.extension();
        let mut key_slots = key_slots.iter().copied();
        let missing_is_rejected = sink.on_missing_field == MissingField::DeadLetter;
        // Compilation asks for the fields in the order of the template, as they were gathered above.
        let key =
            KeyPlan::compile(&sink.key, zone, ext, missing_is_rejected, |_| key_slots.next().unwrap_or(usize::MAX))
                .map_err(|error| PlanError::Key(error.to_string()))?
                .in_stretches(sink.rotate.event_time);
        let time = match (&sink.timestamp, time_slot.first()) {
            (TimestampSource::Field { path, encoding }, Some(slot)) => TimeSource::Field {
                slot: *slot,
                path: path.to_string(),
                reader: match encoding {
                    TimestampEncoding::Unit(unit) => TimeReader::of(*unit),
                    TimestampEncoding::Format(format) => {
                        TimeReader::Format { format: format.clone(), zone: zone.clone() }
                    }
                },
            },
            (TimestampSource::WallClock, _) => TimeSource::WallClock,
            (TimestampSource::Record | TimestampSource::Field { .. }, _) => TimeSource::Record,
        };
        let in_key = sink.key.parts().iter().any(|part| matches!(part, TemplatePart::Timestamp(_)));
        let (shape, content_type) = Self::shape(spec, columns)?;
        Ok(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            tree,
            time,
            needs_time: in_key || sink.rotate.event_time.is_some(),
            key,
            null_value: spec.decode.null_value,
            skip_with: spec.decode.skip_with_header.clone(),
            skip_without: spec.decode.skip_without_header.clone(),
            max_record_bytes: spec.source.max_record_bytes.bytes(),
            record_bound: "source.max_record_bytes is",
            shape,
            ext: ext.to_owned(),
            content_type,
        })
    }

    /// For a worker whose memory allows no record larger than `share_bytes`, whatever the job allows.
    #[must_use]
    pub fn within(self, share_bytes: u64) -> Self {
        if share_bytes >= self.max_record_bytes {
            return self;
        }
        Self { max_record_bytes: share_bytes, record_bound: "this worker's share of worker.memory for one is", ..self }
    }

    fn shape(spec: &JobSpec, column_slots: &[usize]) -> Result<(Shape, &'static str), PlanError> {
        let sink = &spec.sink;
        if sink.format == SinkFormat::Parquet {
            let columns = ColumnsPlan::compile(sink, column_slots, spec.source.max_record_bytes.bytes())?;
            return Ok((Shape::Columns(Arc::new(columns)), "application/vnd.apache.parquet"));
        }
        if sink.envelope.is_empty() && spec.decode.null_value == NullValue::Keep {
            return Err(PlanError::NothingToKeep);
        }
        let (codec, content_type) = match sink.compression {
            Compression::None => (Codec::None, "application/x-ndjson"),
            Compression::Gzip => (Codec::Gzip, "application/gzip"),
            Compression::Zstd => (Codec::Zstd, "application/zstd"),
            other @ (Compression::Snappy | Compression::Lz4) => {
                return Err(PlanError::Compression { compression: other.as_str(), format: sink.format.as_str() });
            }
        };
        Ok((Shape::Lines { envelope: sink.envelope.clone(), codec }, content_type))
    }

    /// The suffix of an object's name, without the dot: `jsonl.zst`.
    pub fn ext(&self) -> &str {
        &self.ext
    }

    /// The objects' `Content-Type`; there is no `Content-Encoding`.
    pub fn content_type(&self) -> &str {
        self.content_type
    }

    /// Whether the chunks of one file may be encoded by different threads with [`crate::encode_independent`], their
    /// output put together in the order of the chunks. Otherwise they go through one [`FileEncoder`], in order.
    pub fn chunks_are_independent(&self) -> bool {
        matches!(self.shape, Shape::Lines { .. })
    }

    /// An empty buffer for the records of one open file.
    pub fn new_chunk(&self) -> ChunkBuffer {
        ChunkBuffer::new(self)
    }

    /// The encoder of one file.
    ///
    /// # Errors
    /// The schema cannot be written as Parquet.
    pub fn new_encoder(&self) -> Result<FileEncoder, EncodeError> {
        FileEncoder::new(self)
    }
}
