//! What holds for every text: reading never panics, and what is printed is read back the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use landfall_job::{
    ByteSize, Change, Column, ColumnType, DurationMs, FieldPath, JobSpec, KeyTemplate, StructField, TemplatePart,
    TimestampMs, TimestampUnit, TopicPattern, validate_update,
};
use proptest::prelude::*;

fn column_type() -> impl Strategy<Value = ColumnType> {
    let leaf = prop_oneof![
        Just(ColumnType::String),
        Just(ColumnType::Int32),
        Just(ColumnType::Int64),
        Just(ColumnType::Float),
        Just(ColumnType::Double),
        Just(ColumnType::Boolean),
        Just(ColumnType::Date),
        Just(ColumnType::Json),
        prop::sample::select(TimestampUnit::ALL).prop_map(ColumnType::Timestamp),
        (1u8..=38)
            .prop_flat_map(|precision| (Just(precision), 0..=precision))
            .prop_map(|(precision, scale)| ColumnType::Decimal { precision, scale }),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|item| ColumnType::List(Box::new(item))),
            prop::collection::btree_map("[a-z][a-z0-9 .:<>,-]{0,6}", inner, 1..4).prop_map(
                |fields| ColumnType::Struct(fields.into_iter().map(|(name, ty)| StructField { name, ty }).collect())
            ),
        ]
    })
}

/// Documents near enough to good ones that rules beyond the first are met.
fn near_document() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("bids".to_owned()),
        Just("128 MiB".to_owned()),
        Just("10m".to_owned()),
        Just("true".to_owned()),
        Just("0.5".to_owned()),
        Just("[a, b]".to_owned()),
        Just("{a: b}".to_owned()),
        Just("null".to_owned()),
        Just("parquet".to_owned()),
        Just("earliest".to_owned()),
        Just("\"a/{timestamp:%Y}/{unique}.{ext}\"".to_owned()),
        "[ -~]{0,12}",
        "\\PC{0,8}",
    ];
    let key = prop_oneof![
        prop::sample::select(vec![
            "name",
            "source",
            "sink",
            "cluster",
            "topics",
            "bucket",
            "key",
            "format",
            "rotate",
            "bytes",
            "columns",
            "dead_letter",
            "s3",
            "type",
            "start",
            "decode",
            "sse",
            "timestamp",
        ])
        .prop_map(str::to_owned),
        "[a-z_]{1,8}",
    ];
    prop::collection::vec((0usize..4, key, scalar), 0..24).prop_map(|lines| {
        lines.into_iter().map(|(depth, key, value)| format!("{}{key}: {value}\n", "  ".repeat(depth))).collect()
    })
}

/// Good documents: any choice of good values for any choice of fields.
fn good_document() -> impl Strategy<Value = String> {
    let pick = |choices: &'static [&'static str]| prop::sample::select(choices);
    let source = (
        pick(&["topics: [t]", "topics: [t, u.v]", "topics_regex: '^t.*|u[0-9]{1,3}$'"]),
        pick(&[
            "",
            ", start: latest",
            ", start: {timestamp: 2026-01-31T00:00:00.5+02:00}",
            ", start: {offsets: {t: {7: 9}}}",
            ", start: committed",
        ]),
        pick(&["", ", stop: end", ", stop: {timestamp: 2027-01-31T00:00:00Z}"]),
        pick(&[
            "",
            ", on_gap: stop, on_offset_reset: skip",
            ", group: g, isolation: read_uncommitted, max_record_bytes: 1025",
        ]),
    );
    let format = pick(&[
        "",
        ", compression: gzip",
        ", compression: none, envelope: [key, offset]",
        ", format: parquet, columns: [{name: a, type: 'list<struct<x: int64>>'}, {name: b, type: json, path: 'c\\.d.e'}]",
        ", format: parquet, compression: lz4, rest: dead_letter, columns: [{name: a, type: timestamp}], envelope: [topic]",
    ]);
    let sink = (
        format,
        pick(&[
            "",
            ", timestamp: {from: wall_clock}",
            ", timestamp: {from: field, path: a.b, unit: s}",
            ", timestamp: {from: field, path: a, format: '%Y-%m-%d %H:%M'}",
        ]),
        pick(&[
            "",
            ", time_zone: Asia/Kolkata",
            ", rotate: {bytes: 65537, records: 3, age: 90m, idle: never, event_time: 1500ms}",
            ", rotate: {bytes: never}",
        ]),
        pick(&[
            "",
            ", tags: {a: b}, storage_class: GLACIER_IR",
            ", sse: {type: AES256}, expected_bucket_owner: '000000000001'",
            ", sse: {type: 'aws:kms'}",
        ]),
        pick(&[
            "",
            ", key: 'x/{topic}/{timestamp:%Y/%m}/{field:a.b}+{unique}.{ext}'",
            ", key: '{topic}/{header:h}/{partition}-{first_offset}.{ext}', on_missing_field: dead_letter",
        ]),
    );
    let rest = pick(&[
        "",
        "dead_letter: {topic: d, s3: false, max_ratio: 1}",
        "dead_letter: {topic: d, create: true, cluster: k, max_ratio: 0.001}\nlabels: {a: b}",
        "max_workers: 1\npool: p\nteam: x",
        "decode: {null_value: skip}",
    ]);
    (source, sink, rest).prop_map(|(source, sink, rest)| {
        let source = [source.0, source.1, source.2, source.3].concat();
        let sink = [sink.0, sink.1, sink.2, sink.3, sink.4].concat();
        format!("name: a\nsource: {{cluster: c, {source}}}\nsink: {{bucket: lake{sink}}}\n{rest}\n")
    })
}

