//! The letter and its form as one line of JSON, as it lies in S3. The line's fields are a contract with the outside.

use std::fmt;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use serde::Deserialize;

/// One record set aside.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    pub job: String,
    pub cluster: String,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// The record's own timestamp; -1 when it had none.
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// The record's headers in order; a name may repeat, a value may be null.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Where it failed: decode, route, encode.
    pub stage: String,
    /// From the closed list of reasons, as `malformed_json`.
    pub reason: String,
    /// What was wrong with this record.
    pub error: String,
    /// When it was set aside.
    pub at_ms: i64,
}

/// The bytes may be anybody's data: their sizes are shown, never they themselves.
impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter")
            .field("source", &self.source())
            .field("key_bytes", &self.key.as_ref().map(Vec::len))
            .field("value_bytes", &self.value.as_ref().map(Vec::len))
            .field("headers", &self.headers.len())
            .field("stage", &self.stage)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// Why a line is no letter.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    #[error("no dead letter: {0}")]
    Json(#[from] serde_json::Error),
    #[error("no dead letter: {field} is not base64: {source}")]
    Base64 { field: String, source: base64::DecodeError },
    #[error("no dead letter: at {at:?} is not an RFC 3339 time: {source}")]
    Time { at: String, source: jiff::Error },
}

#[derive(Deserialize)]
struct Line {
    job: String,
    cluster: String,
    topic: String,
    partition: i32,
    offset: i64,
    timestamp_ms: i64,
    key: Option<String>,
    value: Option<String>,
    headers: Vec<(String, Option<String>)>,
    stage: String,
    reason: String,
    error: String,
    at: String,
}

impl Letter {
    /// Bytes of the record and what was said of it, allocations apart.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let bytes = |part: &Option<Vec<u8>>| part.as_ref().map_or(0, Vec::len);
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + bytes(value)).sum();
        bytes(&self.key) + bytes(&self.value) + headers + self.error.len()
    }

    /// What tells letters of the same record apart from others: `<cluster>/<topic>/<partition>/<offset>`.
    #[must_use]
    pub fn source(&self) -> String {
        format!("{}/{}/{}/{}", self.cluster, self.topic, self.partition, self.offset)
    }

    /// When the letter was set aside, in RFC 3339.
    #[must_use]
    pub fn at(&self) -> String {
        let nearest = self.at_ms.clamp(MIN_AT_MS, MAX_AT_MS);
        jiff::Timestamp::from_millisecond(nearest).map(|at| at.to_string()).unwrap_or_default()
    }

    /// Appends the letter as one line with its newline.
    pub fn to_json_line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"job\":");
        text(out, &self.job);
        out.extend_from_slice(b",\"cluster\":");
        text(out, &self.cluster);
        out.extend_from_slice(b",\"topic\":");
        text(out, &self.topic);
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            ",\"partition\":{},\"offset\":{},\"timestamp_ms\":{},\"key\":",
            self.partition, self.offset, self.timestamp_ms
        );
        bytes(out, self.key.as_deref());
        out.extend_from_slice(b",\"value\":");
        bytes(out, self.value.as_deref());
        out.extend_from_slice(b",\"headers\":[");
        for (n, (name, value)) in self.headers.iter().enumerate() {
            out.extend_from_slice(if n == 0 { b"[" } else { b",[" });
            text(out, name);
            out.push(b',');
            bytes(out, value.as_deref());
            out.push(b']');
        }
        out.extend_from_slice(b"],\"stage\":");
        text(out, &self.stage);
        out.extend_from_slice(b",\"reason\":");
        text(out, &self.reason);
        out.extend_from_slice(b",\"error\":");
        text(out, &self.error);
        out.extend_from_slice(b",\"at\":");
        text(out, &self.at());
        out.extend_from_slice(b"}\n");
    }

    /// Reads a line back, with or without its newline. Fields that a later version adds are passed over.
    ///
    /// # Errors
    /// The line is no letter.
    pub fn from_json_line(line: &[u8]) -> Result<Self, ParseError> {
        let line: Line = serde_json::from_slice(line)?;
        let headers = line.headers.into_iter().map(|(name, value)| {
            let value = decode(&format!("header {name}"), value)?;
            Ok::<_, ParseError>((name, value))
        });
        let at = line.at.parse::<jiff::Timestamp>().map_err(|source| ParseError::Time { at: line.at, source })?;
        Ok(Self {
            job: line.job,
            cluster: line.cluster,
            topic: line.topic,
            partition: line.partition,
            offset: line.offset,
            timestamp_ms: line.timestamp_ms,
            key: decode("key", line.key)?,
            value: decode("value", line.value)?,
            headers: headers.collect::<Result<_, _>>()?,
            stage: line.stage,
            reason: line.reason,
            error: line.error,
            at_ms: at.as_millisecond(),
        })
    }
}

