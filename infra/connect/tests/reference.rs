//! docs/connect.md says of every key what becomes of it: the tables there are what the translation answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod common;

use std::fmt::Write as _;
use std::path::Path;

use common::{Config, aiven, confluent, finding, translated};
use landfall_connect::{Class, DefinitionInfo, KeyType, Plugin, config_definitions};

type Pairs = &'static [(&'static str, &'static str)];

const TIMED: Pairs = &[
    ("partitioner.class", "io.confluent.connect.storage.partitioner.TimeBasedPartitioner"),
    ("path.format", "'dt'=yyyy-MM-dd"),
    ("partition.duration.ms", "86400000"),
    ("timezone", "UTC"),
    ("timestamp.extractor", "Record"),
];
const FIELD: Pairs = &[
    ("partitioner.class", "io.confluent.connect.storage.partitioner.TimeBasedPartitioner"),
    ("path.format", "'dt'=yyyy-MM-dd"),
    ("partition.duration.ms", "86400000"),
    ("timezone", "UTC"),
    ("timestamp.extractor", "RecordField"),
];
const FIELDS: Pairs = &[
    ("partitioner.class", "io.confluent.connect.storage.partitioner.FieldPartitioner"),
    ("partition.field.name", "shop"),
];
const FILTER: Pairs = &[
    ("transforms", "t"),
    ("transforms.t.type", "org.apache.kafka.connect.transforms.Filter"),
    ("transforms.t.predicate", "p"),
    ("predicates", "p"),
    ("predicates.p.type", "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone"),
];
const HEADER: Pairs = &[
    ("transforms", "t"),
    ("transforms.t.type", "org.apache.kafka.connect.transforms.Filter"),
    ("transforms.t.predicate", "p"),
    ("predicates", "p"),
    ("predicates.p.type", "org.apache.kafka.connect.transforms.predicates.HasHeaderKey"),
    ("predicates.p.name", "test"),
];
const NO_TOPICS: Pairs = &[("topics", "\u{0}")];
const JSONL: Pairs = &[
    ("value.converter", "org.apache.kafka.connect.json.JsonConverter"),
    ("value.converter.schemas.enable", "false"),
    ("format.output.type", "jsonl"),
    ("format.output.envelope", "false"),
];

/// Values worth showing, and what they are written beside. A key that is not here is shown with its default, a boolean
/// with both its values.
#[rustfmt::skip]
const EXAMPLES: &[(&str, &[&str], Pairs)] = &[
    ("name", &["sink"], &[]),
    ("tasks.max", &["4"], &[]),
    ("topics", &["bids,asks"], &[]),
    ("topics.regex", &["bids-.*"], NO_TOPICS),
    ("connector.class", &["io.confluent.connect.s3.S3SinkConnector", "com.own.Sink"], &[]),
    ("key.converter", &["org.apache.kafka.connect.storage.StringConverter"], &[]),
    ("header.converter", &["org.apache.kafka.connect.storage.SimpleHeaderConverter"], &[]),
    ("value.converter", &["org.apache.kafka.connect.json.JsonConverter", "io.confluent.connect.avro.AvroConverter",
        "org.apache.kafka.connect.storage.StringConverter", "org.apache.kafka.connect.converters.ByteArrayConverter"], &[]),
    ("transforms", &["t"], FILTER),
    ("predicates", &["p"], HEADER),
    ("errors.tolerance", &["none", "all"], &[]),
    ("errors.deadletterqueue.topic.name", &["bids-dlq"], &[]),
    ("s3.bucket.name", &["lake"], &[]),
    ("s3.ssea.name", &["AES256", "aws:kms", "aws:kms:dsse"], &[]),
    ("s3.sse.kms.key.id", &["alias/lake"], &[("s3.ssea.name", "aws:kms")]),
    ("s3.acl.canned", &["private", "bucket-owner-full-control"], &[]),
    ("s3.object.tagging.key.value.pairs", &["team:ads"], &[]),
    ("s3.compression.type", &["none", "gzip"], &[]),
    ("s3.credentials.provider.class", &["com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
        "io.confluent.connect.s3.auth.AwsAssumeRoleCredentialsProvider"], &[]),
    ("behavior.on.null.values", &["fail", "ignore", "write"], &[]),
    ("report.null.values.to.dlq", &["true", "false"], &[("behavior.on.null.values", "ignore")]),
    ("s3.schema.partition.affix.type", &["NONE", "PREFIX"], &[]),
    ("format.class", &["io.confluent.connect.s3.format.json.JsonFormat",
        "io.confluent.connect.s3.format.parquet.ParquetFormat", "io.confluent.connect.s3.format.avro.AvroFormat",
        "io.confluent.connect.s3.format.bytearray.ByteArrayFormat"], &[]),
    ("flush.size", &["1000"], &[]),
    ("rotate.interval.ms", &["60000"], TIMED),
    ("rotate.schedule.interval.ms", &["60000"], TIMED),
    ("storage.class", &["io.confluent.connect.s3.storage.S3Storage", "io.confluent.connect.hdfs.HdfsStorage"], &[]),
    ("store.url", &["http://s3.local:9000", "http://elsewhere:9000"], &[]),
    ("partitioner.class", &["io.confluent.connect.storage.partitioner.DefaultPartitioner", "com.own.Partitioner"], &[]),
    ("partition.field.name", &["shop"], FIELDS),
    ("partition.duration.ms", &["86400000"], TIMED),
    ("path.format", &["'dt'=yyyy-MM-dd", "MMM"], TIMED),
    ("locale", &["en-US"], TIMED),
    ("timezone", &["Europe/Berlin"], TIMED),
    ("timestamp.extractor", &["Wallclock", "Record", "RecordField", "com.own.Clock"], TIMED),
    ("timestamp.field", &["ts"], FIELD),
    ("aws.s3.bucket.name", &["lake"], &[]),
    ("aws_s3_bucket", &["lake"], &[("aws.s3.bucket.name", "\u{0}")]),
    ("aws.s3.endpoint", &["http://s3.local:9000", "http://elsewhere:9000"], &[]),
    ("aws_s3_endpoint", &["http://s3.local:9000", "http://elsewhere:9000"], &[]),
    ("aws.s3.sse.algorithm", &["AES256", "aws:kms", "aws:kms:dsse"], &[]),
    ("aws.credentials.provider", &["com.amazonaws.auth.DefaultAWSCredentialsProviderChain", "com.own.Provider"], &[]),
    ("file.name.template", &["{{topic}}/{{partition}}-{{start_offset}}.gz", "{{key}}.gz"], &[]),
    ("file.name.prefix", &["raw/"], &[]),
    ("file.prefix.template", &["raw/{{topic}}/"], &[]),
    ("aws.s3.prefix.template", &["raw/{{topic}}/"], &[]),
    ("aws.s3.prefix", &["raw/"], &[]),
    ("aws_s3_prefix", &["raw/"], &[]),
    ("file.name.timestamp.timezone", &["Europe/Berlin"], &[]),
    ("timestamp.timezone", &["Europe/Berlin"], &[]),
    ("file.name.timestamp.source", &["wallclock", "event"], &[]),
    ("timestamp.source", &["wallclock", "event"], &[]),
    ("file.max.records", &["1000"], &[]),
    ("kafka.retry.backoff.ms", &["1000"], &[]),
    ("file.compression.type", &["gzip", "snappy"], &[]),
    ("output_compression", &["gzip", "snappy"], &[]),
    ("format.output.type", &["csv", "json", "avro", "parquet"], &[]),
    ("format.output.fields", &["value", "key,value"], &[]),
    ("output_fields", &["value", "key,value"], &[("format.output.fields", "\u{0}")]),
    ("format.output.fields.value.encoding", &["none", "base64"], &[]),
    ("format.output.envelope", &["false", "true"], JSONL),
];

