//! When a file is closed: a pure decision from the job's bounds and what the file knows of itself.
//!
//! Each file has its own clock, so a busy path never closes a quiet one. All bounds are inclusive: a file that has
//! reached one is due. [`due`] is asked after each record (sizes) and by a timer (age, idle), so that a file closes on
//! an idle partition too.
//!
//! `rotate.event_time` divides event time into *stretches* of its length, and a stretch has files of its own: group
//! keys keep them apart. A late event goes to its own stretch's file and closes nobody else's. A stretch that the
//! stream has passed closes by itself ([`due_among`]) once no straggler came for a while, by the worker's clock: however
//! event times jump to and fro, a stretch closes at most one file in that while.

use landfall_job::{DurationMs, RotateSpec};

use crate::route::STRETCH_MARK;

/// How long a stretch that was passed waits for stragglers, at most; a shorter stretch waits its own length.
const STRAGGLERS: DurationMs = DurationMs::secs(60);

/// What closed a file; the label of `objects_completed_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Trigger {
    /// `rotate.bytes` was reached.
    Bytes,
    /// `rotate.records` was reached.
    Records,
    /// `rotate.age` was reached.
    Age,
    /// Nothing came for `rotate.idle`.
    Idle,
    /// The stream has passed its stretch of event time.
    EventTime,
    /// The process came near its memory budget.
    Memory,
    /// The offsets of one file would have spread too far.
    Span,
    /// A partition went to another worker.
    Revoke,
    /// The worker stops.
    Shutdown,
    /// A bounded job came to its end.
    End,
    /// The job's document changed.
    ConfigChange,
    /// The job was paused or stopped.
    Pause,
    /// A record of before came again: within a file a partition's records stay in offset order.
    Reread,
}

impl Trigger {
    /// Every trigger, in the order of the documentation.
    pub const ALL: [Self; 13] = [
        Self::Bytes,
        Self::Records,
        Self::Age,
        Self::Idle,
        Self::EventTime,
        Self::Memory,
        Self::Span,
        Self::Revoke,
        Self::Shutdown,
        Self::End,
        Self::ConfigChange,
        Self::Pause,
        Self::Reread,
    ];

    /// The name used in metrics, status and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Records => "records",
            Self::Age => "age",
            Self::Idle => "idle",
            Self::EventTime => "event_time",
            Self::Memory => "memory",
            Self::Span => "span",
            Self::Revoke => "revoke",
            Self::Shutdown => "shutdown",
            Self::End => "end",
            Self::ConfigChange => "config_change",
            Self::Pause => "pause",
            Self::Reread => "reread",
        }
    }
}

impl std::fmt::Display for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an open file knows of itself. Times are in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileClock {
    pub opened_ms: i64,
    /// When the last record came, by the worker's clock.
    pub last_record_ms: i64,
    /// Output bytes: what was encoded, and an estimate of what was not.
    pub bytes: u64,
    pub records: u64,
    /// The event times of its records; `None` before the first.
    pub event_ms: Option<(i64, i64)>,
}

impl FileClock {
    /// A file just opened, still without a record.
    pub fn open(now_ms: i64) -> Self {
        Self { opened_ms: now_ms, last_record_ms: now_ms, bytes: 0, records: 0, event_ms: None }
    }

    /// Notes one record. `bytes` is what it adds to the output, estimated.
    pub fn note(&mut self, now_ms: i64, event_time_ms: i64, bytes: u64) {
        self.last_record_ms = self.last_record_ms.max(now_ms);
        self.bytes = self.bytes.saturating_add(bytes);
        self.records = self.records.saturating_add(1);
        self.event_ms = Some(match self.event_ms {
            None => (event_time_ms, event_time_ms),
            Some((min_ms, max_ms)) => (min_ms.min(event_time_ms), max_ms.max(event_time_ms)),
        });
    }
}

/// A stretch of event time: stretches of one length follow each other without gaps from the epoch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) number: i64,
    /// Inclusive.
    pub(crate) from_ms: i64,
    /// Exclusive.
    pub(crate) until_ms: i64,
}

impl Stretch {
    /// The one that `event_time_ms` is in.
    pub(crate) fn of(event_time_ms: i64, length: DurationMs) -> Self {
        let length_ms = i64::try_from(length.millis()).unwrap_or(i64::MAX).max(1);
        let number = event_time_ms.div_euclid(length_ms);
        let from_ms = number.saturating_mul(length_ms);
        Self { number, from_ms, until_ms: from_ms.saturating_add(length_ms) }
    }
}

/// How far the stream has come: the last stretch of event time that any of a job's open files is of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reached(Option<i64>);

impl Reached {
    /// Looks through the group keys of the open files. Those of a job without `rotate.event_time` have no stretch.
    pub fn by<'a>(group_keys: impl Iterator<Item = &'a str>) -> Self {
        Self(group_keys.filter_map(stretch_of).max())
    }

    /// Whether the stream has passed the stretch of this group key.
    pub fn is_past(self, group_key: &str) -> bool {
        self.0.is_some_and(|last| stretch_of(group_key).is_some_and(|number| number < last))
    }
}

fn stretch_of(group_key: &str) -> Option<i64> {
    group_key.split_once(STRETCH_MARK)?.1.parse().ok()
}

/// When a bound on time is reached.
fn at(start_ms: i64, span: DurationMs) -> i64 {
    start_ms.saturating_add_unsigned(span.millis())
}

/// The bound a file has reached by itself, if any; the first of bytes, records, age, idle.
pub fn due(spec: &RotateSpec, file: &FileClock, now_ms: i64) -> Option<Trigger> {
    if file.records == 0 {
        return None;
    }
    if spec.bytes.is_some_and(|bound| file.bytes >= bound.bytes()) {
        return Some(Trigger::Bytes);
    }
    if spec.records.is_some_and(|bound| file.records >= bound) {
        return Some(Trigger::Records);
    }
    if now_ms >= at(file.opened_ms, spec.age) {
        return Some(Trigger::Age);
    }
    spec.idle.filter(|bound| now_ms >= at(file.last_record_ms, *bound)).map(|_| Trigger::Idle)
}

/// As [`due`], for a file that stands among others: `passed` says that the stream has passed its stretch of event time
/// ([`Reached::is_past`]). Then it is due too when no straggler came for the stretch's length, at most a minute.
pub fn due_among(spec: &RotateSpec, file: &FileClock, passed: bool, now_ms: i64) -> Option<Trigger> {
    let event_time = || {
        let quiet = spec.event_time.filter(|_| passed && file.records > 0)?.min(STRAGGLERS);
        (now_ms >= at(file.last_record_ms, quiet)).then_some(Trigger::EventTime)
    };
    due(spec, file, now_ms).or_else(event_time)
}

/// What will close a file by itself if nothing more comes, and when, in milliseconds since the epoch; a file that is
/// due already answers with what it is due for and `now_ms`.
pub fn next_trigger(spec: &RotateSpec, file: &FileClock, now_ms: i64) -> (Trigger, i64) {
    if let Some(trigger) = due(spec, file, now_ms) {
        return (trigger, now_ms);
    }
    let age = (Trigger::Age, at(file.opened_ms, spec.age));
    match spec.idle.map(|bound| (Trigger::Idle, at(file.last_record_ms, bound))) {
        Some(idle) if idle.1 < age.1 => idle,
        _ => age,
    }
}

#[cfg(test)]
#[path = "rotate_tests.rs"]
mod tests;