/// The years that RFC 3339 can write: 0000-01-01 to 9999-12-30.
const MIN_AT_MS: i64 = -62_167_219_200_000;
const MAX_AT_MS: i64 = 253_402_207_199_999;

fn text(out: &mut Vec<u8>, text: &str) {
    // A string always serialises, and writing to a Vec cannot fail.
    let _ = serde_json::to_writer(out, text);
}

fn bytes(out: &mut Vec<u8>, value: Option<&[u8]>) {
    let Some(value) = value else {
        out.extend_from_slice(b"null");
        return;
    };
    out.push(b'"');
    let mut encoder = EncoderWriter::new(&mut *out, &STANDARD);
    // Writing to a Vec cannot fail; the encoder holds back an incomplete group until it is finished.
    let _ = encoder.write_all(value);
    let _ = encoder.finish();
    drop(encoder);
    out.push(b'"');
}

fn decode(field: &str, value: Option<String>) -> Result<Option<Vec<u8>>, ParseError> {
    let decoded = value.map(|value| STANDARD.decode(value)).transpose();
    decoded.map_err(|source| ParseError::Base64 { field: field.to_owned(), source })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn sample() -> Letter {
        Letter {
            job: "bids".into(),
            cluster: "main".into(),
            topic: "ad-bids".into(),
            partition: 3,
            offset: 421,
            timestamp_ms: 1_700_000_000_123,
            key: None,
            value: Some(b"{\"broken\xff".to_vec()),
            headers: vec![("trace".into(), Some(b"1".to_vec())), ("none".into(), None)],
            stage: "decode".into(),
            reason: "malformed_json".into(),
            error: "expected `:` at \"column\" 10".into(),
            at_ms: 1_700_000_100_000,
        }
    }

    #[test]
    fn a_letter_is_the_line_that_the_contract_says() {
        let mut line = Vec::new();
        sample().to_json_line(&mut line);
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "{\"job\":\"bids\",\"cluster\":\"main\",\"topic\":\"ad-bids\",\"partition\":3,\"offset\":421,\
             \"timestamp_ms\":1700000000123,\"key\":null,\"value\":\"eyJicm9rZW7/\",\
             \"headers\":[[\"trace\",\"MQ==\"],[\"none\",null]],\"stage\":\"decode\",\
             \"reason\":\"malformed_json\",\"error\":\"expected `:` at \\\"column\\\" 10\",\
             \"at\":\"2023-11-14T22:15:00Z\"}\n"
        );
    }

    #[test]
    fn a_line_that_is_no_letter_says_which_field() {
        let mut line = Vec::new();
        sample().to_json_line(&mut line);
        let line = String::from_utf8(line).unwrap();
        for (from, to, wanted) in [
            ("eyJicm9rZW7/", "%%%", "value is not base64"),
            ("MQ==", "%", "header trace is not base64"),
            ("2023-11-14", "yesterday", "not an RFC 3339 time"),
            ("\"offset\":421,", "", "missing field `offset`"),
        ] {
            let error = Letter::from_json_line(line.replace(from, to).as_bytes()).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn a_debug_shows_no_bytes_of_the_record() {
        assert!(!format!("{:?}", sample()).contains("broken"));
    }

    #[test]
    fn a_time_beyond_all_calendars_is_written_as_the_nearest() {
        for (at_ms, wanted) in [(i64::MAX, "9999-12-30T21:59:59.999Z"), (i64::MIN, "0000-01-01T00:00:00Z")] {
            assert_eq!(Letter { at_ms, ..sample() }.at(), wanted);
        }
    }

    proptest! {
        #[test]
        fn every_letter_comes_back_as_it_was_and_is_one_line(
            texts in proptest::array::uniform6(any::<String>()),
            numbers in (any::<i32>(), any::<i64>(), any::<i64>(), MIN_AT_MS..MAX_AT_MS),
            key in any::<Option<Vec<u8>>>(),
            value in any::<Option<Vec<u8>>>(),
            headers in any::<Vec<(String, Option<Vec<u8>>)>>(),
        ) {
            let [job, cluster, topic, stage, reason, error] = texts;
            let (partition, offset, timestamp_ms, at_ms) = numbers;
            let letter = Letter {
                job, cluster, topic, partition, offset, timestamp_ms, key, value, headers, stage, reason, error, at_ms,
            };
            let mut line = Vec::new();
            letter.to_json_line(&mut line);
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            prop_assert_eq!(line.last(), Some(&b'\n'));
            prop_assert_eq!(Letter::from_json_line(&line).unwrap(), letter);
        }
    }
}
