//! When a file is closed: a pure decision from the job's bounds and what the file knows of itself.
//!
//! Each file has its own clock, so a busy path never closes a quiet one. All bounds are inclusive: a file that has
//! reached one is due. [`due`] is asked after each record (sizes, event time) and by a timer (age, idle), so that a
//! file closes on an idle partition too.

use landfall_job::RotateSpec;

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
    /// The times of its records span `rotate.event_time`.
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

    /// How far the event times of its records spread, in milliseconds.
    pub fn event_span_ms(&self) -> u64 {
        self.event_ms.map_or(0, |(min_ms, max_ms)| max_ms.abs_diff(min_ms))
    }
}

/// When a bound on time is reached.
fn at(start_ms: i64, span: landfall_job::DurationMs) -> i64 {
    start_ms.saturating_add_unsigned(span.millis())
}

/// The bound a file has reached, if any; the first of bytes, records, event time, age, idle.
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
    if spec.event_time.is_some_and(|bound| file.event_span_ms() >= bound.millis()) {
        return Some(Trigger::EventTime);
    }
    if now_ms >= at(file.opened_ms, spec.age) {
        return Some(Trigger::Age);
    }
    spec.idle.filter(|bound| now_ms >= at(file.last_record_ms, *bound)).map(|_| Trigger::Idle)
}

/// Whether a file must be closed *before* a record of `event_time_ms` is added, because with it the times of its
/// records would span `rotate.event_time`: so no file spans the bound, in either direction.
pub fn closes_before(spec: &RotateSpec, file: &FileClock, event_time_ms: i64) -> Option<Trigger> {
    let ((min_ms, max_ms), bound) = (file.event_ms?, spec.event_time?);
    let span_ms = max_ms.max(event_time_ms).abs_diff(min_ms.min(event_time_ms));
    (span_ms >= bound.millis()).then_some(Trigger::EventTime)
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
