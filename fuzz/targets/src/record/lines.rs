//! Records into JSON lines: the first byte says which job, the rest are records.

use std::io::Read as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_format::{Plan, Scratch, Verdict, encode_independent};
use serde_json::{Value, json};

use super::{Owned, accepted, confined, plan};
use crate::Answer;
use crate::input::Input;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Codec {
    Plain,
    Gzip,
    Zstd,
}

struct Job {
    plan: Plan,
    codec: Codec,
    envelope: bool,
}

static JOBS: LazyLock<Vec<Job>> = LazyLock::new(|| {
    let job = |sink: &str, others: &str, codec, envelope| Job { plan: plan(sink, others), codec, envelope };
    let all = "envelope: [topic, partition, offset, timestamp, key, headers]";
    vec![
        job("  compression: none", "", Codec::Plain, false),
        job("  compression: gzip", "decode: {null_value: skip}", Codec::Gzip, false),
        job("", "", Codec::Zstd, false),
        job(&format!("  compression: none\n  {all}"), "decode: {null_value: keep}", Codec::Plain, true),
        job(
            "  compression: none\n  key: 'x/{field:a}/{field:b.c}/{header:tenant}/{key}/{unique}.{ext}'",
            "",
            Codec::Plain,
            false,
        ),
        job(
            "  compression: none\n  on_missing_field: dead_letter\n  key: 'x/{field:a}-{header:tenant}/{wall_clock:%H%M%S}/{unique}.{ext}'\n  rotate: {event_time: 1s}",
            "",
            Codec::Plain,
            false,
        ),
    ]
});

/// serde_json reads no deeper than this; the product reads one level more.
fn too_deep_to_check(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("recursion limit exceeded")
}

/// The value of a record as serde_json has it; `None` where it is nested too deep for that.
fn value_of(owned: &Owned) -> Option<Value> {
    match owned.value.as_deref().filter(|value| !value.is_empty()) {
        None => Some(Value::Null),
        Some(bytes) => match serde_json::from_slice(bytes) {
            Ok(value) => Some(value),
            Err(error) => {
                let text = String::from_utf8_lossy(bytes);
                assert!(too_deep_to_check(&error), "{text:?} was accepted and is no JSON: {error}");
                None
            }
        },
    }
}

fn check_line(line: &[u8], owned: &Owned, job: &Job) {
    assert!(!line.contains(&b'\r'), "a line break within a line");
    let value = value_of(owned);
    if !job.envelope {
        let bytes = owned.value.as_deref().unwrap_or_default();
        let broken = bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
        assert!(broken || line == bytes, "the bytes as they came");
        if let Some(value) = value {
            assert_eq!(serde_json::from_slice::<Value>(line).unwrap(), value);
        }
        return;
    }
    let base64 = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| STANDARD.encode(bytes));
    let headers: Vec<Value> = owned.headers.iter().map(|(name, value)| json!([name, base64(value)])).collect();
    let expected = value.map(|value| {
        json!({
            "topic": "bids",
            "partition": owned.partition,
            "offset": owned.offset,
            "timestamp": (owned.timestamp_ms >= 0).then_some(owned.timestamp_ms),
            "key": base64(&owned.key),
            "headers": headers,
            "value": value,
        })
    });
    match serde_json::from_slice::<Value>(line) {
        Ok(read) => assert_eq!(Some(read), expected),
        Err(error) => assert!(too_deep_to_check(&error), "{error}"),
    }
}

pub(crate) fn lines(data: &[u8]) -> Answer {
    let mut input = Input::new(data);
    let job = &JOBS[input.below(JOBS.len())];
    let mut scratch = Scratch::new(&job.plan);
    let (mut first, mut second) = (job.plan.new_chunk(), job.plan.new_chunk());
    let mut landed: Vec<Owned> = Vec::new();
    for offset in 0..16 {
        if input.is_empty() {
            break;
        }
        let owned = Owned::read(&mut input, offset);
        let record = owned.record();
        match accepted(&job.plan, &mut scratch, &record, 1_774_884_854_321) {
            Verdict::Route { .. } => {}
            Verdict::Skip(_) => {
                assert!(record.content().is_none());
                continue;
            }
            Verdict::Reject(_) => continue,
        }
        confined(scratch.group_key(), offset, job.plan.ext());
        first.append(&job.plan, &mut scratch, &record).unwrap();
        // Not just accepted: it is read again.
        second.append(&job.plan, &mut Scratch::new(&job.plan), &record).unwrap();
        landed.push(owned);
    }
    assert_eq!(first.records(), landed.len() as u64);
    if landed.is_empty() {
        // A file is opened by its first record: there is none without.
        return Answer::Refused;
    }
    let mut encoder = job.plan.new_encoder().unwrap();
    let mut pieces = encoder.encode(second.seal()).unwrap();
    pieces.extend(encoder.finish().unwrap());
    let file = pieces.concat();
    let independent = encode_independent(&job.plan, first.seal()).unwrap().concat();
    assert_eq!(decoded(job.codec, &independent), decoded(job.codec, &file));
    let text = decoded(job.codec, &file);
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    assert_eq!(lines.len(), landed.len() + 1, "a line a record");
    for (line, owned) in lines.iter().zip(&landed) {
        check_line(line, owned, job);
    }
    Answer::Accepted
}

fn decoded(codec: Codec, file: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    match codec {
        Codec::Plain => text.extend_from_slice(file),
        Codec::Gzip => {
            flate2::read::MultiGzDecoder::new(file).read_to_end(&mut text).unwrap();
        }
        Codec::Zstd => zstd::stream::copy_decode(file, &mut text).unwrap(),
    }
    text
}
