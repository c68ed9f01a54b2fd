//! Records of 16 MiB made to cost far more than their length: work and memory stay in proportion to it. What grew with
//! the square of the length would take minutes here.

use landfall_format::{Reason, Stage};

use crate::support::{Files, plan_of, record};

const MIB: usize = 1 << 20;

fn files(columns: &str) -> Files {
    Files::new(plan_of("16 MiB", &format!("  format: parquet\n  columns: [{columns}]"), ""))
}

/// Takes one record; a good one lands before and after it, and the file is whole.
fn take(columns: &str, value: &str) -> (Result<(), (Stage, Reason, String)>, arrow::record_batch::RecordBatch) {
    assert!(value.len() <= 16 * MIB - 3, "{} bytes are too many", value.len());
    let mut files = files(columns);
    files.take(&record(Some(b"{}"), 0)).unwrap();
    let before = files.open.values().next().unwrap().memory_bytes();
    let taken = files.take(&record(Some(value.as_bytes()), 1)).map_err(|r| (r.stage, r.reason, r.message));
    let after = files.open.values().next().unwrap().memory_bytes();
    if taken.is_err() {
        assert!(after <= before + 4_096, "{after} bytes are held after a rejection, {before} before it");
    }
    files.take(&record(Some(b"{}"), 2)).unwrap();
    (taken, crate::parquet::read(files.finish_only()))
}

/// So many times `one`, divided by commas.
fn many(one: &str, times: usize) -> String {
    vec![one; times].join(",")
}

#[test]
fn a_known_name_over_and_over_among_others_lands_as_its_last() {
    let value = format!("{{{},{},\"a\":7}}", many("\"x\":1", 60_000), many("\"a\":1", 1_400_000));
    let (taken, rows) = take("{name: a, type: int64}", &value);
    assert_eq!(taken, Ok(()));
    assert_eq!(rows.num_rows(), 3);
    let rest = arrow::array::AsArray::as_string::<i32>(&rows["_rest"]).value(1).len();
    assert_eq!(rest, 60_000 * "\"x\":1,".len() + 1);
}

#[test]
fn an_object_of_many_columns_over_and_over_lands_as_its_last() {
    let columns: Vec<String> = (0..2_000).map(|n| format!("{{name: c{n}, type: int64, path: o.c{n}}}")).collect();
    let value = format!("{{{},\"o\":{{\"c1999\":7}}}}", many("\"o\":null", 1_200_000));
    assert_eq!(take(&columns.join(", "), &value).0, Ok(()));
    let value = format!("{{{},\"o\":null}}", many("\"o\":{\"c3\":1}", 900_000));
    assert_eq!(take(&columns.join(", "), &value).0, Ok(()));
}

#[test]
fn more_fields_without_a_column_than_can_be_noted_are_too_large() {
    let value = format!("{{{},{},\"a\":1}}", many("\"x\":1", 1_400_000), many("\"a\":1", 1_200_000));
    let (stage, reason, message) = take("{name: a, type: int64}", &value).0.unwrap_err();
    assert_eq!((stage, reason), (Stage::Decode, Reason::TooLarge));
    assert!(message.starts_with("the record has more than 100000 fields without a column; "), "{message}");
    for (fields, lands) in [(100_000, true), (100_001, false)] {
        let value = format!("{{{}}}", many("\"x\":1", fields));
        assert_eq!(take("{name: a, type: int64}", &value).0.is_ok(), lands, "{fields}");
    }
    let broken = format!("{{{},", many("\"x\":1", 1_400_000));
    assert_eq!(take("{name: a, type: int64}", &broken).0.unwrap_err().1, Reason::MalformedJson);
}

#[test]
fn names_that_a_wide_struct_does_not_have_are_passed_over_quickly() {
    let fields: Vec<String> = (0..1_000).map(|n| format!("f{n:04}: int64")).collect();
    let column = format!("{{name: s, type: \"struct<{}>\"}}", fields.join(", "));
    let value = format!("{{\"s\":{{{}}}}}", many("\"f9999\":1", 1_200_000));
    assert_eq!(take(&column, &value).0, Ok(()));
}

#[test]
fn rows_that_would_take_many_times_their_record_are_too_large() {
    let ten: Vec<String> = (0..10).map(|n| format!("f{n}: int64")).collect();
    let thousand: Vec<String> = (0..1_000).map(|n| format!("f{n}: int64")).collect();
    let list = format!("{{name: v, type: \"list<struct<{}>>\"}}", ten.join(", "));
    let wide = format!("{{name: v, type: \"struct<v: struct<{}>>\"}}", thousand.join(", "));
    let same: Vec<String> = (0..100).map(|n| format!("{{name: c{n}, type: string, path: v}}")).collect();
    let same = same.join(", ");
    for (columns, value) in [
        (list.as_str(), format!("[{}]", many("{}", 5_500_000))),
        (list.as_str(), format!("[{}]", many("null", 3_000_000))),
        ("{name: v, type: list<int64>}", format!("[{}]", many("1", 8_000_000))),
        (wide.as_str(), format!("{{{}}}", many("\"v\":{}", 2_000_000))),
        (wide.as_str(), format!("{{{}}}", many("\"v\":null", 1_600_000))),
        (same.as_str(), format!("\"{}\"", "x".repeat(15 * MIB))),
    ] {
        let value = format!("{{\"v\":{value}}}");
        let (stage, reason, message) = take(columns, &value).0.expect_err(columns);
        assert_eq!((stage, reason), (Stage::Encode, Reason::TooLarge), "{columns:.60}");
        assert!(message.starts_with("the row would take more than 67108864 bytes, 4 times "), "{message}");
    }
}

#[test]
fn a_large_list_that_is_in_proportion_lands() {
    let value = format!("{{\"v\":[{}]}}", many("1234567", 2_000_000));
    let (taken, rows) = take("{name: v, type: list<int64>}", &value);
    assert_eq!(taken, Ok(()));
    assert_eq!(arrow::array::AsArray::as_list::<i32>(&rows["v"]).value(1).len(), 2_000_000);
}
