#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use proptest::prelude::*;

fn scan(text: &str) -> Result<(Span, bool), JsonError> {
    let mut scanner = Scanner::new(text);
    scanner.begin()?;
    let span = scanner.value()?;
    scanner.finish()?;
    Ok((span, scanner.line_breaks()))
}

/// serde_json is the oracle. Without its arbitrary_precision it refuses numbers beyond f64, which are valid JSON.
fn oracle(text: &str) -> bool {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => true,
        Err(error) => error.to_string().starts_with("number out of range"),
    }
}

#[test]
fn every_kind_of_valid_document_is_accepted() {
    let valid = [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.5e+10",
        "1E400",
        "\"\"",
        "\"a\\u00e9\\ud83d\\ude00\"",
        "[]",
        "{}",
        " [ ] ",
        "{\"a\":{\"b\":[1,{\"c\":[]}]}}",
        "\t\n\r 1 \n",
        "\"\u{7f}\u{80}é\u{ffff}\"",
        "\"\\u0000\"",
        "[[],[],{}]",
        "{\"\":0,\"\":1}",
        "-12345678901234567890123456789012345678901234567890",
    ];
    for text in valid {
        assert!(scan(text).is_ok(), "{text}: {:?}", scan(text));
        assert!(oracle(text), "{text}");
    }
}

#[test]
fn every_kind_of_broken_document_is_refused() {
    let broken = [
        "",
        " ",
        "\u{feff}{}",
        "{}{}",
        "1 2",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{'a':1}",
        "{\"a\" 1}",
        "[",
        "]",
        "{",
        "}",
        "[}",
        "{]",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u123g\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\\ud800x\"",
        "\"\u{1}\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "\0",
        "{}\0",
        "01",
        "-",
        "-01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "0x1",
        "NaN",
        "Infinity",
        "-Infinity",
        "nul",
        "nulll",
        "TRUE",
        "tru",
        "// c\n1",
        "/**/1",
        "\u{a0}1",
        "\u{c}1",
        "1\u{b}",
        "[1}",
        "\"\\",
        "{\"a\":1 \"b\":2}",
        "[\"\\u00\"]",
    ];
    for text in broken {
        assert!(scan(text).is_err(), "{text:?} was accepted");
        assert!(!oracle(text), "{text:?}: the oracle accepts it");
    }
}

#[test]
fn nesting_up_to_the_bound_is_accepted_and_one_more_is_refused() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let bound = usize::try_from(MAX_DEPTH).unwrap();
    assert!(scan(&nested(bound)).is_ok());
    assert_eq!(scan(&nested(bound + 1)).unwrap_err().fault, Fault::TooDeep);
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert!(scan(&objects(bound)).is_ok());
    assert_eq!(scan(&objects(bound + 1)).unwrap_err().fault, Fault::TooDeep);
}

#[test]
fn a_hundred_thousand_levels_are_refused_without_a_crash() {
    for open in ["[", "{\"a\":", "[{\"a\":"] {
        assert_eq!(scan(&open.repeat(100_000)).unwrap_err().fault, Fault::TooDeep);
    }
}

#[test]
fn siblings_do_not_count_as_depth() {
    let text = format!("[{}0]", "[[]],{\"a\":{}},".repeat(10_000));
    assert!(scan(&text).is_ok());
}

#[test]
fn line_breaks_between_tokens_are_noticed() {
    assert!(scan("{\"a\":\n1}").unwrap().1);
    assert!(scan("1\r").unwrap().1);
    assert!(!scan("{\"a\":\t \"\\n\"}").unwrap().1);
}

#[test]
fn a_message_names_the_place() {
    assert_eq!(scan("[1,x]").unwrap_err().to_string(), "expected a value at byte 3");
    assert_eq!(scan("{\"a\":1").unwrap_err().to_string(), "the document ends early, at byte 6");
    assert_eq!(scan("{} {}").unwrap_err().to_string(), "the document ends at byte 3 but more follows");
    assert_eq!(scan("").unwrap_err().to_string(), "the value is empty");
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_serde_json_writes_is_accepted(value in json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let (span, _) = scan(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(span.of(&text), text.as_str());
    }

    #[test]
    fn a_document_with_one_byte_changed_is_judged_as_serde_json_does(
        value in json(), at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0..3,
    ) {
        let mut bytes = serde_json::to_vec(&value).unwrap();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => { bytes.remove(at); }
        }
        if let Ok(text) = std::str::from_utf8(&bytes) {
            prop_assert_eq!(scan(text).is_ok(), oracle(text), "{}", text);
        }
    }

    #[test]
    fn a_run_of_json_characters_is_judged_as_serde_json_does(
        text in r#"[\[\]{}:,"\\ \n\t0-9eE+.\-utrfalsn/bdcDC]{0,24}"#,
    ) {
        prop_assert_eq!(scan(&text).is_ok(), oracle(&text), "{}", text);
    }

    #[test]
    fn strings_of_any_alignment_end_where_serde_json_ends_them(text in r#""[a-zé\\"u0-9dD\x00-\x22]{0,40}""#) {
        prop_assert_eq!(scan(&text).is_ok(), oracle(&text), "{}", text);
    }
}
