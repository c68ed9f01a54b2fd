//! Values inside keys: percent-encoded, never empty, never dots alone.

/// What an empty value is rendered as.
pub(crate) const EMPTY_VALUE: &str = "__empty__";

/// Which bytes stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// A value from a record: letters, digits and `-_.~+@,`. `=` and `:` are encoded as Hive does it.
    Value,
    /// A rendered time: everything its format may hold as a literal of the template, except `/`.
    Time,
}

const fn table(extra: &[u8]) -> [bool; 256] {
    let mut keep = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        keep[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < extra.len() {
        keep[extra[at] as usize] = true;
        at += 1;
    }
    keep
}

static VALUE: [bool; 256] = table(b"-_.~+@,");
static TIME: [bool; 256] = table(b"!-_.*'()=+@:,;&$");

/// Appends `value` to `key`, encoded. What is appended is never empty and has no `/` and no control character, and
/// dots alone are encoded too, so that `..` can never arise.
#[inline]
pub(crate) fn encode_value(key: &mut String, value: &[u8], alphabet: Alphabet) {
    if value.is_empty() {
        key.push_str(EMPTY_VALUE);
        return;
    }
    let keep = match alphabet {
        Alphabet::Value => &VALUE,
        Alphabet::Time => &TIME,
    };
    let dots = value.iter().all(|byte| *byte == b'.');
    for &byte in value {
        if keep[usize::from(byte)] && !dots {
            key.push(char::from(byte));
        } else {
            const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
            key.extend(['%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(value: &str, alphabet: Alphabet) -> String {
        let mut key = String::new();
        encode_value(&mut key, value.as_bytes(), alphabet);
        key
    }

    #[test]
    fn values_are_encoded_as_the_table_says() {
        let table = [
            ("plain-Value_1.5~+@,", "plain-Value_1.5~+@,"),
            ("", "__empty__"),
            (".", "%2E"),
            ("..", "%2E%2E"),
            ("a..b", "a..b"),
            ("../x", "..%2Fx"),
            ("a b", "a%20b"),
            ("a=b:c", "a%3Db%3Ac"),
            ("50%", "50%25"),
            ("é", "%C3%A9"),
            ("\0\n\u{1}\u{2}\u{7f}", "%00%0A%01%02%7F"),
            ("\\", "%5C"),
            ("?#{}", "%3F%23%7B%7D"),
        ];
        for (value, expected) in table {
            assert_eq!(encoded(value, Alphabet::Value), expected, "{value:?}");
        }
    }

    #[test]
    fn times_keep_the_literals_of_a_template() {
        assert_eq!(encoded("year=2026 13:45", Alphabet::Time), "year=2026%2013:45");
        assert_eq!(encoded("01/02/26", Alphabet::Time), "01%2F02%2F26");
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_no_slash_no_control_no_dots_alone(
            value in prop::collection::vec(any::<u8>(), 0..80), time in any::<bool>(),
        ) {
            let mut key = String::new();
            encode_value(&mut key, &value, if time { Alphabet::Time } else { Alphabet::Value });
            prop_assert!(!key.is_empty());
            prop_assert!(!key.chars().all(|c| c == '.'));
            prop_assert!(key.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/'));
        }
    }
}
