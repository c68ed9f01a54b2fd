//! Parquet end to end, read back by the parquet crate's reader.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
};
use bytes::Bytes;
use landfall_format::{Reason, Stage};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use proptest::prelude::*;

use crate::support::{Files, plan, record, with_headers};

/// All rows of a file.
pub(crate) fn read(file: Vec<u8>) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

const COLUMNS: &str = "  format: parquet
  columns:
    - {name: id, type: int64}
    - {name: price, type: \"decimal(18,4)\", path: imp.price}
    - {name: floor, type: double, path: imp.floor}
    - {name: at, type: timestamp(ms), path: ts}
    - {name: tags, type: list<string>}
    - {name: device, type: \"struct<os: string, geo: struct<lat: double, lon: double>>\"}
    - {name: raw, type: json}";

fn strings<'a>(batch: &'a RecordBatch, name: &str) -> Vec<Option<&'a str>> {
    batch.column_by_name(name).unwrap().as_string::<i32>().iter().collect()
}

#[test]
fn columns_hold_what_the_records_said() {
    let mut files = Files::new(plan(COLUMNS, ""));
    assert_eq!((files.plan.ext(), files.plan.chunks_are_independent()), ("parquet", false));
    let values = [
        r#"{"id":1,"imp":{"price":12.5,"floor":0.1},"ts":1700000000123,"tags":["a",null,"b"],"device":{"os":"x","geo":{"lat":1.5,"lon":-2}},"raw":{"k" : [1]}}"#,
        r#"{"id":null,"tags":[]}"#,
        r#"{"raw":null,"device":{"geo":null},"id":3}"#,
    ];
    for (offset, value) in (0..).zip(values) {
        files.take(&record(Some(value.as_bytes()), offset)).unwrap();
    }
    let batch = read(files.finish_only());
    assert_eq!(batch.num_rows(), 3);
    let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["id", "price", "floor", "at", "tags", "device", "raw", "_rest"]);
    let ids: Vec<_> = batch["id"].as_primitive::<Int64Type>().iter().collect();
    assert_eq!(ids, [Some(1), None, Some(3)]);
    let prices: Vec<_> = batch["price"].as_primitive::<Decimal128Type>().iter().collect();
    assert_eq!(prices, [Some(125_000), None, None]);
    assert_eq!(batch["floor"].as_primitive::<Float64Type>().value(0).to_bits(), 0.1f64.to_bits());
    assert_eq!(batch["at"].as_primitive::<TimestampMicrosecondType>().value(0), 1_700_000_000_123_000);
    assert_eq!(batch["at"].data_type().to_string(), "Timestamp(µs, \"UTC\")");
    let tags = batch["tags"].as_list::<i32>();
    assert_eq!(tags.value(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("a"), None, Some("b")]);
    assert!(!tags.is_null(1) && tags.value(1).is_empty() && tags.is_null(2));
    let device = batch["device"].as_struct();
    assert_eq!(device.column(0).as_string::<i32>().value(0), "x");
    assert_eq!(
        device.column(1).as_struct().column(1).as_primitive::<Float64Type>().value(0).to_bits(),
        (-2f64).to_bits()
    );
    assert!(device.is_null(1) && !device.is_null(2) && device.column(1).is_null(2));
    assert_eq!(strings(&batch, "raw"), [Some("{\"k\" : [1]}"), None, None]);
    assert_eq!(strings(&batch, "_rest"), [None, None, None]);
}

