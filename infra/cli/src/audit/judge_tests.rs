#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use landfall_commit::{Entry, FileKind, FileSets, Lane, Offsets, Origins, Seq, SourcePartition, Token};

use super::super::content::Flaw;
use super::super::kafka::KafkaPartition;
use super::super::kind::{Kind, NoteKind};
use super::super::ledger::{EntrySeen, Ledger, SidecarSeen, Slot};
use super::super::objects::{Shown, Visible};
use super::super::report::Report;
use super::super::rows::{Attempt, Fate, FileRow, Flawed, PartSum, Seen};
use super::super::strangers::{KnownTokens, Stranger, judge_stranger};
use super::super::tail::{TailEvidence, lost_tail};
use super::{Looked, Rules, Trouble, add_file, judge_partitions, judge_upload, look, told_of_flaws, unproven, unread};

const HOUR_MS: i64 = 3_600_000;
const NOW_MS: i64 = 1_000 * HOUR_MS;
const RULES: Rules = Rules {
    now_ms: NOW_MS,
    expect_all: false,
    pending_after_ms: 3_600_000,
    orphan_after_ms: 24 * 3_600_000,
    shared_prefix: false,
};

fn partition() -> SourcePartition {
    "main/bids/id/0".parse().unwrap()
}

fn attempt(token: &str, records: u64) -> Attempt {
    Attempt { token: token.into(), bytes: 10, records, parts: [PartSum(10, "c".into())].into(), without: None }
}

fn row(fate: Fate, age_ms: i64) -> FileRow {
    FileRow {
        lane: 0,
        seq: 4,
        file: 0,
        entry_token: "e".into(),
        bucket: "lake".into(),
        key: "a.jsonl".into(),
        kind: FileKind::Data,
        config_version: 1,
        written_at_ms: NOW_MS - age_ms,
        attempts: vec![attempt("t", 5)],
        fate,
        seen: None,
        flawed: None,
    }
}

fn visible(token: Option<&str>) -> Visible {
    Visible {
        etag: "x".into(),
        job: Some("bids".into()),
        token: token.map(str::to_owned),
        bytes: 10,
        told_records: Some(5),
    }
}

fn told(row: &FileRow, trouble: &Trouble, rules: Rules) -> Report {
    let mut report = Report::empty();
    let looked = Looked { trouble: Some(trouble.clone()), ..Looked::default() };
    add_file(&mut report, row, &looked, BTreeMap::new(), &rules);
    report
}

fn kinds(report: &Report) -> (Vec<Kind>, Vec<NoteKind>) {
    (report.found.keys().copied().collect(), report.noted.keys().copied().collect())
}

#[test]
fn an_object_is_right_by_its_token_size_and_count() {
    let mut row = row(Fate::Pending, 0);
    assert_eq!(look(&row, Some(&visible(Some("t")))), Ok(0));
    assert_eq!(look(&row, None), Err(Trouble::Gone));
    for token in [None, Some("other")] {
        assert!(matches!(look(&row, Some(&visible(token))), Err(Trouble::Overwritten(_))));
    }
    let short = Visible { bytes: 9, ..visible(Some("t")) };
    assert!(matches!(look(&row, Some(&short)), Err(Trouble::Changed(what)) if what.contains("9 bytes")));
    let few = Visible { told_records: Some(4), ..visible(Some("t")) };
    assert!(matches!(look(&row, Some(&few)), Err(Trouble::Changed(what)) if what.contains("4 records")));
    row.attempts.push(attempt("r", 3));
    let rebuilt = Visible { told_records: Some(3), ..visible(Some("r")) };
    assert_eq!(look(&row, Some(&rebuilt)), Ok(1));
    assert_eq!(look(&row, Some(&visible(Some("t")))), Ok(0), "a slow Complete of the first upload is the file too");
}

#[test]
fn what_a_reader_deleted_is_a_note_until_nobody_may_delete() {
    let done = row(Fate::Completed, HOUR_MS);
    let report = told(&done, &Trouble::Gone, RULES);
    assert_eq!((kinds(&report), report.tally.deleted), ((vec![], vec![NoteKind::Deleted]), 5));
    let strict = Rules { expect_all: true, ..RULES };
    let report = told(&done, &Trouble::Gone, strict);
    assert_eq!((kinds(&report), report.tally.missing), ((vec![Kind::Missing], vec![]), 5));
    let report = told(&row(Fate::Lost, HOUR_MS), &Trouble::Gone, strict);
    assert_eq!((kinds(&report), report.tally.lost), ((vec![], vec![]), 5), "a declared loss is told in the tally");
}

