//! What a table refuses, leaves out or warns of.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use landfall_ddl::{Folder, Options, ddl, parse_columns};
use landfall_job::{JobSpec, TimestampMs};

fn job(sink: &str) -> JobSpec {
    let document = format!("{{name: j, source: {{cluster: main, topics: [t]}}, sink: {{bucket: lake, {sink}}}}}");
    JobSpec::parse(&document).unwrap_or_else(|e| panic!("{document}: {e}"))
}

fn columns(text: &str) -> Options {
    Options { columns: parse_columns(text).unwrap(), ..Options::default() }
}

fn refusal(spec: &JobSpec, options: &Options) -> String {
    ddl(spec, options).expect_err("a table").to_string()
}

fn remarks(spec: &JobSpec, options: &Options) -> String {
    ddl(spec, options).unwrap().remarks.join("\n")
}

#[test]
fn two_columns_of_one_name_are_refused_by_name() {
    let lines = job("format: jsonl");
    assert!(refusal(&lines, &columns("`a-b`: int64, a_b: int64")).contains("columns.a_b: "));
    assert!(refusal(&lines, &columns("`a-b`: int64, `a.b`: int64")).contains("columns.a.b: "));
    // A mapping holds everywhere: the field of the struct would be looked for as `a-b`.
    assert!(refusal(&lines, &columns("`a-b`: int64, s: struct<a_b: int64>")).contains("columns.a_b: "));
    assert!(ddl(&lines, &columns("A: int64, s: struct<a: int64>")).is_ok());
}

#[test]
fn names_that_athena_cannot_have_are_refused() {
    let lines = job("format: jsonl");
    for name in ["", "Bids", "a.b", "a b", "a`b", &"x".repeat(256)] {
        let options = Options { table: Some(name.to_owned()), ..Options::default() };
        assert!(refusal(&lines, &options).starts_with("table: "), "{name}");
        let options = Options { database: Some(name.to_owned()), ..Options::default() };
        assert!(refusal(&lines, &options).starts_with("database: "), "{name}");
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let parquet = job("format: parquet, columns: [{name: a, type: int64}]");
    let options = Options { table: Some("A".to_owned()), database: Some("B".to_owned()), ..columns("a: int64") };
    assert_eq!(refusal(&parquet, &options).lines().count(), 3);
}

#[test]
fn a_list_of_columns_is_read_or_refused() {
    assert_eq!(parse_columns("id: int64, `a b`: list<string>").unwrap().len(), 2);
    for text in ["", "id", "id: integer", "id: int64>, x: struct<y: int64", "id: int64, ID: string"] {
        assert!(parse_columns(text).is_err(), "{text}");
    }
}

#[test]
fn a_parquet_file_of_impossible_names_has_no_table() {
    let parquet = job("format: parquet, rest: dead_letter, columns: [{name: a.b, type: int64}]");
    assert!(refusal(&parquet, &Options::default()).starts_with("sink.columns: "));
}

#[test]
fn dead_letters_among_the_rows_are_warned_of() {
    let flat = |letters: &str| {
        let document = format!(
            "{{name: j, source: {{cluster: main, topics_regex: 't.*'}}, sink: {{bucket: lake, key: '{{topic}}-{{unique}}.{{ext}}'}}, \
             dead_letter: {{s3: '{letters}'}}}}"
        );
        remarks(&JobSpec::parse(&document).unwrap(), &Options::default())
    };
    assert!(flat("letters/").contains("Warning: What the job dead-letters lies below the table, at letters/"));
    assert!(flat("_letters/").contains("Athena passes over folders"));
    // Nothing of them is in a partition.
    assert!(!remarks(&job("format: jsonl"), &Options::default()).contains("dead-letters"));
}

#[test]
fn the_fleets_own_objects_among_the_rows_are_told() {
    let everything = job("key: '{unique}x.{ext}'".replace("{unique}x", "x-{unique}").as_str());
    let state = |bucket: &str, prefix: &str| Options {
        state: Some(Folder { bucket: bucket.to_owned(), prefix: prefix.to_owned() }),
        ..Options::default()
    };
    assert!(remarks(&everything, &state("lake", "fleet/")).contains("Warning: What the fleet keeps"));
    assert!(remarks(&everything, &state("lake", "_landfall/")).contains("Athena passes over folders"));
    assert!(!remarks(&everything, &state("other", "fleet/")).contains("fleet keeps"));
    assert!(!remarks(&job("format: jsonl"), &state("lake", "fleet/")).contains("fleet keeps"));
}

#[test]
fn a_name_that_athena_passes_over_is_warned_of() {
    let told = |key: &str, what: &str| remarks(&job(&format!("key: '{key}'")), &Options::default()).contains(what);
    for key in ["a/_{unique}.{ext}", "a/.{unique}.{ext}", "a/{partition}/_x/{unique}.{ext}"] {
        assert!(told(key, "that is every object"), "{key}");
    }
    for key in ["a/{key}-{unique}.{ext}", "a/{field:x}/{unique}.{ext}", "a/dt={timestamp:%F}/{header:h}/{unique}.{ext}"]
    {
        assert!(told(key, "that is values such as __null__"), "{key}");
    }
    for key in ["a/{unique}.{ext}", "_a/{unique}.{ext}", "a/x={key}/{unique}.{ext}", "a/b-{key}-{unique}.{ext}"] {
        assert!(!told(key, "passes over"), "{key}");
    }
    let topics = "{name: j, source: {cluster: main, topics: [a, _b]}, sink: {bucket: lake}}";
    assert!(remarks(&JobSpec::parse(topics).unwrap(), &Options::default()).contains("of a topic of such a name"));
}

#[test]
fn the_first_projected_time_is_in_the_zone_of_the_key() {
    let options =
        Options { created_at: Some(TimestampMs::parse("2026-01-31T23:30:00Z").unwrap()), ..Options::default() };
    let range = |sink: &str, options: &Options| {
        let table = ddl(&job(sink), options).unwrap();
        table.table_input["Parameters"]["projection.dt.range"].as_str().unwrap().to_owned()
    };
    let key = "key: 'a/dt={wall_clock:%F}/{unique}.{ext}'";
    assert_eq!(range(key, &options), "2026-01-31,NOW+1DAY");
    assert_eq!(range(&format!("{key}, time_zone: Europe/Berlin"), &options), "2026-02-01,NOW+1DAY");
    // Events may be older than the job, the worker's clock is not.
    let key = "key: 'a/dt={timestamp:%F}/{unique}.{ext}'";
    assert_eq!(range(key, &options), "NOW-3YEARS,NOW+1DAY");
    assert_eq!(range(&format!("{key}, timestamp: {{from: wall_clock}}"), &options), "2026-01-31,NOW+1DAY");
    let since = Options { since: Some(TimestampMs::parse("2025-07-01T12:00:00Z").unwrap()), ..options };
    assert_eq!(range(key, &since), "2025-07-01,NOW+1DAY");
}
