//! The time of a record, in milliseconds since 1970-01-01T00:00:00Z.
//!
//! Whatever the source, a time outside 1970 to 9999 is refused: it would make a path or a column nobody can query.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use landfall_job::TimestampUnit;

use crate::json::{Kind, Span, parse_number, unescape_into};

/// The last time that is accepted, inclusive: in every time zone it is still in the year 9999.
pub(crate) const MAX_TIME_MS: i64 = 253_402_207_200_000 - 1;

/// How a field writes a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeUnit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

/// How to read a time from a JSON value.
#[derive(Debug, Clone)]
pub(crate) enum TimeReader {
    /// Since the epoch, as a number or as a string that holds one.
    Epoch(TimeUnit),
    /// A string in RFC 3339, with its offset.
    Rfc3339,
    /// A string in a strptime format; a format without an offset means the zone.
    Format { format: String, zone: TimeZone },
}

impl TimeReader {
    pub(crate) fn of(unit: TimestampUnit) -> Self {
        match unit {
            TimestampUnit::Seconds => Self::Epoch(TimeUnit::Seconds),
            TimestampUnit::Millis => Self::Epoch(TimeUnit::Millis),
            TimestampUnit::Micros => Self::Epoch(TimeUnit::Micros),
            TimestampUnit::Nanos => Self::Epoch(TimeUnit::Nanos),
            TimestampUnit::Rfc3339 => Self::Rfc3339,
        }
    }
}

/// Where a record's time comes from.
#[derive(Debug, Clone)]
pub(crate) enum TimeSource {
    Record,
    WallClock,
    Field { slot: usize, path: String, reader: TimeReader },
}

/// Why a value is no time; a phrase that follows the field's name.
pub(crate) type BadTime = String;

fn within(at_ms: Option<i64>) -> Result<i64, BadTime> {
    match at_ms {
        Some(at_ms) if (0..=MAX_TIME_MS).contains(&at_ms) => Ok(at_ms),
        _ => Err("is outside the years 1970 to 9999".to_owned()),
    }
}

/// A count of `unit` as microseconds, rounded down; `None` beyond `i128` or for what is no number.
pub(crate) fn epoch_micros(text: &str, unit: TimeUnit) -> Option<i128> {
    // Nearly every time is a plain integer.
    if let Ok(count) = text.parse::<i64>().map(i128::from) {
        return Some(match unit {
            TimeUnit::Seconds => count * 1_000_000,
            TimeUnit::Millis => count * 1_000,
            TimeUnit::Micros => count,
            TimeUnit::Nanos => count.div_euclid(1_000),
        });
    }
    let number = parse_number(text)?;
    match unit {
        TimeUnit::Seconds => number.scaled_down(6),
        TimeUnit::Millis => number.scaled_down(3),
        TimeUnit::Micros => number.scaled_down(0),
        TimeUnit::Nanos => number.scaled_down(0).map(|nanos| nanos.div_euclid(1_000)),
    }
}

/// Whether a count of `unit` has no digits finer than a microsecond; false for what is no number.
pub(crate) fn is_whole_micros(text: &str, unit: TimeUnit) -> bool {
    if let Ok(count) = text.parse::<i64>() {
        return unit != TimeUnit::Nanos || count % 1_000 == 0;
    }
    let places = match unit {
        TimeUnit::Seconds => 6,
        TimeUnit::Millis => 3,
        TimeUnit::Micros => 0,
        TimeUnit::Nanos => -3,
    };
    parse_number(text).is_some_and(|number| number.has_places(places))
}

fn epoch_ms(text: &str, unit: TimeUnit) -> Result<i64, BadTime> {
    // Nearly every time is a plain integer.
    if let Ok(count) = text.parse::<i64>() {
        return within(match unit {
            TimeUnit::Seconds => count.checked_mul(1_000),
            TimeUnit::Millis => Some(count),
            TimeUnit::Micros => Some(count.div_euclid(1_000)),
            TimeUnit::Nanos => Some(count.div_euclid(1_000_000)),
        });
    }
    if parse_number(text).is_none() {
        return Err("is not a number of 38 digits or fewer".to_owned());
    }
    within(epoch_micros(text, unit).and_then(|micros| i64::try_from(micros.div_euclid(1_000)).ok()))
}

/// An RFC 3339 time as an instant.
pub(crate) fn rfc3339(text: &str) -> Result<Timestamp, BadTime> {
    text.parse::<Timestamp>().map_err(|_| "is not a time in RFC 3339 with an offset or Z".to_owned())
}

/// A time in a strptime format as an instant.
pub(crate) fn strptime(text: &str, format: &str, zone: &TimeZone) -> Result<Timestamp, BadTime> {
    let bad = |_: jiff::Error| format!("is not a time in the format {format:?}");
    let parts = BrokenDownTime::parse(format, text).map_err(bad)?;
    if let Ok(at) = parts.to_timestamp() {
        return Ok(at);
    }
    let local = parts.to_datetime().or_else(|_| parts.to_date().map(DateTime::from)).map_err(bad)?;
    Ok(zone.to_ambiguous_zoned(local).compatible().map_err(bad)?.timestamp())
}

/// A calendar day, as `2026-01-31`.
pub(crate) fn civil_date(text: &str) -> Option<Date> {
    // jiff would also accept a whole datetime and take its day.
    (text.len() == 10).then(|| text.parse::<Date>().ok())?
}

