//! Time formats of a key template (strftime) as the patterns of partition projection (Java's `DateTimeFormatter`).
//!
//! Only what both write alike is taken over: numbers of fixed meaning, and text that the object key holds as it is.

/// A part of a date, from the coarsest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    Year,
    Month,
    Day,
    DayOfYear,
    Hour,
    Minute,
    Second,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Text(char),
    Field { unit: Unit, java: &'static str, padded: bool },
}

/// A format that Athena can project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TimePattern {
    /// Dates without a gap, from years down to the named unit.
    Date { java: String, interval_unit: &'static str },
    /// One number that comes round again: first and last value inclusive, and how many digits it is padded to.
    Number { first: u16, last: u16, digits: Option<u8> },
}

impl TimePattern {
    /// Reads a strftime format. `None` is one whose values Athena cannot count through.
    pub(crate) fn of(strftime: &str) -> Option<Self> {
        let tokens = tokens(strftime)?;
        let mut units: Vec<Unit> = tokens.iter().filter_map(Token::unit).collect();
        if let [Token::Field { unit, padded, .. }] = tokens.as_slice()
            && *unit != Unit::Year
        {
            return Some(number(*unit, *padded));
        }
        if !can_be_read_back(&tokens) {
            return None;
        }
        units.sort_unstable();
        let interval_unit = interval_unit(&units)?;
        Some(Self::Date { java: java(&tokens), interval_unit })
    }
}

impl Token {
    fn unit(&self) -> Option<Unit> {
        match self {
            Self::Field { unit, .. } => Some(*unit),
            Self::Text(_) => None,
        }
    }
}

fn tokens(strftime: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = strftime.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            // All else is percent-encoded in the key, and a comma separates the ends of a range.
            let as_it_is = c.is_ascii_alphanumeric() || "/!-_.*'()=+@:;&$".contains(c);
            tokens.push(as_it_is.then_some(Token::Text(c))?);
            continue;
        }
        match chars.next()? {
            'F' => tokens.extend([field('Y')?, Token::Text('-'), field('m')?, Token::Text('-'), field('d')?]),
            'T' => tokens.extend([field('H')?, Token::Text(':'), field('M')?, Token::Text(':'), field('S')?]),
            'R' => tokens.extend([field('H')?, Token::Text(':'), field('M')?]),
            '-' => tokens.push(unpadded(chars.next()?)?),
            directive => tokens.push(field(directive)?),
        }
    }
    Some(tokens)
}

fn field(directive: char) -> Option<Token> {
    let (unit, java) = match directive {
        'Y' => (Unit::Year, "yyyy"),
        'm' => (Unit::Month, "MM"),
        'd' => (Unit::Day, "dd"),
        'j' => (Unit::DayOfYear, "DDD"),
        'H' => (Unit::Hour, "HH"),
        'M' => (Unit::Minute, "mm"),
        'S' => (Unit::Second, "ss"),
        _ => return None,
    };
    Some(Token::Field { unit, java, padded: true })
}

fn unpadded(directive: char) -> Option<Token> {
    let (unit, java) = match directive {
        'm' => (Unit::Month, "M"),
        'd' => (Unit::Day, "d"),
        'j' => (Unit::DayOfYear, "D"),
        'H' => (Unit::Hour, "H"),
        'M' => (Unit::Minute, "m"),
        'S' => (Unit::Second, "s"),
        _ => return None,
    };
    Some(Token::Field { unit, java, padded: false })
}

fn number(unit: Unit, padded: bool) -> TimePattern {
    let (first, last, digits) = match unit {
        Unit::Month => (1, 12, 2),
        Unit::Day => (1, 31, 2),
        Unit::DayOfYear => (1, 366, 3),
        Unit::Hour => (0, 23, 2),
        // A leap second is no second of its own here: times are Unix times.
        Unit::Minute | Unit::Second => (0, 59, 2),
        Unit::Year => (1970, 9999, 4),
    };
    TimePattern::Number { first, last, digits: padded.then_some(digits) }
}

