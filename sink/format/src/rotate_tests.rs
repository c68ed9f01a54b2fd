#![allow(clippy::unwrap_used)]
use super::*;
use landfall_job::{ByteSize, DurationMs};
use proptest::prelude::*;

fn spec() -> RotateSpec {
    RotateSpec {
        bytes: Some(ByteSize(1_000)),
        records: Some(10),
        age: DurationMs::secs(600),
        idle: Some(DurationMs::secs(120)),
        event_time: Some(DurationMs::secs(3_600)),
    }
}

fn file() -> FileClock {
    let mut file = FileClock::open(1_000_000);
    file.note(1_000_000, 5_000, 10);
    file
}

#[test]
fn each_bound_alone_is_reached_exactly_at_its_value() {
    let open = file();
    let now_ms = 1_000_000;
    assert_eq!(due(&spec(), &open, now_ms), None);
    let table = [
        (FileClock { bytes: 999, ..open }, now_ms, None),
        (FileClock { bytes: 1_000, ..open }, now_ms, Some(Trigger::Bytes)),
        (FileClock { records: 9, ..open }, now_ms, None),
        (FileClock { records: 10, ..open }, now_ms, Some(Trigger::Records)),
        (FileClock { event_ms: Some((5_000, 3_604_999)), ..open }, now_ms, None),
        (FileClock { event_ms: Some((5_000, 3_605_000)), ..open }, now_ms, Some(Trigger::EventTime)),
        (FileClock { last_record_ms: 1_500_000, ..open }, 1_599_999, None),
        (FileClock { last_record_ms: 1_500_000, ..open }, 1_600_000, Some(Trigger::Age)),
        (open, 1_119_999, None),
        (open, 1_120_000, Some(Trigger::Idle)),
    ];
    for (file, now_ms, expected) in table {
        assert_eq!(due(&spec(), &file, now_ms), expected, "{file:?} at {now_ms}");
    }
}

#[test]
fn every_combination_of_reached_bounds_names_the_first() {
    let order = [Trigger::Bytes, Trigger::Records, Trigger::EventTime, Trigger::Age, Trigger::Idle];
    for reached in 0u32..32 {
        let has = |bit: u32| reached & (1 << bit) != 0;
        let now_ms = 2_000_000;
        let file = FileClock {
            opened_ms: if has(3) { now_ms - 600_000 } else { now_ms },
            last_record_ms: if has(4) { now_ms - 120_000 } else { now_ms },
            bytes: if has(0) { 5_000 } else { 0 },
            records: if has(1) { 10 } else { 1 },
            event_ms: Some((0, if has(2) { 4_000_000 } else { 0 })),
        };
        let first = (0..5).find(|bit| has(*bit)).map(|bit| order[usize::try_from(bit).unwrap()]);
        assert_eq!(due(&spec(), &file, now_ms), first, "{reached:05b}");
    }
}

#[test]
fn bounds_that_are_not_given_never_close_a_file() {
    let spec = RotateSpec { bytes: None, records: None, age: DurationMs::secs(1), idle: None, event_time: None };
    let file = FileClock { bytes: u64::MAX, records: u64::MAX, event_ms: Some((0, i64::MAX)), ..FileClock::open(0) };
    assert_eq!(due(&spec, &file, 999), None);
    assert_eq!(closes_before(&spec, &file, 0), None);
    assert_eq!(due(&spec, &file, 1_000), Some(Trigger::Age));
}

#[test]
fn a_file_without_records_is_never_due() {
    assert_eq!(due(&spec(), &FileClock::open(0), i64::MAX), None);
}

#[test]
fn a_record_too_far_ahead_or_behind_closes_the_file_before_it() {
    let open = file();
    for (event_ms, expected) in [
        (5_000, None),
        (3_604_999, None),
        (3_605_000, Some(Trigger::EventTime)),
        (i64::MAX, Some(Trigger::EventTime)),
        (-3_594_999, None),
        (-3_595_000, Some(Trigger::EventTime)),
        (i64::MIN, Some(Trigger::EventTime)),
    ] {
        assert_eq!(closes_before(&spec(), &open, event_ms), expected, "{event_ms}");
    }
    assert_eq!(closes_before(&spec(), &FileClock::open(0), i64::MAX), None);
}

#[test]
fn the_next_trigger_is_the_earlier_of_idle_and_age() {
    let mut open = file();
    assert_eq!(next_trigger(&spec(), &open, 1_000_000), (Trigger::Idle, 1_120_000));
    open.note(1_550_000, 5_000, 1);
    assert_eq!(next_trigger(&spec(), &open, 1_550_000), (Trigger::Age, 1_600_000));
    open.bytes = 1_000;
    assert_eq!(next_trigger(&spec(), &open, 1_550_000), (Trigger::Bytes, 1_550_000));
}

#[test]
fn a_clock_that_steps_back_does_not_close_a_file() {
    assert_eq!(due(&spec(), &file(), 0), None);
    let mut open = file();
    open.note(0, 5_000, 1);
    assert_eq!(open.last_record_ms, 1_000_000);
}

#[test]
fn every_trigger_has_its_own_name() {
    let names: std::collections::BTreeSet<_> = Trigger::ALL.iter().map(|trigger| trigger.as_str()).collect();
    assert_eq!(names.len(), Trigger::ALL.len());
}

proptest! {
    #[test]
    fn a_file_is_due_by_itself_exactly_from_its_next_trigger_on(
        opened_ms in 0i64..1_000_000, last_ms in 0i64..1_000_000, ahead_ms in 0i64..2_000_000,
    ) {
        let file = FileClock {
            opened_ms, last_record_ms: opened_ms.max(last_ms), bytes: 1, records: 1, event_ms: Some((0, 0)),
        };
        let (trigger, at_ms) = next_trigger(&spec(), &file, file.last_record_ms);
        let now_ms = file.last_record_ms + ahead_ms;
        match due(&spec(), &file, now_ms) {
            Some(_) => prop_assert!(now_ms >= at_ms),
            None => prop_assert!(now_ms < at_ms),
        }
        if file.last_record_ms < at_ms {
            prop_assert_eq!(due(&spec(), &file, at_ms), Some(trigger));
            prop_assert_eq!(due(&spec(), &file, at_ms - 1), None);
        }
    }

    #[test]
    fn closing_before_keeps_every_file_shorter_than_the_bound(times in prop::collection::vec(0i64..20_000_000, 1..60)) {
        let mut file = FileClock::open(0);
        for event_ms in times {
            if closes_before(&spec(), &file, event_ms).is_some() {
                file = FileClock::open(0);
            }
            file.note(0, event_ms, 1);
            prop_assert!(file.event_span_ms() < 3_600_000);
        }
    }
}
