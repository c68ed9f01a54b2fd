#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ops::Range;

use landfall_commit::{
    Entry, FileEntry, FileKind, FileRef, FileSets, Lane, Lost, Offsets, Origins, Part, Rebuilt, Seq, SkipReason,
    SourcePartition,
};

use super::super::kind::Kind;
use super::super::rows::Fate;
use super::{EntrySeen, Ledger, SidecarSeen, Slot};

fn partition() -> SourcePartition {
    "main/bids/id/0".parse().unwrap()
}

fn zero() -> Entry {
    let start = BTreeMap::from([(partition(), 0)]);
    Entry::zero(
        "u1".into(),
        Lane(0),
        "t0".into(),
        "w",
        Origins { start, bucket: "lake".into(), lanes: 1, created_at_ms: 0 },
    )
}

fn entry(seq: u64, range: Range<u64>) -> Entry {
    let mut entry = Entry::empty("u1".into(), Lane(0), Seq(seq), format!("t{seq}").as_str().into(), "w", 60_000);
    let part = Part { number: 1, etag: "e".into(), size_bytes: 10, crc64nvme: "c".into() };
    entry.files.push(FileEntry {
        key: format!("k{seq}"),
        bucket: "lake".into(),
        token: format!("f{seq}").as_str().into(),
        upload_id: "u".into(),
        parts: vec![part],
        bytes: 10,
        records: range.end - range.start,
        kind: FileKind::Data,
        min_timestamp_ms: 0,
        max_timestamp_ms: 0,
    });
    entry.held.insert(partition(), Offsets::from_range(range));
    entry
}

fn sets(range: Range<u64>) -> SidecarSeen {
    SidecarSeen::There(FileSets::new(vec![BTreeMap::from([(partition(), Offsets::from_range(range))])]))
}

fn there(entry: Entry, sidecar: SidecarSeen) -> Slot {
    Slot { seq: entry.seq, entry: EntrySeen::There(Box::new(entry)), sidecar }
}

fn gone(seq: u64, sidecar: SidecarSeen) -> Slot {
    Slot { seq: Seq(seq), entry: EntrySeen::Gone, sidecar }
}

fn plain(seq: u64, range: Range<u64>) -> Slot {
    there(entry(seq, range.clone()), sets(range))
}

fn ledger(slots: Vec<Slot>) -> Ledger {
    let mut ledger = Ledger::new(Lane(0), zero());
    ledger.take(there(zero(), SidecarSeen::NotWanted));
    slots.into_iter().for_each(|slot| ledger.take(slot));
    ledger.end_hole();
    ledger
}

fn kinds(ledger: &Ledger) -> Vec<Kind> {
    ledger.findings.iter().map(|found| found.finding.kind).collect()
}

fn low(ledger: &Ledger) -> u64 {
    ledger.state.as_ref().unwrap().accounted(&partition()).low()
}

#[test]
fn a_whole_log_has_no_finding_and_a_row_a_file() {
    let ledger = ledger(vec![plain(1, 0..10), plain(2, 10..30)]);
    assert_eq!((kinds(&ledger), low(&ledger), ledger.blind), (vec![], 30, false));
    assert_eq!(ledger.rows.iter().map(|row| (row.seq, row.records(None).0)).collect::<Vec<_>>(), [(1, 10), (2, 20)]);
}

#[test]
fn a_hole_is_one_finding_and_its_sidecar_stands_in_for_it() {
    let ledger = ledger(vec![plain(1, 0..10), gone(2, sets(10..30)), plain(3, 30..40)]);
    assert_eq!((kinds(&ledger), low(&ledger), ledger.blind), (vec![Kind::Hole], 40, false));
    let found = &ledger.findings[0];
    assert_eq!((found.seq, found.finding.records), (Some(Seq(2)), Some(20)));
    assert_eq!(found.offsets[&partition()], Offsets::from_range(10..30));
}

#[test]
fn a_hole_that_no_sidecar_tells_of_makes_blind_and_neighbours_are_one_hole() {
    let ledger =
        ledger(vec![plain(1, 0..10), gone(2, SidecarSeen::NotWanted), gone(3, sets(20..30)), plain(4, 30..40)]);
    assert_eq!((kinds(&ledger), low(&ledger), ledger.blind), (vec![Kind::Hole], 10, true));
    assert!(ledger.findings[0].finding.what.contains("entries 2 to 3"), "{}", ledger.findings[0].finding.what);
    assert_eq!(ledger.rows.len(), 2);
}

#[test]
fn a_log_without_its_first_entry_begins_as_the_job_did() {
    let mut ledger = Ledger::new(Lane(0), zero());
    ledger.take(gone(0, SidecarSeen::NotWanted));
    ledger.take(plain(1, 0..10));
    assert_eq!((kinds(&ledger), low(&ledger), ledger.blind), (vec![Kind::Hole], 10, false));
}

#[test]
fn an_entry_that_cannot_be_used_is_one_finding_whatever_is_wrong_with_it() {
    let mut of_other_job = entry(2, 10..30);
    of_other_job.job_uid = "u2".into();
    let mut of_other_lane = entry(2, 10..30);
    of_other_lane.lane = Lane(7);
    let elsewhere = Slot { seq: Seq(2), ..there(entry(5, 10..30), sets(10..30)) };
    let unreadable = Slot { seq: Seq(2), entry: EntrySeen::Unreadable("cut".into()), sidecar: sets(10..30) };
    let slots = [there(of_other_job, sets(10..30)), there(of_other_lane, sets(10..30)), elsewhere, unreadable];
    for slot in slots {
        let ledger = ledger(vec![plain(1, 0..10), slot, plain(3, 30..40)]);
        assert_eq!((kinds(&ledger), low(&ledger)), (vec![Kind::BadEntry], 40), "{:?}", ledger.findings);
    }
}

