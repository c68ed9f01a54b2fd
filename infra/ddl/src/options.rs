//! What a caller may ask for beside the job.

use landfall_job::{ColumnType, FieldError, FieldErrors, StructField, TimestampMs};

/// What a caller may ask for beside the job. The default asks for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The database; `None` is the one that is chosen where the statement runs.
    pub database: Option<String>,
    /// The table; `None` is the job's name with `_` for what a name cannot have.
    pub table: Option<String>,
    /// The fields of the records, for JSON lines: a job knows none. Empty is a table of whole lines.
    pub columns: Vec<StructField>,
    /// The first time that is projected, in milliseconds since the epoch, inclusive; `None` is `created_at` where objects
    /// lie by the worker's clock, else three years ago.
    pub since: Option<TimestampMs>,
    /// When the job was created, in milliseconds since the epoch.
    pub created_at: Option<TimestampMs>,
    /// Where the fleet keeps its own objects.
    pub state: Option<Folder>,
}

/// A folder of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The bucket.
    pub bucket: String,
    /// The folder, ending in `/`; empty is the whole bucket.
    pub prefix: String,
}

/// Reads [`Options::columns`] as a person writes them: `id: int64, price: decimal(18,4), geo: struct<country: string>`, the
/// grammar of a struct in a job's `sink.columns`.
///
/// # Errors
/// The text is no list of names and types.
pub fn parse_columns(text: &str) -> Result<Vec<StructField>, FieldErrors> {
    let error = |problem: String, fix: String| FieldErrors(vec![FieldError::new("columns", problem, fix)]);
    match ColumnType::parse(&format!("struct<{text}>")) {
        Ok(ColumnType::Struct(fields)) => Ok(fields),
        Ok(_) => Err(error("is no list of columns".to_owned(), "write id: int64, name: string".to_owned())),
        Err(refusal) => Err(error(refusal.problem, refusal.fix)),
    }
}
