//! The key template, compiled: from a record's fields to its group key.

use jiff::tz::TimeZone;
use landfall_job::{DurationMs, KeyTemplate, TemplatePart};

use super::clock_text::{BadFormat, TimeCache, TimeFormat};
use super::segment::{Alphabet, encode_value};
use super::{
    FIRST_OFFSET_DIGITS, MAX_KEY_BYTES, MAX_SEGMENT_BYTES, MAX_UNIQUE_BYTES, STRETCH_MARK, UNIQUE_MARK, offset_digits,
    offset_mark,
};
use crate::json::{Captures, Kind, unescape_into};
use crate::reason::{Reason, Rejection, Stage};
use crate::record::Record;
use crate::rotate;

/// What a missing or null value is rendered as, where the job does not dead-letter it.
const NULL_VALUE: &str = "__null__";

#[derive(Debug)]
enum Piece {
    Literal(String),
    Topic,
    Partition,
    Time { clock: Clock, format: TimeFormat, cache: usize },
    Field { slot: usize, path: String },
    Header(String),
    Key,
    FirstOffset(usize),
    Unique,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Event,
    Wall,
}

/// A compiled template.
#[derive(Debug)]
pub(crate) struct KeyPlan {
    pieces: Vec<Piece>,
    caches: usize,
    missing_is_rejected: bool,
    /// The key depends on nothing but topic, partition and the two clocks, so the last one often still holds.
    memorable: bool,
    reads_headers: bool,
    /// By `rotate.event_time`: the length of the stretches of event time that share no file.
    stretch: Option<DurationMs>,
}

/// What a key is rendered from.
pub(crate) struct Inputs<'a> {
    pub(crate) record: &'a Record<'a>,
    /// The record's value; empty if it has none.
    pub(crate) text: &'a str,
    pub(crate) captures: &'a Captures,
    pub(crate) event_time_ms: i64,
    pub(crate) now_ms: i64,
}

/// A span of time: from (inclusive), until (exclusive).
#[derive(Debug, Clone, Copy)]
struct Span {
    from_ms: i64,
    until_ms: i64,
}

impl Span {
    const ALL: Self = Self { from_ms: i64::MIN, until_ms: i64::MAX };

    fn has(self, at_ms: i64) -> bool {
        self.from_ms <= at_ms && at_ms < self.until_ms
    }

    fn narrow(&mut self, from_ms: i64, until_ms: i64) {
        self.from_ms = self.from_ms.max(from_ms);
        self.until_ms = self.until_ms.min(until_ms);
    }
}

/// Reused from record to record.
#[derive(Debug)]
pub(crate) struct KeyScratch {
    key: String,
    caches: Vec<TimeCache>,
    unescaped: String,
    memo: Option<Memo>,
    memo_topic: String,
}

/// For which records the last rendered key still holds.
#[derive(Debug, Clone, Copy)]
struct Memo {
    partition: i32,
    event: Span,
    wall: Span,
}

