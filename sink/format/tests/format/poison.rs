//! One poisonous record each between good neighbours: the good land, the bad are set aside, nothing crashes.

use landfall_format::{MAX_MESSAGE_BYTES, Reason};
use proptest::prelude::*;

use crate::support::{Files, plan, record};

/// Name, bytes, and the reason they are set aside for.
fn poison() -> Vec<(&'static str, Vec<u8>, Reason)> {
    use Reason::{InvalidUtf8, MalformedJson, NullValue, TooLarge};
    let nested = |open: &str| open.repeat(100_000).into_bytes();
    let bytes = |text: &str| text.as_bytes().to_vec();
    vec![
        ("empty", vec![], NullValue),
        ("white space only", bytes(" \n\t"), MalformedJson),
        ("truncated UTF-8", b"{\"a\":\"\xc3".to_vec(), InvalidUtf8),
        ("truncated UTF-8 inside", b"{\"a\":\"\xe2\x82\"}".to_vec(), InvalidUtf8),
        ("overlong UTF-8", b"\"\xc0\x80\"".to_vec(), InvalidUtf8),
        ("a surrogate in UTF-8", b"\"\xed\xa0\x80\"".to_vec(), InvalidUtf8),
        ("invalid UTF-8 outside a string", b"{}\xff".to_vec(), InvalidUtf8),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec(), InvalidUtf8),
        ("byte order mark", b"\xef\xbb\xbf{\"a\":1}".to_vec(), MalformedJson),
        ("NUL", b"\0".to_vec(), MalformedJson),
        ("NUL after the document", b"{\"a\":1}\0".to_vec(), MalformedJson),
        ("NUL in a string", b"\"a\0b\"".to_vec(), MalformedJson),
        ("100,000 arrays", nested("["), MalformedJson),
        ("100,000 objects", nested("{\"a\":"), MalformedJson),
        (
            "100,000 closed arrays",
            format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes(),
            MalformedJson,
        ),
        ("two documents", bytes("{\"a\":1}{\"a\":2}"), MalformedJson),
        ("two documents on two lines", bytes("{\"a\":1}\n{\"a\":2}"), MalformedJson),
        ("raw line feed in a string", bytes("{\"a\":\"x\ny\"}"), MalformedJson),
        ("raw carriage return in a string", bytes("{\"a\":\"x\ry\"}"), MalformedJson),
        ("raw tab in a string", bytes("\"\t\""), MalformedJson),
        ("truncated document", bytes("{\"a\":1,\"b\":[1,2"), MalformedJson),
        ("truncated string", bytes("{\"a\":\"x"), MalformedJson),
        ("trailing comma", bytes("{\"a\":1,}"), MalformedJson),
        ("comment", bytes("{\"a\":1} // x"), MalformedJson),
        ("single quotes", bytes("{'a':1}"), MalformedJson),
        ("NaN", bytes("{\"a\":NaN}"), MalformedJson),
        ("Infinity", bytes("[-Infinity]"), MalformedJson),
        ("leading zero", bytes("[007]"), MalformedJson),
        ("hexadecimal", bytes("[0x7]"), MalformedJson),
        ("lone surrogate escape", bytes("{\"a\":\"\\ud800\"}"), MalformedJson),
        ("invalid escape", bytes("\"\\v\""), MalformedJson),
        ("plain text", bytes("hello"), MalformedJson),
        ("Avro with a registry header", b"\0\0\0\0\x01\x06abc".to_vec(), MalformedJson),
        ("larger than the bound", vec![b' '; 2 << 20], TooLarge),
    ]
}

/// Bytes that look hostile and are good JSON.
fn harmless() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("huge exponent", b"{\"a\":1e999999}".to_vec()),
        ("a number of 100,000 digits", format!("{{\"a\":{}}}", "9".repeat(100_000)).into_bytes()),
        ("NUL escaped", b"{\"a\":\"\\u0000\"}".to_vec()),
        ("a byte order mark in a string", b"{\"a\":\"\xef\xbb\xbf\"}".to_vec()),
        ("line separators of Unicode", b"{\"a\":\"\xe2\x80\xa8\xe2\x80\xa9\xc2\x85\"}".to_vec()),
        ("the same name 10,000 times", format!("{{{}\"a\":1}}", "\"a\":1,".repeat(10_000)).into_bytes()),
        ("line breaks between tokens", b"\r\n{\r\"a\"\n:\r\n1}\n".to_vec()),
        ("128 levels", format!("{{\"a\":{}{}}}", "[".repeat(127), "]".repeat(127)).into_bytes()),
    ]
}

