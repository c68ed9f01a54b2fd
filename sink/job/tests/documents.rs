//! Good documents: what they mean, and that they are written as they are read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use landfall_job::{
    ByteSize, Change, ColumnType, Compression, DeadLetterPrefix, DurationMs, EnvelopeField, JobSpec, KeyTemplate,
    MissingField, NullValue, OnGap, OnOffsetReset, Rest, SinkFormat, Start, Stop, TemplatePart, TimestampEncoding,
    TimestampMs, TimestampSource, TimestampUnit, Topics, validate_update,
};

const SMALLEST: &str =
    r#"{"name": "bids", "source": {"cluster": "main", "topics": ["bids"]}, "sink": {"bucket": "lake"}}"#;

/// The document of the product's design, with what is not built left out.
const FULL: &str = r#"
name: bids
team: ads
labels: {tier: gold}
source:
  cluster: supplier
  topics: [bids, clicks]
  start: {timestamp: 2026-01-31T13:45:00+01:00}
  stop: {timestamp: 2026-02-01T00:00:00Z}
  isolation: read_uncommitted
  group: etl.bids
  on_offset_reset: ignore
  on_gap: stop
  max_record_bytes: 1 MiB
decode: {format: json, null_value: keep}
sink:
  bucket: lake
  key: "bids/dt={timestamp:%Y/%m/%d}/{field:device.geo.country}/{header:tenant}/{topic}+{partition}+{first_offset}.{ext}"
  timestamp: {from: field, path: ts, unit: us}
  time_zone: Europe/Berlin
  format: parquet
  compression: snappy
  rotate: {bytes: 256 MiB, records: 1000000, age: 1h30m, idle: never, event_time: 1h}
  columns:
    - {name: id, type: int64}
    - {name: price, type: "decimal(18,4)", path: price.amount}
    - {name: imp, type: "list<struct<id: string, `bid-floor`: double>>"}
  rest: dead_letter
  envelope: [topic, partition, offset, timestamp, key, headers]
  on_missing_field: dead_letter
  on_existing_object: overwrite
  storage_class: STANDARD_IA
  tags: {team: ads}
  sse: {type: "aws:kms", kms_key_id: alias/lake}
  expected_bucket_owner: "123456789012"
dead_letter: {cluster: other, topic: bids-dlq, create: true, s3: false, max_ratio: 0.05}
delivery: exactly_once
pool: big
max_workers: 3
"#;

#[test]
fn the_smallest_document_has_the_defaults_of_the_contract() {
    let spec = JobSpec::parse(SMALLEST).unwrap();
    assert_eq!(spec.group_id(), "landfall-bids");
    assert_eq!((spec.team.as_str(), spec.pool.as_str(), spec.max_workers), ("default", "shared", 8));
    assert_eq!(spec.source.topics, Topics::Named(vec!["bids".to_owned()]));
    assert_eq!((&spec.source.start, spec.source.effective_start()), (&None, Start::Earliest));
    assert_eq!(spec.source.stop, Stop::Never);
    assert_eq!((spec.source.on_offset_reset, spec.source.on_gap), (OnOffsetReset::Stop, OnGap::Continue));
    assert_eq!(spec.source.max_record_bytes, ByteSize::mib(16));
    assert_eq!(spec.decode.null_value, NullValue::DeadLetter);
    assert_eq!((spec.sink.format, spec.sink.compression), (SinkFormat::Jsonl, Compression::Zstd));
    assert_eq!(spec.sink.extension(), "jsonl.zst");
    let key = "{topic}/dt={timestamp:%Y-%m-%d}/hour={timestamp:%H}/{topic}+{partition}+{first_offset}-{unique}.{ext}";
    assert_eq!(spec.sink.key.as_str(), key);
    assert_eq!((&spec.sink.timestamp, spec.sink.time_zone.name()), (&TimestampSource::Record, "UTC"));
    let rotate = spec.sink.rotate;
    assert_eq!((rotate.bytes, rotate.age), (Some(ByteSize::mib(128)), DurationMs::secs(600)));
    assert_eq!((rotate.records, rotate.idle, rotate.event_time), (None, Some(DurationMs::secs(120)), None));
    assert_eq!(spec.sink.on_missing_field, MissingField::Null);
    assert_eq!((spec.dead_letter.cluster.as_str(), &spec.dead_letter.topic), ("main", &None));
    assert_eq!(spec.dead_letter_prefix().as_deref(), Some("_landfall-dlq/bids/"));
    assert!((spec.dead_letter.max_ratio - 0.5).abs() < f64::EPSILON);
}

