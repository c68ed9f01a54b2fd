//! Checks of time formats by trying them.

use jiff::fmt::strtime::{BrokenDownTime, format};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::reader::Refusal;

/// The longest format, in bytes.
const MAX_BYTES: usize = 256;

fn sample() -> Zoned {
    // A time whose fields all differ; any would do.
    Timestamp::from_millisecond(1_774_877_654_321).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC)
}

/// Checks a format that times are written with, and returns an example.
///
/// # Errors
/// The format is empty or has an unknown directive.
pub fn check_strftime(pattern: &str) -> Result<String, Refusal> {
    const FIX: &str = "write a strftime format such as %Y-%m-%d or %H";
    if pattern.is_empty() {
        return Err(Refusal::new("has an empty time format", FIX));
    }
    if pattern.len() > MAX_BYTES {
        return Err(Refusal::new(format!("has a time format longer than {MAX_BYTES} bytes"), FIX));
    }
    let text = format(pattern, &sample())
        .map_err(|error| Refusal::new(format!("has the time format {pattern:?} that is not valid ({error})"), FIX))?;
    match text.is_empty() || text.chars().any(char::is_control) || text.len() > 200 {
        true => Err(Refusal::new(format!("has the time format {pattern:?} that writes no plain text"), FIX)),
        false => Ok(text),
    }
}

/// Checks a format that times are read with: what it writes must read back to a day at least.
///
/// # Errors
/// The format has an unknown directive, or does not hold year, month and day or an instant.
pub fn check_strptime(pattern: &str) -> Result<(), Refusal> {
    let text = check_strftime(pattern)?;
    let fix = "write a format with year, month and day, such as %Y-%m-%d %H:%M:%S";
    let broken = BrokenDownTime::parse(pattern, &text)
        .map_err(|error| Refusal::new(format!("cannot be read back ({error})"), fix))?;
    match broken.to_timestamp().is_ok() || broken.to_datetime().is_ok() || broken.to_date().is_ok() {
        true => Ok(()),
        false => Err(Refusal::new("does not hold a whole date", fix)),
    }
}
