//! Joda's date patterns, as `path.format` writes them, in the words of a key template.
//!
//! Only numbers are taken over: what Joda writes in words depends on a locale and on the Java release. In Joda `YYYY` is the
//! year of the era, the same as `yyyy` for every date a record can have; elsewhere in Java it is the year of a week, which
//! here is `xxxx`.
//!
//! The partitioner cuts local time to multiples of `partition.duration.ms` before it writes it. A template writes the time
//! as it is, so a pattern is taken only where both give the same text.

use landfall_job::reader::Refusal;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
const KNOWN: &str = "known are YYYY, yyyy, YY, yy, xxxx, MM, ww, dd, DDD, e, HH, hh, mm, ss and text in single quotes";

/// What of a pattern cannot be taken over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The pattern itself.
    Pattern(Refusal),
    /// The pattern together with the duration.
    Duration(Refusal),
}

enum Token {
    Text(char),
    Field { directive: &'static str, unit_ms: i64, least: &'static str },
}

/// The template text that writes what the pattern writes.
pub(crate) fn template(pattern: &str, duration_ms: i64) -> Result<String, Fault> {
    let tokens = tokens(pattern).map_err(Fault::Pattern)?;
    let units = tokens.iter().filter_map(|token| match token {
        Token::Field { unit_ms, .. } => Some(*unit_ms),
        Token::Text(_) => None,
    });
    let exact = units.min().is_none_or(|finest_ms| duration_ms > 0 && finest_ms % duration_ms == 0);
    let cuts_whole_units = [DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS].contains(&duration_ms);
    if !exact && !cuts_whole_units {
        let problem = "cuts times to multiples that path.format would not show as they are";
        let fix = "write a duration that divides the finest unit of path.format, such as 3600000 for hours";
        return Err(Fault::Duration(Refusal::new(problem, fix)));
    }
    let mut text = String::new();
    for token in &tokens {
        match token {
            Token::Text(c) => text.push(*c),
            // What is finer than the cut is always at its least.
            Token::Field { least, unit_ms, .. } if !exact && *unit_ms < duration_ms => text.push_str(least),
            Token::Field { directive, .. } => text.push_str(&format!("{{timestamp:{directive}}}")),
        }
    }
    Ok(text)
}

fn tokens(pattern: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' if chars.next_if_eq(&'\'').is_some() => tokens.push(Token::Text('\'')),
            '\'' => loop {
                match chars.next() {
                    None => return Err(Refusal::new("has a quote that is never closed", "close it with '")),
                    Some('\'') if chars.next_if_eq(&'\'').is_some() => tokens.push(Token::Text('\'')),
                    Some('\'') => break,
                    Some(c) => tokens.push(Token::Text(c)),
                }
            },
            letter if letter.is_ascii_alphabetic() => {
                let mut count = 1;
                while chars.next_if_eq(&letter).is_some() {
                    count += 1;
                }
                tokens.push(field(letter, count)?);
            }
            other => tokens.push(Token::Text(other)),
        }
    }
    Ok(tokens)
}

