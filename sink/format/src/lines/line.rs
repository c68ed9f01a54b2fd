//! One record as one line.
//!
//! Without an envelope the line is the value's own bytes. With one it is
//! `{"topic":"bids","partition":0,"offset":42,"timestamp":1700000000000,"key":"<base64>","headers":[["name","<base64>"]],"value":<the value>}`
//! with the fields the job asks for, in this order. `timestamp` is in milliseconds, null where the record has none.
//! Key and header values are base64 or null, so that any bytes survive; the value's bytes are its own here too, so a
//! replay can restore every record exactly. A tombstone has `"value":null`, which an empty value and the JSON text
//! `null` have as well.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_job::EnvelopeField;

use crate::json::write_string;
use crate::record::Record;

/// Appends `value` with every CR and LF made a space, and none at its ends: between the tokens of a validated document
/// they are white space, and inside its strings there are none.
fn append_on_one_line(out: &mut Vec<u8>, value: &[u8]) {
    let value = value.trim_ascii();
    let from = out.len();
    out.extend_from_slice(value);
    for byte in out.iter_mut().skip(from).filter(|byte| matches!(byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
}

/// Appends one line. `line_breaks` tells whether the value spans several.
#[inline]
pub(crate) fn append_line(out: &mut Vec<u8>, envelope: &[EnvelopeField], record: &Record<'_>, line_breaks: bool) {
    if envelope.is_empty() {
        append_value(out, record.content(), line_breaks);
    } else {
        append_enveloped(out, envelope, record, line_breaks);
    }
    out.push(b'\n');
}

#[inline]
fn append_value(out: &mut Vec<u8>, value: Option<&[u8]>, line_breaks: bool) {
    match value {
        Some(value) if line_breaks => append_on_one_line(out, value),
        Some(value) => {
            out.reserve(value.len() + 1);
            out.extend_from_slice(value);
        }
        None => out.extend_from_slice(b"null"),
    }
}

fn append_enveloped(out: &mut Vec<u8>, envelope: &[EnvelopeField], record: &Record<'_>, line_breaks: bool) {
    out.push(b'{');
    for field in EnvelopeField::ALL.iter().filter(|field| envelope.contains(field)) {
        out.push(b'"');
        out.extend_from_slice(field.as_str().as_bytes());
        out.extend_from_slice(b"\":");
        match field {
            EnvelopeField::Topic => write_string(out, record.topic),
            EnvelopeField::Partition => number(out, i64::from(record.partition)),
            EnvelopeField::Offset => number(out, record.offset),
            EnvelopeField::Timestamp if record.timestamp_ms < 0 => out.extend_from_slice(b"null"),
            EnvelopeField::Timestamp => number(out, record.timestamp_ms),
            EnvelopeField::Key => base64(out, record.key),
            EnvelopeField::Headers => headers(out, record),
        }
        out.push(b',');
    }
    out.extend_from_slice(b"\"value\":");
    append_value(out, record.content(), line_breaks);
    out.push(b'}');
}

fn headers(out: &mut Vec<u8>, record: &Record<'_>) {
    out.push(b'[');
    for (at, (name, value)) in record.headers.to_vec().iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.push(b'[');
        write_string(out, name);
        out.push(b',');
        base64(out, value.as_deref());
        out.push(b']');
    }
    out.push(b']');
}

fn number(out: &mut Vec<u8>, number: i64) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{number}");
}

fn base64(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else {
        out.extend_from_slice(b"null");
        return;
    };
    out.push(b'"');
    let from = out.len();
    out.resize(from + bytes.len().div_ceil(3) * 4, 0);
    let written = out.get_mut(from..).and_then(|room| STANDARD.encode_slice(bytes, room).ok()).unwrap_or(0);
    out.truncate(from + written);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::record::NoHeaders;

    fn line(envelope: &[EnvelopeField], record: &Record<'_>, line_breaks: bool) -> String {
        let mut out = Vec::new();
        append_line(&mut out, envelope, record, line_breaks);
        String::from_utf8(out).unwrap()
    }

    fn record<'a>(value: Option<&'a [u8]>, headers: &'a dyn crate::HeaderView) -> Record<'a> {
        Record {
            cluster: "c",
            topic: "t\"x",
            partition: 3,
            offset: 9,
            timestamp_ms: 5,
            key: Some(b"\xff\0k"),
            value,
            headers,
        }
    }

    #[test]
    fn a_plain_line_is_the_value_and_a_line_feed() {
        assert_eq!(line(&[], &record(Some(b" {\"a\" : 1}\t"), &NoHeaders), false), " {\"a\" : 1}\t\n");
    }

    #[test]
    fn a_value_over_several_lines_becomes_one() {
        let value = b"\r\n{\n  \"a\": \"x\\ny\",\r\n\"b\":[1,\n2]}\n";
        assert_eq!(line(&[], &record(Some(value), &NoHeaders), true), "{   \"a\": \"x\\ny\",  \"b\":[1, 2]}\n");
    }

    #[test]
    fn an_enveloped_line_has_the_fields_asked_for_in_one_order_and_the_value_untouched() {
        use EnvelopeField::{Headers, Key, Offset, Partition, Timestamp, Topic};
        let headers = vec![("h".to_owned(), Some(b"v".to_vec())), ("n".to_owned(), None)];
        let record = record(Some(b"{\"n\":1.0}"), &headers);
        assert_eq!(
            line(&[Headers, Key, Timestamp, Offset, Partition, Topic], &record, false),
            "{\"topic\":\"t\\\"x\",\"partition\":3,\"offset\":9,\"timestamp\":5,\"key\":\"/wBr\",\
             \"headers\":[[\"h\",\"dg==\"],[\"n\",null]],\"value\":{\"n\":1.0}}\n"
        );
        assert_eq!(line(&[Offset], &record, false), "{\"offset\":9,\"value\":{\"n\":1.0}}\n");
    }

    #[test]
    fn what_a_record_does_not_have_is_null_in_its_envelope() {
        let mut tombstone = record(None, &NoHeaders);
        tombstone.key = None;
        tombstone.timestamp_ms = -1;
        let fields = [EnvelopeField::Key, EnvelopeField::Timestamp, EnvelopeField::Headers];
        assert_eq!(
            line(&fields, &tombstone, false),
            "{\"timestamp\":null,\"key\":null,\"headers\":[],\"value\":null}\n"
        );
        tombstone.key = Some(b"");
        tombstone.value = Some(b"");
        assert_eq!(line(&[EnvelopeField::Key], &tombstone, false), "{\"key\":\"\",\"value\":null}\n");
    }
}
