//! The columns of a table, and how its rows are read.

use std::collections::{BTreeMap, BTreeSet};

use landfall_job::{ColumnType, EnvelopeField, FieldError, JobSpec, REST_COLUMN, Rest, SinkFormat, TimestampUnit};

use crate::hive_type::{Findings, HiveType};
use crate::names::{is_plain, is_possible, plain};
use crate::options::Options;

/// A column of a table.
#[derive(Debug)]
pub(crate) struct TableColumn {
    pub(crate) name: String,
    pub(crate) ty: HiveType,
    pub(crate) comment: Option<&'static str>,
}

/// How a row is read.
#[derive(Debug)]
pub(crate) enum Rows {
    /// A line is one text.
    Lines,
    /// JSON by Hive's SerDe, which Athena's documentation advises; it finds a field by its name, whatever its case.
    HiveJson,
    /// JSON by OpenX's, which can also call a key by another name and keep objects as text. The names, and their keys.
    OpenXJson(BTreeMap<String, String>),
    Parquet,
}

/// What is in a row.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) columns: Vec<TableColumn>,
    pub(crate) rows: Rows,
    pub(crate) remarks: Vec<String>,
    pub(crate) errors: Vec<FieldError>,
}

impl Columns {
    pub(crate) fn of(spec: &JobSpec, options: &Options) -> Self {
        let mut columns = match spec.sink.format {
            SinkFormat::Parquet => Self::of_parquet(spec, options),
            SinkFormat::Jsonl if options.columns.is_empty() => Self::of_lines(),
            SinkFormat::Jsonl => Self::of_json(spec, options),
        };
        columns.refuse_twins();
        columns
    }

    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    fn new(rows: Rows) -> Self {
        Self { columns: Vec::new(), rows, remarks: Vec::new(), errors: Vec::new() }
    }

    fn push(&mut self, name: String, ty: HiveType, comment: Option<&'static str>) {
        self.columns.push(TableColumn { name, ty, comment });
    }

    fn of_lines() -> Self {
        let mut table = Self::new(Rows::Lines);
        table.push("line".to_owned(), HiveType::word("string"), Some("a whole line of JSON"));
        table.remarks.push(
            "A job of JSON lines knows no columns, so a row is a whole line: json_extract_scalar(line, ...) takes a field \
             out, and --columns defines typed ones."
                .to_owned(),
        );
        table
    }

    fn of_json(spec: &JobSpec, options: &Options) -> Self {
        let mut table = Self::new(Rows::HiveJson);
        let mut findings = Findings::default();
        let value = ColumnType::Struct(options.columns.clone());
        if spec.sink.envelope.is_empty() {
            for field in &options.columns {
                let ty = HiveType::of_json(&field.ty, &field.name, &mut findings);
                let name = plain(&field.name);
                findings.keys.push((field.name.clone(), name.clone()));
                table.columns.extend(ty.map(|ty| TableColumn { name, ty, comment: written(&field.ty) }));
            }
        } else {
            for field in envelope(spec) {
                let comment = match field {
                    EnvelopeField::Timestamp => Some("milliseconds since 1970"),
                    EnvelopeField::Key => Some("base64"),
                    EnvelopeField::Headers => Some("pairs of a name and base64"),
                    _ => None,
                };
                table.push(field.as_str().to_owned(), HiveType::of_json_envelope(field), comment);
            }
            if let Some(ty) = HiveType::of_json(&value, "value", &mut findings) {
                table.push("value".to_owned(), ty, None);
            }
        }
        table.choose_json(&findings);
        table
    }

