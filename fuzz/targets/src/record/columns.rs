//! Records into Parquet: what no column takes is in the rest, and together they are the record.

use std::sync::LazyLock;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use landfall_format::{Plan, Scratch, Verdict};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};

use super::{Owned, accepted, confined, plan};
use crate::Answer;
use crate::input::Input;

const COLUMNS: &str = "  format: parquet
  envelope: [offset, key]
  columns:
    - {name: id, type: int64}
    - {name: name, type: string}
    - {name: raw, type: json}
    - {name: ok, type: boolean}
    - {name: price, type: \"decimal(9,2)\"}
    - {name: ratio, type: double}
    - {name: at, type: timestamp(us)}
    - {name: day, type: date}
    - {name: tags, type: list<string>}
    - {name: os, type: string, path: device.os}
    - {name: geo, type: \"struct<lat: double, city: string, x: list<struct<y: int32>>>\", path: device.geo}";

static PLANS: LazyLock<[Plan; 2]> = LazyLock::new(|| {
    [
        plan(&format!("{COLUMNS}\n  key: 'x/{{unique}}.{{ext}}'"), ""),
        plan(&format!("{COLUMNS}\n  rest: dead_letter\n  compression: snappy\n  key: 'x/{{unique}}.{{ext}}'"), ""),
    ]
});

fn read(file: Vec<u8>) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

pub(crate) fn columns(data: &[u8]) -> Answer {
    let mut input = Input::new(data);
    let which = input.below(2);
    let plan = &PLANS[which];
    let mut scratch = Scratch::new(plan);
    let mut encoder = plan.new_encoder().unwrap();
    let mut chunk = plan.new_chunk();
    let mut file = Vec::new();
    let mut landed: Vec<Owned> = Vec::new();
    for offset in 0..12 {
        if input.is_empty() {
            break;
        }
        let owned = Owned::read(&mut input, offset);
        let record = owned.record();
        let Verdict::Route { .. } = accepted(plan, &mut scratch, &record, 1_774_884_854_321) else { continue };
        confined(scratch.group_key(), offset, plan.ext());
        let (records, bytes) = (chunk.records(), chunk.len_bytes());
        match chunk.append(plan, &mut scratch, &record) {
            Ok(_) => landed.push(owned),
            Err(rejection) => {
                assert!(!rejection.message.is_empty());
                assert_eq!((chunk.records(), chunk.len_bytes()), (records, bytes), "whole or not at all");
            }
        }
        if input.byte() & 7 == 7 {
            file.extend(encoder.encode(chunk.seal()).unwrap());
        }
    }
    file.extend(encoder.encode(chunk.seal()).unwrap());
    file.extend(encoder.finish().unwrap());
    let rows = read(file.concat());
    assert_eq!(rows.num_rows(), landed.len(), "a row a record");
    for (row, owned) in landed.iter().enumerate() {
        assert_eq!(rows["_offset"].as_primitive::<Int64Type>().value(row), owned.offset);
        let key = rows["_key"].as_binary::<i32>();
        assert_eq!((!key.is_null(row)).then(|| key.value(row)), owned.key.as_deref());
        check_row(&rows, row, owned, which == 0);
    }
    if landed.is_empty() { Answer::Refused } else { Answer::Accepted }
}

/// The top-level fields of the record, each where it belongs: in its column or in the rest.
fn check_row(rows: &RecordBatch, row: usize, owned: &Owned, has_rest: bool) {
    let value = owned.value.as_deref().unwrap_or_default();
    let text = String::from_utf8_lossy(value);
    let record: Map<String, Value> = match serde_json::from_slice(value) {
        Ok(record) => record,
        Err(error) if error.to_string().starts_with("recursion limit exceeded") => return,
        Err(error) => panic!("{text:?} was accepted and is no object: {error}"),
    };
    let shown = |name: &str| {
        let column = rows.column_by_name(name)?.as_string_opt::<i32>()?;
        (!column.is_null(row)).then(|| column.value(row).to_owned())
    };
    let rest: Map<String, Value> = match shown("_rest") {
        Some(rest) => serde_json::from_str(&rest).unwrap_or_else(|e| panic!("the rest of {text:?} is {rest:?}: {e}")),
        None => Map::new(),
    };
    for (name, value) in &record {
        let left = rest.get(name);
        match name.as_str() {
            "id" | "ok" | "price" | "ratio" | "at" | "day" | "tags" | "name" | "raw" => {
                let null = rows[name.as_str()].is_null(row);
                assert!(
                    !null || value.is_null() || left == Some(value),
                    "{name} of {text:?} is neither in its column nor in the rest"
                );
                assert!(null || left.is_none(), "{name} of {text:?} is in its column and in the rest");
            }
            // Columns lie inside of it.
            "device" => continue,
            _ => assert!(!has_rest || left == Some(value), "{name} of {text:?} is not in the rest {rest:?}"),
        }
        match (name.as_str(), shown(name)) {
            ("name", Some(column)) => assert_eq!(Value::from(column), *value, "{text:?}"),
            ("raw", Some(column)) => assert_eq!(serde_json::from_str::<Value>(&column).unwrap(), *value, "{text:?}"),
            _ => {}
        }
        let ids = rows["id"].as_primitive::<Int64Type>();
        if let ("id", false, Some(id)) = (name.as_str(), ids.is_null(row), value.as_i64()) {
            assert_eq!(ids.value(row), id, "{text:?}");
        }
    }
    for name in rest.keys() {
        assert!(record.contains_key(name), "the rest of {text:?} has {name:?}");
    }
}
