//! Times as text in keys, rendered once for as long as the text stays the same.
//!
//! strftime costs more than everything else a record needs, and a million records share an hour: so each format knows
//! the finest unit it shows, and each rendering is remembered with the span of time it is true for. The span is a
//! whole unit of local time, unless the zone's offset changes in it; then a smaller one.

use std::fmt;

use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

use super::segment::{Alphabet, encode_value};

/// Renderings remembered for one format: late events reach back over a few hours at once.
const REMEMBERED: usize = 8;
const UNITS_MS: [i64; 5] = [86_400_000, 3_600_000, 60_000, 1_000, 1];

/// A strftime format in a time zone.
#[derive(Debug, Clone)]
pub(crate) struct TimeFormat {
    format: String,
    zone: TimeZone,
    /// Index into [`UNITS_MS`] of the finest unit the format shows.
    finest: usize,
}

/// A format that cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadFormat(pub(crate) String);

impl fmt::Display for BadFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, Default)]
struct Rendering {
    /// Inclusive.
    from_ms: i64,
    /// Exclusive.
    until_ms: i64,
    text: String,
}

/// The renderings of one format, most recently made ones kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimeCache {
    entries: Vec<Rendering>,
    last: usize,
    next: usize,
    plain: String,
}

/// The finest unit a format shows, as an index into [`UNITS_MS`]; what is not known counts as the finest of all.
fn finest_unit(format: &str) -> usize {
    let mut finest = 0;
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            continue;
        }
        let directive = characters.by_ref().find(|c| !matches!(c, '-' | '_' | '^' | '#' | ':' | '0'..='9'));
        finest = finest.max(match directive {
            Some(
                '%' | 'n' | 't' | 'A' | 'a' | 'B' | 'b' | 'h' | 'C' | 'D' | 'd' | 'e' | 'F' | 'G' | 'g' | 'j' | 'm'
                | 'q' | 'U' | 'u' | 'V' | 'W' | 'w' | 'x' | 'Y' | 'y' | 'Z' | 'z' | 'Q',
            ) => 0,
            Some('H' | 'I' | 'k' | 'l' | 'P' | 'p') => 1,
            Some('M' | 'R') => 2,
            Some('S' | 's' | 'T' | 'r' | 'X' | 'c') => 3,
            _ => 4,
        });
    }
    finest
}

impl TimeFormat {
    pub(crate) fn new(format: &str, zone: &TimeZone) -> Result<Self, BadFormat> {
        let made = Self { format: format.to_owned(), zone: zone.clone(), finest: finest_unit(format) };
        for sample_ms in [0, 1_774_877_654_321, super::MAX_TIME_MS] {
            made.write(sample_ms, &mut String::new())?;
        }
        Ok(made)
    }

    fn write(&self, at_ms: i64, out: &mut String) -> Result<(), BadFormat> {
        let bad =
            |error: jiff::Error| BadFormat(format!("the time format {:?} cannot be rendered: {error}", self.format));
        let zoned = Timestamp::from_millisecond(at_ms).map_err(bad)?.to_zoned(self.zone.clone());
        BrokenDownTime::from(&zoned).format(&self.format, &mut *out).map_err(bad)
    }

    /// The span around `at_ms` in which the text cannot change: from (inclusive), until (exclusive).
    fn span(&self, at_ms: i64) -> (i64, i64) {
        let offset_ms = |at_ms: i64| {
            let at = Timestamp::from_millisecond(at_ms).ok()?;
            let info = self.zone.to_offset_info(at);
            Some((i64::from(info.offset().seconds()) * 1_000, info.abbreviation().to_owned()))
        };
        let whole = offset_ms(at_ms).and_then(|here| {
            UNITS_MS.iter().skip(self.finest).find_map(|unit_ms| {
                let from_ms = (at_ms + here.0).div_euclid(*unit_ms) * unit_ms - here.0;
                let until_ms = from_ms + unit_ms;
                let steady =
                    offset_ms(from_ms).as_ref() == Some(&here) && offset_ms(until_ms - 1).as_ref() == Some(&here);
                steady.then_some((from_ms, until_ms))
            })
        });
        whole.unwrap_or((at_ms, at_ms + 1))
    }

