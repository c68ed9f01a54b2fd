//! The table definition of a job for Athena: the `CREATE EXTERNAL TABLE` statement and the Glue `TableInput`.
//!
//! Pure: no I/O, no clock. What a table reads and what it does not is said in the comments of the statement, since a row
//! that silently is not there is worse than no table. Invariants:
//!
//! - the statement and the `TableInput` define the same table;
//! - every partition column is projected: nobody adds partitions by hand, and no crawler runs;
//! - a partition column has the value that the object key has, so that a filter on it prunes;
//! - what of a job a table cannot say is refused with the field, or left out with a remark, never guessed.
//!
//! The way of a definition: [`layout`] reads the key template into a location and partition columns ([`projection`],
//! [`time_pattern`]), [`columns`] takes the columns from the job or the options ([`hive_type`], [`names`]), [`overlap`]
//! looks at what else lies there, [`statement`] and [`glue`] write the table down.
#![warn(missing_docs)]
#![allow(rustdoc::private_intra_doc_links)] // the map of the crate is for those who read it

mod columns;
mod glue;
mod hive_type;
mod layout;
mod names;
mod options;
mod overlap;
mod projection;
mod segments;
mod statement;
mod table;
mod time_pattern;

use landfall_job::{FieldErrors, JobSpec};
use serde_json::Value;

pub use options::{Folder, Options, parse_columns};

/// The definition of a job's table.
#[derive(Clone, Debug, PartialEq)]
pub struct Ddl {
    /// The statement for Athena, with what there is to know in comments before it; ends in a line feed.
    pub statement: String,
    /// The same table as `aws glue create-table --table-input` takes it.
    pub table_input: Value,
    /// What the comments of the statement say, a sentence each.
    pub remarks: Vec<String>,
}

/// Defines the table of a job's objects.
///
/// # Errors
/// Every option and column that no table can be made of.
pub fn ddl(spec: &JobSpec, options: &Options) -> Result<Ddl, FieldErrors> {
    let table = table::Table::of(spec, options)?;
    Ok(Ddl { statement: statement::write(&table), table_input: glue::table_input(&table), remarks: table.remarks })
}
