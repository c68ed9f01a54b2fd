//! Bad documents and what they are answered with: a table in `golden/bad-documents.txt`, one document and its messages after
//! another. A rule without a line here is a rule without a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use landfall_job::JobSpec;

const HEAD: &str = "name: a\nsource: {cluster: c, topics: [t]}\nsink: {bucket: lake}\n";

/// A job with other values in some sections, each given as one line.
fn job(changes: &[&str]) -> String {
    let mut lines: Vec<String> = HEAD.lines().map(str::to_owned).collect();
    for change in changes {
        let key = change.split(':').next().unwrap_or_default();
        match lines.iter().position(|line| line.split(':').next() == Some(key)) {
            Some(at) => lines[at] = (*change).to_owned(),
            None => lines.push((*change).to_owned()),
        }
    }
    lines.join("\n")
}

fn source(rest: &str) -> String {
    job(&[&format!("source: {{cluster: c, {rest}}}")])
}

fn sink(rest: &str) -> String {
    job(&[&format!("sink: {{bucket: lake, {rest}}}")])
}

fn key(template: &str) -> String {
    sink(&format!("key: {template:?}"))
}

fn parquet(columns: &str) -> String {
    sink(&format!("format: parquet, columns: [{columns}]"))
}

fn column(ty: &str) -> String {
    parquet(&format!("{{name: x, type: {ty:?}}}"))
}

