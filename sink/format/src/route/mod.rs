//! Which object a record belongs to: its event time and its group key.
//!
//! A *group key* is the job's key template with everything filled in that is the record's own; what belongs to the
//! file ([`FIRST_OFFSET_MARK`], [`UNIQUE_MARK`]) stays open as a control character, which no rendered value can hold.
//! Records of one group key may share a file. [`finish_key`] fills in the rest once the file is opened. With
//! `rotate.event_time` a group key ends in [`STRETCH_MARK`] and the number of the record's stretch of event time, so that
//! stretches have files of their own; the object's key does not show it.
//!
//! Confinement: a rendered value never holds `/`, never is empty and never consists of dots alone, so a key has the
//! segments its template has, and lies under the template's prefix.

mod clock_text;
mod event_time;
mod segment;
mod template;

pub(crate) use event_time::{
    MAX_TIME_MS, TimeReader, TimeSource, civil_date, epoch_micros, is_whole_micros, read_time, rfc3339,
};
pub(crate) use template::{Inputs, KeyPlan, KeyScratch};

pub use landfall_job::template::{FIRST_OFFSET_DIGITS, MAX_KEY_BYTES, MAX_SEGMENT_BYTES, MAX_UNIQUE_BYTES};

use crate::reason::{Reason, Rejection, Stage};

/// Stands for `{first_offset}` in a group key; fewer digits than [`FIRST_OFFSET_DIGITS`] have marks of their own.
pub const FIRST_OFFSET_MARK: char = '\u{1}';
/// Stands for `{unique}` in a group key.
pub const UNIQUE_MARK: char = '\u{2}';

/// Divides a group key from the number of its stretch of event time; see [`crate::rotate`].
pub const STRETCH_MARK: char = '\u{3}';

/// The code of the mark of no digits at all: one digit has the next, and so on.
const NO_DIGITS: u8 = 4;

/// What stands in a group key for `{first_offset}` with so many digits.
fn offset_mark(digits: usize) -> char {
    match u8::try_from(digits) {
        Ok(few) if digits < FIRST_OFFSET_DIGITS => char::from(NO_DIGITS + few),
        _ => FIRST_OFFSET_MARK,
    }
}

/// How many digits a character of a group key stands for, if it is a mark of `{first_offset}`.
fn offset_digits(character: char) -> Option<usize> {
    if character == FIRST_OFFSET_MARK {
        return Some(FIRST_OFFSET_DIGITS);
    }
    let digits = u8::try_from(character).ok()?.checked_sub(NO_DIGITS).map(usize::from)?;
    (1..FIRST_OFFSET_DIGITS).contains(&digits).then_some(digits)
}

/// A file's key, once its first record's offset and its unique token are known.
///
/// # Errors
/// `key_render`, if the offset is negative, if `unique` is empty, longer than [`MAX_UNIQUE_BYTES`] or holds anything but
/// ASCII letters, digits, `-` and `_`, or if the key breaks a rule of confinement.
pub fn finish_key(group_key: &str, first_offset: i64, unique: &str) -> Result<String, Rejection> {
    let refuse = |message: String| Err(Rejection::new(Stage::Route, Reason::KeyRender, message));
    if first_offset < 0 {
        return refuse(format!("the first offset {first_offset} is negative"));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if unique.is_empty() || unique.len() > MAX_UNIQUE_BYTES || !unique.bytes().all(plain) {
        return refuse(format!(
            "the unique token {unique:?} is not 1 to {MAX_UNIQUE_BYTES} letters, digits, '-' or '_'"
        ));
    }
    let group_key = group_key.split_once(STRETCH_MARK).map_or(group_key, |(place, _)| place);
    let mut key = String::with_capacity(group_key.len() + FIRST_OFFSET_DIGITS + unique.len());
    for character in group_key.chars() {
        match (character, offset_digits(character)) {
            (_, Some(digits)) => key.push_str(&format!("{first_offset:0digits$}")),
            (UNIQUE_MARK, None) => key.push_str(unique),
            (other, None) => key.push(other),
        }
    }
    if key.len() > MAX_KEY_BYTES {
        return refuse(format!("the key has {} bytes, more than {MAX_KEY_BYTES}", key.len()));
    }
    if key.chars().any(char::is_control) {
        return refuse(format!("the key {key:?} holds a control character"));
    }
    for segment in key.split('/') {
        if matches!(segment, "" | "." | "..") || segment.len() > MAX_SEGMENT_BYTES {
            return refuse(format!("the key {key:?} has the segment {segment:?}"));
        }
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_finished_key_has_its_offset_in_twenty_digits_and_its_token() {
        let key = finish_key("a/t+0+\u{1}-\u{2}.jsonl", 42, "0f3a").unwrap();
        assert_eq!(key, "a/t+0+00000000000000000042-0f3a.jsonl");
        assert_eq!(finish_key("a/\u{2}.jsonl\u{3}483", 42, "0f3a").unwrap(), "a/0f3a.jsonl", "no stretch in a key");
    }

    #[test]
    fn an_offset_is_padded_to_the_digits_of_its_mark() {
        for digits in 1..=FIRST_OFFSET_DIGITS {
            let group = format!("a/t+0+{}.json", offset_mark(digits));
            assert_eq!(finish_key(&group, 42, "u").unwrap(), format!("a/t+0+{:0digits$}.json", 42));
            assert_eq!(finish_key(&group, i64::MAX, "u").unwrap(), format!("a/t+0+{:0digits$}.json", i64::MAX));
        }
    }

    #[test]
    fn a_key_that_would_leave_its_place_is_refused() {
        for group in ["a/../b", "/a", "a//b", "a/./b", "a/", "", "a/\u{1b}b"] {
            assert_eq!(finish_key(group, 0, "u").unwrap_err().reason, Reason::KeyRender, "{group:?}");
        }
        assert!(finish_key(&"a".repeat(256), 0, "u").is_err());
        assert!(finish_key(&"abc/".repeat(300), 0, "u").is_err());
    }

    #[test]
    fn a_token_that_could_change_the_path_is_refused() {
        for unique in ["", "a/b", "..", "é", &"a".repeat(41)] {
            assert!(finish_key("a/\u{2}", 0, unique).is_err(), "{unique}");
        }
        assert!(finish_key("a/\u{1}", -1, "u").is_err());
    }
}
