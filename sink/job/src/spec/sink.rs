//! Where and how records land.

use std::collections::BTreeMap;

use serde::Serialize;

use super::object::{self, Sse, StorageClass, account_id, tag};
use super::rotate::{self, RotateSpec};
use super::sink_rules::Draft;
use super::sink_words::{Compression, EnvelopeField, ExistingObject, MissingField, Rest, SinkFormat};
use super::timestamp::{self, TimestampSource};
use crate::column::{Column, ColumnType};
use crate::names::bucket_name;
use crate::path::FieldPath;
use crate::reader::{Field, FromNode, Node, Refusal, Refused, Section, Table, nonempty_text};
use crate::template::KeyTemplate;
use crate::zone::Zone;

/// Where and how records land.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SinkSpec {
    /// The bucket.
    pub bucket: String,
    /// The names of the objects.
    pub key: KeyTemplate,
    /// What `{timestamp:…}` in the key means.
    pub timestamp: TimestampSource,
    /// The zone in which the key writes times.
    pub time_zone: Zone,
    /// What a file is.
    pub format: SinkFormat,
    /// How it is compressed.
    pub compression: Compression,
    /// The suffix of objects' names after the dot; `None` is that of format and compression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// When it is closed.
    pub rotate: RotateSpec,
    /// The columns of a Parquet file; empty for JSONL.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// What becomes of what no column takes; `Some` exactly for Parquet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
    /// What lands beside the value, each once.
    pub envelope: Vec<EnvelopeField>,
    /// When the key needs a field that is not there.
    pub on_missing_field: MissingField,
    /// When a name is taken.
    pub on_existing_object: ExistingObject,
    /// The storage class; `None` is the bucket's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<StorageClass>,
    /// Tags of every object, at most 10.
    pub tags: BTreeMap<String, String>,
    /// Encryption; `None` is the bucket's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sse: Option<Sse>,
    /// The account that must own the bucket, 12 digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_bucket_owner: Option<String>,
}

static COLUMN_TABLE: Table = Table {
    fields: &[
        Field::required("name", "a column name", "the name in the file, at most 255 bytes"),
        Field::required(
            "type",
            "a column type such as string, int64 or decimal(18,4)",
            "one of `string`, `int32`, `int64`, `float`, `double`, `boolean`, `date`, `timestamp(UNIT)`, `decimal(P,S)`, `json`, `list<T>`, `struct<a: T, b: T>`; a timestamp holds microseconds, and a time with finer digits does not fit it",
        ),
        Field::optional("path", "dotted path", "the name", "where the value is in the record"),
    ],
    refused: &[Refused::later("required"), Refused::later("default")],
};

pub(super) static TABLE: Table = Table {
    fields: &[
        Field::required("bucket", "the name of a bucket", "the bucket objects land in"),
        Field::preset(
            "key",
            "key template",
            "{topic}/dt={timestamp:%Y-%m-%d}/hour={timestamp:%H}/{topic}+{partition}+{first_offset}-{unique}.{ext}",
            "the names of objects",
        ),
        Field::section("timestamp", &timestamp::TABLE, "what `{timestamp:…}` in the key means"),
        Field::preset("time_zone", "IANA name", "UTC", "the zone in which the key writes times"),
        Field::preset("format", "`jsonl` or `parquet`", "jsonl", "what a file is"),
        Field::preset(
            "compression",
            "`none`, `gzip`, `zstd`; Parquet also `snappy`, `lz4`",
            "zstd",
            "how it is compressed",
        ),
        Field::optional(
            "extension",
            "letters, digits, `.`, `-`, `_`",
            "that of format and compression, such as `jsonl.zst`",
            "what `{ext}` is in the key; it ends in `gz`, `zst` or `parquet` exactly where the file is that, such as `json.gz`",
        ),
        Field::section("rotate", &rotate::TABLE, "when a file is closed: at whichever comes first"),
        Field::each("columns", &COLUMN_TABLE, "the columns of a Parquet file, at least one"),
        Field::optional(
            "rest",
            "`_rest` or `dead_letter`",
            "`_rest` for Parquet",
            "what becomes of what no column takes: kept as JSON in the column `_rest`, or the record is a dead letter",
        ),
        Field::optional(
            "envelope",
            "list of `topic`, `partition`, `offset`, `timestamp`, `key`, `headers`",
            "none",
            "what lands beside the value",
        ),
        Field::preset(
            "on_missing_field",
            "`__null__` or `dead_letter`",
            "__null__",
            "when the key needs a field or header that a record does not have",
        ),
        Field::preset(
            "on_existing_object",
            "`fail` or `overwrite`",
            "fail",
            "when an object that is not the job's has the name of a new file",
        ),
        Field::optional("storage_class", "S3 storage class", "the bucket's default", "the storage class of objects"),
        Field::optional("tags", "map of strings", "none", "tags of every object, at most 10"),
        Field::section("sse", &object::SSE_TABLE, "encryption at rest; left out, the bucket's default"),
        Field::optional(
            "expected_bucket_owner",
            "12 digits in quotes",
            "not checked",
            "the account that must own the bucket",
        ),
    ],
    refused: &[
        Refused {
            name: "region",
            problem: "is not part of a job",
            fix: "the operator registers buckets with their region",
        },
        Refused { name: "endpoint", problem: "is not part of a job", fix: "the operator sets the S3 endpoint" },
        Refused {
            name: "role_arn",
            problem: "is not part of a job",
            fix: "the operator registers buckets with their role",
        },
        Refused {
            name: "access_key_id",
            problem: "is a secret",
            fix: "secrets never are in a job; the operator registers buckets",
        },
        Refused {
            name: "secret_access_key",
            problem: "is a secret",
            fix: "secrets never are in a job; the operator registers buckets",
        },
        Refused::later("acl"),
        Refused::later("compression_level"),
    ],
};

