//! When a file is closed. The sink closes by records and by the two intervals only, and so does the job: nothing but an
//! upper bound is added, as stores expire uploads that stay open.

use super::partitioner::Clock;
use crate::draft::Draft;
use crate::input::Input;

const FLUSH: &str = "flush.size";
const INTERVAL: &str = "rotate.interval.ms";
const ZONE: &str = "timezone";
const SCHEDULE: &str = "rotate.schedule.interval.ms";
/// The oldest a file of a job may get.
const LONGEST_AGE_MS: i64 = 24 * 3_600_000;
/// The most records a job counts in a file.
const MOST_RECORDS: i64 = 1_000_000_000;

pub(super) fn read(input: &mut Input<'_>, draft: &mut Draft, clock: Clock) {
    flush(input, draft);
    draft.set("sink.rotate.bytes", "never", FLUSH);
    draft.set("sink.rotate.idle", "never", FLUSH);
    let mut ages: Vec<(i64, &str)> = Vec::new();
    match (positive(INTERVAL, input), clock) {
        (None, _) => input.idle(INTERVAL, "it is off"),
        (Some(_), Clock::None) => {
            input.idle(INTERVAL, "the sink heeds it with a partitioner of times only");
        }
        (Some(interval_ms), Clock::Wall) => {
            ages.push((interval_ms, INTERVAL));
            input.mapped(INTERVAL, &["sink.rotate.age"]);
        }
        (Some(interval_ms), Clock::Record) => {
            draft.set_span("sink.rotate.event_time", interval_ms, INTERVAL);
            let note = "stretches of record time are counted from 1970, not from a file's first record";
            input.noted(INTERVAL, &["sink.rotate.event_time"], note);
        }
    }
    match positive(SCHEDULE, input) {
        None => input.idle(SCHEDULE, "it is off"),
        Some(interval_ms) => {
            ages.push((interval_ms, SCHEDULE));
            let note = "counted from a file's first record, not from the clock's full intervals";
            input.noted(SCHEDULE, &["sink.rotate.age"], note);
            if input.get(ZONE).is_none() {
                let fix = "write a zone such as UTC, though the job does not need it";
                input.refuse(ZONE, "is missing, and rotate.schedule.interval.ms needs it", fix);
            }
        }
    }
    let (age_ms, key) = ages.into_iter().min().unwrap_or((LONGEST_AGE_MS, FLUSH));
    draft.set_span("sink.rotate.age", age_ms, key);
}

fn flush(input: &mut Input<'_>, draft: &mut Draft) {
    let Some(records) = input.number(FLUSH, 1, i64::from(i32::MAX)) else {
        if input.get(FLUSH).is_none() {
            input.refuse(FLUSH, "is missing", "write how many records a file holds");
        }
        return;
    };
    match records > MOST_RECORDS {
        true => draft.set("sink.rotate.records", "never", FLUSH),
        false => draft.set("sink.rotate.records", records, FLUSH),
    }
    let note = "counted for each file; a file is closed after 24 hours where no interval says sooner";
    input.noted(FLUSH, &["sink.rotate.records", "sink.rotate.bytes", "sink.rotate.idle"], note);
}

/// An interval; zero and less is off.
fn positive(key: &str, input: &mut Input<'_>) -> Option<i64> {
    input.number(key, i64::MIN, i64::MAX).filter(|interval_ms| *interval_ms > 0)
}