/// Every name a template can give to files of some partitions and offsets, with values made to be mistaken for others.
fn names(template: &KeyTemplate) -> Vec<(String, (i32, i64, String))> {
    let values = ["1", "11", "-", "1-1", "1+1", "-1", "00000000000000000001"];
    let mut names = Vec::new();
    for topic in ["t", "t-1", "t1"] {
        for (partition, offset) in [(1, 1), (1, 11), (11, 1), (11, 11), (1, i64::MAX)] {
            for (field, key) in values.iter().flat_map(|field| values.iter().map(move |key| (field, key))) {
                let name = template.parts().iter().map(|part| match part {
                    TemplatePart::Literal(text) => text.clone(),
                    TemplatePart::Topic => topic.to_owned(),
                    TemplatePart::Partition => partition.to_string(),
                    TemplatePart::FirstOffset(digits) => format!("{offset:0digits$}"),
                    TemplatePart::Field(_) | TemplatePart::Header(_) => (*field).to_owned(),
                    TemplatePart::Key | TemplatePart::Timestamp(_) | TemplatePart::WallClock(_) => (*key).to_owned(),
                    TemplatePart::Unique | TemplatePart::Ext => "x".to_owned(),
                });
                names.push((name.collect(), (partition, offset, topic.to_owned())));
            }
        }
    }
    names
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn two_files_never_have_one_name_by_a_template_that_is_accepted(
        parts in prop::collection::vec(prop::sample::select(vec![
            "/", "-", "+", "=", "0", "{topic}", "{partition}", "{first_offset}", "{field:x}", "{timestamp:%H}", "{key}",
            "{partition}", "{first_offset}", "{first_offset:1}", "{first_offset:10}", "{first_offset:19}",
        ]), 1..9)
    ) {
        let Ok(template) = KeyTemplate::parse(&format!("d/{}.{{ext}}", parts.concat())) else { return Ok(()) };
        let several = template.mixes_topics().is_none();
        let mut files = std::collections::HashMap::new();
        for (name, (partition, offset, topic)) in names(&template) {
            let file = (partition, offset, if several { topic } else { String::new() });
            let first = files.entry(name).or_insert_with(|| file.clone());
            prop_assert_eq!(&*first, &file, "{}", template);
        }
    }

    #[test]
    fn reading_any_text_ends_in_a_job_or_in_mistakes(text in "\\PC{0,200}") {
        if let Err(errors) = JobSpec::parse(&text) {
            prop_assert!(!errors.0.is_empty());
        }
    }

    #[test]
    fn reading_any_bytes_that_are_text_ends(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(errors) = JobSpec::parse(&String::from_utf8_lossy(&bytes)) {
            prop_assert!(!errors.0.is_empty());
        }
    }

    #[test]
    fn reading_a_near_document_ends_and_a_good_one_is_written_back_the_same(text in near_document()) {
        match JobSpec::parse(&text) {
            Ok(spec) => {
                let json = serde_json::to_string(&spec).unwrap();
                prop_assert_eq!(JobSpec::parse(&json).expect(&json), spec);
            }
            Err(errors) => prop_assert!(!errors.0.is_empty()),
        }
    }

    #[test]
    fn a_good_document_is_read_and_written_back_the_same_in_either_syntax(text in good_document()) {
        let spec = JobSpec::parse(&text).expect(&text);
        let json = serde_json::to_string(&spec).unwrap();
        prop_assert_eq!(&JobSpec::parse(&json).expect(&json), &spec);
        prop_assert_eq!(&serde_json::from_str::<JobSpec>(&json).unwrap(), &spec);
        let yaml = serde_yaml_ng::to_string(&spec).unwrap();
        prop_assert_eq!(&JobSpec::parse(&yaml).expect(&yaml), &spec);
        prop_assert_eq!(validate_update(&spec, &spec), Ok(Change::NoChange));
    }

    #[test]
    fn a_size_is_read_back(bytes in any::<u64>(), shift in 0u32..40) {
        let size = ByteSize(bytes >> shift << shift);
        prop_assert_eq!(ByteSize::parse(&size.to_string()), Ok(size));
    }

    #[test]
    fn a_duration_is_read_back(ms in any::<u64>(), factor in prop::sample::select(vec![1u64, 1_000, 60_000, 3_600_000, 86_400_000])) {
        let span = DurationMs(ms / factor * factor);
        prop_assert_eq!(DurationMs::parse(&span.to_string()), Ok(span));
    }

    #[test]
    fn an_instant_is_read_back(ms in -62_135_596_800_000i64..253_402_207_200_000) {
        prop_assert_eq!(TimestampMs::parse(&TimestampMs(ms).to_string()), Ok(TimestampMs(ms)));
    }

    #[test]
    fn a_path_is_read_back(steps in prop::collection::vec("[^\\p{Cc}]{1,6}", 1..5)) {
        let text = steps.iter().map(|step| step.replace('\\', "\\\\").replace('.', "\\.")).collect::<Vec<_>>().join(".");
        let path = FieldPath::parse(&text).unwrap();
        prop_assert_eq!(path.steps(), steps.as_slice());
        prop_assert_eq!(path.to_string(), text);
    }

    #[test]
    fn a_column_type_is_read_back(ty in column_type()) {
        prop_assert_eq!(ColumnType::parse(&ty.to_string()), Ok(ty));
    }

    #[test]
    fn reading_any_template_type_or_pattern_ends(text in "[a-z{}:/.%<>(),\\[\\]*+?|\\\\YmdH_-]{0,60}") {
        let _ = KeyTemplate::parse(&text);
        let _ = ColumnType::parse(&text);
        let _ = TopicPattern::parse(&text);
    }

    #[test]
    fn an_accepted_template_stays_below_its_prefix(
        parts in prop::collection::vec(prop::sample::select(vec![
            "a", "/", ".", "..", "{topic}", "{partition}", "{first_offset}", "{unique}", "{field:x}", "{timestamp:%Y/%m}", "-", "{key}",
        ]), 1..12)
    ) {
        let text = parts.concat() + ".{ext}";
        if let Ok(template) = KeyTemplate::parse(&text) {
            // Rendered with plain values, no segment is empty or a dot.
            let rendered = text.replace("%Y/%m", "1/2").replace(['{', '}'], "");
            prop_assert!(!rendered.starts_with('/'));
            prop_assert!(rendered.split('/').all(|segment| !matches!(segment, "" | "." | "..")), "{}", rendered);
            let named = text.contains("{unique}") || text.contains("{first_offset}");
            prop_assert!(named);
            prop_assert_eq!(template.as_str(), text.as_str());
        }
    }
}

#[test]
fn a_column_is_written_with_its_type_as_text() {
    let column =
        Column { name: "a".into(), ty: ColumnType::List(Box::new(ColumnType::Int64)), path: FieldPath::top("a.b") };
    let json = serde_json::to_string(&column).unwrap();
    assert_eq!(json, r#"{"name":"a","type":"list<int64>","path":"a\\.b"}"#);
}