#[test]
fn what_is_not_visible_yet_is_a_note_until_its_time_is_up() {
    let report = told(&row(Fate::Pending, HOUR_MS - 1), &Trouble::Gone, RULES);
    assert_eq!(kinds(&report), (vec![], vec![NoteKind::Pending]));
    assert!(report.notes[0].what.contains("59 min"), "{}", report.notes[0].what);
    let report = told(&row(Fate::Pending, HOUR_MS), &Trouble::Gone, RULES);
    assert_eq!((kinds(&report), report.tally.pending), ((vec![Kind::Uncompleted], vec![]), 5));
}

#[test]
fn an_object_has_one_finding_by_its_most_telling_flaw() {
    let offsets = BTreeMap::from([(partition(), Offsets::from_range(3..5))]);
    let flaws = vec![Flaw::Part { number: 1 }, Flaw::Records { found: 7 }, Flaw::Twice(offsets.clone())];
    let report = told(&row(Fate::Completed, 0), &Trouble::Flawed(flaws), RULES);
    assert_eq!((kinds(&report), report.tally.doubled), ((vec![Kind::Doubled], vec![]), 2));
    assert_eq!((report.findings.len(), &report.findings[0].offsets), (1, &offsets));
    let flaws = vec![Flaw::Part { number: 1 }, Flaw::Lacks(offsets)];
    let report = told(&row(Fate::Completed, 0), &Trouble::Flawed(flaws), RULES);
    assert_eq!((kinds(&report), report.findings[0].finding.records), ((vec![Kind::Changed], vec![]), Some(2)));
    let report = told(&row(Fate::Completed, 0), &Trouble::TooLarge("2 GiB".into()), RULES);
    assert_eq!(kinds(&report), (vec![], vec![NoteKind::Unread]));
}

fn rebuilt_without(records: u64) -> FileRow {
    let mut row = row(Fate::Completed, 0);
    let without = BTreeMap::from([(partition(), Offsets::from_range(0..records))]);
    row.attempts.push(Attempt { bytes: 6, without: Some(without), ..attempt("r", 5 - records) });
    row
}

#[test]
fn a_finding_quotes_the_attempt_that_is_visible_and_not_the_latest() {
    let row = rebuilt_without(2);
    let flaws = [Flaw::Bytes { found: 9 }, Flaw::Records { found: 4 }];
    for (attempt, bytes, records) in [(0, 10, 5), (1, 6, 3)] {
        let (_, what, _) = told_of_flaws(&row, Some(attempt), &flaws);
        let wanted = format!("it has 9 bytes, its entry says {bytes}; it has 4 records, its entry says {records}");
        assert_eq!(what, wanted);
        let mut report = Report::empty();
        let looked = Looked { attempt: Some(attempt), trouble: Some(Trouble::Changed("x".into())), bytes: 9 };
        add_file(&mut report, &row, &looked, BTreeMap::new(), &RULES);
        assert_eq!(report.findings[0].finding.records, Some(records));
    }
}

#[test]
fn what_a_rebuild_no_longer_found_is_lost_wherever_the_rest_is() {
    let row = rebuilt_without(2);
    let gone = Some(Trouble::Gone);
    for (attempt, trouble, landed, deleted, lost) in
        [(Some(1), None, 3, 0, 2), (Some(0), None, 5, 0, 0), (Some(1), gone.clone(), 0, 3, 2), (None, gone, 0, 3, 2)]
    {
        let mut report = Report::empty();
        add_file(&mut report, &row, &Looked { attempt, bytes: 6, trouble }, BTreeMap::new(), &RULES);
        let tally = report.tally;
        assert_eq!((tally.landed, tally.deleted, tally.lost), (landed, deleted, lost), "attempt {attempt:?}");
    }
    let declared = FileRow { fate: Fate::Lost, ..row };
    assert_eq!(told(&declared, &Trouble::Gone, RULES).tally.lost, 5, "all of it, once");
}

#[test]
fn an_object_that_is_too_large_to_read_keeps_what_was_wrong_with_it() {
    let why = || "2 GiB".to_owned();
    let changed = Trouble::Changed("it has 9 bytes".into());
    assert_eq!(unread(None, why()), Trouble::TooLarge(why()));
    assert_eq!(unread(Some(changed.clone()), why()), changed);
    let another_etag = unread(Some(Trouble::Unproven("its etag".into())), why());
    assert!(matches!(another_etag, Trouble::Changed(what) if what.contains("its etag") && what.contains("2 GiB")));
}

