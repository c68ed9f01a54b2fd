//! JSON lines end to end.

use std::io::Read as _;

use landfall_format::{Reason, SkipReason, Stage, Verdict, accept};

use crate::support::{Files, NOW_MS, plan, record, with_headers};

fn decode(ext: &str, bytes: &[u8]) -> Vec<u8> {
    let mut back = Vec::new();
    match ext {
        "jsonl" => back.extend_from_slice(bytes),
        "jsonl.zst" => {
            zstd::stream::read::Decoder::new(bytes).unwrap().read_to_end(&mut back).unwrap();
        }
        "jsonl.gz" => {
            flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut back).unwrap();
        }
        other => panic!("unknown {other}"),
    }
    back
}

#[test]
fn every_compression_gives_back_exactly_the_lines_over_many_chunks() {
    for (compression, ext, content_type) in [
        ("none", "jsonl", "application/x-ndjson"),
        ("gzip", "jsonl.gz", "application/gzip"),
        ("zstd", "jsonl.zst", "application/zstd"),
    ] {
        let mut files = Files::new(plan(&format!("  compression: {compression}"), ""));
        assert_eq!((files.plan.ext(), files.plan.content_type()), (ext, content_type));
        assert!(files.plan.chunks_are_independent());
        let (mut expected, mut object) = (Vec::new(), Vec::new());
        for offset in 0..20_000i64 {
            let value = format!("{{\"id\":{offset}, \"price\":1.{offset}0,\"ok\":true,\"s\":\"é\\u00e9\"}}");
            files.take(&record(Some(value.as_bytes()), offset)).unwrap();
            expected.extend_from_slice(value.as_bytes());
            expected.push(b'\n');
            if offset % 7_000 == 6_999 {
                files.encode_only().iter().for_each(|piece| object.extend_from_slice(piece));
            }
        }
        object.extend(files.finish_only());
        assert!(decode(ext, &object) == expected, "{compression}");
    }
}

#[test]
fn any_json_value_is_a_line_and_keeps_its_spelling() {
    let mut files = Files::new(plan("  compression: none", ""));
    for value in ["1e999999", " null ", "\"x\"", "[1, 2]", "-0.0", "{\"b\":1,\"a\":2,\"b\":3}"] {
        files.take(&record(Some(value.as_bytes()), 0)).unwrap();
    }
    let lines = String::from_utf8(files.finish_only()).unwrap();
    assert_eq!(lines, "1e999999\n null \n\"x\"\n[1, 2]\n-0.0\n{\"b\":1,\"a\":2,\"b\":3}\n");
}

#[test]
fn a_record_over_several_lines_lands_on_one() {
    let mut files = Files::new(plan("  compression: none", ""));
    files.take(&record(Some(b"{\r\n \"a\": [1,\n2]\n}\n"), 0)).unwrap();
    files.take(&record(Some(b"{}"), 1)).unwrap();
    assert_eq!(files.finish_only(), b"{   \"a\": [1, 2] }\n{}\n");
}

#[test]
fn the_envelope_carries_any_key_headers_and_tombstones() {
    let sink = "  compression: none\n  envelope: [topic, partition, offset, timestamp, key, headers]";
    let mut files = Files::new(plan(sink, "decode: {null_value: keep}"));
    let headers = vec![("h".to_owned(), Some(b"\xff".to_vec())), ("n".to_owned(), None)];
    files.take(&with_headers(Some(b"{\n\"n\":1.0}"), 7, &headers)).unwrap();
    files.take(&record(None, 8)).unwrap();
    let lines = String::from_utf8(files.finish_only()).unwrap();
    let expected = concat!(
        r#"{"topic":"bids","partition":3,"offset":7,"timestamp":1774877654321,"key":"a2V5","#,
        r#""headers":[["h","/w=="],["n",null]],"value":{ "n":1.0}}"#,
        "\n",
        r#"{"topic":"bids","partition":3,"offset":8,"timestamp":1774877654321,"key":"a2V5","headers":[],"value":null}"#,
        "\n"
    );
    assert_eq!(lines, expected);
}

#[test]
fn tombstones_are_dead_letters_or_skipped_by_policy() {
    let mut files = Files::new(plan("  compression: none", ""));
    let rejection = files.take(&record(None, 0)).unwrap_err();
    assert_eq!((rejection.stage, rejection.reason), (Stage::Decode, Reason::NullValue));
    let mut files = Files::new(plan("  compression: none", "decode: {null_value: skip}"));
    let verdict = accept(&files.plan, &mut files.scratch, &record(None, 0), NOW_MS);
    assert_eq!(verdict, Verdict::Skip(SkipReason::NullValue));
}