#[test]
fn every_field_can_be_set() {
    let spec = JobSpec::parse(FULL).unwrap();
    assert_eq!(spec.group_id(), "etl.bids");
    assert_eq!(spec.source.start, Some(Start::Timestamp(TimestampMs(1_769_863_500_000))));
    assert_eq!(spec.sink.rotate.age, DurationMs::secs(5_400));
    assert_eq!(spec.sink.rotate.idle, None);
    assert_eq!(spec.sink.rest, Some(Rest::DeadLetter));
    assert_eq!(spec.sink.envelope, EnvelopeField::ALL);
    assert_eq!(spec.sink.columns[1].ty, ColumnType::Decimal { precision: 18, scale: 4 });
    assert_eq!(spec.sink.columns[1].path.steps(), ["price", "amount"]);
    assert_eq!(spec.sink.columns[0].path.steps(), ["id"]);
    assert_eq!(spec.dead_letter_prefix(), None);
    let TimestampSource::Field { path, encoding } = &spec.sink.timestamp else { panic!("{:?}", spec.sink.timestamp) };
    assert_eq!((path.to_string().as_str(), encoding), ("ts", &TimestampEncoding::Unit(TimestampUnit::Micros)));
}

#[test]
fn a_name_without_a_token_is_accepted_where_it_tells_its_file() {
    for key in [
        "{topic}+{partition}+{first_offset}.{ext}",
        "d/{field:shop}/{partition}+{first_offset}.{ext}",
        "d/{field:shop}-{partition}+{first_offset}.{ext}",
        "d/{field:shop}={partition}-{field:b}/{first_offset}.{ext}",
        "d/{timestamp:%H}-{partition}+{first_offset}.{ext}",
        "d/{partition}-{key}/{header:h}{first_offset}.{ext}",
        "d/{partition}{first_offset}.{ext}",
        "d/x0{partition}0+{first_offset}.{ext}",
        "d/{field:a}{partition}{field:b}{first_offset}/{partition}/{first_offset}.{ext}",
        "d/{field:a}{key}-{partition}+{first_offset}-{unique}.{ext}",
        "{topic}/{topic}+{partition}+{first_offset:10}.{ext}",
        "d/{partition}{first_offset:19}.{ext}",
    ] {
        KeyTemplate::parse(key).expect(key);
    }
    let several = |key: &str| KeyTemplate::parse(key).unwrap().mixes_topics().is_some();
    assert!(!several("{topic}-{partition}+{first_offset}.{ext}"));
    assert!(!several("{topic}/{field:a}-{partition}+{first_offset}.{ext}"));
    assert!(!several("a/{topic}{field:a}+{unique}.{ext}"));
    assert!(several("a/{partition}+{first_offset}.{ext}"));
    assert!(several("{topic}-{field:a}-{partition}+{first_offset}.{ext}"));
}