#[test]
fn an_etag_is_right_where_it_was_found_right_and_wrong_where_a_reading_found_a_flaw() {
    let mut row = row(Fate::Completed, 0);
    let seen = |etag: &str| Seen { etag: etag.into(), at_ms: 0, attempt: 0, deep_ms: None };
    let flawed = || Some(Flawed { at_ms: 0, what: "it lacks a record".into() });
    assert_eq!(unproven(&row, "x"), None, "seen for the first time");
    row.found_right(seen("x"));
    assert_eq!(unproven(&row, "x"), None);
    assert!(matches!(unproven(&row, "y"), Some(Trouble::Unproven(what)) if what.contains("its etag was x")));
    row.found_wrong("y", flawed());
    assert_eq!(unproven(&row, "x"), None, "it was put back");
    assert!(matches!(unproven(&row, "y"), Some(Trouble::Unproven(what)) if what.contains("lacks a record")));
    row.found_right(seen("y"));
    assert_eq!(unproven(&row, "y"), None);
    row.found_wrong("y", flawed());
    assert_eq!(row.seen, None, "its etag is not kept as the right one");
    assert!(unproven(&row, "y").is_some() && unproven(&row, "z").is_some());
}

fn zero() -> Entry {
    let start = BTreeMap::from([(partition(), 0)]);
    let origins = Origins { start, bucket: "lake".into(), lanes: 1, created_at_ms: 0 };
    Entry::zero("u1".into(), Lane(0), "t0".into(), "w", origins)
}

fn sets(range: Range<u64>) -> FileSets {
    FileSets::new(vec![BTreeMap::from([(partition(), Offsets::from_range(range))])])
}

/// Entry 0, and entry 1 that skips the first ten offsets.
fn ledger() -> Ledger {
    let mut ledger = Ledger::new(Lane(0), zero());
    let mut one = Entry::empty("u1".into(), Lane(0), Seq(1), "t1".into(), "w", 0);
    let gap = BTreeMap::from([(landfall_commit::SkipReason::Gap, Offsets::from_range(0..10))]);
    one.skipped.insert(partition(), gap);
    for entry in [zero(), one] {
        ledger.take(Slot { seq: entry.seq, entry: EntrySeen::There(Box::new(entry)), sidecar: SidecarSeen::NotWanted });
    }
    ledger
}

#[test]
fn a_sidecar_after_the_end_of_a_log_is_ordinary_until_something_says_that_its_entry_was_there() {
    let sidecars = vec![(Seq(2), Token::from("t"), sets(10..20))];
    let ordinary = TailEvidence { sidecars: sidecars.clone(), checkpoint: Some(Seq(1)), state: Some(Seq(1)) };
    let at_low = BTreeMap::from([(partition(), 10)]);
    assert_eq!(lost_tail(&mut ledger(), &ordinary, &at_low), None);
    let beyond = BTreeMap::from([(partition(), 15)]);
    for (evidence, committed) in [
        (ordinary.clone(), &beyond),
        (TailEvidence { checkpoint: Some(Seq(2)), ..ordinary.clone() }, &at_low),
        (TailEvidence { state: Some(Seq(2)), ..ordinary.clone() }, &at_low),
    ] {
        let mut ledger = ledger();
        let found = lost_tail(&mut ledger, &evidence, committed).unwrap();
        assert_eq!((found.finding.kind, found.finding.records, found.seq), (Kind::LostTail, Some(10), Some(Seq(2))));
        let mut report = Report::empty();
        judge_partitions(&mut report, &ledger, &BTreeSet::new(), &beyond, &BTreeMap::new(), true);
        assert_eq!(kinds(&report), (vec![], vec![]), "the commit is explained by what is lost");
    }
    let bare = TailEvidence { checkpoint: Some(Seq(9)), ..TailEvidence::default() };
    assert!(lost_tail(&mut ledger(), &bare, &at_low).is_some());
}