fn cases() -> Vec<String> {
    let texts = [
        "",
        "   \n",
        "just text",
        "[a, b]",
        "42",
        "{",
        r#"{"name": "a",}"#,
        r#"{"name": "a"} trailing"#,
        "a: b\n---\nc: d",
        "name: [unclosed",
        "{name: !secret a}",
        "name: a\nname: b",
        r#"{"name": "a", "name": "b"}"#,
        "? [a]\n: b",
        "{}",
    ];
    let mut all: Vec<String> = texts.map(str::to_owned).to_vec();
    all.extend([
        // names and the top
        job(&["name: Bids"]),
        job(&["name: 42"]),
        job(&["name: null"]),
        job(&["name: "]),
        job(&["name: -a"]),
        job(&["team: a/b"]),
        job(&["pool: [a]"]),
        job(&["max_workers: 0"]),
        job(&["max_workers: 1001"]),
        job(&["max_workers: many"]),
        job(&["max_workers: 2.5"]),
        job(&["max_workers: -1"]),
        job(&["delivery: at_least_once"]),
        job(&["delivery: exactly-once"]),
        job(&["labels: [a]"]),
        job(&["labels: {a: 1}"]),
        job(&["labels: {'': x}"]),
        job(&["sorce: {}"]),
        job(&["frobnicate: 1"]),
        job(&["sources: []"]),
        job(&["clusters: {}"]),
        job(&["version: 2"]),
        // source
        job(&["source: [{cluster: a, topics: [t]}, {cluster: b, topics: [t]}]"]),
        job(&["source: main"]),
        job(&["source: {}"]),
        source("topics: []"),
        source("topics: bids"),
        source("topics: [a, a]"),
        source("topics: ['a b']"),
        source("topics: ['..', 7]"),
        source("topics: [t], topics_regex: 't.*'"),
        source("topics_regex: '(?i)bids'"),
        source(r"topics_regex: 'a\d+'"),
        source("topics_regex: 'a|'"),
        source("topics_regex: '*a'"),
        source("topics_regex: 'a[b'"),
        source("topics_regex: 'a.*?'"),
        source("topics_regex: '^$'"),
        source("topics_regex: '(a'"),
        source("topics_regex: 'a{x}'"),
        source("topics_regex: 'a b'"),
        source("topics: [t], start: begining"),
        source("topics: [t], start: latst"),
        source("topics: [t], start: {timestamp: yesterday}"),
        source("topics: [t], start: {at: 1}"),
        source("topics: [t], start: {offsets: {t: {x: 1}}}"),
        source("topics: [t], start: {offsets: {t: {0: -1}}}"),
        source("topics: [t], start: {offsets: {}}"),
        source("topics: [t], start: {offsets: {t: 5}}"),
        source("topics: [t], start: {offsets: {u: {0: 1}}}"),
        source("topics: [t], start: {offsets: {t: {'00': 1}}}"),
        source("topics: [t], start: 5"),
        source("topics: [t], stop: now"),
        source("topics: [t], stop: {timestamp: 5}"),
        source("topics: [t], stop: false"),
        source("topics: [t], start: {timestamp: 2026-01-02T00:00:00Z}, stop: {timestamp: 2026-01-01T00:00:00Z}"),
        source("topics: [t], isolation: read-committed"),
        source("topics: [t], isolation: serializable"),
        source("topics: [t], group: ''"),
        source("topics: [t], on_offset_reset: earliest"),
        source("topics: [t], on_gap: fail"),
        source("topics: [t], max_record_bytes: 12 parsecs"),
        source("topics: [t], max_record_bytes: 16 MB"),
        source("topics: [t], max_record_bytes: 1 GiB"),
        source("topics: [t], max_record_bytes: 10"),
        source("topics: [t], max_record_bytes: -5"),
        source("topics: [t], max_record_bytes: 99999999999 TiB"),
        source("topics: [t], max_record_bytes: 1.5"),
        source("topics: [t], bootstrap_servers: 'host:9092'"),
        source("topics: [t], topic: t"),
        source("topics: [t], isolaton: read_committed"),
        // decode
        job(&["decode: {format: avro}"]),
        job(&["decode: {format: jsn}"]),
        job(&["decode: {format: xml}"]),
        job(&["decode: {null_value: drop}"]),
        job(&["decode: {schema_registry: main}"]),
        job(&["decode: {null_value: keep}"]),
        job(&["decode: json"]),
        // sink
        job(&["sink: {}"]),
        job(&["sink: {bucket: Lake}"]),
        job(&["sink: {bucket: 10.0.0.1}"]),
        job(&["sink: {bucket: a}"]),
        sink("buckt: x"),
        sink("region: us-east-1"),
        sink("secret_access_key: hunter2"),
        sink("format: avro"),
        sink("format: json"),
        sink("extension: .json"),
        sink("extension: json/x"),
        sink("extension: \"\""),
        sink("extension: json"),
        sink("extension: jsonl.gz"),
        sink("compression: none, extension: jsonl.gz"),
        sink("compression: snappy"),
        sink("compression: lz4"),
        sink("compression: brotli"),
        sink("compression: zst"),
        sink("timestamp: {from: header}"),
        sink("timestamp: {from: field}"),
        sink("timestamp: {path: ts}"),
        sink("timestamp: {from: field, path: ts, unit: minutes}"),
        sink("timestamp: {from: field, path: ts, unit: ms, format: '%Y-%m-%d'}"),
        sink("timestamp: {from: field, path: ts, format: '%H:%M'}"),
        sink("timestamp: {from: field, path: ts, format: '%E'}"),
        sink("timestamp: {from: field, path: 'a..b'}"),
        sink(r"timestamp: {from: field, path: 'a\b'}"),
        sink("time_zone: Europe/Berlim"),
        sink("time_zone: Mars"),
        sink("rotate: {bytes: 1 KiB}"),
        sink("rotate: {bytes: 12 parsecs}"),
        sink("rotate: {bytes: 2 TiB}"),
        sink("rotate: {records: 0}"),
        sink("rotate: {age: never}"),
        sink("rotate: {age: 10}"),
        sink("rotate: {age: 10 minutes}"),
        sink("rotate: {age: 2d}"),
        sink("rotate: {age: 1m1h}"),
        sink("rotate: {idle: 0s}"),
        sink("rotate: {event_time: 1y}"),
        sink("rotate: {interval: 5m}"),
        sink("rotate: 128 MiB"),
        sink("columns: [{name: a, type: string}]"),
        sink("rest: _rest"),
        sink("format: parquet"),
        sink("format: parquet, columns: []"),
        parquet("{name: a}"),
        parquet("{type: string}"),
        parquet("a"),
        parquet("{name: a, type: string}, {name: A, type: int64}"),
        parquet("{name: _rest, type: json}"),
        sink("format: parquet, envelope: [key], columns: [{name: _key, type: string}]"),
        sink("format: parquet, columns: {a: string}"),
        sink("format: parquet, rest: ignore, columns: [{name: a, type: string}]"),
        sink("format: parquet, rest: rest, columns: [{name: a, type: string}]"),
        parquet("{name: '', type: string}"),
        parquet("{name: a, type: string, required: true}"),
        column("bigint"),
        column("strng"),
        column("uuid"),
        column("timestamp(minutes)"),
        column("decimal(39,2)"),
        column("decimal(4,5)"),
        column("decimal"),
        column("list<string"),
        column("list"),
        column("struct<>"),
        column("struct<a: int64, A: string>"),
        column("struct<`a: int64>"),
        column("string string"),
        column(&("list<".repeat(20) + "string" + &">".repeat(20))),
        sink("envelope: [kee]"),
        sink("envelope: [key, key]"),
        sink("envelope: key"),
        sink("on_missing_field: skip"),
        sink("on_existing_object: replace"),
        sink("storage_class: standard"),
        sink("storage_class: EXPRESS_ONEZONE"),
        sink("tags: {'aws:x': y}"),
        sink("tags: {a: 'x!'}"),
        sink("tags: {a: 1, b: 2}"),
        sink(&format!("tags: {{{}}}", (0..11).map(|n| format!("t{n}: v")).collect::<Vec<_>>().join(", "))),
        sink("sse: {}"),
        sink("sse: {type: kms}"),
        sink("sse: {type: AES256, kms_key_id: k}"),
        sink("expected_bucket_owner: 123456789012"),
        sink("expected_bucket_owner: 'abc'"),
        // key templates
        key(""),
        key("{timestamp:%Y}/{unique}.{ext}"),
        key("/a/{unique}.{ext}"),
        key("a//{unique}.{ext}"),
        key("a/../{unique}.{ext}"),
        key("./{unique}.{ext}"),
        key("a/{partition}.{ext}"),
        key("a/{partition}+{first_offset:}.{ext}"),
        key("a/{partition}+{first_offset:0}.{ext}"),
        key("a/{partition}+{first_offset:21}.{ext}"),
        key("a/{partition}+{first_offset:010}.{ext}"),
        key("a/{partition}{first_offset:10}.{ext}"),
        key("a/{partition}+{first_offset:1}{field:x}.{ext}"),
        key("a/{first_offset}.{ext}"),
        key("a/{unique}"),
        key("a/{unique}.{ext}/x"),
        key("a/{ext}/{unique}.{ext}"),
        key("a/{unique}{ext}"),
        key("a/{unique}/.{ext}"),
        key("a/{uniqe}.{ext}"),
        key("a/{shard}-{unique}.{ext}"),
        key("a/{unique"),
        key("a/}{unique}.{ext}"),
        key("a/{timestamp}/{unique}.{ext}"),
        key("a/{timestamp:%E}/{unique}.{ext}"),
        key("a/{timestamp:}/{unique}.{ext}"),
        key("a/{timestamp:%Y//%m}/{unique}.{ext}"),
        key("a/{wall_clock:%J}/{unique}.{ext}"),
        key("a/{topic:x}/{unique}.{ext}"),
        key("a/{field:}/{unique}.{ext}"),
        key("a/{header}/{unique}.{ext}"),
        key("a b/{unique}.{ext}"),
        key("a%2f/{unique}.{ext}"),
        key("ä/{unique}.{ext}"),
        key(&format!("{}/{{unique}}.{{ext}}", "x".repeat(256))),
        key(&"x/".repeat(500)),
        job(&[
            "source: {cluster: c, topics: [t, u]}",
            "sink: {bucket: lake, key: 'a/{partition}+{first_offset}.{ext}'}",
        ]),
        // names that do not tell their file
        key("d/{field:shop}{partition}+{first_offset}.{ext}"),
        key("d/{partition}{field:shop}+{first_offset}.{ext}"),
        key("d/{partition}/{key}{first_offset}{header:h}.{ext}"),
        key("d/{field:a}-{partition}-{field:b}+{first_offset}.{ext}"),
        key("d/{field:a}0{partition}+{first_offset}.{ext}"),
        key("d/{timestamp:%H}{partition}+{first_offset}.{ext}"),
        key("{topic}{partition}+{first_offset}.{ext}"),
        job(&[
            "source: {cluster: c, topics: [t, u]}",
            "sink: {bucket: lake, key: '{topic}-{field:a}-{partition}+{first_offset}.{ext}'}",
        ]),
        // names that are too long whatever the record
        key(&format!("{}{{unique}}.{{ext}}", "x".repeat(230))),
        source(&format!("topics: [short, {}]", "x".repeat(178))),
        job(&[
            &format!("source: {{cluster: c, topics: [{}]}}", "x".repeat(249)),
            &format!("sink: {{bucket: lake, key: '{}{{topic}}/{{unique}}.{{ext}}'}}", "abcdefghi/".repeat(80)),
        ]),
        // dead letters
        job(&["dead_letter: {s3: false}"]),
        job(&["dead_letter: {s3: true}"]),
        job(&["dead_letter: {s3: /dlq/}"]),
        job(&["dead_letter: {s3: dlq}"]),
        job(&["dead_letter: {s3: 'dlq/../x/'}"]),
        job(&["dead_letter: {s3: 'dlq/{topic}/'}"]),
        job(&["dead_letter: {create: true}"]),
        job(&["dead_letter: {cluster: other}"]),
        job(&["dead_letter: {max_ratio: 0}"]),
        job(&["dead_letter: {max_ratio: 5}"]),
        job(&["dead_letter: {max_ratio: 5%}"]),
        job(&["dead_letter: {topic: t}"]),
        job(&["dead_letter: {topic: 'a/b'}"]),
        job(&["dead_letter: {s3: t/dlq/}"]),
        job(&["sink: {bucket: lake, key: 'bids/{unique}.{ext}'}", "dead_letter: {s3: bids/dlq/}"]),
        job(&["sink: {bucket: lake, key: 'bids/data/{unique}.{ext}'}", "dead_letter: {s3: bids/}"]),
        // addresses and secrets
        job(&["sink: {bucket: 's3://user:hunter2@lake'}"]),
        source("topics: [t], group: '${env:KAFKA_PASSWORD}'"),
        job(&["labels: {home: 'https://example.com'}"]),
        // many at once
        "name: A\nsource: {topics: []}\nsink: {bucket: x, rotate: {bytes: huge, age: 1y}}\npol: shared\n".to_owned(),
        job(&["max_workers: 0", "sink: {bucket: lake, compression: snappy, tags: {a: 1}}", "dead_letter: {topic: t}"]),
        job(&[
            "max_workers: 0",
            "source: {cluster: c, topics: [t], start: {offsets: {u: {0: 1}}}, on_gap: fail}",
            "sink: {bucket: X, format: parquet, columns: [{name: a, type: int64}, {name: b}, {name: A, type: int64}], envelope: [key, key]}",
        ]),
        job(&["pool: [a]", "decode: {null_value: keep}", "dead_letter: {s3: t/dlq/}"]),
    ]);
    all
}

