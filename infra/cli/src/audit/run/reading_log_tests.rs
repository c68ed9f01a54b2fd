#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};

use landfall_commit::{Entry, Lane, Origins, Seq};

use super::super::super::Options;
use super::super::super::kept::KeptEntry;
use super::super::super::ledger::{EntrySeen, Ledger, SidecarSeen, Slot};
use super::super::super::log::{LaneListing, Listed};
use super::super::{LaneRun, in_scope};
use super::{changed, dense};

fn kept(seq: u64) -> KeptEntry {
    KeptEntry { lane: 0, seq, entry: ("e".into(), 9), sidecar: Some(("t".into(), ("s".into(), 3))) }
}

fn listed() -> Listed {
    Listed { entry: Some(("e".into(), 9)), sidecars: vec![("t".into(), ("s".into(), 3))] }
}

fn told(now: Option<Listed>) -> Option<String> {
    let mut listing = LaneListing::default();
    listing.slots.insert(7, listed());
    listing.slots.extend(now.map(|now| (8, now)));
    changed(&[kept(7), kept(8)], &listing).remove(&8)
}

#[test]
fn every_change_of_what_was_read_of_a_log_is_seen() {
    assert_eq!(told(Some(listed())), None);
    let lost_append = ("other".into(), ("x".into(), 1));
    let beside = Listed { sidecars: vec![lost_append, ("t".into(), ("s".into(), 3))], ..listed() };
    assert_eq!(told(Some(beside)), None, "what an append that lost leaves behind is no change");
    for (now, what) in [
        (None, "entry 8 is gone"),
        (Some(Listed { entry: None, ..listed() }), "entry 8 is gone"),
        (Some(Listed { entry: Some(("f".into(), 9)), ..listed() }), "entry 8 was replaced"),
        (Some(Listed { entry: Some(("e".into(), 8)), ..listed() }), "entry 8 was replaced"),
        (Some(Listed { sidecars: vec![], ..listed() }), "the sidecar of entry 8 is gone"),
        (
            Some(Listed { sidecars: vec![("t".into(), ("z".into(), 3))], ..listed() }),
            "the sidecar of entry 8 was replaced",
        ),
    ] {
        assert_eq!(told(now).as_deref(), Some(what));
    }
}

#[test]
fn a_state_that_does_not_have_every_entry_is_not_relied_upon() {
    let marks = |numbers: &[u64]| numbers.iter().map(|seq| kept(*seq)).collect::<Vec<_>>();
    assert!(dense(&[], 0) && dense(&marks(&[0, 1, 2]), 3) && dense(&marks(&[2, 0, 1, 3]), 3));
    for numbers in [&[0, 1][..], &[0, 2], &[0, 0, 1], &[1, 2, 3]] {
        assert!(!dense(&marks(numbers), 3), "{numbers:?}");
    }
}

#[test]
fn a_lane_is_not_kept_as_right_while_an_entry_of_it_is_gone_and_the_next_one_was_not_read() {
    let origins = Origins { start: BTreeMap::new(), bucket: "lake".into(), lanes: 1, created_at_ms: 0 };
    let zero = Entry::zero("u1".into(), Lane(0), "t0".into(), "w", origins);
    let mut lane = LaneRun {
        ledger: Ledger::new(Lane(0), zero.clone()),
        listing: LaneListing::default(),
        marks: Vec::new(),
        before: None,
        earlier_rows: HashMap::new(),
        changed: BTreeMap::new(),
        damage: Vec::new(),
        settled_to: None,
    };
    let slots = [(Seq(0), EntrySeen::There(Box::new(zero)), false), (Seq(1), EntrySeen::Gone, true)];
    for (seq, entry, damaged) in slots {
        lane.ledger.take(Slot { seq, entry, sidecar: SidecarSeen::NotWanted });
        assert_eq!(lane.damaged(), damaged, "entry {seq}");
    }
    assert!(lane.ledger.findings.is_empty(), "the hole may go on");
}

#[test]
fn the_scope_is_by_number_and_by_time_and_both_are_inclusive() {
    let by_seq = Options { from_seq: Some(5), ..Options::default() };
    assert_eq!([4, 5].map(|seq| in_scope(&by_seq, seq, 0)), [false, true]);
    let since = jiff::Timestamp::from_millisecond(5).unwrap();
    let by_time = Options { since: Some(since), ..Options::default() };
    assert_eq!([4, 5].map(|at_ms| in_scope(&by_time, 0, at_ms)), [false, true]);
}
