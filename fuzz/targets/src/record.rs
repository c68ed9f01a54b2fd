//! The way of a record from its bytes to a file: any bytes are a record, and what is accepted can be read back.

mod columns;
mod key;
mod lines;
mod time;

use landfall_format::{MAX_KEY_BYTES, MAX_SEGMENT_BYTES, Plan, Record, Scratch, Verdict, accept, finish_key};
use landfall_job::JobSpec;

use crate::input::Input;

pub(crate) use columns::columns;
pub(crate) use key::key_render;
pub(crate) use lines::lines;
pub(crate) use time::event_time;

/// A record that owns its bytes.
struct Owned {
    partition: i32,
    offset: i64,
    timestamp_ms: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Owned {
    fn read(input: &mut Input<'_>, offset: i64) -> Self {
        let flags = input.byte();
        let timestamp_ms = match flags & 3 {
            0 => 1_774_877_654_321,
            1 => -1,
            2 => input.number(),
            // Near a change of the day and of the hour.
            _ => 1_774_828_800_000 - 128 + i64::from(input.byte()),
        };
        let key = (flags & 4 != 0).then(|| input.block().to_vec());
        let mut headers = Vec::new();
        if flags & 8 != 0 {
            for _ in 0..input.below(4) {
                let name = String::from_utf8_lossy(input.block()).into_owned();
                headers.push((name, input.flag().then(|| input.block().to_vec())));
            }
            headers.push(("tenant".to_owned(), input.flag().then(|| input.block().to_vec())));
        }
        let value = (flags & 16 == 0).then(|| input.block().to_vec());
        Self { partition: i32::from(flags >> 5), offset, timestamp_ms, key, value, headers }
    }

    fn record(&self) -> Record<'_> {
        Record {
            cluster: "main",
            topic: "bids",
            partition: self.partition,
            offset: self.offset,
            timestamp_ms: self.timestamp_ms,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &self.headers,
        }
    }
}

/// A job whose `sink` and other sections are given as YAML lines.
fn plan(sink: &str, others: &str) -> Plan {
    let text = format!(
        "name: bids\nsource: {{cluster: main, topics: [bids], max_record_bytes: 64 KiB}}\nsink:\n  bucket: lake\n{sink}\n{others}"
    );
    let spec = JobSpec::parse(&text).unwrap_or_else(|errors| panic!("{text}\n{errors}"));
    Plan::compile(&spec).unwrap()
}

/// Accepts with a scratch that has seen other records and with a fresh one: the answer and the key are the same.
fn accepted(plan: &Plan, scratch: &mut Scratch, record: &Record<'_>, now_ms: i64) -> Verdict {
    let before = scratch.group_key().to_owned();
    let verdict = accept(plan, scratch, record, now_ms);
    let mut fresh = Scratch::new(plan);
    let expected = accept(plan, &mut fresh, record, now_ms);
    match (&verdict, &expected) {
        (Verdict::Route { same_group }, Verdict::Route { .. }) => {
            assert_eq!(scratch.group_key(), fresh.group_key(), "a key remembered from another record");
            assert_eq!(scratch.event_time_ms(), fresh.event_time_ms());
            assert!(!same_group || scratch.group_key() == before, "another key is called the same");
        }
        _ => assert_eq!(verdict, expected),
    }
    if let Verdict::Reject(rejection) = &verdict {
        assert!(!rejection.message.is_empty());
    }
    verdict
}

/// A finished key lies where its template says, whatever the record held.
fn confined(group_key: &str, first_offset: i64, ext: &str) -> String {
    let key = finish_key(group_key, first_offset, "u-1").unwrap_or_else(|e| panic!("{group_key:?}: {e}"));
    assert!(key.len() <= MAX_KEY_BYTES, "{key:?}");
    assert!(key.ends_with(&format!(".{ext}")), "{key:?}");
    assert!(!key.chars().any(char::is_control), "{key:?}");
    for segment in key.split('/') {
        assert!(!matches!(segment, "" | "." | "..") && segment.len() <= MAX_SEGMENT_BYTES, "{key:?}");
    }
    key
}