fn messages(document: &str) -> String {
    match JobSpec::parse(document) {
        Ok(_) => "ACCEPTED".to_owned(),
        Err(errors) => errors.0.iter().map(|error| format!("    {error}\n")).collect(),
    }
}

#[test]
fn every_bad_document_is_answered_with_the_field_the_value_and_the_fix() {
    let mut table = String::new();
    for case in cases() {
        let told = messages(&case);
        assert_ne!(told, "ACCEPTED", "accepted:\n{case}");
        let changed: Vec<&str> = case.lines().filter(|line| !HEAD.lines().any(|head| head == *line)).collect();
        let shown = if changed.is_empty() { format!("{case:?}") } else { changed.join("\n") };
        table.push_str(&format!("{shown}\n{told}\n"));
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bad-documents.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &table).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected != table {
        let differing = expected.lines().zip(table.lines()).find(|(was, is)| was != is);
        panic!(
            "{} differs, first at {differing:#?}; look at the change, then run with UPDATE_GOLDEN=1",
            path.display()
        );
    }
}

#[test]
fn no_message_repeats_what_may_be_a_secret() {
    for document in [
        job(&["sink: {bucket: 's3://user:hunter2@lake'}"]),
        sink("secret_access_key: hunter2"),
        source("topics: [t], properties: {sasl.password: hunter2}"),
        job(&["password: hunter2"]),
    ] {
        let told = messages(&document);
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn hostile_documents_are_refused_in_bounded_work() {
    let deep_flow = "[".repeat(100_000);
    let deep_block = "- ".repeat(100_000);
    let deep_json = format!("{}{}", r#"{"a":"#.repeat(15_000), "}".repeat(15_000));
    let flow_in_comments = "[ # ]\n".repeat(30_000);
    let laughs: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned())
        .chain((1..10).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "))))
        .collect();
    let long = "x".repeat(300 * 1024);
    let many_keys: String = (0..20_000).map(|n| format!("k{n}: 1\n")).collect();
    let huge_key = format!("{}: 1", "k".repeat(900));
    // As many brackets as are let in, each looked at again for every token after them.
    let slow_scan = "[".repeat(19_999) + &"a,".repeat(110_000);
    for (document, part) in [
        (slow_scan, "document: "),
        (deep_flow, "brackets"),
        (deep_block, "document: "),
        (deep_json, "document: "),
        (flow_in_comments, "brackets"),
        (laughs, "document: "),
        (long, "bytes long"),
        (many_keys, "is not a known field"),
        (huge_key, "kkk…: is not a known field"),
        ("a: \u{0}".to_owned(), "document: "),
    ] {
        let errors = JobSpec::parse(&document).expect_err(part);
        let told = errors.to_string();
        assert!(told.contains(part), "{part}: {}", &told.chars().take(300).collect::<String>());
        assert!(told.len() < 40_000, "{} bytes of messages", told.len());
    }
}
