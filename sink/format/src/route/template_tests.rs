#![allow(clippy::unwrap_used)]
use super::*;
use crate::json::PathTree;
use crate::record::NoHeaders;
use crate::route::finish_key;
use landfall_job::FieldPath;
use proptest::prelude::*;

struct Fixture {
    plan: KeyPlan,
    tree: PathTree,
    scratch: KeyScratch,
}

impl Fixture {
    fn new(template: &str, zone: &str, reject_missing: bool) -> Self {
        let template = KeyTemplate::parse(template).unwrap();
        let mut paths: Vec<FieldPath> = Vec::new();
        let zone = jiff::tz::TimeZoneDatabase::bundled().get(zone).unwrap();
        let plan = KeyPlan::compile(&template, &zone, "jsonl.zst", reject_missing, |path| {
            paths.push(path.clone());
            paths.len() - 1
        })
        .unwrap();
        let borrowed: Vec<(&[String], bool)> = paths.iter().map(|path| (path.steps(), false)).collect();
        let (tree, slots) = PathTree::build(&borrowed);
        assert_eq!(slots, (0..paths.len()).collect::<Vec<_>>(), "the fixture's fields are distinct and in order");
        let scratch = KeyScratch::new(&plan);
        Self { plan, tree, scratch }
    }

    fn render(&mut self, record: &Record<'_>, event_time_ms: i64, now_ms: i64) -> Result<String, Rejection> {
        let text = record.value.map_or("", |value| std::str::from_utf8(value).unwrap());
        let mut captures = Captures::default();
        self.tree.read(if text.is_empty() { "null" } else { text }, &mut captures, false).unwrap();
        let inputs = Inputs { record, text, captures: &captures, event_time_ms, now_ms };
        self.plan.render(&inputs, &mut self.scratch)?;
        Ok(self.scratch.key().to_owned())
    }
}

fn record<'a>(value: &'a str, key: Option<&'a [u8]>, headers: &'a dyn crate::HeaderView) -> Record<'a> {
    let value = Some(value.as_bytes());
    Record { cluster: "main", topic: "bids", partition: 7, offset: 42, timestamp_ms: 0, key, value, headers }
}

const EVENT_MS: i64 = 1_774_877_654_321; // 2026-03-30T13:34:14.321Z
const NOW_MS: i64 = 1_774_884_854_321; // two hours later

