//! A table before it is written down.

use landfall_job::{FieldErrors, JobSpec};

use crate::columns::{Columns, Rows, TableColumn};
use crate::layout::Layout;
use crate::names::{check, plain};
use crate::options::Options;
use crate::overlap;
use crate::projection::Partition;

/// A table of a job's objects.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) database: Option<String>,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) columns: Vec<TableColumn>,
    pub(crate) partitions: Vec<Partition>,
    pub(crate) rows: Rows,
    /// `s3://bucket/folder/`
    pub(crate) location: String,
    /// Properties in their order.
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) remarks: Vec<String>,
}

impl Table {
    pub(crate) fn of(spec: &JobSpec, options: &Options) -> Result<Self, FieldErrors> {
        let columns = Columns::of(spec, options);
        let layout = Layout::of(spec, options, &columns.names());
        let name = options.table.clone().unwrap_or_else(|| plain(&spec.name));
        let given = [("table", Some(&name)), ("database", options.database.as_ref())];
        let mut errors = columns.errors;
        errors.extend(given.into_iter().filter_map(|(field, name)| check(field, name?).err()));
        if !errors.is_empty() {
            return Err(FieldErrors(errors));
        }
        let mut remarks = overlap::remarks(spec, options, &layout);
        remarks.extend(columns.remarks);
        remarks.extend(layout.remarks.iter().cloned());
        Ok(Self {
            database: options.database.clone(),
            name,
            description: format!("What the Landfall job {} lands", spec.name),
            properties: properties(spec, &columns.rows, &layout),
            columns: columns.columns,
            partitions: layout.partitions,
            rows: columns.rows,
            location: format!("s3://{}/{}", spec.sink.bucket, layout.folder),
            remarks,
        })
    }
}

fn properties(spec: &JobSpec, rows: &Rows, layout: &Layout) -> Vec<(String, String)> {
    let property = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut properties = match rows {
        // No classification is true of lines that are one text.
        Rows::Lines => Vec::new(),
        Rows::HiveJson | Rows::OpenXJson(_) => vec![property("classification", "json")],
        Rows::Parquet => vec![property("classification", "parquet")],
    };
    if let Some(template) = &layout.template {
        properties.push(property("projection.enabled", "true"));
        properties.extend(layout.partitions.iter().flat_map(Partition::properties));
        properties.push(("storage.location.template".to_owned(), format!("s3://{}/{template}", spec.sink.bucket)));
    }
    properties
}

/// How Hive's classes are called that read the rows.
pub(crate) struct Classes {
    pub(crate) serde: &'static str,
    pub(crate) serde_properties: Vec<(String, String)>,
    pub(crate) input: &'static str,
    pub(crate) output: &'static str,
}

impl Rows {
    pub(crate) fn classes(&self) -> Classes {
        const TEXT: (&str, &str) =
            ("org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat");
        const PARQUET: (&str, &str) = (
            "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        );
        let (serde, (input, output)) = match self {
            // Its fields end at U+0001, which no JSON document holds as it is: the first field is the line.
            Self::Lines => ("org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", TEXT),
            Self::HiveJson => ("org.apache.hive.hcatalog.data.JsonSerDe", TEXT),
            Self::OpenXJson(_) => ("org.openx.data.jsonserde.JsonSerDe", TEXT),
            Self::Parquet => ("org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe", PARQUET),
        };
        let serde_properties = match self {
            Self::OpenXJson(mapping) => {
                mapping.iter().map(|(name, key)| (format!("mapping.{name}"), key.clone())).collect()
            }
            _ => Vec::new(),
        };
        Classes { serde, serde_properties, input, output }
    }
}