/// The unit of the steps between two dates; `None` where a coarser part is missing, so that dates repeat themselves.
fn interval_unit(units: &[Unit]) -> Option<&'static str> {
    use Unit::{Day, DayOfYear, Hour, Minute, Month, Second, Year};
    match units {
        [Year] => Some("YEARS"),
        [Year, Month] => Some("MONTHS"),
        [Year, Month, Day] | [Year, DayOfYear] => Some("DAYS"),
        [Year, Month, Day, Hour] | [Year, DayOfYear, Hour] => Some("HOURS"),
        [Year, Month, Day, Hour, Minute] | [Year, DayOfYear, Hour, Minute] => Some("MINUTES"),
        [Year, Month, Day, Hour, Minute, Second] | [Year, DayOfYear, Hour, Minute, Second] => Some("SECONDS"),
        _ => None,
    }
}

/// Athena reads the ends of a range by the same pattern: a number of unknown length must not touch a digit.
fn can_be_read_back(tokens: &[Token]) -> bool {
    let is_digit = |token: &Token| !matches!(token, Token::Text(c) if !c.is_ascii_digit());
    let unpadded = |token: &Token| matches!(token, Token::Field { padded: false, .. });
    tokens.windows(2).all(|pair| match pair {
        [a, b] => !(unpadded(a) && is_digit(b) || is_digit(a) && unpadded(b)),
        _ => true,
    })
}

fn java(tokens: &[Token]) -> String {
    let mut out = String::new();
    let mut in_quotes = false;
    for token in tokens {
        let letter = matches!(token, Token::Text(c) if c.is_ascii_alphabetic());
        // Letters are quoted; a quote is written twice, in quotes and out of them.
        if letter != in_quotes && !matches!(token, Token::Text('\'')) {
            out.push('\'');
            in_quotes = letter;
        }
        match token {
            Token::Text('\'') => out.push_str("''"),
            Token::Text(c) => out.push(*c),
            Token::Field { java, .. } => out.push_str(java),
        }
    }
    if in_quotes {
        out.push('\'');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(java: &str, interval_unit: &'static str) -> Option<TimePattern> {
        Some(TimePattern::Date { java: java.to_owned(), interval_unit })
    }

    #[test]
    fn formats_that_count_through_are_dates() {
        let table = [
            ("%Y", "yyyy", "YEARS"),
            ("%Y-%m", "yyyy-MM", "MONTHS"),
            ("%Y-%m-%d", "yyyy-MM-dd", "DAYS"),
            ("%F", "yyyy-MM-dd", "DAYS"),
            ("%Y%m%d", "yyyyMMdd", "DAYS"),
            ("%d.%m.%Y", "dd.MM.yyyy", "DAYS"),
            ("%Y/%m/%d/%H", "yyyy/MM/dd/HH", "HOURS"),
            ("%Y-%j", "yyyy-DDD", "DAYS"),
            ("%FT%R", "yyyy-MM-dd'T'HH:mm", "MINUTES"),
            ("%Y-%-m-%-d", "yyyy-M-d", "DAYS"),
            ("day%Y%m%dend", "'day'yyyyMMdd'end'", "DAYS"),
            ("%Y'%m", "yyyy''MM", "MONTHS"),
            ("o'clock%F-%H", "'o''clock'yyyy-MM-dd-HH", "HOURS"),
        ];
        for (strftime, java, unit) in table {
            assert_eq!(TimePattern::of(strftime), date(java, unit), "{strftime}");
        }
    }

    #[test]
    fn a_part_alone_is_a_number_that_comes_round_again() {
        let table = [
            ("%m", 1, 12, Some(2)),
            ("%-m", 1, 12, None),
            ("%d", 1, 31, Some(2)),
            ("%j", 1, 366, Some(3)),
            ("%H", 0, 23, Some(2)),
            ("%M", 0, 59, Some(2)),
        ];
        for (strftime, first, last, digits) in table {
            assert_eq!(TimePattern::of(strftime), Some(TimePattern::Number { first, last, digits }), "{strftime}");
        }
    }

    #[test]
    fn what_athena_cannot_count_through_is_none() {
        for strftime in [
            "%V", "%b", "%p", "%s", "%y", "%d-%H", "%Y-%H", "%H%M", "%Y %m", "%Y,%m", "%Y%-m%d", "%Y%%", "%e", "h%H",
            "%Y%Y",
        ] {
            assert_eq!(TimePattern::of(strftime), None, "{strftime}");
        }
    }
}
