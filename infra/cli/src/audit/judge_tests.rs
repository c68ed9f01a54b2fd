#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use landfall_commit::{
    Entry, FileEntry, FileKind, FileRef, FileSets, Lane, Lost, Offsets, Origins, Part, Seq, SkipReason,
};
use landfall_s3::store::OpenUpload;
use landfall_store::JobRecord;

use super::super::evidence::{Evidence, KafkaPartition, LaneLog, Visible};
use super::super::report::{Kind, Report};
use super::judge;

const HOUR_MS: i64 = 3_600_000;
const NOW_MS: i64 = 1_000 * HOUR_MS;

fn record() -> JobRecord {
    serde_json::from_value(serde_json::json!({
        "format": 1, "name": "bids", "uid": "u1", "generation": 1, "config_version": 1,
        "spec": {"name": "bids", "source": {"cluster": "main", "topics": ["bids"]}, "sink": {"bucket": "lake"}},
        "desired": "running", "origins": [], "lanes": 1, "changed_by": "test",
        "created_at": "2026-01-01T00:00:00Z", "changed_at": "2026-01-01T00:00:00Z",
    }))
    .unwrap()
}

fn file(key: &str, records: u64) -> FileEntry {
    let part = Part { number: 1, etag: "e".into(), size_bytes: 10, crc64nvme: "c".into() };
    FileEntry {
        key: key.into(),
        bucket: "lake".into(),
        token: format!("token of {key}").as_str().into(),
        upload_id: format!("upload of {key}"),
        parts: vec![part],
        bytes: 10,
        records,
        kind: FileKind::Data,
        min_timestamp_ms: 0,
        max_timestamp_ms: 0,
    }
}

/// A log with entry 0 and one file a range, each in an entry of its own; all visible, none called completed.
fn evidence(files: &[(&str, std::ops::Range<u64>)]) -> Evidence {
    let partition: landfall_commit::SourcePartition = "main/bids/id/0".parse().unwrap();
    let origins =
        Origins { start: BTreeMap::from([(partition.clone(), 0)]), bucket: "lake".into(), lanes: 1, created_at_ms: 0 };
    let mut lane =
        LaneLog { entries: vec![Entry::zero("u1".into(), Lane(0), "t0".into(), "w", origins)], ..LaneLog::default() };
    let mut seen = Evidence { now_ms: NOW_MS, uploads: Some(Vec::new()), ..Evidence::default() };
    for (seq, (key, range)) in (1..).map(Seq).zip(files) {
        let offsets = Offsets::from_range(range.clone());
        let mut entry =
            Entry::empty("u1".into(), Lane(0), seq, format!("t{seq}").as_str().into(), "w", NOW_MS - 60_000);
        entry.files.push(file(key, offsets.len()));
        entry.held.insert(partition.clone(), offsets.clone());
        lane.sets.insert(seq, FileSets::new(vec![BTreeMap::from([(partition.clone(), offsets.clone())])]));
        lane.entries.push(entry);
        let visible = Visible {
            job: Some("bids".into()),
            token: Some(format!("token of {key}")),
            bytes: 10,
            told_records: Some(offsets.len()),
            counted: None,
        };
        seen.objects.insert(("lake".into(), (*key).into()), visible);
    }
    let end = files.iter().map(|(_, range)| range.end).max().unwrap_or(0);
    let kafka = KafkaPartition {
        topic_id: Some("id".into()),
        committed: Some((end, "u1".into())),
        log_start: Some(0),
        end: Some(end),
    };
    seen.kafka.insert(("bids".into(), 0), kafka);
    seen.lanes.push(lane);
    seen
}

fn kinds(report: &Report) -> Vec<Kind> {
    report.findings.iter().map(|finding| finding.kind).collect()
}

#[track_caller]
fn finds(evidence: &Evidence, expected: &[Kind]) -> Report {
    let report = judge(&record(), evidence);
    assert_eq!(kinds(&report), expected, "{:#?}", report.findings);
    assert_eq!(report.clean, expected.is_empty());
    report
}

#[test]
fn a_log_whose_objects_are_all_there_is_clean() {
    let report = finds(&evidence(&[("a", 0..10), ("b", 10..30)]), &[]);
    assert_eq!((report.tally.landed, report.tally.objects, report.tally.unlanded), (30, 2, 0));
    assert_eq!(report.partitions[0].visible, 30);
}

#[test]
fn what_is_not_read_yet_is_no_finding() {
    let mut seen = evidence(&[("a", 0..10)]);
    seen.kafka.get_mut(&("bids".to_owned(), 0)).unwrap().end = Some(500);
    assert_eq!(finds(&seen, &[]).tally.unlanded, 490);
}

