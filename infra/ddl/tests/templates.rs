//! Whatever the key template: the statement is whole, the partition columns are those that are projected, and the object
//! of a record lies in the partition that its time and topic say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use landfall_ddl::{Ddl, Options, ddl};
use landfall_job::{JobSpec, TemplatePart, TimestampMs};
use proptest::prelude::*;
use regex_lite::Regex;

const TOPICS: [&str; 2] = ["clicks", "views.eu"];

fn time_format() -> impl Strategy<Value = String> {
    const FORMATS: [&str; 23] = [
        "%Y",
        "%Y-%m",
        "%Y-%m-%d",
        "%F",
        "%Y%m%d",
        "%m",
        "%-m",
        "%d",
        "%H",
        "%-H",
        "%j",
        "%Y/%m/%d",
        "%Y/%m/%d/%H",
        "%V",
        "%FT%H",
        "%Y'%j",
        "%b",
        "%H%M",
        "%d.%m.%Y",
        "%Y %m",
        "%Y,%m",
        "%p",
        "%M",
    ];
    prop::sample::select(&FORMATS[..]).prop_map(str::to_owned)
}

/// A piece of a folder.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => time_format().prop_map(|format| format!("{{timestamp:{format}}}")),
        1 => time_format().prop_map(|format| format!("{{wall_clock:{format}}}")),
        2 => Just("{topic}".to_owned()),
        1 => Just("{partition}".to_owned()),
        1 => Just("{field:Geo.country}".to_owned()),
        1 => Just("{header:x-tenant's}".to_owned()),
        1 => Just("{key}".to_owned()),
        1 => Just("{unique}".to_owned()),
        1 => "[a-zA-Z0-9_!*'();&,:@+.-]{1,6}",
    ]
}

fn folder() -> impl Strategy<Value = String> {
    let name = prop::option::of("[a-zA-Z0-9_'().,:;&-]{1,4}=");
    (name, prop::collection::vec(piece(), 1..3)).prop_map(|(name, pieces)| name.unwrap_or_default() + &pieces.concat())
}

fn key() -> impl Strategy<Value = String> {
    let begin = prop_oneof![Just("{topic}".to_owned()), "[a-z_']{1,5}"];
    let file = prop_oneof![Just("{unique}".to_owned()), Just("{topic}+{partition}+{first_offset}-{unique}".to_owned())];
    (begin, prop::collection::vec(folder(), 0..5), file).prop_map(|(begin, folders, file)| {
        format!("{begin}/{}{file}.{{ext}}", folders.iter().map(|f| format!("{f}/")).collect::<String>())
    })
}

fn job(key: &str, topics: &str) -> Option<JobSpec> {
    let document = serde_json::json!({
        "name": "j", "source": {"cluster": "main", "topics": topics.split('|').collect::<Vec<_>>()},
        "sink": {"bucket": "lake", "key": key}, "dead_letter": {"s3": "letters/"},
    });
    JobSpec::parse(&document.to_string()).ok()
}

/// A statement without its comments, its texts and its quoted names; these apart.
fn lexed(statement: &str) -> (String, Vec<String>, Vec<String>) {
    let code: String =
        statement.lines().filter(|line| !line.starts_with("--")).map(|line| format!("{line}\n")).collect();
    let (mut rest, mut texts, mut names) = (String::new(), Vec::new(), Vec::new());
    let mut chars = code.chars();
    while let Some(c) = chars.next() {
        let mut inside = String::new();
        match c {
            '\'' => loop {
                match chars.next().expect("a text that is never closed") {
                    '\'' => break texts.push(inside),
                    '\\' => inside.push(chars.next().expect("a lone backslash")),
                    c => inside.push(c),
                }
            },
            '`' => loop {
                match chars.next().expect("a name that is never closed") {
                    '`' => break names.push(inside),
                    c => inside.push(c),
                }
            },
            c => rest.push(c),
        }
    }
    (rest, texts, names)
}

/// What a time is in a pattern of Java's `DateTimeFormatter`.
fn in_java(pattern: &str, at: &Zoned) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    let mut quoted = false;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("''") {
            out.push('\'');
            rest = &rest[2..];
            continue;
        }
        if quoted || c == '\'' {
            quoted ^= c == '\'';
            out.extend(Some(c).filter(|c| *c != '\''));
            rest = &rest[1..];
            continue;
        }
        let run = rest.chars().take_while(|other| *other == c).count();
        let width = if c.is_ascii_alphabetic() { run } else { 1 };
        let number = match c {
            'y' => i64::from(at.year()),
            'M' => i64::from(at.month()),
            'd' => i64::from(at.day()),
            'D' => i64::from(at.day_of_year()),
            'H' => i64::from(at.hour()),
            'm' => i64::from(at.minute()),
            's' => i64::from(at.second()),
            c if c.is_ascii_alphabetic() => panic!("{pattern} has the letter {c}"),
            c => {
                out.push(c);
                rest = &rest[1..];
                continue;
            }
        };
        out.push_str(&format!("{number:0width$}"));
        rest = &rest[width..];
    }
    out
}

