//! Column types of Parquet files: a small grammar of names.
//!
//! `string int32 int64 float double boolean date json timestamp(UNIT) decimal(P,S) list<T> struct<name: T, ...>`

use std::fmt;

use serde::{Serialize, Serializer};

use crate::path::FieldPath;
use crate::reader::{FromNode, Node, Refusal};
use crate::spec::TimestampUnit;

mod parse;

/// The deepest nesting of lists and structs.
pub const MAX_TYPE_DEPTH: usize = 16;

/// The type of a column; every column and every nested value may be null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text, from a JSON string.
    String,
    /// A whole number of 32 bits, from a JSON number without fraction.
    Int32,
    /// A whole number of 64 bits, from a JSON number without fraction.
    Int64,
    /// A number of 32 bits in IEEE 754.
    Float,
    /// A number of 64 bits in IEEE 754.
    Double,
    /// True or false.
    Boolean,
    /// A calendar day, from a JSON string such as `2026-01-31`.
    Date,
    /// An instant; the unit says how the record writes it.
    Timestamp(TimestampUnit),
    /// An exact number of `precision` digits, `scale` of them after the point, from a JSON number or string.
    Decimal {
        /// All digits, 1 to 38.
        precision: u8,
        /// Digits after the point, 0 to `precision`.
        scale: u8,
    },
    /// Any JSON value, kept as its text.
    Json,
    /// A list, from a JSON array.
    List(Box<ColumnType>),
    /// Named fields, from a JSON object; at least one.
    Struct(Vec<StructField>),
}

/// A field of a [`ColumnType::Struct`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StructField {
    /// Its name, both in the record and in the file.
    pub name: String,
    /// Its type.
    pub ty: ColumnType,
}

/// A column of the files of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name in the file.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: ColumnType,
    /// Where its value is in the record.
    pub path: FieldPath,
}

impl ColumnType {
    /// Reads a type such as `list<struct<id: int64, price: decimal(18,4)>>`.
    ///
    /// # Errors
    /// The text is not a type of the grammar.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        parse::column_type(text)
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("string"),
            Self::Int32 => f.write_str("int32"),
            Self::Int64 => f.write_str("int64"),
            Self::Float => f.write_str("float"),
            Self::Double => f.write_str("double"),
            Self::Boolean => f.write_str("boolean"),
            Self::Date => f.write_str("date"),
            Self::Timestamp(unit) => write!(f, "timestamp({unit})"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Json => f.write_str("json"),
            Self::List(item) => write!(f, "list<{item}>"),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (at, field) in fields.iter().enumerate() {
                    let comma = if at > 0 { ", " } else { "" };
                    write!(f, "{comma}{}: {}", parse::quote_name(&field.name), field.ty)?;
                }
                f.write_str(">")
            }
        }
    }
}

impl Serialize for ColumnType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromNode for ColumnType {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        Self::parse(&String::from_node(node)?)
    }
}