fn field(letter: char, count: usize) -> Result<Token, Refusal> {
    // A cut of a day is the longest there is, so what a day has is never at its least.
    let (directive, unit_ms, least) = match (letter, count) {
        // Every year that a record can have has four digits.
        ('y' | 'Y', 1 | 3 | 4) => ("%Y", DAY_MS, ""),
        ('y' | 'Y', 2) => ("%y", DAY_MS, ""),
        ('x', 1 | 3 | 4) => ("%G", DAY_MS, ""),
        ('M', 2) => ("%m", DAY_MS, ""),
        ('M', 1) => ("%-m", DAY_MS, ""),
        ('w', 2) => ("%V", DAY_MS, ""),
        ('w', 1) => ("%-V", DAY_MS, ""),
        ('d', 2) => ("%d", DAY_MS, ""),
        ('d', 1) => ("%-d", DAY_MS, ""),
        ('D', 3) => ("%j", DAY_MS, ""),
        ('D', 1) => ("%-j", DAY_MS, ""),
        ('e', 1) => ("%u", DAY_MS, ""),
        ('H', 2) => ("%H", HOUR_MS, "00"),
        ('H', 1) => ("%-H", HOUR_MS, "0"),
        // Twice round the clock: the first hour is 12.
        ('h', 2) => ("%I", HOUR_MS, "12"),
        ('h', 1) => ("%-I", HOUR_MS, "12"),
        ('m', 2) => ("%M", MINUTE_MS, "00"),
        ('m', 1) => ("%-M", MINUTE_MS, "0"),
        ('s', 2) => ("%S", SECOND_MS, "00"),
        ('s', 1) => ("%-S", SECOND_MS, "0"),
        _ => {
            let shown: String = std::iter::repeat_n(letter, count.min(8)).collect();
            return Err(Refusal::new(format!("has {shown}, which a key cannot be told in"), KNOWN));
        }
    };
    Ok(Token::Field { directive, unit_ms, least })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_templates() {
        let table = [
            ("'year'=YYYY/'month'=MM/'day'=dd", DAY_MS, "year={timestamp:%Y}/month={timestamp:%m}/day={timestamp:%d}"),
            ("yyyy-MM-dd", HOUR_MS, "{timestamp:%Y}-{timestamp:%m}-{timestamp:%d}"),
            ("'dt'=yyyyMMdd/'h'=HH", HOUR_MS, "dt={timestamp:%Y}{timestamp:%m}{timestamp:%d}/h={timestamp:%H}"),
            ("'o''clock'=H", 900_000, "o'clock={timestamp:%-H}"),
            ("''yy", DAY_MS, "'{timestamp:%y}"),
            // Cut to days, hours are always zero.
            ("dd/HH/mm/s", DAY_MS, "{timestamp:%d}/00/00/0"),
            ("HH/mm", HOUR_MS, "{timestamp:%H}/00"),
            ("HH/mm", MINUTE_MS, "{timestamp:%H}/{timestamp:%M}"),
            ("dd", 6 * HOUR_MS, "{timestamp:%d}"),
            ("'fixed'", 7, "fixed"),
            // The year of the era and the year of the week, the clock and twice round it.
            ("YYYY/yyyy/xxxx/ww", DAY_MS, "{timestamp:%Y}/{timestamp:%Y}/{timestamp:%G}/{timestamp:%V}"),
            (
                "y/YYY/x/w/e/D/DDD",
                DAY_MS,
                "{timestamp:%Y}/{timestamp:%Y}/{timestamp:%G}/{timestamp:%-V}/{timestamp:%u}/{timestamp:%-j}/{timestamp:%j}",
            ),
            ("HH/hh/h", HOUR_MS, "{timestamp:%H}/{timestamp:%I}/{timestamp:%-I}"),
            ("HH/hh/h", DAY_MS, "00/12/12"),
        ];
        for (pattern, duration_ms, expected) in table {
            assert_eq!(template(pattern, duration_ms), Ok(expected.to_owned()), "{pattern}");
        }
    }

    #[test]
    fn what_would_come_out_otherwise_is_refused() {
        for letter in "EaKkSzZCGnNqQuULcWAbfgijloprtvIJOPRTVBFX".chars() {
            assert!(matches!(template(&letter.to_string(), DAY_MS), Err(Fault::Pattern(_))), "{letter}");
        }
        for pattern in ["MMM", "yyyyy", "xx", "DD", "ddd", "ee", "HHH", "hhh", "'open", "yyyy'"] {
            assert!(matches!(template(pattern, DAY_MS), Err(Fault::Pattern(_))), "{pattern}");
        }
        for (pattern, duration_ms) in
            [("HH", 6 * HOUR_MS), ("mm", 900_000), ("dd", 7 * DAY_MS), ("MM", 0), ("ss", 1_500)]
        {
            assert!(matches!(template(pattern, duration_ms), Err(Fault::Duration(_))), "{pattern} {duration_ms}");
        }
    }
}