#[test]
fn the_template_table() {
    let headers = vec![
        ("region".to_owned(), Some(b"eu".to_vec())),
        ("region".to_owned(), Some(b"us/1".to_vec())),
        ("none".to_owned(), None),
    ];
    let value = r#"{"user":{"id":"a b/c","n":1.50,"ok":true,"nil":null,"esc":"\u00e9\/"},"dots":"..","empty":""}"#;
    let table = [
        ("{topic}/{partition}/{first_offset}.{ext}", "bids/7/\u{1}.jsonl.zst"),
        ("a/{unique}.{ext}", "a/\u{2}.jsonl.zst"),
        (
            "{topic}/dt={timestamp:%Y-%m-%d}/hour={timestamp:%H}/{unique}.{ext}",
            "bids/dt=2026-03-30/hour=13/\u{2}.jsonl.zst",
        ),
        ("a/{timestamp:year=%Y/month=%m}/{unique}.{ext}", "a/year=2026/month=03/\u{2}.jsonl.zst"),
        ("a/{wall_clock:%H:%M}/{unique}.{ext}", "a/15:34/\u{2}.jsonl.zst"),
        ("a/{field:user.id}/{unique}.{ext}", "a/a%20b%2Fc/\u{2}.jsonl.zst"),
        ("a/{field:user.n}-{field:user.ok}/{unique}.{ext}", "a/1.50-true/\u{2}.jsonl.zst"),
        ("a/{field:user.nil}/{field:absent.x}/{unique}.{ext}", "a/__null__/__null__/\u{2}.jsonl.zst"),
        ("a/{field:user.esc}/{unique}.{ext}", "a/%C3%A9%2F/\u{2}.jsonl.zst"),
        ("a/{field:dots}/{field:empty}/{unique}.{ext}", "a/%2E%2E/__empty__/\u{2}.jsonl.zst"),
        ("a/{header:region}/{header:none}/{header:x}/{unique}.{ext}", "a/us%2F1/__null__/__null__/\u{2}.jsonl.zst"),
        ("a/{key}/{unique}.{ext}", "a/k%00%FF/\u{2}.jsonl.zst"),
    ];
    for (template, expected) in table {
        let record = record(value, Some(b"k\0\xff"), &headers);
        let rendered = Fixture::new(template, "UTC", false).render(&record, EVENT_MS, NOW_MS);
        assert_eq!(rendered.as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn the_time_zone_of_the_job_decides_the_day() {
    let mut fixture = Fixture::new("a/{timestamp:%Y-%m-%dT%H}/{unique}.{ext}", "Asia/Kathmandu", false);
    let rendered = fixture.render(&record("{}", None, &NoHeaders), 1_774_895_400_000, 0).unwrap();
    assert_eq!(rendered, "a/2026-03-31T00/\u{2}.jsonl.zst");
}

#[test]
fn a_missing_field_is_a_rejection_when_the_job_says_so() {
    for template in ["a/{field:x}/{unique}.{ext}", "a/{header:x}/{unique}.{ext}", "a/{key}/{unique}.{ext}"] {
        let rejection =
            Fixture::new(template, "UTC", true).render(&record(r#"{"x":null}"#, None, &NoHeaders), 0, 0).unwrap_err();
        assert_eq!((rejection.stage, rejection.reason), (Stage::Route, Reason::MissingField), "{template}");
    }
}

#[test]
fn an_object_an_array_and_a_long_value_cannot_be_part_of_a_key() {
    let long = format!("{{\"x\":\"{}\"}}", "é".repeat(100));
    let longest = format!("{{\"x\":\"{}\"}}", "é".repeat(60_000));
    for value in [r#"{"x":{}}"#, r#"{"x":[1]}"#, &long, &longest] {
        let mut fixture = Fixture::new("a/{field:x}/{unique}.{ext}", "UTC", false);
        let rejection = fixture.render(&record(value, None, &NoHeaders), 0, 0).unwrap_err();
        assert_eq!(rejection.reason, Reason::KeyRender);
        assert!(rejection.message.len() < 200, "{}", rejection.message);
    }
}

#[test]
fn many_values_that_are_short_alone_but_long_together_are_refused() {
    let template = "a/{field:a}/{field:b}/{field:c}/{field:d}/{field:e}/{unique}.{ext}";
    let value = |length: usize| {
        let x = "x".repeat(length);
        format!(r#"{{"a":"{x}","b":"{x}","c":"{x}","d":"{x}","e":"{x}"}}"#)
    };
    let mut fixture = Fixture::new(template, "UTC", false);
    assert!(fixture.render(&record(&value(180), None, &NoHeaders), 0, 0).is_ok());
    let rejection = fixture.render(&record(&value(250), None, &NoHeaders), 0, 0).unwrap_err();
    assert_eq!(rejection.reason, Reason::KeyRender);
}

#[test]
fn the_remembered_key_is_left_when_topic_partition_or_hour_changes() {
    let mut fixture = Fixture::new("{topic}/{timestamp:%H}/{partition}+{first_offset}.{ext}", "UTC", false);
    let base = record("{}", None, &NoHeaders);
    assert_eq!(fixture.render(&base, EVENT_MS, 0).unwrap(), "bids/13/7+\u{1}.jsonl.zst");
    assert_eq!(fixture.render(&base, EVENT_MS + 1, 0).unwrap(), "bids/13/7+\u{1}.jsonl.zst");
    assert_eq!(fixture.render(&base, EVENT_MS + 3_600_000, 0).unwrap(), "bids/14/7+\u{1}.jsonl.zst");
    assert_eq!(fixture.render(&base, EVENT_MS, 0).unwrap(), "bids/13/7+\u{1}.jsonl.zst");
    assert_eq!(fixture.render(&Record { partition: 8, ..base }, EVENT_MS, 0).unwrap(), "bids/13/8+\u{1}.jsonl.zst");
    assert_eq!(fixture.render(&Record { topic: "other", ..base }, EVENT_MS, 0).unwrap(), "other/13/7+\u{1}.jsonl.zst");
}

#[test]
fn the_remembered_key_is_left_at_the_end_of_its_stretch() {
    let mut fixture = Fixture::new("{topic}/{unique}.{ext}", "UTC", false);
    fixture.plan = fixture.plan.in_stretches(Some(DurationMs(1_000)));
    let record = record("{}", None, &NoHeaders);
    for (event_ms, number) in [(999, 0), (0, 0), (1_000, 1), (1_999, 1), (999, 0), (2_000, 2)] {
        let key = fixture.render(&record, event_ms, 0).unwrap();
        assert_eq!(key, format!("bids/\u{2}.jsonl.zst\u{3}{number}"), "{event_ms}");
    }
}

#[test]
fn a_rejection_does_not_leave_half_a_key_to_be_remembered() {
    let mut fixture = Fixture::new("{topic}/{field:x}/{unique}.{ext}", "UTC", true);
    assert!(fixture.render(&record("{}", None, &NoHeaders), 0, 0).is_err());
    assert_eq!(fixture.render(&record(r#"{"x":1}"#, None, &NoHeaders), 0, 0).unwrap(), "bids/1/\u{2}.jsonl.zst");
}

#[test]
fn the_alphabet_of_values_is_the_one_by_which_templates_are_judged() {
    for c in "09azAZ!-_.*'()=+@:,;&".chars() {
        // Accepted only where a field's value cannot hold the character that ends it: nothing else tells the partition.
        let template = format!("d/{{field:x}}{c}{{partition}}-{{field:y}}/{{first_offset}}.{{ext}}");
        let mut kept = String::new();
        encode_value(&mut kept, format!("x{c}").as_bytes(), Alphabet::Value);
        assert_eq!(KeyTemplate::parse(&template).is_err(), kept.ends_with(c), "{c}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_a_record_holds_its_key_stays_under_the_prefix(
        field in any::<String>(), key in prop::option::of(prop::collection::vec(any::<u8>(), 0..300)),
        header in prop::option::of(prop::collection::vec(any::<u8>(), 0..100)), topic in "[a-zA-Z0-9._-]{1,100}",
        event_ms in 0i64..super::super::MAX_TIME_MS,
    ) {
        let mut fixture = Fixture::new(
            "lake/{topic}/{field:f}{field:f2}/{key}.{key}/{header:h}/{timestamp:%c}/{partition}+{first_offset}-{unique}.{ext}",
            "UTC",
            false,
        );
        let value = serde_json::json!({"f": field, "f2": field}).to_string();
        let headers = vec![("h".to_owned(), header)];
        let mut record = record(&value, key.as_deref(), &headers);
        record.topic = &topic;
        if let Ok(group) = fixture.render(&record, event_ms, 0) {
            let whole = finish_key(&group, i64::MAX, &"u".repeat(MAX_UNIQUE_BYTES)).unwrap();
            prop_assert!(whole.starts_with("lake/"));
            prop_assert_eq!(whole.split('/').count(), 7);
            prop_assert!(whole.len() <= MAX_KEY_BYTES && whole.is_ascii());
            for segment in whole.split('/') {
                prop_assert!(!matches!(segment, "" | "." | "..") && segment.len() <= MAX_SEGMENT_BYTES);
            }
        }
    }
}
