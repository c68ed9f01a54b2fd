//! The one schema of all files of a job version: the job's columns, then `_rest`, then the envelope.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use landfall_job::{ColumnType, Compression, EnvelopeField, REST_COLUMN, Rest, SinkSpec};
use parquet::basic::{Compression as PageCompression, GzipLevel, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::buffer::ColumnBuffer;

/// Times are instants: Parquet marks them as adjusted to UTC.
pub(super) const UTC: &str = "UTC";

/// A column's dictionary is given up, in a row group, beyond this many bytes: a column that repeats itself stays below.
const DICTIONARY_BYTES: usize = 128 << 10;

/// A row's values may take this many times `source.max_record_bytes` of memory: a short item of a list takes several
/// times its text, an empty object as much as all the fields of its type.
pub(super) const MAX_ROW_FACTOR: usize = 4;

/// One column of the job.
#[derive(Debug)]
pub(super) struct ColumnPlan {
    pub(super) name: String,
    pub(super) ty: ColumnType,
    /// Where its value is captured.
    pub(super) slot: usize,
}

/// The columns of a job, compiled.
#[derive(Debug)]
pub(crate) struct ColumnsPlan {
    pub(super) columns: Vec<ColumnPlan>,
    pub(super) rest: Rest,
    pub(super) envelope: Vec<EnvelopeField>,
    pub(super) schema: SchemaRef,
    pub(super) properties: WriterProperties,
    /// Memory that the values of one row may take, inclusive; nulls of whole columns are the job's own choice.
    pub(super) max_row_bytes: usize,
}

pub(super) fn item_field(ty: DataType) -> FieldRef {
    Arc::new(Field::new("element", ty, true))
}

pub(super) fn field(name: &str, ty: &ColumnType) -> FieldRef {
    Arc::new(Field::new(name, data_type(ty), true))
}

pub(super) fn data_type(ty: &ColumnType) -> DataType {
    match ty {
        ColumnType::String | ColumnType::Json => DataType::Utf8,
        ColumnType::Int32 => DataType::Int32,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Float => DataType::Float32,
        ColumnType::Double => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Date => DataType::Date32,
        // Microseconds, whatever the record writes: the unit all readers share. Finer digits do not fit.
        ColumnType::Timestamp(_) => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        ColumnType::Decimal { precision, scale } => {
            DataType::Decimal128(*precision, i8::try_from(*scale).unwrap_or(38))
        }
        ColumnType::List(item) => DataType::List(item_field(data_type(item))),
        ColumnType::Struct(fields) => DataType::Struct(fields.iter().map(|f| field(&f.name, &f.ty)).collect()),
    }
}

/// A header: its name and its value, which may be null.
pub(super) fn header_fields() -> Fields {
    Fields::from(vec![Field::new("name", DataType::Utf8, false), Field::new("value", DataType::Binary, true)])
}

fn envelope_field(field: EnvelopeField) -> Field {
    let (ty, nullable) = match field {
        EnvelopeField::Topic => (DataType::Utf8, false),
        EnvelopeField::Partition => (DataType::Int32, false),
        EnvelopeField::Offset => (DataType::Int64, false),
        EnvelopeField::Timestamp => (DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())), true),
        EnvelopeField::Key => (DataType::Binary, true),
        EnvelopeField::Headers => {
            (DataType::List(Arc::new(Field::new("element", DataType::Struct(header_fields()), false))), false)
        }
    };
    Field::new(field.column_name(), ty, nullable)
}

impl ColumnsPlan {
    /// Compiles the columns of `sink`; `slots` tells where each column's value is captured, in their order.
    pub(crate) fn compile(
        sink: &SinkSpec,
        slots: &[usize],
        max_record_bytes: u64,
    ) -> Result<Self, parquet::errors::ParquetError> {
        let rest = sink.rest.unwrap_or(Rest::Column);
        let columns: Vec<ColumnPlan> = sink
            .columns
            .iter()
            .zip(slots)
            .map(|(column, slot)| ColumnPlan { name: column.name.clone(), ty: column.ty.clone(), slot: *slot })
            .collect();
        let envelope: Vec<EnvelopeField> =
            EnvelopeField::ALL.iter().copied().filter(|field| sink.envelope.contains(field)).collect();
        let mut fields: Vec<FieldRef> = columns.iter().map(|column| field(&column.name, &column.ty)).collect();
        if rest == Rest::Column {
            fields.push(Arc::new(Field::new(REST_COLUMN, DataType::Utf8, true)));
        }
        fields.extend(envelope.iter().map(|field| Arc::new(envelope_field(*field))));
        let compression = match sink.compression {
            Compression::None => PageCompression::UNCOMPRESSED,
            Compression::Gzip => PageCompression::GZIP(GzipLevel::try_new(1)?),
            Compression::Snappy => PageCompression::SNAPPY,
            Compression::Zstd => PageCompression::ZSTD(ZstdLevel::try_new(1)?),
            Compression::Lz4 => PageCompression::LZ4_RAW,
        };
        let properties = WriterProperties::builder()
            .set_created_by(concat!("landfall ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(compression)
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_max_row_group_row_count(None)
            .build();
        let max_row_bytes = usize::try_from(max_record_bytes).unwrap_or(usize::MAX).saturating_mul(MAX_ROW_FACTOR);
        Ok(Self { columns, rest, envelope, schema: Arc::new(Schema::new(fields)), properties, max_row_bytes })
    }

    /// Empty buffers of the job's columns, in order.
    pub(super) fn buffers(&self) -> Vec<ColumnBuffer> {
        self.columns.iter().map(|column| ColumnBuffer::new(&column.ty)).collect()
    }
}
