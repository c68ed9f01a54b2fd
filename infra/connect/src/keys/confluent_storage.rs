//! Keys that Confluent's storage sinks share.

use super::{LEAVE, OFF, SCHEMALESS};
use crate::definition::KeyType::{Boolean, Class, Int, List, Long, String};
use crate::definition::Preset::{Nothing, Required, Value};
use crate::definition::{Definition as D, Group};

const NO_SUCH_FILES: &str = "no files of that format are written";

pub(super) const CONNECTOR: Group =
    Group {
        name: "Connector",
        keys: &[
            D::new("format.class", Class, Required, "What a file is.")
                .offers(&["io.confluent.connect.s3.format.json.JsonFormat"]),
            D::new("flush.size", Int, Required, "How many records a file holds."),
            D::new("rotate.interval.ms", Long, Value("-1"), "The span of record time that a file covers."),
            D::new("rotate.schedule.interval.ms", Long, Value("-1"), "How long a file stays open."),
            D::new(
                "rotate.file.on.partition.change",
                Boolean,
                Value("true"),
                "Whether a record of another folder closes the file.",
            )
            .idle("files of several folders are open at once, each with the records of its own"),
            D::new("append.late.data", Boolean, Value("false"), "Whether late records land in the folder of others.")
                .only(&["false"], OFF, "is not supported: every record lands in the folder of its own time", LEAVE),
            D::new("max.write.duration.ms", Long, Value("9223372036854775807"), "How long a batch may be written.")
                .idle("batches have no end to wait for"),
            D::new("partitioner.max.open.files", Int, Value("-1"), "The most files open at once.")
                .idle("worker.memory bounds open files"),
            D::new("max.files.scan.limit", Int, Value("100"), "How many names are looked at after a conflict.")
                .idle("the job's log knows its names"),
            D::new("retry.backoff.ms", Long, Value("5000"), "The pause before a task tries again.")
                .idle("the worker decides when it tries again"),
            D::new("shutdown.timeout.ms", Long, Value("3000"), "How long a task may take to stop.")
                .idle("worker.drain_timeout bounds it"),
            D::new("filename.offset.zero.pad.width", Int, Value("10"), "Digits of the offset in names."),
            D::new("schema.compatibility", String, Value("NONE"), "Which changes of a schema share a file.")
                .idle(SCHEMALESS),
            D::new("schemas.cache.config", Int, Value("1000"), "How many schemas are remembered.").idle(SCHEMALESS),
            D::new("schema.cache.size", Int, Value("1000"), "How many schemas are remembered.").idle(SCHEMALESS),
            D::new("schemas.cache.size", Int, Value("1000"), "How many schemas are remembered.").idle(SCHEMALESS),
            D::new("enhanced.avro.schema.support", Boolean, Value("true"), "Whether Avro keeps enums and packages.")
                .idle(NO_SUCH_FILES),
            D::new("connect.meta.data", Boolean, Value("true"), "Whether Avro schemas name Connect's types.")
                .idle(NO_SUCH_FILES),
            D::new("allow.optional.map.keys", Boolean, Value("false"), "Whether Avro maps may have optional keys.")
                .idle(NO_SUCH_FILES),
            D::new("avro.codec", String, Value("null"), "How Avro is compressed.").idle(NO_SUCH_FILES),
            D::new("parquet.codec", String, Value("snappy"), "How Parquet is compressed.").idle(NO_SUCH_FILES),
        ],
    };

pub(super) const STORAGE: Group = Group {
    name: "Storage",
    keys: &[
        D::new("storage.class", Class, Required, "Where objects are kept.").only(
            &["io.confluent.connect.s3.storage.S3Storage"],
            "objects are kept in S3",
            "is not supported",
            "write io.confluent.connect.s3.storage.S3Storage",
        ),
        D::new("topics.dir", String, Value("topics"), "The folder above the topics'."),
        D::new("store.url", String, Nothing, "The S3 endpoint, where it is not AWS's."),
        D::new("directory.delim", String, Value("/"), "What divides folders."),
        D::new("file.delim", String, Value("+"), "What divides the parts of a name."),
    ],
};

pub(super) const PARTITIONER: Group = Group {
    name: "Partitioner",
    keys: &[
        D::new(
            "partitioner.class",
            Class,
            Value("io.confluent.connect.storage.partitioner.DefaultPartitioner"),
            "What folders stand for.",
        )
        .offers(&[
            "io.confluent.connect.storage.partitioner.DefaultPartitioner",
            "io.confluent.connect.storage.partitioner.FieldPartitioner",
            "io.confluent.connect.storage.partitioner.TimeBasedPartitioner",
            "io.confluent.connect.storage.partitioner.HourlyPartitioner",
            "io.confluent.connect.storage.partitioner.DailyPartitioner",
        ]),
        D::new("partition.field.name", List, Value(""), "Fields whose values name folders."),
        D::new("partition.duration.ms", Long, Value("-1"), "The span of time that shares a folder."),
        D::new("path.format", String, Value(""), "How times name folders, as a pattern of Joda."),
        D::new("locale", String, Value(""), "The language of months and days in words."),
        D::new("timezone", String, Value(""), "The zone of times in names."),
        D::new("timestamp.extractor", String, Value("Wallclock"), "Whose time names folders.").offers(&[
            "Wallclock",
            "Record",
            "RecordField",
        ]),
        D::new("timestamp.field", String, Value("timestamp"), "The field that holds the time, with RecordField."),
    ],
};