fn examples(key: &DefinitionInfo) -> (Vec<String>, Pairs) {
    if let Some((_, values, beside)) = EXAMPLES.iter().find(|(name, ..)| *name == key.name) {
        return (values.iter().map(|value| (*value).to_owned()).collect(), beside);
    }
    match key.ty {
        KeyType::Boolean => (vec!["true".to_owned(), "false".to_owned()], &[]),
        _ => (vec![key.default_value.clone().filter(|text| !text.is_empty()).unwrap_or("x".to_owned())], &[]),
    }
}

fn base(plugin: Plugin, beside: Pairs) -> Config {
    match plugin {
        Plugin::Confluent => confluent(beside),
        Plugin::Aiven => aiven(beside),
    }
}

fn outcome(class: &Class) -> String {
    match class {
        Class::Mapped { fields, note } => {
            let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
            let note = note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
            format!("{}{note}", fields.join(", "))
        }
        Class::NotNeeded { why } => format!("not needed: {why}"),
        Class::Refused { problem, fix, .. } => format!("**refused**: {problem}; {fix}"),
    }
}

/// Braces of Aiven's and bars would break the table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn table(plugin: Plugin) -> String {
    let mut text = String::from("| key | written | becomes |\n|---|---|---|\n");
    for key in config_definitions(plugin) {
        let (values, beside) = examples(&key);
        let mut rows: Vec<(Vec<String>, String)> = Vec::new();
        for value in values {
            // The class is the table's own.
            let value = if key.name == "connector.class" && value.contains("confluent") {
                plugin.class().to_owned()
            } else {
                value
            };
            let mut config = base(plugin, beside);
            config.insert(key.name.clone(), value.clone());
            let told = outcome(&finding(&translated(&config), &key.name).class);
            match rows.last_mut() {
                Some((values, last)) if *last == told => values.push(value),
                _ => rows.push((vec![value], told)),
            }
        }
        let any = rows.len() == 1;
        for (values, told) in rows {
            let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
            let told_of = if any { String::new() } else { values.join(" ") };
            writeln!(text, "| `{}` | {} | {} |", key.name, cell(&told_of), cell(&told)).unwrap();
        }
    }
    text
}

#[test]
fn the_tables_of_the_manual_are_what_the_translation_answers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/connect.md");
    let mut text = std::fs::read_to_string(&path).unwrap();
    for (plugin, name) in [(Plugin::Confluent, "confluent"), (Plugin::Aiven, "aiven")] {
        let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
        let from = text.find(&begin).expect("the table has a beginning") + begin.len();
        let until = text.find(&end).expect("the table has an end");
        let made = format!("\n{}\n", table(plugin));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            text.replace_range(from..until, &made);
            std::fs::write(&path, &text).unwrap();
        } else {
            let fix = "UPDATE_GOLDEN=1 cargo test -p landfall-connect writes it anew";
            assert_eq!(text[from..until], made, "the table of {name} in docs/connect.md is of old; {fix}");
        }
    }
}

#[test]
fn no_example_is_of_a_key_that_is_not_defined() {
    let known: Vec<String> = Plugin::ALL.into_iter().flat_map(config_definitions).map(|key| key.name).collect();
    for (key, ..) in EXAMPLES {
        assert!(known.iter().any(|name| name == key), "{key}");
    }
}
