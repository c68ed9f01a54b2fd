//! Sizes, durations and instants as a document writes them. Sizes are in bytes, times in milliseconds.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::reader::{FromNode, Node, Number, Refusal};

/// A number of bytes; written as `134217728` or `128 MiB`, printed in the largest unit that fits exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// A time span in milliseconds; written as `500ms`, `10m`, `1h30m` or plain milliseconds, printed in the largest unit that fits exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DurationMs(pub u64);

/// An instant, in milliseconds since the Unix epoch; written and printed in RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimestampMs(pub i64);

const SIZES: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
const SPANS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const SIZE_FIX: &str = "write a number of bytes or a size such as 128 MiB";
const SPAN_FIX: &str = "write a duration such as 500ms, 30s, 10m or 2h";

impl ByteSize {
    /// A size in KiB.
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// A size in MiB.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Reads `128 MiB`, `64KiB`, `512 B` or `512`.
    ///
    /// # Errors
    /// The text is no size, or is more than 2^64 - 1 bytes.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = text.split_at(digits);
        let unit = unit.trim_start();
        let Some(factor) = SIZES.iter().find(|(name, _)| *name == unit || (unit.is_empty() && *name == "B")) else {
            let fix = match SIZES
                .iter()
                .find(|(name, _)| name.replace('i', "").eq_ignore_ascii_case(&unit.replace(['i', 'I'], "")))
            {
                Some((name, _)) if digits > 0 => format!("did you mean {count} {name}? {SIZE_FIX}"),
                _ => SIZE_FIX.to_owned(),
            };
            return Err(Refusal::new("is not a size", fix));
        };
        if digits == 0 {
            return Err(Refusal::new("is not a size", SIZE_FIX));
        }
        let bytes = count.parse::<u64>().ok().and_then(|count| count.checked_mul(factor.1));
        bytes.map(Self).ok_or_else(|| Refusal::new("is too large", SIZE_FIX))
    }
}

impl DurationMs {
    /// A span in seconds.
    pub const fn secs(count: u64) -> Self {
        Self(count * 1_000)
    }

    /// The number of milliseconds.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// The span as the standard library's type.
    pub const fn as_duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }

    /// Reads `500ms`, `90s`, `10m`, `1h30m`, `2d`.
    ///
    /// # Errors
    /// The text is no duration, has no unit, or is more than 2^64 - 1 ms.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let refusal = || Refusal::new("is not a duration", SPAN_FIX);
        let mut rest = text.trim();
        let mut total_ms: u64 = 0;
        let mut last_factor = u64::MAX;
        if rest.is_empty() {
            return Err(refusal());
        }
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (count, tail) = rest.split_at(digits);
            let tail = tail.trim_start();
            let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, tail) = tail.split_at(letters);
            let factor = SPANS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor).ok_or_else(refusal)?;
            // Units fall, so that `1m1h` is not read as something.
            if digits == 0 || factor >= last_factor {
                return Err(refusal());
            }
            last_factor = factor;
            let part_ms = count.parse::<u64>().ok().and_then(|count| count.checked_mul(factor));
            total_ms = part_ms
                .and_then(|part_ms| total_ms.checked_add(part_ms))
                .ok_or_else(|| Refusal::new("is too long", SPAN_FIX))?;
            rest = tail.trim_start();
        }
        Ok(Self(total_ms))
    }
}

impl TimestampMs {
    /// Reads RFC 3339 with an offset or `Z`; parts of a millisecond are cut off.
    ///
    /// # Errors
    /// The text is no RFC 3339 time.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let refused = |_| Refusal::new("is not a time", "write RFC 3339, such as 2026-01-31T13:45:00Z");
        text.trim().parse::<jiff::Timestamp>().map(|at| Self(at.as_millisecond())).map_err(refused)
    }
}

fn largest_unit(value: u64, units: &[(&'static str, u64)]) -> (u64, &'static str) {
    let exact = units.iter().find(|(_, factor)| value != 0 && value.is_multiple_of(*factor));
    exact.or(units.last()).map_or((value, ""), |(name, factor)| (value / factor, *name))
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = largest_unit(self.0, &SIZES);
        write!(f, "{count} {unit}")
    }
}

impl fmt::Display for DurationMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = largest_unit(self.0, &SPANS);
        write!(f, "{count}{unit}")
    }
}

impl fmt::Display for TimestampMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => write!(f, "{at}"),
            Err(_) => write!(f, "{} ms since the epoch", self.0),
        }
    }
}

macro_rules! serialize_as_text {
    ($($Type:ty),+) => { $(
        impl Serialize for $Type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )+ };
}
serialize_as_text!(ByteSize, DurationMs, TimestampMs);

impl FromNode for ByteSize {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        match node {
            Node::Text(text) => Self::parse(text),
            Node::Number(Number::Int(bytes)) => {
                u64::try_from(*bytes).map(Self).map_err(|_| Refusal::new("is not a size", SIZE_FIX))
            }
            Node::Number(Number::Float(_)) => Err(Refusal::new("is not a size", SIZE_FIX)),
            other => Err(Refusal::kind(other, "a number of bytes or a size such as 128 MiB")),
        }
    }
}

impl FromNode for DurationMs {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        match node {
            Node::Text(text) => Self::parse(text),
            Node::Number(Number::Int(ms)) => {
                u64::try_from(*ms).map(Self).map_err(|_| Refusal::new("is not a duration", SPAN_FIX))
            }
            Node::Number(Number::Float(_)) => Err(Refusal::new("is not a duration", SPAN_FIX)),
            other => Err(Refusal::kind(other, "a duration such as 500ms, 30s, 10m or 2h")),
        }
    }
}

impl FromNode for TimestampMs {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        match node {
            Node::Text(text) => Self::parse(text),
            other => Err(Refusal::kind(other, "RFC 3339, such as \"2026-01-31T13:45:00Z\"")),
        }
    }
}
