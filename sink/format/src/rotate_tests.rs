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
    let order = [Trigger::Bytes, Trigger::Records, Trigger::Age, Trigger::Idle];
    for reached in 0u32..16 {
        let has = |bit: u32| reached & (1 << bit) != 0;
        let now_ms = 2_000_000;
        let file = FileClock {
            opened_ms: if has(2) { now_ms - 600_000 } else { now_ms },
            last_record_ms: if has(3) { now_ms - 120_000 } else { now_ms },
            bytes: if has(0) { 5_000 } else { 0 },
            records: if has(1) { 10 } else { 1 },
            event_ms: Some((0, 0)),
        };
        let first = (0..4).find(|bit| has(*bit)).map(|bit| order[usize::try_from(bit).unwrap()]);
        assert_eq!(due(&spec(), &file, now_ms), first, "{reached:04b}");
    }
}

#[test]
fn bounds_that_are_not_given_never_close_a_file() {
    let spec = RotateSpec { bytes: None, records: None, age: DurationMs::secs(1), idle: None, event_time: None };
    let file = FileClock { bytes: u64::MAX, records: u64::MAX, event_ms: Some((0, i64::MAX)), ..FileClock::open(0) };
    assert_eq!(due(&spec, &file, 999), None);
    assert_eq!(due(&spec, &file, 1_000), Some(Trigger::Age));
}

#[test]
fn a_file_without_records_is_never_due() {
    assert_eq!(due(&spec(), &FileClock::open(0), i64::MAX), None);
}

#[test]
fn a_stretch_that_was_passed_is_due_once_no_straggler_came_for_a_while() {
    let open = file();
    for (stretch_secs, passed, quiet_ms, expected) in [
        (3_600, true, 59_999, None),
        (3_600, true, 60_000, Some(Trigger::EventTime)),
        (3_600, false, 60_000, None),
        (5, true, 4_999, None),
        (5, true, 5_000, Some(Trigger::EventTime)),
    ] {
        let spec = RotateSpec { event_time: Some(DurationMs::secs(stretch_secs)), ..spec() };
        let told = due_among(&spec, &open, passed, open.last_record_ms + quiet_ms);
        assert_eq!(told, expected, "{stretch_secs} s, passed: {passed}, quiet for {quiet_ms} ms");
    }
    let never = RotateSpec { event_time: None, ..spec() };
    assert_eq!(due_among(&never, &open, true, open.last_record_ms + 100_000), None);
    assert_eq!(due_among(&never, &open, true, open.last_record_ms + 120_000), Some(Trigger::Idle));
    assert_eq!(due_among(&spec(), &FileClock::open(0), true, i64::MAX), None, "an empty file is never due");
}

#[test]
fn the_stream_has_passed_what_lies_before_the_last_open_stretch() {
    let open =
        ["a/hour=07/\u{2}\u{3}7", "a/hour=09/\u{2}\u{3}9", "b/\u{2}\u{3}-1", "c/\u{2}", "\u{1}dlq/dt=2026-01-01"];
    let reached = Reached::by(open.into_iter());
    let passed: Vec<&str> = open.into_iter().filter(|group| reached.is_past(group)).collect();
    assert_eq!(passed, [open[0], open[2]]);
    assert!(!Reached::by(open[3..].iter().copied()).is_past(open[0]), "without stretches nothing is passed");
}

/// Files closed while events come every second for `seconds`, as a worker keeps them: by place and stretch, looked at
/// every second. `late_ms` tells how late each event is.
fn files_closed(spec: &RotateSpec, seconds: i64, late_ms: impl Fn(i64) -> i64) -> Vec<Trigger> {
    let (mut open, mut closed) = (std::collections::BTreeMap::<String, FileClock>::new(), Vec::new());
    for now_ms in (0..seconds).map(|second| 1_774_877_654_321 + second * 1_000) {
        let event_ms = now_ms - late_ms(now_ms / 1_000);
        let stretch = spec.event_time.map_or(0, |length| Stretch::of(event_ms, length).number);
        let file = open.entry(format!("a/{STRETCH_MARK}{stretch}")).or_insert_with(|| FileClock::open(now_ms));
        file.note(now_ms, event_ms, 1);
        let groups: Vec<String> = open.keys().cloned().collect();
        let reached = Reached::by(groups.iter().map(String::as_str));
        for group in &groups {
            if let Some(trigger) = due_among(spec, &open[group], reached.is_past(group), now_ms) {
                open.remove(group);
                closed.push(trigger);
            }
        }
    }
    closed
}

#[test]
fn events_that_jump_to_and_fro_make_no_more_files_than_time_does() {
    let event_time = Some(DurationMs::secs(600));
    let spec = RotateSpec { bytes: None, records: None, age: DurationMs::secs(7_200), event_time, ..spec() };
    // Now and a quarter of an hour ago in turn, for an hour.
    let closed = files_closed(&spec, 3_600, |second| if second % 2 == 0 { 0 } else { 900_000 });
    assert!(closed.len() <= 2 * 7, "{} files: {closed:?}", closed.len());
    // In order: one file a stretch, closed when the next is on its way.
    let closed = files_closed(&spec, 3_600, |_| 0);
    assert_eq!(closed.iter().filter(|trigger| **trigger == Trigger::EventTime).count(), closed.len(), "{closed:?}");
    assert!((5..=6).contains(&closed.len()), "{closed:?}");
    // One straggler in a while: its file closes by itself and takes nobody along.
    let closed = files_closed(&spec, 3_600, |second| if second % 300 == 0 { 900_000 } else { 0 });
    assert!(closed.len() <= 6 + 12, "{} files: {closed:?}", closed.len());
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
    fn a_time_is_in_exactly_one_stretch(event_ms in any::<i32>(), length_ms in 1u64..20_000_000) {
        let (event_ms, length) = (i64::from(event_ms), DurationMs(length_ms));
        let stretch = Stretch::of(event_ms, length);
        prop_assert!(stretch.from_ms <= event_ms && event_ms < stretch.until_ms);
        prop_assert_eq!(Stretch::of(stretch.from_ms, length), stretch);
        prop_assert_eq!(Stretch::of(stretch.until_ms, length).number, stretch.number + 1);
    }
}