    /// The encoded text at `at_ms`, and the span for which it holds: from (inclusive), until (exclusive).
    #[inline]
    pub(crate) fn render<'c>(&self, at_ms: i64, cache: &'c mut TimeCache) -> Result<(&'c str, i64, i64), BadFormat> {
        let holds = |entry: &Rendering| entry.from_ms <= at_ms && at_ms < entry.until_ms;
        if !cache.entries.get(cache.last).is_some_and(holds) {
            cache.last = match cache.entries.iter().position(holds) {
                Some(index) => index,
                None => self.remember(at_ms, cache)?,
            };
        }
        let entry = &cache.entries[cache.last];
        Ok((&entry.text, entry.from_ms, entry.until_ms))
    }

    #[cold]
    fn remember(&self, at_ms: i64, cache: &mut TimeCache) -> Result<usize, BadFormat> {
        cache.plain.clear();
        self.write(at_ms, &mut cache.plain)?;
        if cache.entries.len() < REMEMBERED {
            cache.entries.push(Rendering::default());
            cache.next = cache.entries.len() - 1;
        }
        let index = cache.next;
        cache.next = (cache.next + 1) % REMEMBERED;
        let entry = &mut cache.entries[index];
        (entry.from_ms, entry.until_ms) = self.span(at_ms);
        entry.text.clear();
        encode_value(&mut entry.text, cache.plain.as_bytes(), Alphabet::Time);
        Ok(index)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn zone(name: &str) -> TimeZone {
        jiff::tz::TimeZoneDatabase::bundled().get(name).unwrap()
    }

    fn direct(format: &str, zone: &TimeZone, at_ms: i64) -> String {
        let plain = Timestamp::from_millisecond(at_ms).unwrap().to_zoned(zone.clone()).strftime(format).to_string();
        let mut text = String::new();
        encode_value(&mut text, plain.as_bytes(), Alphabet::Time);
        text
    }

    #[test]
    fn the_finest_unit_of_a_format_is_known() {
        let table = [
            ("%Y-%m-%d", 0),
            ("week=%V", 0),
            ("%j%%H", 0),
            ("%:z", 0),
            ("%H", 1),
            ("%-I%P", 1),
            ("%H%M", 2),
            ("%R", 2),
            ("%S", 3),
            ("%s", 3),
            ("%T", 3),
            ("%.3f", 4),
            ("%f", 4),
            ("%N", 4),
        ];
        for (format, finest) in table {
            assert_eq!(finest_unit(format), finest, "{format}");
        }
    }

    #[test]
    fn an_hour_is_rendered_once() {
        let format = TimeFormat::new("%H", &TimeZone::UTC).unwrap();
        let mut cache = TimeCache::default();
        for minute in 0..60 {
            assert_eq!(format.render(7_200_000 + minute * 60_000, &mut cache).unwrap(), ("02", 7_200_000, 10_800_000));
        }
        assert_eq!(cache.entries.len(), 1);
    }

    #[test]
    fn more_hours_than_are_remembered_still_render_right() {
        let format = TimeFormat::new("%d-%H", &TimeZone::UTC).unwrap();
        let mut cache = TimeCache::default();
        for round in 0..3 {
            for hour in 0..30i64 {
                let at_ms = hour * 3_600_000 + round;
                assert_eq!(format.render(at_ms, &mut cache).unwrap().0, direct("%d-%H", &TimeZone::UTC, at_ms));
            }
        }
        assert!(cache.entries.len() <= REMEMBERED);
    }

    #[test]
    fn a_format_that_cannot_be_rendered_is_refused_at_once() {
        assert!(TimeFormat::new("%", &TimeZone::UTC).is_err());
        assert!(TimeFormat::new("%!", &TimeZone::UTC).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn the_remembered_text_is_the_text_strftime_gives(
            start_ms in 0i64..4_000_000_000_000,
            steps in prop::collection::vec(0i64..7_200_000, 1..40),
            zone_name in prop::sample::select(vec![
                "UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Monrovia", "Asia/Kathmandu",
                "Pacific/Apia", "America/New_York",
            ]),
            pattern in prop::sample::select(vec!["%Y-%m-%d", "%H", "%H%M", "%T", "%Y%m%dT%H%z-%Z", "%.3f", "%p %I"]),
        ) {
            let zone = zone(zone_name);
            let format = TimeFormat::new(pattern, &zone).unwrap();
            let mut cache = TimeCache::default();
            let mut at_ms = start_ms;
            for step in steps {
                at_ms += step;
                let expected = direct(pattern, &zone, at_ms);
                let (text, from_ms, until_ms) = format.render(at_ms, &mut cache).unwrap();
                prop_assert_eq!(text, expected.as_str());
                prop_assert!(from_ms <= at_ms && at_ms < until_ms);
            }
        }

        #[test]
        fn a_change_of_offset_does_not_leak_into_the_text(
            around_ms in prop::sample::select(vec![
                1_774_746_000_000i64, // Berlin, 2026-03-29 01:00Z: forward
                1_792_890_000_000, // Berlin, 2026-10-25 01:00Z: back
                1_772_953_200_000, // New York, 2026-03-08
            ]),
            offsets in prop::collection::vec(-90_000_000i64..90_000_000, 1..60),
            zone_name in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
            pattern in prop::sample::select(vec!["%Y-%m-%d", "%d-%H", "%H%z"]),
        ) {
            let zone = zone(zone_name);
            let format = TimeFormat::new(pattern, &zone).unwrap();
            let mut cache = TimeCache::default();
            for offset in offsets {
                let at_ms = around_ms + offset;
                let expected = direct(pattern, &zone, at_ms);
                prop_assert_eq!(format.render(at_ms, &mut cache).unwrap().0, expected.as_str());
            }
        }
    }
}
