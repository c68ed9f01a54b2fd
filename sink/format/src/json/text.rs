//! String content: out of JSON escapes, and back into them.

/// The value of four hexadecimal digits.
pub(super) fn hex4(digits: [u8; 4]) -> Option<u32> {
    digits.into_iter().try_fold(0, |unit: u32, byte| Some(unit << 4 | char::from(byte).to_digit(16)?))
}

/// Appends the content of a validated JSON string, given between its quotes, to `out`. Nothing is appended for an
/// escape that validation would have refused.
pub(crate) fn unescape_into(inside: &str, out: &mut String) {
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        out.push_str(plain);
        let bytes = escape.as_bytes();
        let (character, length) = match bytes.get(1) {
            Some(b'u') => unicode(bytes),
            Some(&byte) => (simple(byte), 2),
            None => (None, 1),
        };
        out.extend(character);
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
}

fn simple(byte: u8) -> Option<char> {
    match byte {
        b'b' => Some('\u{8}'),
        b'f' => Some('\u{c}'),
        b'n' => Some('\n'),
        b'r' => Some('\r'),
        b't' => Some('\t'),
        b'"' | b'\\' | b'/' => Some(char::from(byte)),
        _ => None,
    }
}

/// A `\uXXXX` escape or a pair of them: its character and how many bytes it took.
fn unicode(bytes: &[u8]) -> (Option<char>, usize) {
    let unit = |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk::<4>).and_then(|digits| hex4(*digits));
    match (unit(2), unit(8)) {
        (Some(high @ 0xD800..0xDC00), Some(low @ 0xDC00..0xE000)) => {
            (char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)), 12)
        }
        (Some(unit), _) => (char::from_u32(unit), 6),
        (None, _) => (None, 2),
    }
}

/// Appends `text` to `out` as a JSON string, quotes included.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        from = at + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let digit = |nibble: u8| HEX.get(usize::from(nibble & 15)).copied().unwrap_or(b'0');
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte)]);
            }
        }
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_written_string_reads_back_in_serde_json_and_here(text in any::<String>()) {
            let mut out = Vec::new();
            write_string(&mut out, &text);
            let written = String::from_utf8(out).unwrap();
            prop_assert_eq!(&serde_json::from_str::<String>(&written).unwrap(), &text);
            let mut back = String::new();
            unescape_into(&written[1..written.len() - 1], &mut back);
            prop_assert_eq!(back, text);
        }

        #[test]
        fn every_escaped_character_reads_back(text in any::<String>()) {
            let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
            let mut back = String::new();
            unescape_into(&escaped, &mut back);
            prop_assert_eq!(back, text);
        }

        #[test]
        fn unescaping_anything_at_all_does_not_panic(text in any::<String>()) {
            unescape_into(&text, &mut String::new());
        }
    }

    #[test]
    fn short_escapes_mean_what_the_rfc_says() {
        let mut back = String::new();
        unescape_into(r#"a\"\\\/\b\f\n\r\tz"#, &mut back);
        assert_eq!(back, "a\"\\/\u{8}\u{c}\n\r\tz");
    }
}