/// Reads the JSON value at `span` of `source` as a time. `scratch` is used for strings with escapes.
pub(crate) fn read_time(source: &str, span: Span, reader: &TimeReader, scratch: &mut String) -> Result<i64, BadTime> {
    let text = match span.kind {
        Kind::Number => span.of(source),
        Kind::String { escaped: false } => span.inside(source),
        Kind::String { escaped: true } => {
            scratch.clear();
            unescape_into(span.inside(source), scratch);
            scratch.as_str()
        }
        kind => return Err(format!("is {}, not a time", kind.name())),
    };
    match reader {
        TimeReader::Epoch(unit) => epoch_ms(text, *unit),
        _ if span.kind == Kind::Number => Err("is a number, not a string".to_owned()),
        TimeReader::Rfc3339 => within(Some(rfc3339(text)?.as_millisecond())),
        TimeReader::Format { format, zone } => within(Some(strptime(text, format, zone)?.as_millisecond())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn read(value: &str, reader: &TimeReader) -> Result<i64, BadTime> {
        let kind = match value.as_bytes().first() {
            Some(b'"') => Kind::String { escaped: value.contains('\\') },
            Some(b'{') => Kind::Object,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        };
        read_time(value, Span { start: 0, end: value.len(), kind }, reader, &mut String::new())
    }

    #[test]
    fn one_instant_in_every_unit_and_spelling() {
        use TimeUnit::{Micros, Millis, Nanos, Seconds};
        let at_ms = 1_700_000_000_123;
        let table = [
            ("1700000000123", Millis),
            ("\"1700000000123\"", Millis),
            ("1700000000123.9", Millis),
            ("1.700000000123e12", Millis),
            ("1700000000.123", Seconds),
            ("\"1700000000.1239\"", Seconds),
            ("1700000000123456", Micros),
            ("1700000000123456789", Nanos),
            ("1700000000123456789.5", Nanos),
        ];
        for (value, unit) in table {
            assert_eq!(read(value, &TimeReader::Epoch(unit)), Ok(at_ms), "{value}");
        }
        let rfc = TimeReader::Rfc3339;
        for value in ["2023-11-14T22:13:20.123Z", "2023-11-14T23:13:20.123456+01:00", "2023-11-14 22:13:20.123Z"] {
            assert_eq!(read(&format!("\"{value}\""), &rfc), Ok(at_ms), "{value}");
        }
        assert_eq!(read("\"2023-11-14T22:13:20.123\\u005A\"", &rfc), Ok(at_ms));
    }

    #[test]
    fn a_format_without_an_offset_means_the_zone() {
        let zone = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Berlin").unwrap();
        let local = TimeReader::Format { format: "%d.%m.%Y %H:%M:%S".to_owned(), zone: zone.clone() };
        assert_eq!(read("\"14.11.2023 23:13:20\"", &local), Ok(1_700_000_000_000));
        let offset = TimeReader::Format { format: "%Y%m%d%H%M%S%z".to_owned(), zone: zone.clone() };
        assert_eq!(read("\"20231114221320+0000\"", &offset), Ok(1_700_000_000_000));
        let day = TimeReader::Format { format: "%Y-%m-%d".to_owned(), zone };
        assert_eq!(read("\"2023-11-14\"", &day), Ok(1_699_916_400_000));
    }

    #[test]
    fn absurd_times_are_refused() {
        use TimeUnit::{Millis, Seconds};
        for (value, unit) in [
            ("-1", Millis),
            ("253402207200000", Millis),
            ("99999999999999999999999", Millis),
            ("1e999999", Seconds),
            ("1700000000123", Seconds),
            ("9223372036854775807", Seconds),
        ] {
            assert_eq!(
                read(value, &TimeReader::Epoch(unit)).unwrap_err(),
                "is outside the years 1970 to 9999",
                "{value}"
            );
        }
        assert!(read("\"1969-12-31T23:59:59Z\"", &TimeReader::Rfc3339).is_err());
        assert_eq!(read(&MAX_TIME_MS.to_string(), &TimeReader::Epoch(Millis)), Ok(MAX_TIME_MS));
    }

    #[test]
    fn what_is_no_time_is_refused_with_its_kind() {
        let ms = TimeReader::Epoch(TimeUnit::Millis);
        for value in ["null", "{}", "\"\"", "\"soon\"", "\"0x10\"", "\" 1\""] {
            assert!(read(value, &ms).is_err(), "{value}");
        }
        for value in ["1", "\"2023-11-14T22:13:20\"", "\"2023-13-14T22:13:20Z\"", "\"\""] {
            assert!(read(value, &TimeReader::Rfc3339).is_err(), "{value}");
        }
    }

    #[test]
    fn the_last_accepted_time_can_be_shown_in_every_zone() {
        let end = Timestamp::from_millisecond(MAX_TIME_MS).unwrap();
        for name in jiff::tz::TimeZoneDatabase::bundled().available() {
            let zone = jiff::tz::TimeZoneDatabase::bundled().get(name.as_str()).unwrap();
            assert_eq!(end.to_zoned(zone).year(), 9999, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_an_error(text in "[0-9TZ:+. eE-]{0,40}") {
            let value = format!("\"{text}\"");
            for reader in [
                TimeReader::Epoch(TimeUnit::Seconds),
                TimeReader::Epoch(TimeUnit::Nanos),
                TimeReader::Rfc3339,
                TimeReader::Format { format: "%Y-%m-%d %H".to_owned(), zone: TimeZone::UTC },
            ] {
                if let Ok(at_ms) = read(&value, &reader) {
                    prop_assert!((0..=MAX_TIME_MS).contains(&at_ms));
                }
            }
        }
    }
}