#[test]
fn a_suffix_of_the_jobs_own_stands_for_that_of_the_format() {
    let with = |sink: &str| JobSpec::parse(&SMALLEST.replace("\"lake\"", &format!("\"lake\", {sink}"))).unwrap();
    let spec = with(r#""compression": "none", "extension": "json""#);
    assert_eq!(spec.sink.extension(), "json");
    assert_eq!(JobSpec::parse(&serde_json::to_string(&spec).unwrap()).unwrap(), spec);
    assert_eq!(with(r#""compression": "gzip", "extension": "json.gz""#).sink.extension(), "json.gz");
    let plain = with(r#""compression": "none""#);
    let change = validate_update(&plain, &spec).unwrap();
    assert_eq!(change, Change::AtFileBoundary { fields: vec!["sink.extension".to_owned()] });
}

#[test]
fn the_longest_topic_the_default_key_takes_leaves_room_for_offset_partition_and_token() {
    let with = |bytes: usize| JobSpec::parse(&SMALLEST.replace("[\"bids\"]", &format!("[{:?}]", "x".repeat(bytes))));
    assert!(with(177).is_ok());
    assert!(with(178).is_err());
}

#[test]
fn a_slash_in_a_time_format_becomes_a_folder() {
    let template = KeyTemplate::parse("a/{timestamp:%Y/%m}/{unique}.{ext}").unwrap();
    let expected = [
        TemplatePart::Literal("a/".into()),
        TemplatePart::Timestamp("%Y".into()),
        TemplatePart::Literal("/".into()),
        TemplatePart::Timestamp("%m".into()),
        TemplatePart::Literal("/".into()),
        TemplatePart::Unique,
        TemplatePart::Literal(".".into()),
        TemplatePart::Ext,
    ];
    assert_eq!(template.parts(), expected);
    assert_eq!(template.literal_prefix(), "a/");
}

#[test]
fn what_is_written_is_read_back_the_same() {
    let offsets = SMALLEST.replace(
        r#""topics": ["bids"]"#,
        r#""topics": ["bids"], "start": {"offsets": {"bids": {"3": 5}}}, "stop": "end""#,
    );
    for text in [SMALLEST, FULL, &offsets] {
        let spec = JobSpec::parse(text).unwrap();
        let json = serde_json::to_string_pretty(&spec).unwrap();
        assert_eq!(JobSpec::parse(&json).expect(&json), spec);
        let yaml = serde_yaml_ng::to_string(&spec).unwrap();
        assert_eq!(JobSpec::parse(&yaml).expect(&yaml), spec);
        assert_eq!(serde_json::from_str::<JobSpec>(&json).unwrap(), spec);
    }
}

#[test]
fn the_written_form_of_the_smallest_document_is_a_golden_file() {
    let spec = JobSpec::parse(SMALLEST).unwrap();
    let text = serde_json::to_string_pretty(&spec).unwrap() + "\n";
    golden("tests/golden/smallest.json", &text);
}

#[test]
fn a_date_without_a_time_of_day_or_an_offset_is_a_format_that_can_be_read() {
    for format in ["%Y-%m-%d", "%d/%m/%Y %H:%M:%S", "%s", "%Y-%m-%dT%H:%M:%S%z", "%Y%m%d"] {
        let document = format!(
            "{{name: a, source: {{cluster: c, topics: [t]}}, sink: {{bucket: lake, timestamp: {{from: field, path: ts, format: {format:?}}}}}}}"
        );
        JobSpec::parse(&document).expect(format);
    }
}

#[test]
fn explicit_offsets_are_read_with_keys_in_either_spelling() {
    let with = |start: &str| {
        format!("{{name: a, source: {{cluster: c, topics: [t], start: {start}}}, sink: {{bucket: lake}}}}")
    };
    let plain = JobSpec::parse(&with("{offsets: {t: {0: 42, 1: 7}}}")).unwrap();
    let quoted = JobSpec::parse(&with(r#"{offsets: {t: {"0": 42, "1": 7}}}"#)).unwrap();
    assert_eq!(plain, quoted);
    let Some(Start::Offsets(offsets)) = plain.source.start else { panic!("no offsets") };
    assert_eq!(offsets["t"].iter().map(|(p, o)| (*p, *o)).collect::<Vec<_>>(), [(0, 42), (1, 7)]);
}

#[test]
fn a_pattern_matches_whole_names_and_nothing_internal() {
    let document = "{name: a, source: {cluster: c, topics_regex: '^bids|clicks-[0-9]{1,3}$'}, sink: {bucket: lake}}";
    let topics = JobSpec::parse(document).unwrap().source.topics;
    for (topic, expected) in
        [("bids", true), ("clicks-12", true), ("bids-eu", false), ("x-bids", false), ("__bids", false)]
    {
        assert_eq!(topics.contains(topic), expected, "{topic}");
    }
}

#[test]
fn the_dead_letter_folder_may_be_shared_or_the_jobs_own() {
    assert_eq!(DeadLetterPrefix::parse("dlq/{job}/x/").unwrap().render("bids"), "dlq/bids/x/");
    assert_eq!(DeadLetterPrefix::parse("dlq/").unwrap().render("bids"), "dlq/");
}

fn step(change: impl Fn(&str) -> String) -> Result<Change, Vec<String>> {
    let base = "{name: a, source: {cluster: c, topics: [t]}, sink: {bucket: lake}}";
    let (old, new) = (JobSpec::parse(base).unwrap(), JobSpec::parse(&change(base)).unwrap());
    validate_update(&old, &new).map_err(|errors| errors.0.iter().map(ToString::to_string).collect())
}

#[test]
fn writing_a_default_out_is_no_change() {
    let full = |_: &str| {
        "{name: a, source: {cluster: c, topics: [t], start: earliest, group: landfall-a}, sink: {bucket: lake, compression: zstd, extension: jsonl.zst}}".to_owned()
    };
    assert_eq!(step(full), Ok(Change::NoChange));
}

#[test]
fn changes_are_told_apart_by_what_they_ask_of_the_workers() {
    let in_place = step(|base| base.replace("name: a,", "name: a, max_workers: 2, labels: {x: y},"));
    assert_eq!(in_place, Ok(Change::InPlace { fields: vec!["labels.x".into(), "max_workers".into()] }));
    let boundary = step(|base| {
        base.replace("bucket: lake", "bucket: lake, rotate: {age: 1m}, format: jsonl").replace("[t]", "[t, u]")
    });
    let fields = vec!["sink.rotate.age".into(), "source.topics".into()];
    assert_eq!(boundary, Ok(Change::AtFileBoundary { fields }));
    let renamed = step(|base| base.replace("bucket: lake", "bucket: lake, extension: json.zst"));
    assert_eq!(renamed, Ok(Change::AtFileBoundary { fields: vec!["sink.extension".into()] }));
    // The suffix that follows from it is not told apart.
    let compressed = step(|base| base.replace("bucket: lake", "bucket: lake, compression: gzip"));
    assert_eq!(compressed, Ok(Change::AtFileBoundary { fields: vec!["sink.compression".into()] }));
    let pattern = step(|base| base.replace("topics: [t]", "topics_regex: 't|u'"));
    assert!(matches!(pattern, Ok(Change::AtFileBoundary { .. })), "{pattern:?}");
}

#[test]
fn what_the_log_rests_on_does_not_change() {
    let mut messages = Vec::new();
    for (from, to) in [
        ("name: a", "name: b"),
        ("cluster: c", "cluster: d"),
        ("topics: [t]", "topics: [u]"),
        ("topics: [t]", "topics_regex: 'u.*'"),
        ("topics: [t]", "topics: [t], start: latest"),
        ("topics: [t]", "topics: [t], stop: end"),
        ("topics: [t]", "topics: [t], stop: {timestamp: 2027-01-01T00:00:00Z}"),
        ("topics: [t]", "topics: [t], group: g"),
        ("topics: [t]", "topics: [t], isolation: read_uncommitted"),
        ("bucket: lake", "bucket: sea"),
    ] {
        let errors = step(|base| base.replace(from, to)).expect_err(to);
        messages.push(format!("{to}\n    {}\n", errors.join("\n    ")));
    }
    golden("tests/golden/refused-updates.txt", &messages.concat());
}

/// Compares with a file; `UPDATE_GOLDEN=1` writes it anew.
fn golden(path: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "{} differs; look at the change, then run with UPDATE_GOLDEN=1:\n{text}", path.display());
}
