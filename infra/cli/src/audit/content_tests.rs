#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

use bytes::Bytes;
use landfall_commit::{Offsets, SourcePartition};
use landfall_s3::crc64nvme;

use super::super::rows::{Attempt, PartSum};
use super::{Checked, Flaw, Told, check};

const BY_ALL: Told = Told::ByEnvelope { topic: true };

fn partition(name: &str) -> SourcePartition {
    name.parse().unwrap()
}

fn lines(range: Range<u64>) -> Vec<u8> {
    let line =
        |offset| format!("{{\"topic\":\"bids\",\"partition\":0,\"offset\":{offset},\"value\":{{\"offset\":9}}}}\n");
    range.map(line).collect::<String>().into_bytes()
}

fn sets(range: Range<u64>) -> BTreeMap<SourcePartition, Offsets> {
    BTreeMap::from([(partition("main/bids/id/0"), Offsets::from_range(range))])
}

/// An attempt that has this body in two parts.
fn attempt(body: &[u8], records: u64) -> Attempt {
    let body = Bytes::copy_from_slice(body);
    let at = body.len() / 3;
    let part = |bytes: Bytes| PartSum(bytes.len() as u64, crc64nvme(&[bytes]).into());
    let parts = [part(body.slice(..at)), part(body.slice(at..))].into();
    Attempt { token: "t".into(), bytes: body.len() as u64, records, parts, without: None }
}

#[track_caller]
fn checked(key: &str, body: &[u8], of: &Attempt, told: Told, range: Range<u64>) -> Checked {
    check(key, &Bytes::copy_from_slice(body), of, told, Some(&sets(range)))
}

fn gzip(part: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(part).unwrap();
    out.finish().unwrap()
}

#[test]
fn lines_are_read_through_every_compression_and_over_frames() {
    let text = lines(0..30);
    let (head, tail) = text.split_at(500);
    let frames = [zstd::encode_all(head, 1).unwrap(), zstd::encode_all(tail, 1).unwrap()].concat();
    let members = [gzip(head), gzip(tail)].concat();
    let named = [("a.jsonl", text.clone()), ("a.jsonl.zst", frames.clone()), ("a.jsonl.gz", members.clone())];
    // Of a job with `sink.extension`: the content tells.
    let odd = [("a.json", text.clone()), ("a.json.gz", members), ("a.log", frames)];
    for (key, body) in named.into_iter().chain(odd) {
        for told in [Told::Not, BY_ALL, Told::ByEnvelope { topic: false }] {
            let checked = checked(key, &body, &attempt(&body, 30), told, 0..30);
            assert_eq!(checked, Checked { flaws: vec![], compared: told != Told::Not }, "{key}");
        }
    }
}

#[test]
fn a_flipped_byte_is_found_by_its_part_and_by_nothing_else() {
    let mut body = lines(0..30);
    let of = attempt(&body, 30);
    let at = body.len() - 4;
    body[at] ^= 1;
    let found = checked("a.jsonl", &body, &of, Told::Not, 0..30);
    assert_eq!(found.flaws, [Flaw::Part { number: 2 }]);
    assert_eq!(checked("a.csv", &body, &of, Told::Not, 0..30).flaws, [Flaw::Part { number: 2 }]);
    assert!(checked("a.csv", &body, &of, BY_ALL, 0..30).flaws.contains(&Flaw::Part { number: 2 }));
}

#[test]
fn a_record_that_is_doubled_lacking_or_strange_is_told_by_its_offset() {
    let right = lines(0..30);
    let of = attempt(&right, 30);
    let doubled = [right.clone(), lines(4..5)].concat();
    let found = checked("a.jsonl", &doubled, &of, BY_ALL, 0..30).flaws;
    assert_eq!(found[1..], [Flaw::Records { found: 31 }, Flaw::Twice(sets(4..5))]);
    let lacking = [lines(0..4), lines(5..30)].concat();
    let found = checked("a.jsonl", &lacking, &of, BY_ALL, 0..30).flaws;
    assert_eq!(found[1..], [Flaw::Records { found: 29 }, Flaw::Lacks(sets(4..5))]);
    let strange = [lines(0..29), lines(31..32)].concat();
    let found = checked("a.jsonl", &strange, &attempt(&strange, 30), BY_ALL, 0..30).flaws;
    assert_eq!(found, [Flaw::Lacks(sets(29..30)), Flaw::Strange("1 offsets of bids/0 from 31 on".into())]);
}

#[test]
fn what_a_rebuild_no_longer_found_is_not_looked_for() {
    let body = lines(3..30);
    let without = Some(sets(0..3));
    let of = Attempt { without, ..attempt(&body, 27) };
    assert_eq!(checked("a.jsonl", &body, &of, BY_ALL, 0..30), Checked { flaws: vec![], compared: true });
}

#[test]
fn partitions_of_topics_that_the_object_does_not_tell_apart_are_not_compared() {
    let body = lines(0..30);
    let mut both = sets(0..10);
    both.insert(partition("main/clicks/id/0"), Offsets::from_range(0..20));
    let told = Told::ByEnvelope { topic: false };
    let checked = check("a.jsonl", &Bytes::from(body.clone()), &attempt(&body, 30), told, Some(&both));
    assert_eq!(checked, Checked::default());
}

#[test]
fn what_is_cut_off_or_damaged_is_told() {
    let whole = zstd::encode_all(&lines(0..3)[..], 1).unwrap();
    for (key, body) in [
        ("a.jsonl.zst", &whole[..whole.len() - 2]),
        ("a.jsonl", &b"{\"a\":1}"[..]),
        ("a.jsonl.gz", &gzip(b"x\n")[..12]),
        ("a.parquet", &b"PAR1"[..]),
    ] {
        let flaws = checked(key, body, &attempt(body, 1), Told::Not, 0..3).flaws;
        assert!(matches!(flaws[..], [Flaw::Unreadable(_)]), "{key}: {flaws:?}");
    }
    let no_envelope = b"{\"a\":1}\n";
    let flaws = checked("a.jsonl", no_envelope, &attempt(no_envelope, 1), BY_ALL, 0..1).flaws;
    assert!(matches!(&flaws[..], [Flaw::Unreadable(why)] if why.contains("line 1")), "{flaws:?}");
}
