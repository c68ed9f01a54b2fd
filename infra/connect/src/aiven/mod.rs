//! Aiven's S3 sink. It closes every file when the Connect worker commits offsets, which is not in a connector's config:
//! Connect's default of a minute stands for it.

mod output;
mod template;

use crate::confluent::endpoint;
use crate::draft::Draft;
use crate::input::Input;
use crate::translate::ConnectDefaults;
use crate::zone;

/// Connect's `offset.flush.interval.ms` where nobody set it.
const FLUSH_MS: i64 = 60_000;
const MOST_RECORDS: i64 = 1_000_000_000;

pub(crate) fn read(input: &mut Input<'_>, draft: &mut Draft, defaults: &ConnectDefaults) {
    bucket(input, draft);
    for key in ["aws.s3.endpoint", "aws_s3_endpoint"] {
        endpoint(key, input, defaults);
    }
    encryption(input, draft);
    let compression = output::read(input, draft);
    template::read(input, draft, compression);
    clock(input, draft);
    rotation(input, draft);
}

/// The first of two spellings that is written; the other is not needed.
fn either<'a>(input: &mut Input<'a>, newer: &'static str, older: &'static str) -> Option<(&'static str, &'a str)> {
    match (input.get(newer), input.get(older)) {
        (Some(value), _) => {
            input.idle(older, "the newer spelling of it is given");
            Some((newer, value))
        }
        (None, Some(value)) => Some((older, value)),
        (None, None) => None,
    }
}

fn bucket(input: &mut Input<'_>, draft: &mut Draft) {
    match either(input, "aws.s3.bucket.name", "aws_s3_bucket") {
        Some((key, bucket)) => {
            draft.set("sink.bucket", bucket, key);
            input.mapped(key, &["sink.bucket"]);
        }
        None => input.refuse("aws.s3.bucket.name", "is missing", "name the bucket that objects land in"),
    }
}

fn encryption(input: &mut Input<'_>, draft: &mut Draft) {
    const KEY: &str = "aws.s3.sse.algorithm";
    if let Some(algorithm) = input.get(KEY) {
        draft.set("sink.sse.type", algorithm, KEY);
        input.mapped(KEY, &["sink.sse.type"]);
    }
}

fn clock(input: &mut Input<'_>, draft: &mut Draft) {
    match either(input, "file.name.timestamp.source", "timestamp.source") {
        Some((key, source)) => {
            match source.to_ascii_lowercase().as_str() {
                "wallclock" => draft.set("sink.timestamp.from", "wall_clock", key),
                "event" => draft.set("sink.timestamp.from", "record", key),
                _ => input.refuse(key, "is not supported", "write wallclock or event"),
            }
            input.mapped(key, &["sink.timestamp.from"]);
        }
        None => draft.set("sink.timestamp.from", "wall_clock", "file.name.timestamp.source"),
    }
    if let Some((key, zone)) = either(input, "file.name.timestamp.timezone", "timestamp.timezone") {
        draft.set("sink.time_zone", zone::iana(zone), key);
        input.mapped(key, &["sink.time_zone"]);
    }
}

fn rotation(input: &mut Input<'_>, draft: &mut Draft) {
    const KEY: &str = "file.max.records";
    draft.set("sink.rotate.bytes", "never", KEY);
    draft.set("sink.rotate.idle", "never", KEY);
    draft.set_span("sink.rotate.age", FLUSH_MS, KEY);
    let records = input.number(KEY, 0, i64::from(i32::MAX)).unwrap_or(0);
    match records == 0 || records > MOST_RECORDS {
        true => draft.set("sink.rotate.records", "never", KEY),
        false => draft.set("sink.rotate.records", records, KEY),
    }
    let note = "a file is closed after a minute, the default of offset.flush.interval.ms, which a Connect worker sets";
    input.noted(KEY, &["sink.rotate.records", "sink.rotate.age"], note);
}