#[test]
fn an_object_that_is_gone_is_missing_once_completed_and_uncompleted_before() {
    let mut seen = evidence(&[("a", 0..10), ("b", 10..30)]);
    seen.objects.remove(&("lake".to_owned(), "a".to_owned()));
    seen.kafka.get_mut(&("bids".to_owned(), 0)).unwrap().committed = Some((0, "u1".into()));
    let report = finds(&seen, &[Kind::Uncompleted]);
    assert_eq!((report.tally.missing, report.partitions[0].visible), (0, 0));
    let mut later = Entry::empty("u1".into(), Lane(0), Seq(3), "t3".into(), "w", NOW_MS);
    later.completed.push(FileRef { seq: Seq(1), file: 0 });
    seen.lanes[0].entries.push(later);
    assert_eq!(finds(&seen, &[Kind::Missing]).tally.missing, 10);
}

#[test]
fn a_commit_above_what_is_visible_is_found_unless_it_is_of_another_generation() {
    let mut seen = evidence(&[("a", 0..10)]);
    seen.objects.clear();
    finds(&seen, &[Kind::Uncompleted, Kind::CommittedAhead]);
    seen.kafka.get_mut(&("bids".to_owned(), 0)).unwrap().committed = Some((10, "u0".into()));
    finds(&seen, &[Kind::Uncompleted]);
}

#[test]
fn a_declared_loss_is_told_and_is_no_finding() {
    let mut seen = evidence(&[("a", 0..10)]);
    seen.objects.clear();
    let mut later = Entry::empty("u1".into(), Lane(0), Seq(2), "t2".into(), "w", NOW_MS);
    later.lost.push(Lost { seq: Seq(1), file: 0, reason: "retention".into() });
    seen.lanes[0].entries.push(later);
    assert_eq!(finds(&seen, &[]).tally.lost, 10);
}

#[test]
fn an_offset_that_two_entries_hold_is_found() {
    let seen = evidence(&[("a", 0..10), ("b", 9..20)]);
    let report = judge(&record(), &seen);
    assert!(kinds(&report).contains(&Kind::Doubled) && kinds(&report).contains(&Kind::Log), "{:#?}", report.findings);
}

#[test]
fn a_wrong_number_of_records_and_a_damaged_object_are_found() {
    let mut seen = evidence(&[("a", 0..10), ("b", 10..20)]);
    seen.objects.get_mut(&("lake".to_owned(), "a".to_owned())).unwrap().counted = Some(Ok(9));
    seen.objects.get_mut(&("lake".to_owned(), "b".to_owned())).unwrap().counted = Some(Err("cut off".into()));
    finds(&seen, &[Kind::WrongContent, Kind::WrongContent]);
}

#[test]
fn skips_are_told_by_their_reason() {
    let mut seen = evidence(&[("a", 0..10)]);
    let partition = "main/bids/id/0".parse().unwrap();
    let mut later = Entry::empty("u1".into(), Lane(0), Seq(2), "t2".into(), "w", NOW_MS);
    later.skipped.insert(partition, BTreeMap::from([(SkipReason::Gap, Offsets::from_range(10..15))]));
    seen.lanes[0].entries.push(later);
    seen.kafka.get_mut(&("bids".to_owned(), 0)).unwrap().end = Some(15);
    assert_eq!(finds(&seen, &[]).tally.skipped, BTreeMap::from([("gap", 5)]));
}

#[test]
fn only_an_old_upload_that_nobody_names_is_an_orphan() {
    let mut seen = evidence(&[("a", 0..10)]);
    let upload = |id: &str, age_h: i64| OpenUpload {
        key: "a".into(),
        upload_id: id.into(),
        initiated_ms: NOW_MS - age_h * HOUR_MS,
    };
    seen.uploads = Some(vec![upload("upload of a", 48), upload("young", 2), upload("old", 48)]);
    let report = finds(&seen, &[Kind::OrphanUpload]);
    assert!(report.findings[0].what.contains("upload old "), "{}", report.findings[0].what);
    assert_eq!(report.open_uploads, Some(1));
}

#[test]
fn a_topic_that_was_made_again_and_a_log_that_is_gone_are_found() {
    let mut seen = evidence(&[("a", 0..10)]);
    let at = seen.kafka.get_mut(&("bids".to_owned(), 0)).unwrap();
    (at.topic_id, at.end, at.committed) = (Some("other".into()), Some(3), None);
    finds(&seen, &[Kind::Source, Kind::Source]);
    finds(&Evidence { lanes: vec![LaneLog::default()], ..Evidence::default() }, &[Kind::Log]);
}