#[test]
fn a_record_over_its_bound_is_too_large_with_key_and_headers_counted() {
    let mut files = Files::new(plan("", ""));
    let value = format!("\"{}\"", "x".repeat((1 << 20) - 5));
    assert!(files.take(&record(Some(value.as_bytes()), 0)).is_ok());
    let headers = vec![("h".to_owned(), None)];
    let rejection = files.take(&with_headers(Some(value.as_bytes()), 0, &headers)).unwrap_err();
    assert_eq!(rejection.reason, Reason::TooLarge);
}

#[test]
fn late_events_have_their_own_hours_group() {
    let sink = "  key: \"b/hour={timestamp:%H}/{partition}+{first_offset}.{ext}\"\n  timestamp: {from: field, path: ts, unit: ms}";
    let mut files = Files::new(plan(sink, ""));
    for (offset, ts) in [(0, "1774877654321"), (1, "1774874054321"), (2, "\"1774877654000\"")] {
        files.take(&record(Some(format!("{{\"ts\":{ts}}}").as_bytes()), offset)).unwrap();
    }
    let groups: Vec<(&str, u64)> = files.open.iter().map(|(key, chunk)| (key.as_str(), chunk.records())).collect();
    assert_eq!(groups, [("b/hour=12/3+\u{1}.jsonl.zst", 1), ("b/hour=13/3+\u{1}.jsonl.zst", 2)]);
}

#[test]
fn a_bad_timestamp_is_a_rejection_only_where_the_time_is_needed() {
    let field = "  timestamp: {from: field, path: ts, unit: rfc3339}";
    for value in ["{}", "{\"ts\":null}", "{\"ts\":\"soon\"}", "{\"ts\":5}", "[]", "{\"ts\":\"1969-01-01T00:00:00Z\"}"] {
        let rejection = Files::new(plan(field, "")).take(&record(Some(value.as_bytes()), 0)).unwrap_err();
        assert_eq!((rejection.stage, rejection.reason), (Stage::Route, Reason::BadTimestamp), "{value}");
    }
    let mut record = record(Some(b"{}"), 0);
    record.timestamp_ms = -1;
    assert_eq!(Files::new(plan("", "")).take(&record).unwrap_err().reason, Reason::BadTimestamp);
    record.timestamp_ms = i64::MAX;
    assert_eq!(Files::new(plan("", "")).take(&record).unwrap_err().reason, Reason::BadTimestamp);
    let mut files = Files::new(plan("  key: \"a/{unique}.{ext}\"", ""));
    assert_eq!(files.take(&record), Ok(()));
    assert_eq!(files.scratch.event_time_ms(), NOW_MS);
    let mut files = Files::new(plan("  key: \"a/{unique}.{ext}\"\n  rotate: {event_time: 1h}", ""));
    assert_eq!(files.take(&record).unwrap_err().reason, Reason::BadTimestamp);
}

#[test]
fn a_record_of_the_same_group_is_told_apart_from_a_change() {
    let mut files = Files::new(plan("", ""));
    let mut same = |record: &landfall_format::Record<'_>| match accept(&files.plan, &mut files.scratch, record, NOW_MS)
    {
        Verdict::Route { same_group } => Some(same_group),
        Verdict::Skip(_) | Verdict::Reject(_) => None,
    };
    assert_eq!(same(&record(Some(b"1"), 0)), Some(false));
    assert_eq!(same(&record(Some(b"2"), 1)), Some(true));
    assert_eq!(same(&record(Some(b"x"), 2)), None);
    assert_eq!(same(&record(Some(b"3"), 3)), Some(false));
    let mut later = record(Some(b"4"), 4);
    later.timestamp_ms += 3_600_000;
    assert_eq!(same(&later), Some(false));
}

#[test]
fn a_scratch_used_with_another_plan_starts_over() {
    let first = plan("  key: \"a/{field:x}/{timestamp:%H}/{unique}.{ext}\"", "");
    let mut files = Files::new(plan("  key: \"b/{field:y}/{field:x}/{unique}.{ext}\"", ""));
    for offset in 0..4 {
        let record = record(Some(br#"{"x":1,"y":2}"#), offset);
        accept(&first, &mut files.scratch, &record, NOW_MS);
        assert_eq!(files.scratch.group_key(), "a/1/13/\u{2}.jsonl.zst");
        files.take(&record).unwrap();
        assert_eq!(files.scratch.group_key(), "b/2/1/\u{2}.jsonl.zst");
    }
}

#[test]
fn a_sealed_buffer_is_empty_and_small() {
    let mut files = Files::new(plan("  compression: none", ""));
    for offset in 0..1_000 {
        files.take(&record(Some(b"{\"some\":\"value\"}"), offset)).unwrap();
    }
    let chunk = files.seal_only();
    assert_eq!((chunk.records(), chunk.len_bytes()), (1_000, 17_000));
    assert!(chunk.memory_bytes() >= 17_000);
    let buffer = files.open.values().next().unwrap();
    assert_eq!((buffer.records(), buffer.len_bytes(), buffer.memory_bytes()), (0, 0, 0));
}
