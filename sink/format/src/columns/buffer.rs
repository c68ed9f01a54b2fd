//! One column's values of the rows of an open chunk.
//!
//! Plain vectors that can be cut back to a row count, which is how a row that does not fit is undone; at the end they
//! become Arrow arrays without a copy.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
    Int64Array, ListArray, StringArray, StructArray, TimestampMicrosecondArray, TimestampMillisecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::FieldRef;
use arrow::error::ArrowError;
use landfall_job::{ColumnType, TimestampUnit};

use super::schema;
use crate::json::NameIndex;

/// Bytes of variable length, one after another. `offsets` begins with 0 and has one entry more than there are values.
#[derive(Debug, Clone)]
pub(super) struct Heap {
    pub(super) offsets: Vec<i32>,
    pub(super) data: Vec<u8>,
}

impl Default for Heap {
    fn default() -> Self {
        Self { offsets: vec![0], data: Vec::new() }
    }
}

/// The column has no room for the value in this chunk: Arrow counts its bytes in 31 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Heap {
    pub(super) fn push(&mut self, value: &[u8]) -> Result<(), Full> {
        let end = i32::try_from(self.data.len() + value.len()).map_err(|_| Full)?;
        self.data.extend_from_slice(value);
        self.offsets.push(end);
        Ok(())
    }

    fn push_null(&mut self) {
        self.offsets.push(self.offsets.last().copied().unwrap_or(0));
    }

    fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        self.data.truncate(end_of(&self.offsets));
    }

    fn shrink(&mut self) {
        self.offsets.shrink_to_fit();
        self.data.shrink_to_fit();
    }

    fn memory_bytes(&self) -> usize {
        self.offsets.capacity() * size_of::<i32>() + self.data.capacity()
    }
}

fn end_of(offsets: &[i32]) -> usize {
    offsets.last().and_then(|end| usize::try_from(*end).ok()).unwrap_or(0)
}

#[derive(Debug, Clone)]
pub(super) enum Values {
    Boolean(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    /// Days since 1970-01-01.
    Date(Vec<i32>),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Micros(Vec<i64>, TimestampUnit),
    /// Milliseconds since 1970-01-01T00:00:00Z; for the envelope.
    Millis(Vec<i64>),
    Decimal {
        values: Vec<i128>,
        precision: u8,
        scale: u8,
    },
    Text(Heap),
    Json(Heap),
    Binary(Heap),
    /// `offsets` as in [`Heap`], in items.
    List {
        offsets: Vec<i32>,
        item: Box<ColumnBuffer>,
        field: FieldRef,
    },
    Struct(Members),
}

/// The fields of a struct, each a column of its own.
#[derive(Debug, Clone)]
pub(super) struct Members {
    pub(super) fields: Vec<(FieldRef, ColumnBuffer)>,
    pub(super) index: NameIndex,
}

/// A column under construction.
#[derive(Debug, Clone)]
pub(crate) struct ColumnBuffer {
    pub(super) valid: Vec<bool>,
    pub(super) values: Values,
    /// Memory that one null takes, in bytes: of a struct, that of all its fields.
    pub(super) null_bytes: usize,
}

macro_rules! each_vector {
    ($values:expr, $vector:ident => $plain:expr, $heap:ident => $bytes:expr, list($offsets:ident, $item:ident) => $list:expr, $fields:ident => $nested:expr) => {
        match $values {
            Values::Boolean($vector) => $plain,
            Values::Int32($vector) | Values::Date($vector) => $plain,
            Values::Int64($vector) | Values::Micros($vector, _) | Values::Millis($vector) => $plain,
            Values::Float($vector) => $plain,
            Values::Double($vector) => $plain,
            Values::Decimal { values: $vector, .. } => $plain,
            Values::Text($heap) | Values::Json($heap) | Values::Binary($heap) => $bytes,
            Values::List { offsets: $offsets, item: $item, .. } => $list,
            Values::Struct(Members { fields: $fields, .. }) => $nested,
        }
    };
}

fn size_of_item<T>(_: &Vec<T>) -> usize {
    size_of::<T>()
}

fn held<T>(vector: &Vec<T>) -> usize {
    vector.capacity() * size_of::<T>()
}

impl ColumnBuffer {
    pub(super) fn with(values: Values) -> Self {
        let value_bytes = each_vector!(&values,
            vector => size_of_item(vector),
            heap => size_of_item(&heap.offsets),
            list(offsets, _item) => size_of_item(offsets),
            fields => fields.iter().map(|(_, column)| column.null_bytes).sum()
        );
        Self { valid: Vec::new(), values, null_bytes: size_of::<bool>() + value_bytes }
    }