    fn choose_json(&mut self, findings: &Findings) {
        let (mut keys, mut mapping) = (BTreeMap::new(), BTreeMap::new());
        for (key, name) in &findings.keys {
            // A name is found whatever its case; in a mapping the key is compared in lower case too.
            let read = if is_plain(key) { key.to_ascii_lowercase() } else { key.clone() };
            // A mapping holds for a name wherever it stands.
            if let Some(other) = keys.insert(name.clone(), read.clone()).filter(|other| *other != read) {
                let problem = format!("and {other} have one name in Athena, {name}");
                self.errors.push(FieldError::new(format!("columns.{key}"), problem, "leave one of them out"));
            }
            if !is_plain(key) {
                mapping.insert(name.clone(), key.to_lowercase());
            }
        }
        if mapping.is_empty() && !findings.has_json {
            self.remarks.push("A value that does not fit its column fails the query.".to_owned());
            return;
        }
        let renamed: Vec<String> = mapping.iter().map(|(name, key)| format!("{key} is {name}")).collect();
        if !renamed.is_empty() {
            self.remarks.push(format!("Keys that are no names in Athena: {}.", renamed.join(", ")));
        }
        self.remarks.push(
            "Only the OpenX SerDe reads such keys and json columns. It makes a value null that does not fit its column, and \
             the documentation of Athena prefers the Hive SerDe, which a table without them has."
                .to_owned(),
        );
        self.rows = Rows::OpenXJson(mapping);
    }

    fn of_parquet(spec: &JobSpec, options: &Options) -> Self {
        let mut table = Self::new(Rows::Parquet);
        if !options.columns.is_empty() {
            let fix = "leave them out: the table has the columns of sink.columns";
            table.errors.push(FieldError::new(
                "columns",
                "are for jobs of JSON lines, and this one writes Parquet",
                fix,
            ));
        }
        let mut findings = Findings::default();
        for column in &spec.sink.columns {
            let ty = HiveType::of_parquet(&column.ty, &column.name, &mut findings);
            match ty.filter(|_| is_possible(&column.name)) {
                Some(ty) => {
                    if !is_plain(&column.name) {
                        table.remarks.push(format!(
                            "Athena promises no column but of letters, digits and _: if {} is refused, rename it in \
                             sink.columns.",
                            column.name
                        ));
                    }
                    let comment = (column.ty == ColumnType::Json).then_some("JSON");
                    table.push(column.name.to_lowercase(), ty, comment);
                }
                None => findings.left_out.push(column.name.clone()),
            }
        }
        if spec.sink.rest == Some(Rest::Column) {
            let comment = "JSON, what no other column took";
            table.push(REST_COLUMN.to_owned(), HiveType::word("string"), Some(comment));
        }
        for field in envelope(spec) {
            table.push(field.column_name().to_owned(), HiveType::of_parquet_envelope(field), None);
        }
        for path in &findings.left_out {
            table.remarks.push(format!("{path} is left out: Athena has no such name, rename it in sink.columns."));
        }
        if findings.has_micros {
            table.remarks.push("Athena shows milliseconds of a time, the files have microseconds.".to_owned());
        }
        table
    }

    /// Athena knows no upper case.
    fn refuse_twins(&mut self) {
        let mut seen = BTreeSet::new();
        for column in &self.columns {
            if !seen.insert(column.name.to_lowercase()) {
                let problem = "is the name of two columns in Athena, which knows no upper case";
                self.errors.push(FieldError::new(format!("columns.{}", column.name), problem, "leave one of them out"));
            }
        }
        if self.columns.is_empty() && self.errors.is_empty() {
            let problem = "hold no name that Athena can have";
            self.errors.push(FieldError::new("sink.columns", problem, "name a column with letters, digits and _"));
        }
    }
}

/// The envelope in the order in which it is written.
fn envelope(spec: &JobSpec) -> impl Iterator<Item = EnvelopeField> + '_ {
    EnvelopeField::ALL.iter().copied().filter(|field| spec.sink.envelope.contains(field))
}

/// How a JSON document writes what its column does not tell.
fn written(ty: &ColumnType) -> Option<&'static str> {
    match ty {
        ColumnType::Timestamp(TimestampUnit::Seconds) => Some("seconds since 1970"),
        ColumnType::Timestamp(TimestampUnit::Millis) => Some("milliseconds since 1970"),
        ColumnType::Timestamp(TimestampUnit::Micros) => Some("microseconds since 1970"),
        ColumnType::Timestamp(TimestampUnit::Nanos) => Some("nanoseconds since 1970"),
        ColumnType::Timestamp(TimestampUnit::Rfc3339) => Some("RFC 3339, from_iso8601_timestamp reads it"),
        ColumnType::Json => Some("JSON"),
        _ => None,
    }
}