#[test]
fn a_commit_ahead_is_found_and_not_judged_where_the_log_is_damaged_or_was_not_read() {
    let judged = |blind: bool, whole: bool| {
        let mut ledger = ledger();
        ledger.blind = blind;
        let mut report = Report::empty();
        let committed = BTreeMap::from([(partition(), 11)]);
        judge_partitions(&mut report, &ledger, &BTreeSet::new(), &committed, &BTreeMap::new(), whole);
        assert_eq!((report.partitions[0].landed, report.partitions[0].committed), (10, Some(11)));
        kinds(&report)
    };
    assert_eq!(judged(false, true), (vec![Kind::CommittedAhead], vec![]));
    assert_eq!(judged(true, true), (vec![], vec![NoteKind::NotJudged]));
    assert_eq!(judged(false, false), (vec![], vec![]));
}

#[test]
fn a_topic_that_was_made_again_is_found_and_one_that_goes_on_is_not() {
    let judged = |id: &str, end: u64| {
        let mut report = Report::empty();
        let at = KafkaPartition { topic_id: Some(id.into()), end: Some(end), ..KafkaPartition::default() };
        let kafka = BTreeMap::from([(("bids".to_owned(), 0), at)]);
        judge_partitions(&mut report, &ledger(), &BTreeSet::new(), &BTreeMap::new(), &kafka, true);
        (report.findings.len(), report.tally.unlanded)
    };
    assert_eq!(judged("id", 500), (0, 490));
    assert_eq!(judged("other", 500), (1, 490));
    assert_eq!(judged("other", 3), (2, 0));
}

fn stranger(key: &str, job: Option<&str>, token: Option<&str>, damaged: bool, rules: Rules) -> (Report, Stranger) {
    let log = KnownTokens {
        job: "bids",
        own: BTreeMap::from([("t", ("a.jsonl", 5))]),
        others: BTreeSet::from(["older".to_owned()]),
        damaged,
        since_ms: 100,
    };
    let seen = Visible { job: job.map(str::to_owned), token: token.map(str::to_owned), ..visible(None) };
    let shown = Shown { etag: "x".into(), bytes: 10, modified_ms: 200 };
    let mut report = Report::empty();
    let ours = judge_stranger(&mut report, "lake", (key, &shown, &seen), &log, &rules);
    (report, ours)
}

#[test]
fn an_object_that_no_entry_names_is_told_by_what_it_says_of_itself() {
    let of = |job, token, damaged| kinds(&stranger("b.jsonl", job, token, damaged, RULES).0);
    assert_eq!(of(Some("bids"), Some("t"), false), (vec![Kind::Doubled], vec![]));
    assert_eq!(of(Some("bids"), Some("new"), false), (vec![Kind::Foreign], vec![]));
    assert_eq!(of(Some("bids"), Some("new"), true), (vec![], vec![NoteKind::Unnamed]));
    assert_eq!(of(Some("bids"), Some("older"), false), (vec![], vec![]), "an older generation's");
    assert_eq!(of(Some("clicks"), Some("new"), false), (vec![], vec![]), "another job's");
    assert_eq!(of(None, None, false), (vec![Kind::Foreign], vec![]));
    let shared = Rules { shared_prefix: true, ..RULES };
    for (key, rules, what) in [
        ("readme.txt", RULES, Stranger::Other),
        ("readme.txt", shared, Stranger::Other),
        ("b.jsonl", shared, Stranger::Excused),
    ] {
        let (report, judged) = stranger(key, None, None, false, rules);
        assert_eq!((kinds(&report), judged), ((vec![], vec![]), what), "{key}");
    }
}

#[test]
fn what_was_there_before_the_job_is_not_foreign() {
    let log = KnownTokens { job: "bids", own: BTreeMap::new(), others: BTreeSet::new(), damaged: false, since_ms: 100 };
    let plain = Visible { job: None, ..visible(None) };
    for (modified_ms, what) in [(99, Stranger::Other), (100, Stranger::Told)] {
        let shown = Shown { etag: "x".into(), bytes: 10, modified_ms };
        let mut report = Report::empty();
        assert_eq!(judge_stranger(&mut report, "lake", ("b.jsonl", &shown, &plain), &log, &RULES), what);
    }
}

#[test]
fn only_an_old_upload_is_an_orphan() {
    let mut report = Report::empty();
    assert!(!judge_upload(&mut report, "a", "young", NOW_MS - 23 * HOUR_MS, &RULES));
    assert!(judge_upload(&mut report, "a", "old", NOW_MS - 24 * HOUR_MS, &RULES));
    assert!(report.findings[0].finding.what.contains("upload old "), "{:?}", report.findings);
}