    /// An empty column of a type.
    pub(super) fn new(ty: &ColumnType) -> Self {
        Self::with(match ty {
            ColumnType::String => Values::Text(Heap::default()),
            ColumnType::Int32 => Values::Int32(Vec::new()),
            ColumnType::Int64 => Values::Int64(Vec::new()),
            ColumnType::Float => Values::Float(Vec::new()),
            ColumnType::Double => Values::Double(Vec::new()),
            ColumnType::Boolean => Values::Boolean(Vec::new()),
            ColumnType::Date => Values::Date(Vec::new()),
            ColumnType::Timestamp(unit) => Values::Micros(Vec::new(), *unit),
            ColumnType::Decimal { precision, scale } => {
                Values::Decimal { values: Vec::new(), precision: *precision, scale: *scale }
            }
            ColumnType::Json => Values::Json(Heap::default()),
            ColumnType::List(item) => Values::List {
                offsets: vec![0],
                item: Box::new(Self::new(item)),
                field: schema::item_field(schema::data_type(item)),
            },
            ColumnType::Struct(fields) => Values::Struct(Members {
                fields: fields
                    .iter()
                    .map(|field| (schema::field(&field.name, &field.ty), Self::new(&field.ty)))
                    .collect(),
                index: NameIndex::new(fields.iter().map(|field| field.name.as_str())),
            }),
        })
    }

    pub(super) fn rows(&self) -> usize {
        self.valid.len()
    }

    pub(super) fn push_null(&mut self) {
        each_vector!(&mut self.values,
            vector => vector.push(Default::default()),
            heap => heap.push_null(),
            list(offsets, _item) => offsets.push(offsets.last().copied().unwrap_or(0)),
            fields => fields.iter_mut().for_each(|(_, column)| column.push_null())
        );
        self.valid.push(false);
    }

    /// Cuts the column back to its first `rows` rows, whatever was begun after them.
    pub(super) fn truncate(&mut self, rows: usize) {
        each_vector!(&mut self.values,
            vector => vector.truncate(rows),
            heap => heap.truncate(rows),
            list(offsets, item) => {
                offsets.truncate(rows + 1);
                item.truncate(end_of(offsets));
            },
            fields => fields.iter_mut().for_each(|(_, column)| column.truncate(rows))
        );
        self.valid.truncate(rows);
    }

    /// Gives back what a row that was undone made the column grow to.
    pub(super) fn shrink(&mut self) {
        each_vector!(&mut self.values,
            vector => vector.shrink_to_fit(),
            heap => heap.shrink(),
            list(offsets, item) => {
                offsets.shrink_to_fit();
                item.shrink();
            },
            fields => fields.iter_mut().for_each(|(_, column)| column.shrink())
        );
        self.valid.shrink_to_fit();
    }

    /// Memory held, used or not.
    pub(super) fn memory_bytes(&self) -> usize {
        held(&self.valid)
            + each_vector!(&self.values,
                vector => held(vector),
                heap => heap.memory_bytes(),
                list(offsets, item) => held(offsets) + item.memory_bytes(),
                fields => fields.iter().map(|(_, column)| column.memory_bytes()).sum()
            )
    }

    /// The values as an Arrow array.
    pub(super) fn into_array(self) -> Result<ArrayRef, ArrowError> {
        let rows = self.valid.len();
        let nulls = self.valid.contains(&false).then(|| NullBuffer::from(self.valid));
        Ok(match self.values {
            Values::Boolean(values) => Arc::new(BooleanArray::new(values.into(), nulls)),
            Values::Int32(values) => Arc::new(Int32Array::try_new(values.into(), nulls)?),
            Values::Int64(values) => Arc::new(Int64Array::try_new(values.into(), nulls)?),
            Values::Float(values) => Arc::new(Float32Array::try_new(values.into(), nulls)?),
            Values::Double(values) => Arc::new(Float64Array::try_new(values.into(), nulls)?),
            Values::Date(values) => Arc::new(Date32Array::try_new(values.into(), nulls)?),
            Values::Micros(values, _) => {
                Arc::new(TimestampMicrosecondArray::try_new(values.into(), nulls)?.with_timezone(schema::UTC))
            }
            Values::Millis(values) => {
                Arc::new(TimestampMillisecondArray::try_new(values.into(), nulls)?.with_timezone(schema::UTC))
            }
            Values::Decimal { values, precision, scale } => {
                let scale =
                    i8::try_from(scale).map_err(|_| ArrowError::InvalidArgumentError("decimal scale".to_owned()))?;
                Arc::new(Decimal128Array::try_new(values.into(), nulls)?.with_precision_and_scale(precision, scale)?)
            }
            Values::Text(heap) | Values::Json(heap) => {
                Arc::new(StringArray::try_new(offsets(heap.offsets), Buffer::from_vec(heap.data), nulls)?)
            }
            Values::Binary(heap) => {
                Arc::new(BinaryArray::try_new(offsets(heap.offsets), Buffer::from_vec(heap.data), nulls)?)
            }
            Values::List { offsets: ends, item, field } => {
                Arc::new(ListArray::try_new(field, offsets(ends), item.into_array()?, nulls)?)
            }
            Values::Struct(Members { fields, .. }) => {
                let mut schema = Vec::with_capacity(fields.len());
                let mut arrays = Vec::with_capacity(fields.len());
                for (field, column) in fields {
                    schema.push(field);
                    arrays.push(column.into_array()?);
                }
                Arc::new(StructArray::try_new_with_length(schema.into(), arrays, nulls, rows)?)
            }
        })
    }
}

/// Only ever grown by what is pushed, so ascending and not negative.
fn offsets(offsets: Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(ScalarBuffer::from(offsets))
}
