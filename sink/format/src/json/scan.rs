//! The scanner: validates values and tells where they lie.
//!
//! The caller drives it object by object (see `walk`); whatever the caller does not care for is skipped by an
//! iterative loop whose nesting is kept in the bits of one `u128`, so that no document can exhaust a stack.

use super::fault::{Fault, JsonError};

/// A document may nest this many arrays and objects, inclusive.
pub const MAX_DEPTH: u32 = 128;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    /// `escaped` tells whether any backslash is in it: without, its text is its content.
    String {
        escaped: bool,
    },
    Array,
    Object,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String { .. } => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

/// Where a value lies: `start` inclusive, `end` exclusive, quotes and brackets included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: Kind,
}

impl Span {
    /// The value's text; empty if `source` is not the text this span was made from.
    pub(crate) fn of<'a>(&self, source: &'a str) -> &'a str {
        source.get(self.start..self.end).unwrap_or_default()
    }

    /// A string's text between its quotes, escapes and all.
    pub(crate) fn inside<'a>(&self, source: &'a str) -> &'a str {
        source.get(self.start + 1..self.end.saturating_sub(1)).unwrap_or_default()
    }
}

#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    pos: usize,
    depth: u32,
    line_breaks: bool,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The high bit of every byte of `word` that ends a plain run inside a string: quote, backslash, control characters.
