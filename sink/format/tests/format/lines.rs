//! JSON lines end to end.

use std::io::Read as _;

use landfall_format::{Reason, STRETCH_MARK, SkipReason, Stage, Verdict, accept, finish_key};

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
fn tombstones_and_empty_values_are_dead_letters_skipped_or_kept_by_policy() {
    let envelope = "  compression: none\n  envelope: [offset]";
    for (value, told) in [(None, "null"), (Some(b"".as_slice()), "empty")] {
        let mut files = Files::new(plan("  compression: none", ""));
        let rejection = files.take(&record(value, 0)).unwrap_err();
        assert_eq!((rejection.stage, rejection.reason), (Stage::Decode, Reason::NullValue));
        assert_eq!(rejection.message, format!("the record's value is {told}; see decode.null_value"));
        let mut files = Files::new(plan("  compression: none", "decode: {null_value: skip}"));
        let verdict = accept(&files.plan, &mut files.scratch, &record(value, 0), NOW_MS);
        assert_eq!(verdict, Verdict::Skip(SkipReason::NullValue));
        let mut files = Files::new(plan(envelope, "decode: {null_value: keep}"));
        files.take(&record(Some(b"{\n}"), 0)).unwrap();
        files.take(&record(value, 1)).unwrap();
        assert_eq!(files.finish_only(), b"{\"offset\":0,\"value\":{ }}\n{\"offset\":1,\"value\":null}\n");
    }
}

#[test]
fn records_are_skipped_by_the_headers_they_have_or_lack_before_they_are_read() {
    let files = |policy: &str| Files::new(plan("  compression: none", &format!("decode: {{{policy}}}")));
    let header = |name: &str| vec![(name.to_owned(), None)];
    let skipped = |files: &mut Files, value: &[u8], headers: &Vec<(String, Option<Vec<u8>>)>| {
        let verdict = accept(&files.plan, &mut files.scratch, &with_headers(Some(value), 0, headers), NOW_MS);
        verdict == Verdict::Skip(SkipReason::Filtered)
    };
    let mut with = files("skip_with_header: [test, debug]");
    assert!(skipped(&mut with, b"{}", &header("debug")) && !skipped(&mut with, b"{}", &header("Debug")));
    assert!(!skipped(&mut with, b"{}", &Vec::new()));
    assert!(skipped(&mut with, b"no json", &header("test")), "a filtered record is no dead letter");
    let mut without = files("skip_without_header: [real]");
    assert!(skipped(&mut without, b"{}", &header("test")) && !skipped(&mut without, b"{}", &header("real")));
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
fn a_worker_with_little_memory_takes_smaller_records_and_says_so() {
    let mut files = Files::new(plan("", "").within(100));
    assert!(files.take(&record(Some(b"1"), 0)).is_ok());
    let value = format!("\"{}\"", "x".repeat(100));
    let rejection = files.take(&record(Some(value.as_bytes()), 1)).unwrap_err();
    assert_eq!(rejection.reason, Reason::TooLarge);
    assert!(rejection.message.contains("share of worker.memory for one is 100"), "{}", rejection.message);
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
fn stretches_of_event_time_have_files_of_their_own_and_no_trace_in_the_key() {
    for key in ["b/{partition}+{first_offset}.{ext}", "b/{field:x}/{partition}+{first_offset}.{ext}"] {
        let sink = format!(
            "  key: \"{key}\"\n  timestamp: {{from: field, path: ts, unit: ms}}\n  rotate: {{event_time: 10m}}"
        );
        let mut files = Files::new(plan(&sink, ""));
        // Now and a quarter of an hour ago, to and fro.
        for (offset, ts) in (0..).zip([1_774_877_654_321i64, 1_774_876_754_321, 1_774_877_655_000, 1_774_876_755_000]) {
            files.take(&record(Some(format!("{{\"ts\":{ts},\"x\":1}}").as_bytes()), offset)).unwrap();
        }
        assert_eq!(files.open.values().map(landfall_format::ChunkBuffer::records).collect::<Vec<_>>(), [2, 2], "{key}");
        let place = key.replace("{field:x}", "1").replace("{partition}", "3").replace("{ext}", "jsonl.zst");
        for (group, number) in files.open.keys().zip([2_958_127, 2_958_129]) {
            let marked = place.replace("{first_offset}", "\u{1}");
            assert_eq!(*group, format!("{marked}{STRETCH_MARK}{number}"));
            let name = place.replace("{first_offset}", "00000000000000000007");
            assert_eq!(finish_key(group, 7, "u").unwrap(), name);
        }
    }
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