#[test]
fn an_overlap_tells_the_offsets_and_nothing_of_what_follows_from_it() {
    let ledger = ledger(vec![plain(1, 0..10), there(entry(2, 5..20), sets(0..3)), plain(3, 20..30)]);
    assert_eq!((kinds(&ledger), low(&ledger), ledger.doubled), (vec![Kind::Overlap], 30, 5));
    assert_eq!(ledger.findings[0].offsets[&partition()], Offsets::from_range(5..10));
    assert_eq!(ledger.rows.len(), 3, "its files are looked at all the same");
}

#[test]
fn a_sidecar_that_is_bad_or_does_not_add_up_is_one_finding() {
    let wrong = [SidecarSeen::Bad("is gone".into()), sets(10..29), sets(11..31)];
    for sidecar in wrong {
        let ledger = ledger(vec![plain(1, 0..10), there(entry(2, 10..30), sidecar)]);
        assert_eq!((kinds(&ledger), low(&ledger), ledger.blind), (vec![Kind::BadSidecar], 30, false));
        assert!(ledger.untrusted.contains(&2));
    }
}

#[test]
fn what_comes_after_the_end_of_a_log_is_one_finding() {
    let mut closing = entry(1, 0..10);
    closing.closing = true;
    let ledger = ledger(vec![there(closing, sets(0..10)), plain(2, 10..20), plain(3, 20..30)]);
    assert_eq!((kinds(&ledger), low(&ledger)), (vec![Kind::BadEntry], 10));
}

#[test]
fn the_fate_of_a_file_is_that_of_the_fold() {
    let rebuilt = |attempt: u32, token: &str| Rebuilt {
        seq: Seq(1),
        file: 0,
        attempt,
        token: token.into(),
        upload_id: "u2".into(),
        parts: Vec::new(),
        bytes: 9,
        missing: BTreeMap::from([(partition(), Offsets::from_range(0..2))]),
    };
    let mut again = entry(2, 10..20);
    again.rebuilt = vec![rebuilt(1, "r1"), rebuilt(1, "late"), rebuilt(3, "early")];
    let mut done = entry(3, 20..30);
    done.completed.push(FileRef { seq: Seq(1), file: 0 });
    done.lost.push(Lost { seq: Seq(2), file: 0, reason: "retention".into() });
    done.lost.push(Lost { seq: Seq(1), file: 0, reason: "too late".into() });
    let ledger = ledger(vec![plain(1, 0..10), there(again, sets(10..20)), there(done, sets(20..30))]);
    let row = &ledger.rows[0];
    assert_eq!((row.fate, row.attempts.len(), row.records(None)), (Fate::Completed, 2, (8, 2)));
    assert_eq!(row.attempt_of(Some("r1")), Some(1));
    assert_eq!((row.attempt_of(Some("late")), row.attempt_of(None)), (None, None));
    assert_eq!((ledger.rows[1].fate, ledger.rows[2].fate), (Fate::Lost, Fate::Pending));
    let pending: Vec<u64> = ledger.state.as_ref().unwrap().pending().keys().map(|file| file.seq.0).collect();
    assert_eq!(pending, [3], "the same as the protocol's own fold");
}

#[test]
fn skips_and_absences_are_counted_once() {
    let mut first = entry(1, 0..10);
    first.skipped.insert(partition(), BTreeMap::from([(SkipReason::Gap, Offsets::from_range(10..15))]));
    first.absent.insert(partition(), Offsets::from_range(15..18));
    let mut second = entry(2, 20..30);
    second.absent.insert(partition(), Offsets::from_range(15..20));
    let ledger = ledger(vec![there(first, sets(0..10)), there(second, sets(20..30))]);
    assert_eq!((ledger.absent, low(&ledger)), (5, 30));
    assert_eq!(ledger.skipped, BTreeMap::from([("gap".to_owned(), 5)]));
}

/// Resident memory of this process, in bytes.
fn resident_bytes() -> u64 {
    let told = std::fs::read_to_string("/proc/self/statm").unwrap();
    told.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4_096
}

#[test]
#[ignore = "a measurement: run it alone, with --ignored --nocapture"]
fn a_log_of_a_hundred_thousand_entries_fits_into_little_memory() {
    let before = resident_bytes();
    let mut ledger = ledger(Vec::new());
    for seq in 1..=100_000_u64 {
        let mut of_four = entry(seq, 4_000 * (seq - 1)..4_000 * seq);
        let file = of_four.files.remove(0);
        of_four.files = (0..4)
            .map(|number| FileEntry {
                key: format!("bids/dt=2026-01-01/hour=00/bids+{number}+{seq:020}-0123456789abcdef.jsonl.zst"),
                token: format!("{seq:016x}{number:016x}").as_str().into(),
                records: 1_000,
                ..file.clone()
            })
            .collect();
        of_four.completed = (0..4).filter(|_| seq > 1).map(|file| FileRef { seq: Seq(seq - 1), file }).collect();
        ledger.take(there(of_four, SidecarSeen::NotWanted));
    }
    let grown_bytes = resident_bytes() - before;
    assert_eq!((ledger.rows.len(), kinds(&ledger), low(&ledger)), (400_000, vec![], 400_000_000));
    println!("100,000 entries, 400,000 files: {} MiB", grown_bytes >> 20);
    assert!(grown_bytes < 400 << 20, "{grown_bytes} bytes");
}