impl KeyScratch {
    pub(crate) fn new(plan: &KeyPlan) -> Self {
        let caches = vec![TimeCache::default(); plan.caches];
        Self { key: String::new(), caches, unescaped: String::new(), memo: None, memo_topic: String::new() }
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

impl KeyPlan {
    /// Compiles `template`. `slot_of` tells where a field's value is captured.
    pub(crate) fn compile(
        template: &KeyTemplate,
        zone: &TimeZone,
        ext: &str,
        missing_is_rejected: bool,
        mut slot_of: impl FnMut(&landfall_job::FieldPath) -> usize,
    ) -> Result<Self, BadFormat> {
        let mut caches = 0;
        let mut pieces: Vec<Piece> = Vec::new();
        for part in template.parts() {
            let mut time = |clock, format: &String| {
                caches += 1;
                TimeFormat::new(format, zone).map(|format| Piece::Time { clock, format, cache: caches - 1 })
            };
            let piece = match part {
                TemplatePart::Literal(text) => Piece::Literal(text.clone()),
                TemplatePart::Topic => Piece::Topic,
                TemplatePart::Partition => Piece::Partition,
                TemplatePart::FirstOffset(digits) => Piece::FirstOffset(*digits),
                TemplatePart::Timestamp(format) => time(Clock::Event, format)?,
                TemplatePart::WallClock(format) => time(Clock::Wall, format)?,
                TemplatePart::Field(path) => Piece::Field { slot: slot_of(path), path: path.to_string() },
                TemplatePart::Header(name) => Piece::Header(name.clone()),
                TemplatePart::Key => Piece::Key,
                TemplatePart::Unique => Piece::Unique,
                TemplatePart::Ext => Piece::Literal(ext.to_owned()),
            };
            pieces.push(piece);
        }
        let own = |piece: &Piece| matches!(piece, Piece::Field { .. } | Piece::Header(_) | Piece::Key);
        let memorable = !pieces.iter().any(own);
        let reads_headers = pieces.iter().any(|piece| matches!(piece, Piece::Header(_)));
        Ok(Self { pieces, caches, missing_is_rejected, memorable, reads_headers, stretch: None })
    }

    /// The same, with group keys that keep stretches of event time of this length apart.
    pub(crate) fn in_stretches(self, stretch: Option<DurationMs>) -> Self {
        Self { stretch, ..self }
    }

    /// Renders the group key into `scratch`; true if it is the same as that of the record before.
    pub(crate) fn render(&self, inputs: &Inputs<'_>, scratch: &mut KeyScratch) -> Result<bool, Rejection> {
        let record = inputs.record;
        if let Some(memo) = scratch.memo {
            let same = memo.partition == record.partition
                && memo.event.has(inputs.event_time_ms)
                && memo.wall.has(inputs.now_ms)
                && scratch.memo_topic == record.topic;
            if same {
                return Ok(true);
            }
        }
        scratch.memo = None;
        scratch.key.clear();
        let (mut event, mut wall) = (Span::ALL, Span::ALL);
        let headers = if self.reads_headers { record.headers.to_vec() } else { Vec::new() };
        for piece in &self.pieces {
            let key = &mut scratch.key;
            match piece {
                Piece::Literal(text) => key.push_str(text),
                Piece::Topic => encode_value(key, record.topic.as_bytes(), Alphabet::Value),
                Piece::Partition => push_number(key, record.partition),
                Piece::FirstOffset(digits) => key.push(offset_mark(*digits)),
                Piece::Unique => key.push(UNIQUE_MARK),
                Piece::Time { clock, format, cache } => {
                    let (at_ms, span) = match clock {
                        Clock::Event => (inputs.event_time_ms, &mut event),
                        Clock::Wall => (inputs.now_ms, &mut wall),
                    };
                    let bad = |error: BadFormat| Rejection::new(Stage::Route, Reason::KeyRender, error.0);
                    let (text, from_ms, until_ms) = format.render(at_ms, &mut scratch.caches[*cache]).map_err(bad)?;
                    span.narrow(from_ms, until_ms);
                    key.push_str(text);
                }
                Piece::Field { slot, path } => self.field(inputs, *slot, path, &mut scratch.unescaped, key)?,
                Piece::Header(name) => {
                    let value = headers.iter().rev().find(|(n, _)| n == name).and_then(|(_, value)| value.as_deref());
                    self.bytes(value, || format!("the header {name}"), key)?;
                }
                Piece::Key => self.bytes(record.key, || "the record's key".to_owned(), key)?,
            }
        }
        check_length(&scratch.key)?;
        if let Some(length) = self.stretch {
            let stretch = rotate::Stretch::of(inputs.event_time_ms, length);
            event.narrow(stretch.from_ms, stretch.until_ms);
            scratch.key.push(STRETCH_MARK);
            push_number(&mut scratch.key, stretch.number);
        }
        if self.memorable {
            scratch.memo = Some(Memo { partition: record.partition, event, wall });
            scratch.memo_topic.clear();
            scratch.memo_topic.push_str(record.topic);
        }
        Ok(false)
    }

    fn field(
        &self,
        inputs: &Inputs<'_>,
        slot: usize,
        path: &str,
        unescaped: &mut String,
        key: &mut String,
    ) -> Result<(), Rejection> {
        let what = || format!("the field {path}");
        let Some(span) = inputs.captures.value(slot) else {
            return self.bytes(None, what, key);
        };
        match span.kind {
            Kind::Null => self.bytes(None, what, key),
            Kind::Bool | Kind::Number => self.bytes(Some(span.of(inputs.text).as_bytes()), what, key),
            Kind::String { escaped: false } => self.bytes(Some(span.inside(inputs.text).as_bytes()), what, key),
            Kind::String { escaped: true } => {
                unescaped.clear();
                unescape_into(span.inside(inputs.text), unescaped);
                self.bytes(Some(unescaped.as_bytes()), what, key)
            }
            kind @ (Kind::Array | Kind::Object) => {
                let message = format!("the field {path} is {}; a key takes text, a number or a boolean", kind.name());
                Err(Rejection::new(Stage::Route, Reason::KeyRender, message))
            }
        }
    }

    fn bytes(&self, value: Option<&[u8]>, what: impl Fn() -> String, key: &mut String) -> Result<(), Rejection> {
        match value {
            Some(value) if value.len() > MAX_SEGMENT_BYTES => {
                let message =
                    format!("{} has {} bytes; a key's segment takes {MAX_SEGMENT_BYTES}", what(), value.len());
                Err(Rejection::new(Stage::Route, Reason::KeyRender, message))
            }
            Some(value) => {
                encode_value(key, value, Alphabet::Value);
                Ok(())
            }
            None if self.missing_is_rejected => {
                let message = format!("{} is missing or null", what());
                Err(Rejection::new(Stage::Route, Reason::MissingField, message))
            }
            None => {
                key.push_str(NULL_VALUE);
                Ok(())
            }
        }
    }
}

fn push_number(key: &mut String, number: impl std::fmt::Display) {
    use std::fmt::Write as _;
    // Writing to a String cannot fail.
    let _ = write!(key, "{number}");
}

/// Whether the key can still be finished within its bounds.
fn check_length(group_key: &str) -> Result<(), Rejection> {
    let finished = |part: &str| {
        part.bytes().fold(0, |length: usize, byte| {
            length
                + match char::from(byte) {
                    UNIQUE_MARK => MAX_UNIQUE_BYTES,
                    // An offset may have more digits than it is padded to.
                    mark if offset_digits(mark).is_some() => FIRST_OFFSET_DIGITS,
                    _ => 1,
                }
        })
    };
    let refuse = |message: String| Err(Rejection::new(Stage::Route, Reason::KeyRender, message));
    let whole = finished(group_key);
    if whole > MAX_KEY_BYTES {
        return refuse(format!("the key would have {whole} bytes, more than {MAX_KEY_BYTES}"));
    }
    if whole <= MAX_SEGMENT_BYTES {
        return Ok(());
    }
    match group_key.split('/').map(finished).max() {
        Some(longest) if longest > MAX_SEGMENT_BYTES => {
            refuse(format!("a segment of the key would have {longest} bytes, more than {MAX_SEGMENT_BYTES}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
