//! Parquet: a record's fields into typed columns, and columns into files.
//!
//! A record's row is atomic: either every column takes a value (a null counts) or none does. What no column takes, a
//! field without a column or a value that does not fit its own, goes into the JSON column `_rest`, or the record is a
//! dead letter, by `sink.rest`. Nothing is dropped: a struct that has a field its type does not name is kept in its
//! column *and*, as it came, in `_rest`.

mod buffer;
mod envelope;
mod rest;
mod rows;
mod schema;
mod value;
mod writer;

pub(crate) use rows::{RowBuffer, RowScratch};
pub(crate) use schema::ColumnsPlan;
pub(crate) use writer::ParquetFile;