fn good(n: usize) -> Vec<u8> {
    format!("{{\"a\":\"good {n}\"}}").into_bytes()
}

#[test]
fn the_good_land_and_the_bad_are_set_aside() {
    let mut files = Files::new(plan("  compression: none", ""));
    let mut expected = Vec::new();
    let mut offset = 0;
    for (n, (name, bytes, reason)) in poison().into_iter().enumerate() {
        let rejection = files.take(&record(Some(&bytes), offset)).expect_err(name);
        assert_eq!(rejection.reason, reason, "{name}: {}", rejection.message);
        assert!(!rejection.message.is_empty() && rejection.message.len() <= MAX_MESSAGE_BYTES, "{name}");
        files.take(&record(Some(&good(n)), offset + 1)).unwrap();
        expected.extend(good(n));
        expected.push(b'\n');
        offset += 2;
    }
    assert_eq!(files.finish_only(), expected);
}

#[test]
fn what_only_looks_hostile_lands_as_one_line_each_of_valid_json() {
    let mut files = Files::new(plan("  compression: none", ""));
    for (offset, (name, bytes)) in (0..).zip(harmless()) {
        assert_eq!(files.take(&record(Some(&bytes), offset)), Ok(()), "{name}");
    }
    let object = String::from_utf8(files.finish_only()).unwrap();
    assert_eq!(object.split_terminator('\n').count(), harmless().len());
    for (line, (name, bytes)) in object.split_terminator('\n').zip(harmless()) {
        assert!(!line.contains('\r'), "{name}");
        if !bytes.contains(&b'\n') && !bytes.contains(&b'\r') {
            assert_eq!(line.as_bytes(), bytes, "{name}");
        }
    }
}

#[test]
fn poison_is_set_aside_by_columns_too() {
    let mut files = Files::new(plan("  format: parquet\n  columns: [{name: a, type: string}]", ""));
    for (n, (name, bytes, reason)) in poison().into_iter().enumerate() {
        assert_eq!(files.take(&record(Some(&bytes), 0)).expect_err(name).reason, reason, "{name}");
        files.take(&record(Some(&good(n)), 1)).unwrap();
    }
    for (name, bytes) in harmless() {
        assert_eq!(files.take(&record(Some(&bytes), 2)), Ok(()), "{name}");
    }
    let rows = poison().len() + harmless().len();
    assert_eq!(crate::parquet::read(files.finish_only()).num_rows(), rows);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_land_whole_or_are_set_aside(
        value in prop::collection::vec(any::<u8>(), 0..64), json in r#"[\[\]{}:,"\\ \n0-9eEa.+-]{0,40}"#, pick in any::<bool>(),
    ) {
        let value = if pick { value } else { json.into_bytes() };
        let mut lines = Files::new(plan("  compression: none\n  key: \"a/{field:a}/{key}/{unique}.{ext}\"", ""));
        let oracle = serde_json::from_slice::<serde_json::Value>(&value);
        let valid = match &oracle {
            Ok(_) => true,
            Err(error) => error.to_string().starts_with("number out of range"),
        };
        let taken = lines.take(&record(Some(&value), 0));
        match taken {
            Ok(()) => {
                prop_assert!(valid);
                let line = lines.finish_only();
                prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
                if let Ok(document) = oracle {
                    prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&line).unwrap(), document);
                }
            }
            Err(rejection) => prop_assert!(!valid || rejection.reason == Reason::KeyRender, "{}", rejection),
        }
        let columns = "  format: parquet\n  columns: [{name: a, type: \"list<struct<a: int64>>\"}, {name: e, type: double}]";
        let mut rows = Files::new(plan(columns, ""));
        if rows.take(&record(Some(&value), 0)).is_ok() {
            prop_assert_eq!(crate::parquet::read(rows.finish_only()).num_rows(), 1);
        }
    }
}
