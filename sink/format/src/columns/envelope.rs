//! The envelope's columns: what Kafka says of a record beside its value.

use landfall_job::EnvelopeField;

use arrow::array::{ArrayRef, ListArray, StructArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use std::sync::Arc;

use super::buffer::{ColumnBuffer, Full, Heap, Values};
use super::schema::header_fields;
use crate::record::Record;

/// One envelope column under construction.
#[derive(Debug, Clone)]
pub(super) enum EnvelopeBuffer {
    Plain(EnvelopeField, ColumnBuffer),
    /// `offsets` begins with 0 and counts headers.
    Headers {
        offsets: Vec<i32>,
        names: ColumnBuffer,
        values: ColumnBuffer,
    },
}

impl EnvelopeBuffer {
    pub(super) fn new(field: EnvelopeField) -> Self {
        let values = match field {
            EnvelopeField::Topic => Values::Text(Heap::default()),
            EnvelopeField::Partition => Values::Int32(Vec::new()),
            EnvelopeField::Offset => Values::Int64(Vec::new()),
            EnvelopeField::Timestamp => Values::Millis(Vec::new()),
            EnvelopeField::Key => Values::Binary(Heap::default()),
            EnvelopeField::Headers => {
                let names = ColumnBuffer::with(Values::Text(Heap::default()));
                let values = ColumnBuffer::with(Values::Binary(Heap::default()));
                return Self::Headers { offsets: vec![0], names, values };
            }
        };
        Self::Plain(field, ColumnBuffer::with(values))
    }

    /// Appends the record's; on an error the caller cuts the column back.
    pub(super) fn push(&mut self, record: &Record<'_>) -> Result<(), Full> {
        match self {
            Self::Plain(field, column) => push_plain(*field, column, record),
            Self::Headers { offsets, names, values } => {
                for (name, value) in record.headers.to_vec() {
                    push_bytes(names, Some(name.as_bytes()))?;
                    push_bytes(values, value.as_deref())?;
                }
                offsets.push(i32::try_from(names.rows()).map_err(|_| Full)?);
                Ok(())
            }
        }
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        match self {
            Self::Plain(_, column) => column.truncate(rows),
            Self::Headers { offsets, names, values } => {
                offsets.truncate(rows + 1);
                let headers = offsets.last().and_then(|end| usize::try_from(*end).ok()).unwrap_or(0);
                names.truncate(headers);
                values.truncate(headers);
            }
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Plain(_, column) => column.memory_bytes(),
            Self::Headers { offsets, names, values } => {
                offsets.capacity() * size_of::<i32>() + names.memory_bytes() + values.memory_bytes()
            }
        }
    }

    pub(super) fn into_array(self) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Plain(_, column) => column.into_array(),
            Self::Headers { offsets, names, values } => {
                let headers =
                    StructArray::try_new(header_fields(), vec![names.into_array()?, values.into_array()?], None)?;
                let element = Arc::new(Field::new("element", DataType::Struct(header_fields()), false));
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                Ok(Arc::new(ListArray::try_new(element, offsets, Arc::new(headers), None)?))
            }
        }
    }
}

fn push_bytes(column: &mut ColumnBuffer, value: Option<&[u8]>) -> Result<(), Full> {
    match (&mut column.values, value) {
        (Values::Text(heap) | Values::Binary(heap), Some(bytes)) => heap.push(bytes)?,
        _ => {
            column.push_null();
            return Ok(());
        }
    }
    column.valid.push(true);
    Ok(())
}

fn push_plain(field: EnvelopeField, column: &mut ColumnBuffer, record: &Record<'_>) -> Result<(), Full> {
    match (field, &mut column.values) {
        (EnvelopeField::Topic, _) => return push_bytes(column, Some(record.topic.as_bytes())),
        (EnvelopeField::Key, _) => return push_bytes(column, record.key),
        (EnvelopeField::Partition, Values::Int32(values)) => values.push(record.partition),
        (EnvelopeField::Offset, Values::Int64(values)) => values.push(record.offset),
        (EnvelopeField::Timestamp, Values::Millis(values)) if record.timestamp_ms >= 0 => {
            values.push(record.timestamp_ms);
        }
        _ => {
            column.push_null();
            return Ok(());
        }
    }
    column.valid.push(true);
    Ok(())
}