/// Exact up to and including the first of them.
#[inline]
fn string_stops(word: u64) -> u64 {
    let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    let control = word.wrapping_sub(ONES * 0x20);
    (quote | backslash | control) & !word & HIGHS
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), pos: 0, depth: 0, line_breaks: false }
    }

    /// A scanner at the value that begins at byte `position` of an already validated document.
    pub(crate) fn at(text: &'a str, position: usize) -> Self {
        Self { bytes: text.as_bytes(), pos: position, depth: 0, line_breaks: false }
    }

    /// Whether a raw CR or LF stood between tokens so far. (Inside a string it would have been refused.)
    pub(crate) fn line_breaks(&self) -> bool {
        self.line_breaks
    }

    pub(crate) fn position(&self) -> usize {
        self.pos
    }

    pub(crate) fn fault<T>(&self, fault: Fault) -> Result<T, JsonError> {
        let fault = if self.pos >= self.bytes.len() { Fault::End } else { fault };
        Err(JsonError { fault, at: self.pos })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    #[inline]
    fn white(&mut self) {
        if self.peek().is_some_and(|byte| byte <= b' ') {
            self.white_run();
        }
    }

    fn white_run(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' => {}
                b'\n' | b'\r' => self.line_breaks = true,
                _ => return,
            }
            self.pos += 1;
        }
    }

    /// Moves to the first byte of the document.
    pub(crate) fn begin(&mut self) -> Result<(), JsonError> {
        if self.bytes.is_empty() {
            return Err(JsonError { fault: Fault::Empty, at: 0 });
        }
        if self.bytes.starts_with(b"\xEF\xBB\xBF") {
            return Err(JsonError { fault: Fault::ByteOrderMark, at: 0 });
        }
        self.white();
        Ok(())
    }

    /// Nothing but white space may follow the document.
    pub(crate) fn finish(&mut self) -> Result<(), JsonError> {
        self.white();
        if self.pos < self.bytes.len() {
            return Err(JsonError { fault: Fault::SecondDocument, at: self.pos });
        }
        Ok(())
    }

    /// Whether the value at hand is an object.
    pub(crate) fn at_object(&self) -> bool {
        self.peek() == Some(b'{')
    }

    /// Enters the object or array at hand.
    pub(crate) fn enter(&mut self) -> Result<(), JsonError> {
        if self.depth >= MAX_DEPTH {
            return Err(JsonError { fault: Fault::TooDeep, at: self.pos });
        }
        self.depth += 1;
        self.pos += 1;
        self.white();
        Ok(())
    }

    /// In an entered object: the next member's name, with the scanner left at its value; `None` after `}`.
    /// `first` says whether no member was read yet.
    #[inline]
    pub(crate) fn member(&mut self, first: bool) -> Result<Option<Span>, JsonError> {
        if !self.more(b'}', first, "',' or '}'")? {
            return Ok(None);
        }
        self.name().map(Some)
    }

    /// In an entered array: whether there is another element, with the scanner left at it; false after `]`.
    #[inline]
    pub(crate) fn element(&mut self, first: bool) -> Result<bool, JsonError> {
        self.more(b']', first, "',' or ']'")
    }

    #[inline]
    fn more(&mut self, close: u8, first: bool, expected: &'static str) -> Result<bool, JsonError> {
        if !first {
            self.white();
        }
        match self.peek() {
            Some(b',') if !first => {
                self.pos += 1;
                self.white();
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.pos += 1;
                self.depth -= 1;
                Ok(false)
            }
            _ if first => Ok(true),
            _ => self.fault(Fault::Expected(expected)),
        }
    }

    #[inline]
    fn name(&mut self) -> Result<Span, JsonError> {
        if self.peek() != Some(b'"') {
            return self.fault(Fault::Expected("a name in quotes"));
        }
        let name = self.string()?;
        self.white();
        if self.peek() != Some(b':') {
            return self.fault(Fault::Expected("':'"));
        }
        self.pos += 1;
        self.white();
        Ok(name)
    }

    /// Validates and passes over the value at hand.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Span, JsonError> {
        match self.peek() {
            Some(b'{') => self.container(Kind::Object),
            Some(b'[') => self.container(Kind::Array),
            _ => self.scalar(),
        }
    }

    fn literal(&mut self, word: &'static [u8], kind: Kind) -> Result<Span, JsonError> {
        let start = self.pos;
        if !self.bytes.get(start..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(JsonError { fault: Fault::Expected("a value"), at: start });
        }
        self.pos += word.len();
        Ok(Span { start, end: self.pos, kind })
    }

    fn container(&mut self, kind: Kind) -> Result<Span, JsonError> {
        let start = self.pos;
        let base = self.depth;
        // Bit 0 tells whether the innermost open container is an object; MAX_DEPTH levels fit exactly.
        let mut objects: u128 = 0;
        loop {
            let mut closed = false;
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    self.enter()?;
                    let object = open == b'{';
                    objects = (objects << 1) | u128::from(object);
                    if self.next_inside(object, true)? {
                        continue;
                    }
                    closed = true;
                }
                _ => {
                    self.scalar()?;
                }
            }
            loop {
                if closed {
                    objects >>= 1;
                    if self.depth == base {
                        return Ok(Span { start, end: self.pos, kind });
                    }
                }
                if self.next_inside(objects & 1 == 1, false)? {
                    break;
                }
                closed = true;
            }
        }
    }

    #[inline]
    fn next_inside(&mut self, object: bool, first: bool) -> Result<bool, JsonError> {
        if object { Ok(self.member(first)?.is_some()) } else { self.element(first) }
    }

    #[inline]
    fn scalar(&mut self) -> Result<Span, JsonError> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b't') => self.literal(b"true", Kind::Bool),
            Some(b'f') => self.literal(b"false", Kind::Bool),
            Some(b'n') => self.literal(b"null", Kind::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.fault(Fault::Expected("a value")),
        }
    }

    /// Where the digits from `at` on end, exclusive; at least one must be there.
    #[inline]
    fn digits(&mut self, mut at: usize) -> Result<usize, JsonError> {
        let from = at;
        while matches!(self.bytes.get(at), Some(b'0'..=b'9')) {
            at += 1;
        }
        if at == from {
            self.pos = at;
            return self.fault(Fault::Number);
        }
        Ok(at)
    }

    #[inline]
    fn number(&mut self) -> Result<Span, JsonError> {
        let start = self.pos;
        let mut at = start + usize::from(self.peek() == Some(b'-'));
        let whole = at;
        at = self.digits(at)?;
        if at > whole + 1 && self.bytes.get(whole) == Some(&b'0') {
            return Err(JsonError { fault: Fault::Number, at: whole });
        }
        if self.bytes.get(at) == Some(&b'.') {
            at = self.digits(at + 1)?;
        }
        if matches!(self.bytes.get(at), Some(b'e' | b'E')) {
            at += 1;
            at += usize::from(matches!(self.bytes.get(at), Some(b'+' | b'-')));
            at = self.digits(at)?;
        }
        self.pos = at;
        Ok(Span { start, end: at, kind: Kind::Number })
    }

    #[inline]
    fn string(&mut self) -> Result<Span, JsonError> {
        let start = self.pos;
        let mut escaped = false;
        let mut at = start + 1;
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            if let Some(chunk) = rest.first_chunk::<8>() {
                let stops = string_stops(u64::from_le_bytes(*chunk));
                if stops == 0 {
                    at += 8;
                    continue;
                }
                at += (stops.trailing_zeros() / 8) as usize;
            } else {
                let stop = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
                at += rest.iter().position(stop).unwrap_or(rest.len());
            }
            self.pos = at;
            match self.peek() {
                Some(b'"') => {
                    self.pos = at + 1;
                    return Ok(Span { start, end: at + 1, kind: Kind::String { escaped } });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                    at = self.pos;
                }
                _ => return self.fault(Fault::ControlCharacter),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        match self.bytes.get(self.pos + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.pos += 2,
            Some(b'u') => {
                let unit = self.hex(self.pos + 2)?;
                match unit {
                    0xD800..0xDC00 => {
                        let pair = self.bytes.get(self.pos + 6..self.pos + 8) == Some(&b"\\u"[..]);
                        if !pair || !matches!(self.hex(self.pos + 8)?, 0xDC00..0xE000) {
                            return self.fault(Fault::LoneSurrogate);
                        }
                        self.pos += 12;
                    }
                    0xDC00..0xE000 => return self.fault(Fault::LoneSurrogate),
                    _ => self.pos += 6,
                }
            }
            Some(_) => return self.fault(Fault::Escape),
            None => return Err(JsonError { fault: Fault::End, at: self.bytes.len() }),
        }
        Ok(())
    }

    fn hex(&self, at: usize) -> Result<u32, JsonError> {
        let bad = JsonError { fault: Fault::Escape, at: self.pos };
        let digits = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<4>).ok_or(bad)?;
        super::text::hex4(*digits).ok_or(bad)
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