/// A record's key, as the sink renders it: values of the record are `v`.
fn rendered(spec: &JobSpec, topic: &str, at: &Zoned) -> String {
    let part = |part: &TemplatePart| match part {
        TemplatePart::Literal(text) => text.clone(),
        TemplatePart::Topic => topic.to_owned(),
        TemplatePart::Partition => "7".to_owned(),
        TemplatePart::FirstOffset(_) => format!("{:020}", 42),
        TemplatePart::Timestamp(format) | TemplatePart::WallClock(format) => {
            strtime::format(format, at).unwrap().replace(' ', "%20").replace(',', "%2C")
        }
        TemplatePart::Field(_) | TemplatePart::Header(_) | TemplatePart::Key => "v".to_owned(),
        TemplatePart::Unique => "token".to_owned(),
        TemplatePart::Ext => "jsonl.zst".to_owned(),
    };
    spec.sink.key.parts().iter().map(part).collect()
}

fn properties(table: &Ddl) -> BTreeMap<String, String> {
    let parameters = table.table_input["Parameters"].as_object().unwrap();
    parameters.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

fn partition_keys(table: &Ddl) -> Vec<String> {
    let keys = table.table_input["PartitionKeys"].as_array().unwrap();
    keys.iter().map(|key| key["Name"].as_str().unwrap().to_owned()).collect()
}

/// Where the objects of a time may lie, as an expression over keys with one group a column.
fn place(table: &Ddl, at: &Zoned) -> Regex {
    let properties = properties(table);
    let location = table.table_input["StorageDescriptor"]["Location"].as_str().unwrap().to_owned();
    let Some(template) = properties.get("storage.location.template") else {
        return Regex::new(&format!("^{}", regex_lite::escape(location.strip_prefix("s3://lake/").unwrap()))).unwrap();
    };
    assert!(template.starts_with(&location), "{template} lies outside of {location}");
    let mut expression = regex_lite::escape(template.strip_prefix("s3://lake/").unwrap());
    for column in partition_keys(table) {
        let hole = regex_lite::escape(&format!("${{{column}}}"));
        assert_eq!(expression.matches(&hole).count(), 1, "{template} and {column}");
        let value = match properties.get(&format!("projection.{column}.format")) {
            Some(java) => format!("({})", regex_lite::escape(&in_java(java, at))),
            None => "([^/]+)".to_owned(),
        };
        expression = expression.replace(&hole, &value);
    }
    Regex::new(&format!("^{expression}")).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_statement_is_whole_and_projects_its_partition_columns(key in key(), topics in prop::sample::select(vec!["clicks", "clicks|views.eu"])) {
        let Some(spec) = job(&key, topics) else { return Err(TestCaseError::reject("no key template")) };
        let table = ddl(&spec, &Options { since: Some(TimestampMs(1_774_877_654_321)), ..Options::default() }).unwrap();
        let (code, texts, names) = lexed(&table.statement);
        prop_assert_eq!(code.matches('(').count(), code.matches(')').count(), "{}", &table.statement);
        prop_assert_eq!(code.matches(';').count(), 1);
        prop_assert!(!code.contains('"') && !code.contains('\\'));
        let keys = partition_keys(&table);
        let named: Vec<&String> = names.iter().skip(2).collect();
        prop_assert_eq!(&named, &keys.iter().collect::<Vec<_>>(), "{}", &table.statement);
        let projected: Vec<String> = properties(&table)
            .keys()
            .filter_map(|name| Some(name.strip_prefix("projection.")?.strip_suffix(".type")?.to_owned()))
            .collect();
        let mut sorted = keys.clone();
        sorted.sort();
        prop_assert_eq!(projected, sorted);
        prop_assert_eq!(properties(&table).contains_key("projection.enabled"), !keys.is_empty());
        // What the catalog gets is what the statement says.
        for (name, value) in properties(&table).iter().filter(|(name, _)| *name != "EXTERNAL") {
            let at = texts.windows(2).position(|pair| pair[0] == *name && pair[1] == *value);
            prop_assert!(at.is_some(), "{name} = {value} is not in {}", &table.statement);
        }
    }

    #[test]
    fn an_object_lies_where_its_partition_is_projected(
        key in key(),
        topics in prop::sample::select(vec!["clicks", "clicks|views.eu"]),
        second in 1_767_225_600i64..1_900_000_000,
    ) {
        let Some(spec) = job(&key, topics) else { return Err(TestCaseError::reject("no key template")) };
        let table = ddl(&spec, &Options::default()).unwrap();
        let at = Timestamp::from_second(second).unwrap().to_zoned(TimeZone::UTC);
        let properties = properties(&table);
        for topic in TOPICS.iter().filter(|topic| spec.source.topics.contains(topic)) {
            let object = rendered(&spec, topic, &at);
            let place = place(&table, &at);
            let Some(found) = place.captures(&object) else {
                return Err(TestCaseError::fail(format!("{object} is not at {}\n{}", place.as_str(), table.statement)));
            };
            for (column, value) in partition_keys(&table).iter().zip(found.iter().skip(1)) {
                let value = value.unwrap().as_str();
                let property = |name: &str| properties.get(&format!("projection.{column}.{name}"));
                match property("type").unwrap().as_str() {
                    "integer" => {
                        let (first, last) = property("range").unwrap().split_once(',').unwrap();
                        let number: u32 = value.parse().unwrap();
                        prop_assert!((first.parse().unwrap()..=last.parse().unwrap()).contains(&number), "{value}");
                        let width = property("digits").map_or(1, |digits| digits.parse().unwrap());
                        prop_assert_eq!(format!("{number:0width$}"), value);
                    }
                    "enum" => prop_assert!(property("values").unwrap().split(',').any(|known| known == value), "{value}"),
                    _ => {}
                }
            }
        }
    }
}
