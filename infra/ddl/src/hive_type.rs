//! Column types as Hive, and so Athena and Glue, write them.

use landfall_job::{ColumnType, EnvelopeField, TimestampUnit};

use crate::names::{is_plain, plain, quoted};

/// A type of a table's column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HiveType {
    /// One that is a word.
    Word(String),
    Array(Box<HiveType>),
    /// Names are plain and in lower case.
    Struct(Vec<(String, HiveType)>),
}

/// What was found on the way through a type.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Keys of JSON objects, and the name that each gets.
    pub(crate) keys: Vec<(String, String)>,
    /// Fields that no table can have, as `column.field`.
    pub(crate) left_out: Vec<String>,
    /// There is JSON kept as text.
    pub(crate) has_json: bool,
    /// There is a time with more digits than Athena shows.
    pub(crate) has_micros: bool,
}

impl HiveType {
    pub(crate) fn word(word: &str) -> Self {
        Self::Word(word.to_owned())
    }

    /// As a statement writes it.
    pub(crate) fn in_ddl(&self) -> String {
        self.written(quoted)
    }

    /// As the catalog keeps it.
    pub(crate) fn in_glue(&self) -> String {
        self.written(str::to_owned)
    }

    fn written(&self, name: fn(&str) -> String) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Array(item) => format!("array<{}>", item.written(name)),
            Self::Struct(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(field, ty)| format!("{}:{}", name(field), ty.written(name))).collect();
                format!("struct<{}>", fields.join(","))
            }
        }
    }

    /// The type of a column of a Parquet file. `None` where none of it can be in a table.
    pub(crate) fn of_parquet(ty: &ColumnType, path: &str, findings: &mut Findings) -> Option<Self> {
        Some(match ty {
            ColumnType::Timestamp(_) => {
                findings.has_micros = true;
                Self::word("timestamp")
            }
            // Readers find a field by its name, and the catalog's types take no other names.
            _ => Self::of(ty, path, findings, Self::of_parquet, |field, path, findings| {
                is_plain(field).then(|| field.to_ascii_lowercase()).or_else(|| {
                    findings.left_out.push(path.to_owned());
                    None
                })
            })?,
        })
    }

    /// The type of a value of a JSON document: times stay as they are written.
    pub(crate) fn of_json(ty: &ColumnType, path: &str, findings: &mut Findings) -> Option<Self> {
        Some(match ty {
            ColumnType::Timestamp(TimestampUnit::Rfc3339) => Self::word("string"),
            ColumnType::Timestamp(TimestampUnit::Seconds) => Self::word("double"),
            ColumnType::Timestamp(_) => Self::word("bigint"),
            _ => {
                findings.has_json |= *ty == ColumnType::Json;
                Self::of(ty, path, findings, Self::of_json, |field, _, findings| {
                    let name = plain(field);
                    findings.keys.push((field.to_owned(), name.clone()));
                    Some(name)
                })?
            }
        })
    }

    fn of(
        ty: &ColumnType,
        path: &str,
        findings: &mut Findings,
        inner: impl Fn(&ColumnType, &str, &mut Findings) -> Option<Self>,
        name: impl Fn(&str, &str, &mut Findings) -> Option<String>,
    ) -> Option<Self> {
        Some(match ty {
            ColumnType::String | ColumnType::Json | ColumnType::Timestamp(_) => Self::word("string"),
            ColumnType::Int32 => Self::word("int"),
            ColumnType::Int64 => Self::word("bigint"),
            ColumnType::Float => Self::word("float"),
            ColumnType::Double => Self::word("double"),
            ColumnType::Boolean => Self::word("boolean"),
            ColumnType::Date => Self::word("date"),
            ColumnType::Decimal { precision, scale } => Self::Word(format!("decimal({precision},{scale})")),
            ColumnType::List(item) => Self::Array(Box::new(inner(item, path, findings)?)),
            ColumnType::Struct(fields) => {
                let mut kept = Vec::new();
                for field in fields {
                    let path = format!("{path}.{}", field.name);
                    if let Some(name) = name(&field.name, &path, findings)
                        && let Some(ty) = inner(&field.ty, &path, findings)
                    {
                        kept.push((name, ty));
                    }
                }
                (!kept.is_empty()).then_some(Self::Struct(kept))?
            }
        })
    }

    /// The type of an envelope field's column of a Parquet file.
    pub(crate) fn of_parquet_envelope(field: EnvelopeField) -> Self {
        match field {
            EnvelopeField::Topic => Self::word("string"),
            EnvelopeField::Partition => Self::word("int"),
            EnvelopeField::Offset => Self::word("bigint"),
            EnvelopeField::Timestamp => Self::word("timestamp"),
            EnvelopeField::Key => Self::word("binary"),
            EnvelopeField::Headers => Self::Array(Box::new(Self::Struct(vec![
                ("name".to_owned(), Self::word("string")),
                ("value".to_owned(), Self::word("binary")),
            ]))),
        }
    }

    /// The type of an envelope field of a JSON line: milliseconds, base64, and pairs of name and base64.
    pub(crate) fn of_json_envelope(field: EnvelopeField) -> Self {
        match field {
            EnvelopeField::Topic | EnvelopeField::Key => Self::word("string"),
            EnvelopeField::Partition => Self::word("int"),
            EnvelopeField::Offset | EnvelopeField::Timestamp => Self::word("bigint"),
            EnvelopeField::Headers => Self::Array(Box::new(Self::Array(Box::new(Self::word("string"))))),
        }
    }
}