#[test]
fn what_no_column_takes_is_kept_at_its_place_in_rest() {
    let mut files = Files::new(plan(COLUMNS, ""));
    let table = [
        (r#"{"id":1,"new":{"x":[1, 2]},"n":1.0}"#, Some(r#"{"new":{"x":[1, 2]},"n":1.0}"#)),
        (r#"{"imp":{"price":1,"w":320,"h":50}}"#, Some(r#"{"imp":{"w":320,"h":50}}"#)),
        (r#"{"id":"7","imp":{"price":1.23456}}"#, Some(r#"{"id":"7","imp":{"price":1.23456}}"#)),
        (r#"{"imp":[1],"tags":["a",1]}"#, Some(r#"{"imp":[1],"tags":["a",1]}"#)),
        (r#"{"device":{"os":"x","model":"m"}}"#, Some(r#"{"device":{"os":"x","model":"m"}}"#)),
        (r#"{"imp":{},"device":{}}"#, None),
        (r#"{"imp":null}"#, None),
        (r#"{"we\"ird":1}"#, Some(r#"{"we\"ird":1}"#)),
        ("{}", None),
    ];
    for (offset, (value, _)) in (0..).zip(table) {
        files.take(&record(Some(value.as_bytes()), offset)).unwrap();
    }
    let batch = read(files.finish_only());
    assert_eq!(strings(&batch, "_rest"), table.map(|(_, rest)| rest));
    assert!(batch["id"].is_null(2) && batch["price"].is_null(2) && batch["tags"].is_null(3));
    assert_eq!(batch["device"].as_struct().column(0).as_string::<i32>().value(4), "x", "known fields of a struct stay");
}

#[test]
fn what_does_not_fit_is_a_dead_letter_when_the_job_says_so() {
    let mut files = Files::new(plan(&format!("{COLUMNS}\n  rest: dead_letter"), ""));
    let table = [
        (r#"{"id":1,"extra":true}"#, "the field extra has no column; add a column or write rest: _rest"),
        (r#"{"id":"1"}"#, "the column id is int64, and the value is a string"),
        (r#"{"imp":5}"#, "the field imp is not an object, as its columns need; add a column or write rest: _rest"),
        (
            r#"{"tags":[],"device":{"os":1}}"#,
            "the column device is struct<os: string, geo: struct<lat: double, lon: double>>, and the value is a number",
        ),
        (
            r#"{"device":{"model":1}}"#,
            "the column device is struct<os: string, geo: struct<lat: double, lon: double>>, and the value has a field its type does not name",
        ),
    ];
    for (value, message) in table {
        files.take(&record(Some(br#"{"id":1,"tags":["x"]}"#), 0)).unwrap();
        let rejection = files.take(&record(Some(value.as_bytes()), 0)).unwrap_err();
        assert_eq!((rejection.stage, rejection.reason), (Stage::Encode, Reason::SchemaMismatch));
        assert_eq!(rejection.message, message);
    }
    let batch = read(files.finish_only());
    assert_eq!(batch.num_rows(), table.len());
    assert_eq!(batch["tags"].null_count(), 0);
    assert!(batch.column_by_name("_rest").is_none());
}

#[test]
fn a_value_that_is_no_object_does_not_fit_columns() {
    let mut files = Files::new(plan(COLUMNS, ""));
    for value in ["1", "null", "[{}]", "\"x\""] {
        let rejection = files.take(&record(Some(value.as_bytes()), 0)).unwrap_err();
        assert_eq!((rejection.stage, rejection.reason), (Stage::Decode, Reason::SchemaMismatch), "{value}");
    }
}

#[test]
fn the_envelope_has_its_columns_and_keeps_tombstones() {
    let sink = format!("{COLUMNS}\n  envelope: [headers, key, timestamp, offset, partition, topic]");
    let mut files = Files::new(plan(&sink, "decode: {null_value: keep}"));
    let headers = vec![("h".to_owned(), Some(b"\xff\0".to_vec())), ("n".to_owned(), None)];
    files.take(&with_headers(Some(b"{\"id\":1}"), 40, &headers)).unwrap();
    let mut tombstone = record(None, 41);
    tombstone.key = None;
    files.take(&tombstone).unwrap();
    files.take(&record(Some(b""), 42)).unwrap();
    let batch = read(files.finish_only());
    assert!(batch["id"].is_null(2) && batch["_rest"].is_null(2));
    assert_eq!(strings(&batch, "_topic"), [Some("bids"); 3]);
    assert_eq!(batch["_partition"].as_primitive::<Int32Type>().values(), &[3, 3, 3]);
    assert_eq!(batch["_offset"].as_primitive::<Int64Type>().values(), &[40, 41, 42]);
    assert_eq!(batch["_timestamp"].as_primitive::<TimestampMillisecondType>().value(0), 1_774_877_654_321);
    assert_eq!(
        batch["_key"].as_binary::<i32>().iter().collect::<Vec<_>>(),
        [Some(b"key".as_slice()), None, Some(b"key")]
    );
    let headers = batch["_headers"].as_list::<i32>();
    let first = headers.value(0);
    assert_eq!(first.as_struct().column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("h"), Some("n")]);
    assert_eq!(
        first.as_struct().column(1).as_binary::<i32>().iter().collect::<Vec<_>>(),
        [Some(b"\xff\0".as_slice()), None]
    );
    assert!(headers.value(1).is_empty());
    assert!(batch["id"].is_null(1) && batch["_rest"].is_null(1));
}

#[test]
fn many_chunks_make_one_file_with_row_groups_statistics_and_page_index() {
    let sink = "  format: parquet\n  columns: [{name: id, type: int64}, {name: noise, type: string}]";
    for compression in ["none", "gzip", "snappy", "zstd", "lz4"] {
        let mut files = Files::new(plan(&format!("{sink}\n  compression: {compression}"), ""));
        let mut encoder = files.plan.new_encoder().unwrap();
        let mut object = Vec::new();
        for chunk in 0..6u64 {
            for n in 0..2_500u64 {
                let id = chunk * 2_500 + n;
                let value = format!("{{\"id\":{id},\"noise\":\"{:x}\"}}", id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                files.take(&record(Some(value.as_bytes()), i64::try_from(id).unwrap())).unwrap();
            }
            encoder.encode(files.seal_only()).unwrap().iter().for_each(|piece| object.extend_from_slice(piece));
            assert!(encoder.memory_bytes() > 0);
            if chunk == 2 {
                let pieces = encoder.flush().unwrap();
                assert!(!pieces.is_empty(), "a flushed row group leaves");
                pieces.iter().for_each(|piece| object.extend_from_slice(piece));
            }
        }
        encoder.finish().unwrap().iter().for_each(|piece| object.extend_from_slice(piece));
        let reader = SerializedFileReader::new(Bytes::from(object.clone())).unwrap();
        let groups = reader.metadata().row_groups();
        assert_eq!(
            groups.iter().map(parquet::file::metadata::RowGroupMetaData::num_rows).collect::<Vec<_>>(),
            [7_500, 7_500],
            "{compression}"
        );
        assert!(groups[0].column(0).statistics().is_some());
        assert!(
            groups[0].column(0).offset_index_offset().is_some() && groups[0].column(0).column_index_offset().is_some()
        );
        let batch = read(object);
        let ids: Vec<i64> = batch["id"].as_primitive::<Int64Type>().values().to_vec();
        assert_eq!(ids, (0..15_000).collect::<Vec<_>>(), "{compression}");
    }
}

#[test]
fn what_a_row_group_will_be_is_told_before_it_leaves() {
    let sink = "  format: parquet\n  columns: [{name: id, type: int64}, {name: noise, type: string}]";
    let mut files = Files::new(plan(sink, ""));
    let mut encoder = files.plan.new_encoder().unwrap();
    assert_eq!(encoder.in_progress_bytes(), 0);
    let (mut told, mut id) = (0, 0u64);
    for _ in 0..8 {
        for _ in 0..10_000 {
            id += 1;
            let noise = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let value = format!("{{\"id\":{id},\"noise\":\"{noise:x}{:x}\"}}", noise.rotate_left(23));
            files.take(&record(Some(value.as_bytes()), 0)).unwrap();
        }
        assert!(encoder.encode(files.seal_only()).unwrap().is_empty(), "a row group left early");
        assert!(encoder.in_progress_bytes() > told, "the estimate does not grow");
        told = encoder.in_progress_bytes();
    }
    let left: usize = encoder.flush().unwrap().iter().map(Bytes::len).sum();
    assert_eq!(encoder.in_progress_bytes(), 0, "what left is not in progress");
    assert!(left / 2 < told && told < left * 2, "{told} bytes were told and {left} left");
    assert_eq!(plan("", "").new_encoder().unwrap().in_progress_bytes(), 0);
}

#[test]
fn a_time_with_finer_digits_than_its_column_is_kept_whole_or_is_a_dead_letter() {
    let sink = "  format: parquet\n  columns: [{name: ns, type: timestamp(ns)}, {name: at, type: timestamp}]";
    let mut files = Files::new(plan(sink, ""));
    let fine = [
        r#"{"ns":1700000000123456789,"at":"2023-11-14T22:13:20.123456Z"}"#,
        r#"{"ns":1700000000123456000,"at":"2023-11-14T22:13:20.1234567Z"}"#,
    ];
    for (offset, value) in (0..).zip(fine) {
        files.take(&record(Some(value.as_bytes()), offset)).unwrap();
    }
    let batch = read(files.finish_only());
    let rest = [Some(r#"{"ns":1700000000123456789}"#), Some(r#"{"at":"2023-11-14T22:13:20.1234567Z"}"#)];
    assert_eq!(strings(&batch, "_rest"), rest);
    let times = |name: &str| batch[name].as_primitive::<TimestampMicrosecondType>().iter().collect::<Vec<_>>();
    assert_eq!(times("ns"), [None, Some(1_700_000_000_123_456)]);
    assert_eq!(times("at"), [Some(1_700_000_000_123_456), None]);
    let mut files = Files::new(plan(&format!("{sink}\n  rest: dead_letter"), ""));
    let rejection = files.take(&record(Some(fine[0].as_bytes()), 0)).unwrap_err();
    assert_eq!(rejection.reason, Reason::SchemaMismatch);
    assert_eq!(
        rejection.message,
        "the column ns is timestamp(ns), and the value is a time with digits finer than microseconds"
    );
}

#[test]
fn a_chunk_of_another_format_is_an_error_and_not_a_loss() {
    let mut lines = Files::new(plan("", ""));
    lines.take(&record(Some(b"{}"), 0)).unwrap();
    let columns = plan(COLUMNS, "");
    assert!(columns.new_encoder().unwrap().encode(lines.seal_only()).is_err());
    let record = record(Some(b"{}"), 0);
    let mut chunk = lines.plan.new_chunk();
    assert_eq!(chunk.append(&columns, &mut lines.scratch, &record).unwrap_err().reason, Reason::Encode);
}

fn field() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::collection::vec(any::<Option<i64>>(), 0..4).prop_map(Value::from),
        (any::<i64>(), any::<String>()).prop_map(|(a, b)| json!({"a": a, "b": b})),
        Just(json!({"c": [1]})),
    ]
}

/// Puts a row together again from its columns and its rest.
fn restore(batch: &RecordBatch, row: usize) -> serde_json::Value {
    use serde_json::{Map, Value};
    let mut value = match batch["_rest"].is_valid(row).then(|| batch["_rest"].as_string::<i32>().value(row)) {
        Some(rest) => serde_json::from_str::<Value>(rest).unwrap(),
        None => Value::Object(Map::new()),
    };
    let object = value.as_object_mut().unwrap();
    if batch["i"].is_valid(row) {
        object.insert("i".to_owned(), batch["i"].as_primitive::<Int64Type>().value(row).into());
    }
    if batch["s"].is_valid(row) {
        object.insert("s".to_owned(), batch["s"].as_string::<i32>().value(row).into());
    }
    if batch["l"].is_valid(row) {
        let list = batch["l"].as_list::<i32>().value(row);
        let items: Vec<Value> =
            list.as_primitive::<Int64Type>().iter().map(|item| item.map_or(Value::Null, Value::from)).collect();
        object.insert("l".to_owned(), items.into());
    }
    let fields = batch["o"].as_struct();
    if fields.is_valid(row) && !object.contains_key("o") {
        let mut inner = Map::new();
        for (name, column) in [("a", fields.column(0)), ("b", fields.column(1))] {
            if column.is_valid(row) {
                let value = match name {
                    "a" => column.as_primitive::<Int64Type>().value(row).into(),
                    _ => Value::from(column.as_string::<i32>().value(row)),
                };
                inner.insert(name.to_owned(), value);
            }
        }
        object.insert("o".to_owned(), inner.into());
    }
    value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn columns_and_rest_together_are_the_record(
        rows in prop::collection::vec(prop::collection::btree_map("[isloxy]", field(), 0..6), 1..20),
    ) {
        let sink = "  format: parquet\n  columns: [{name: i, type: int64}, {name: s, type: string}, \
                    {name: l, type: list<int64>}, {name: o, type: \"struct<a: int64, b: string>\"}]";
        let mut files = Files::new(plan(sink, ""));
        for (offset, row) in (0..).zip(&rows) {
            files.take(&record(Some(serde_json::to_string(row).unwrap().as_bytes()), offset)).unwrap();
        }
        let batch = read(files.finish_only());
        for (at, row) in rows.iter().enumerate() {
            let mut expected = serde_json::to_value(row).unwrap();
            // A null in a column is the absence of a value; elsewhere it is kept.
            expected.as_object_mut().unwrap().retain(|name, value| !(value.is_null() && "islo".contains(name.as_str())));
            prop_assert_eq!(restore(&batch, at), expected);
        }
    }
}