impl SinkSpec {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let bucket = section.read_with("bucket", bucket_name);
        let key = section.read::<KeyTemplate>("key");
        let timestamp = TimestampSource::read(section.section("timestamp"));
        let time_zone = section.read::<Zone>("time_zone");
        let format = section.read::<SinkFormat>("format");
        let compression = section.read::<Compression>("compression");
        let extension = section.read_optional_with("extension", extension);
        let rotate = RotateSpec::read(section.section("rotate"));
        let columns: Vec<Option<Column>> = section.sections("columns").into_iter().map(read_column).collect();
        let rest = section.read_optional::<Rest>("rest");
        let envelope = section.list_with("envelope", EnvelopeField::from_node);
        let on_missing_field = section.read("on_missing_field");
        let on_existing_object = section.read("on_existing_object");
        let storage_class = section.read_optional("storage_class");
        let tags = section.map_with("tags", tag);
        let sse = Sse::read(&mut section);
        let expected_bucket_owner = section.read_optional_with("expected_bucket_owner", account_id);
        let draft = Draft {
            format,
            compression,
            extension: extension.as_ref().and_then(Option::as_deref),
            rest,
            columns: &columns,
            envelope: envelope.as_deref(),
        };
        draft.check(&section);
        if tags.as_ref().is_some_and(|tags| tags.len() > 10) {
            section.conflict("tags", "has more than 10 tags", "keep at most 10, as S3 does");
        }
        section.finish();
        let rest = match (format?, rest?) {
            (SinkFormat::Jsonl, _) => None,
            (SinkFormat::Parquet, rest) => Some(rest.unwrap_or(Rest::Column)),
        };
        Some(Self {
            bucket: bucket?,
            key: key?,
            timestamp: timestamp?,
            time_zone: time_zone?,
            format: format?,
            compression: compression?,
            extension: extension?,
            rotate: rotate?,
            columns: columns.into_iter().collect::<Option<_>>()?,
            rest,
            envelope: envelope?,
            on_missing_field: on_missing_field?,
            on_existing_object: on_existing_object?,
            storage_class: storage_class?,
            tags: tags?,
            sse: sse?,
            expected_bucket_owner: expected_bucket_owner?,
        })
    }

    /// The suffix of the object's name after the dot: as the job says, or by format and compression.
    pub fn extension(&self) -> &str {
        self.extension.as_deref().unwrap_or(self.usual_extension())
    }

    /// The suffix by format and compression.
    pub fn usual_extension(&self) -> &'static str {
        match (self.format, self.compression) {
            (SinkFormat::Parquet, _) => "parquet",
            (SinkFormat::Jsonl, Compression::Gzip) => "jsonl.gz",
            (SinkFormat::Jsonl, Compression::Zstd) => "jsonl.zst",
            (SinkFormat::Jsonl, Compression::None | Compression::Snappy | Compression::Lz4) => "jsonl",
        }
    }
}

fn extension(node: &Node) -> Result<String, Refusal> {
    let text = nonempty_text(node)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match text.len() <= 40 && text.chars().all(allowed) && !text.split('.').any(str::is_empty) {
        true => Ok(text),
        false => Err(Refusal::new(
            "is not a suffix",
            "write at most 40 letters, digits, - and _ with single dots between them, such as json.gz",
        )),
    }
}

fn read_column(mut section: Section<'_>) -> Option<Column> {
    let name = section.read_with("name", |node| {
        let name = nonempty_text(node)?;
        match name.len() <= 255 && !name.chars().any(char::is_control) {
            true => Ok(name),
            false => Err(Refusal::new("is not a column name", "write at most 255 bytes without control characters")),
        }
    });
    let ty = section.read::<ColumnType>("type");
    let path = section.read_optional::<FieldPath>("path");
    section.finish();
    let name = name?;
    let path = path?.unwrap_or_else(|| FieldPath::top(name.clone()));
    Some(Column { name, ty: ty?, path })
}
