#![allow(clippy::unwrap_used)]
use super::*;
use arrow::array::{ArrayRef, AsArray as _};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use landfall_job::ColumnType;
use proptest::prelude::*;
use std::sync::Arc;

fn tools() -> Tools {
    Tools { left_bytes: 1 << 20, ..Tools::default() }
}

/// Pushes one value into a fresh column of `ty`; answers how Arrow shows it.
fn fit(ty: &str, value: &str) -> Result<String, Misfit> {
    let mut column = ColumnBuffer::new(&ColumnType::parse(ty).unwrap());
    let span = Scanner::at(value, 0).value().unwrap();
    column.push(value, span, &mut tools())?;
    let array = shown_in_utc(column.into_array().unwrap());
    let options = FormatOptions::default().with_null("NULL");
    Ok(ArrayFormatter::try_new(&array, &options).unwrap().value(0).to_string())
}

/// Arrow's formatter knows zones only by their offset.
fn shown_in_utc(array: ArrayRef) -> ArrayRef {
    match array.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(times) => Arc::new(times.clone().with_timezone("+00:00")),
        None => array,
    }
}

#[test]
fn what_fits_a_type_and_how_it_reads() {
    let table = [
        ("string", r#""a\u00e9\n""#, "aé\n"),
        ("int32", "-2147483648", "-2147483648"),
        ("int64", "9223372036854775807", "9223372036854775807"),
        ("int64", "12.0", "12"),
        ("int64", "1.2e3", "1200"),
        ("float", "1.5", "1.5"),
        ("double", "-0.1e-3", "-0.0001"),
        ("boolean", "true", "true"),
        ("date", "\"2026-01-31\"", "2026-01-31"),
        ("date", "\"1969-12-31\"", "1969-12-31"),
        ("timestamp(ms)", "1700000000123", "2023-11-14T22:13:20.123Z"),
        ("timestamp(ms)", "\"1700000000123\"", "2023-11-14T22:13:20.123Z"),
        ("timestamp(ms)", "-1", "1969-12-31T23:59:59.999Z"),
        ("timestamp(us)", "1700000000123456", "2023-11-14T22:13:20.123456Z"),
        ("timestamp(ns)", "1700000000123456000", "2023-11-14T22:13:20.123456Z"),
        ("timestamp(ns)", "1.700000000123456e18", "2023-11-14T22:13:20.123456Z"),
        ("timestamp(ns)", "-1000", "1969-12-31T23:59:59.999999Z"),
        ("timestamp(s)", "1700000000.1234560", "2023-11-14T22:13:20.123456Z"),
        ("timestamp(s)", "1700000000.5", "2023-11-14T22:13:20.500Z"),
        ("timestamp", "\"2023-11-14T23:13:20.123456+01:00\"", "2023-11-14T22:13:20.123456Z"),
        ("timestamp", "\"1969-12-31T23:59:59.999999000Z\"", "1969-12-31T23:59:59.999999Z"),
        ("decimal(5,2)", "-999.99", "-999.99"),
        ("decimal(5,2)", "\"1.5\"", "1.50"),
        ("decimal(38,0)", "99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
        ("json", "{\"a\" : [1, 2.50]}", "{\"a\" : [1, 2.50]}"),
        ("json", "\"x\"", "\"x\""),
        ("list<int32>", "[1, null ,3]", "[1, NULL, 3]"),
        ("list<list<string>>", "[[\"a\"],[],null]", "[[a], [], NULL]"),
        ("list<int32>", "[]", "[]"),
        ("struct<a: int64, b: string>", "{\"b\":\"x\",\"a\":1}", "{a: 1, b: x}"),
        ("struct<a: int64, b: string>", "{\"\\u0061\":1}", "{a: 1, b: NULL}"),
        ("struct<a: int64>", "{\"a\":1,\"a\":2}", "{a: 2}"),
        ("struct<a: list<int32>>", "{\"a\":[1,2],\"a\":[3]}", "{a: [3]}"),
        ("list<struct<a: int32>>", "[{\"a\":1},{},null]", "[{a: 1}, {a: NULL}, NULL]"),
    ];
    for (ty, value, shown) in table {
        assert_eq!(fit(ty, value).as_deref(), Ok(shown), "{ty} from {value}");
    }
}

#[test]
fn null_fits_every_type() {
    for ty in ["string", "int32", "decimal(5,2)", "list<int32>", "struct<a: int64>", "json", "timestamp(ms)", "boolean"]
    {
        assert_eq!(fit(ty, "null").as_deref(), Ok("NULL"), "{ty}");
    }
}

#[test]
fn what_does_not_fit_a_type() {
    let table = [
        ("string", "1"),
        ("string", "{}"),
        ("int32", "2147483648"),
        ("int64", "9223372036854775808"),
        ("int64", "1.5"),
        ("int64", "\"1\""),
        ("int64", "1e400"),
        ("float", "1e39"),
        ("double", "1e309"),
        ("double", "\"1\""),
        ("boolean", "0"),
        ("boolean", "\"true\""),
        ("date", "\"2026-02-30\""),
        ("date", "\"2026-01-31T00:00:00Z\""),
        ("date", "20260131"),
        ("timestamp(ms)", "1e30"),
        ("timestamp(ms)", "\"soon\""),
        ("timestamp(s)", "1700000000123"),
        ("timestamp", "1700000000"),
        ("timestamp", "\"2023-11-14T22:13:20\""),
        ("timestamp(ns)", "1700000000123456789"),
        ("timestamp(ns)", "1700000000123456000.5"),
        ("timestamp(ns)", "-1"),
        ("timestamp(us)", "1700000000123456.5"),
        ("timestamp(ms)", "1700000000123.4567"),
        ("timestamp(s)", "1700000000.1234567"),
        ("timestamp", "\"2023-11-14T23:13:20.1234567+01:00\""),
        ("timestamp", "\"1969-12-31T23:59:59.999999999Z\""),
        ("decimal(5,2)", "1000"),
        ("decimal(5,2)", "1.234"),
        ("decimal(5,2)", "true"),
        ("list<int32>", "{}"),
        ("list<int32>", "[1,\"x\"]"),
        ("struct<a: int64>", "[1]"),
        ("struct<a: int64>", "{\"a\":\"x\"}"),
    ];
    for (ty, value) in table {
        assert!(fit(ty, value).is_err(), "{ty} took {value}");
    }
}

#[test]
fn what_a_value_takes_is_counted_as_it_is_held() {
    let table = [
        ("int64", "1", 9),
        ("string", "\"four\"", 5 + 6),
        ("list<int64>", "[1,null,3]", 5 + 3 * 9),
        ("struct<a: int64, b: string>", "null", 1 + 9 + 5),
        ("struct<a: int64, b: string>", "{}", 1 + 9 + 5),
        ("struct<a: int64, b: string>", "{\"a\":1,\"a\":2,\"c\":3}", 1 + 2 * 9 + 5),
        ("list<struct<a: int64, b: decimal(10,2)>>", "[{},null,{\"b\":1}]", 5 + 3 * (1 + 9 + 17)),
    ];
    for (ty, value, bytes) in table {
        let span = Scanner::at(value, 0).value().unwrap();
        for (left_bytes, expected) in [(bytes, Ok(())), (bytes - 1, Err(Misfit::TooMuch))] {
            let mut column = ColumnBuffer::new(&ColumnType::parse(ty).unwrap());
            let mut tools = Tools { left_bytes, ..Tools::default() };
            assert_eq!(column.push(value, span, &mut tools), expected, "{ty} from {value} in {left_bytes}");
            column.shrink();
            // Beside the first offset of a list or string.
            assert!(column.memory_bytes() <= bytes + 8, "{ty} holds {} bytes", column.memory_bytes());
        }
    }
}

#[test]
fn a_field_the_struct_does_not_name_is_noticed() {
    let mut column = ColumnBuffer::new(&ColumnType::parse("list<struct<a: int64>>").unwrap());
    let mut tools = tools();
    let value = r#"[{"a":1},{"a":2,"b":3}]"#;
    column.push(value, Scanner::at(value, 0).value().unwrap(), &mut tools).unwrap();
    assert!(tools.unnamed);
}

const TYPE: &str =
    "struct<a: list<struct<b: string, c: decimal(10,2)>>, d: json, e: struct<f: list<list<int32>>>, g: double>";

fn member() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#"{"a":[{"b":"x","c":1.25},{"c":null},{}],"d":{"q":[1]},"e":{"f":[[1,2],[],[3]]},"g":1.5}"#.to_owned()),
        Just(r#"{"e":{"f":[[1],[2]]},"e":{"f":[[4]]},"a":[{"b":"y"}]}"#.to_owned()),
        Just("null".to_owned()),
        Just("{}".to_owned()),
        Just(r#"{"a":[{"b":"x","c":1.25},{"b":"lost","c":1.255}]}"#.to_owned()),
        Just(r#"{"d":1,"e":{"f":[[1,2],[3,"x"]]}}"#.to_owned()),
        Just(r#"{"a":[{"b":"x"}],"g":"no"}"#.to_owned()),
        Just("[]".to_owned()),
    ]
}

proptest! {
    #[test]
    fn a_row_that_does_not_fit_leaves_no_trace(values in prop::collection::vec(member(), 1..30)) {
        let new = || ColumnBuffer::new(&ColumnType::parse(TYPE).unwrap());
        let (mut mixed, mut good) = (new(), new());
        for value in &values {
            let span = Scanner::at(value, 0).value().unwrap();
            let rows = mixed.rows();
            if mixed.push(value, span, &mut tools()).is_ok() {
                good.push(value, span, &mut tools()).unwrap();
            } else {
                mixed.truncate(rows);
            }
        }
        prop_assert_eq!(&mixed.into_array().unwrap(), &good.into_array().unwrap());
    }

    #[test]
    fn any_string_and_any_number_come_back(text in any::<String>(), number in any::<f64>(), whole in any::<i64>()) {
        prop_assert_eq!(fit("string", &serde_json::to_string(&text).unwrap()).unwrap(), text);
        prop_assert_eq!(fit("int64", &whole.to_string()).unwrap(), whole.to_string());
        if number.is_finite() {
            let mut column = ColumnBuffer::new(&ColumnType::Double);
            let value = serde_json::to_string(&number).unwrap();
            column.push(&value, Scanner::at(&value, 0).value().unwrap(), &mut tools()).unwrap();
            let Values::Double(values) = &column.values else { return Err(TestCaseError::fail("no double")) };
            prop_assert_eq!(values[0].to_bits(), number.to_bits());
        }
    }
}
