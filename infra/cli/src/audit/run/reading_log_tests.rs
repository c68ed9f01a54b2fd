#![allow(clippy::unwrap_used)]

use super::super::super::Options;
use super::super::super::kept::KeptEntry;
use super::super::super::log::{LaneListing, Listed};
use super::super::in_scope;
use super::changed;

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
fn the_scope_is_by_number_and_by_time_and_both_are_inclusive() {
    let by_seq = Options { from_seq: Some(5), ..Options::default() };
    assert_eq!([4, 5].map(|seq| in_scope(&by_seq, seq, 0)), [false, true]);
    let since = jiff::Timestamp::from_millisecond(5).unwrap();
    let by_time = Options { since: Some(since), ..Options::default() };
    assert_eq!([4, 5].map(|at_ms| in_scope(&by_time, 0, at_ms)), [false, true]);
}
