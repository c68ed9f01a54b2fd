//! Decode and route: one pass over a record's value, then its time and its group key.

use landfall_job::NullValue;

use crate::columns::RowScratch;
use crate::json::{Captures, Document, Kind, MAX_LOOSE};
use crate::plan::{Plan, Shape};
use crate::reason::{Reason, Rejection, SkipReason, Stage};
use crate::record::Record;
use crate::route::{Inputs, KeyScratch, MAX_TIME_MS, TimeSource, read_time};

/// What becomes of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It belongs to the file of [`Scratch::group_key`].
    Route {
        /// The group key is that of the record before, unchanged: its file needs no look-up.
        same_group: bool,
    },
    /// It does not land, by the job's choice, and is no dead letter.
    Skip(SkipReason),
    /// It is a dead letter.
    Reject(Rejection),
}

/// Which record was read: no other can stand at the same place, in the same memory, with the same length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    partition: i32,
    offset: i64,
    value: Option<(usize, usize)>,
}

impl Identity {
    fn of(record: &Record<'_>) -> Self {
        let value = record.content().map(|value| (value.as_ptr().addr(), value.len()));
        Self { partition: record.partition, offset: record.offset, value }
    }
}

/// A polling thread's buffers, reused from record to record. It adapts to whichever plan it is used with.
#[derive(Debug)]
pub struct Scratch {
    plan_id: u64,
    key: KeyScratch,
    captures: Captures,
    document: Option<Document>,
    unescaped: String,
    event_time_ms: i64,
    /// The record that was read last.
    accepted: Option<Identity>,
    routed: bool,
    rows: RowScratch,
}

impl Scratch {
    /// Empty buffers for `plan`.
    pub fn new(plan: &Plan) -> Self {
        Self {
            plan_id: plan.id,
            key: KeyScratch::new(&plan.key),
            captures: Captures::default(),
            document: None,
            unescaped: String::new(),
            event_time_ms: 0,
            accepted: None,
            routed: false,
            rows: RowScratch::default(),
        }
    }

    /// The group key of the record last routed, by which open files are kept; see [`crate::finish_key`].
    pub fn group_key(&self) -> &str {
        self.key.key()
    }

    /// The event time of the record last routed, in milliseconds since the epoch: by `sink.timestamp`, or, where
    /// neither key nor rotation needs it and it is no time, the `now_ms` it was accepted with.
    pub fn event_time_ms(&self) -> i64 {
        self.event_time_ms
    }

    /// What the last read noted, and room for rows.
    pub(crate) fn parts(&mut self) -> (&Captures, &mut RowScratch) {
        (&self.captures, &mut self.rows)
    }

    /// Makes sure that what was noted is of this record, and answers its text.
    pub(crate) fn recall<'r>(&mut self, plan: &Plan, record: &Record<'r>) -> Result<&'r str, Rejection> {
        let Some(value) = record.content() else {
            return self.read(plan, record);
        };
        if self.plan_id != plan.id || self.accepted != Some(Identity::of(record)) {
            return self.read(plan, record);
        }
        // Checked by the read that accepted it; the standard library has to be told again.
        simdutf8::basic::from_utf8(value).map_err(|_| decode(Reason::InvalidUtf8, "the value changed".to_owned()))
    }

    /// Whether the record's value spans several lines.
    #[inline]
    pub(crate) fn line_breaks(&mut self, plan: &Plan, record: &Record<'_>) -> Result<bool, Rejection> {
        if self.plan_id != plan.id || self.accepted != Some(Identity::of(record)) {
            self.read(plan, record)?;
        }
        Ok(self.document.is_some_and(|document| document.line_breaks))
    }

    /// Reads the record's value in one pass; where there is none, captures and text are empty.
    fn read<'r>(&mut self, plan: &Plan, record: &Record<'r>) -> Result<&'r str, Rejection> {
        if self.plan_id != plan.id {
            *self = Self::new(plan);
        }
        self.accepted = None;
        self.document = None;
        self.captures.trim();
        let keep_loose = matches!(plan.shape, Shape::Columns(_));
        let Some(value) = record.content() else {
            self.captures.clear(&plan.tree);
            self.accepted = Some(Identity::of(record));
            return Ok("");
        };
        let Ok(text) = simdutf8::basic::from_utf8(value) else {
            return Err(invalid_utf8(value));
        };
        let document = plan
            .tree
            .read(text, &mut self.captures, keep_loose)
            .map_err(|error| decode(Reason::MalformedJson, error.to_string()))?;
        if keep_loose && document.kind != Kind::Object {
            let message = format!("the value is {}; columns need an object", document.kind.name());
            return Err(decode(Reason::SchemaMismatch, message));
        }
        if document.overfull {
            let message = format!(
                "the record has more than {MAX_LOOSE} fields without a column; make columns of them, or a json column of the object around them"
            );
            return Err(decode(Reason::TooLarge, message));
        }
        self.document = Some(document);
        self.accepted = Some(Identity::of(record));
        Ok(text)
    }
}

fn decode(reason: Reason, message: String) -> Rejection {
    Rejection::new(Stage::Decode, reason, message)
}

#[cold]
fn invalid_utf8(value: &[u8]) -> Rejection {
    let at = simdutf8::compat::from_utf8(value).err().map_or(0, |error| error.valid_up_to());
    decode(Reason::InvalidUtf8, format!("the value is not UTF-8 from byte {at}"))
}

/// Reads and checks a record and finds its group. `now_ms` is the wall clock, in milliseconds since the epoch.
pub fn accept(plan: &Plan, scratch: &mut Scratch, record: &Record<'_>, now_ms: i64) -> Verdict {
    match judge(plan, scratch, record, now_ms) {
        Ok(verdict) => verdict,
        Err(rejection) => {
            scratch.routed = false;
            Verdict::Reject(rejection)
        }
    }
}

/// By its headers the record is none of the job's. Headers are copied for it, so only jobs that filter pay.
fn filtered(plan: &Plan, record: &Record<'_>) -> bool {
    if plan.skip_with.is_empty() && plan.skip_without.is_empty() {
        return false;
    }
    let headers = record.headers.to_vec();
    let has = |name: &String| headers.iter().any(|(known, _)| known == name);
    plan.skip_with.iter().any(has) || !plan.skip_without.iter().all(has)
}

fn judge(plan: &Plan, scratch: &mut Scratch, record: &Record<'_>, now_ms: i64) -> Result<Verdict, Rejection> {
    if filtered(plan, record) {
        return Ok(Verdict::Skip(SkipReason::Filtered));
    }
    let bytes = u64::try_from(record.payload_bytes() + record.headers.total_bytes()).unwrap_or(u64::MAX);
    if bytes > plan.max_record_bytes {
        let message = format!("the record has {bytes} bytes; {} {}", plan.record_bound, plan.max_record_bytes);
        return Err(decode(Reason::TooLarge, message));
    }
    if record.content().is_none() {
        match plan.null_value {
            NullValue::DeadLetter => {
                let what = if record.value.is_none() { "null" } else { "empty" };
                return Err(decode(Reason::NullValue, format!("the record's value is {what}; see decode.null_value")));
            }
            NullValue::Skip => return Ok(Verdict::Skip(SkipReason::NullValue)),
            NullValue::Keep => {}
        }
    }
    let text = scratch.read(plan, record)?;
    scratch.event_time_ms = event_time(plan, scratch, record, text, now_ms)?;
    let inputs = Inputs { record, text, captures: &scratch.captures, event_time_ms: scratch.event_time_ms, now_ms };
    let unchanged = plan.key.render(&inputs, &mut scratch.key)?;
    let same_group = unchanged && scratch.routed;
    scratch.routed = true;
    Ok(Verdict::Route { same_group })
}

fn event_time(
    plan: &Plan,
    scratch: &mut Scratch,
    record: &Record<'_>,
    text: &str,
    now_ms: i64,
) -> Result<i64, Rejection> {
    let time = match &plan.time {
        TimeSource::WallClock => within(now_ms).ok_or_else(|| "the wall clock".to_owned()),
        TimeSource::Record => within(record.timestamp_ms).ok_or_else(|| match record.timestamp_ms {
            ..0 => "the record has no timestamp".to_owned(),
            late => format!("the record's timestamp {late} is outside the years 1970 to 9999"),
        }),
        TimeSource::Field { slot, path, reader } => match scratch.captures.value(*slot) {
            Some(span) => read_time(text, span, reader, &mut scratch.unescaped)
                .map_err(|problem| format!("the field {path} {problem}")),
            None => Err(format!("the field {path} is missing")),
        },
    };
    match time {
        Ok(at_ms) => Ok(at_ms),
        Err(problem) if plan.needs_time => Err(Rejection::new(Stage::Route, Reason::BadTimestamp, problem)),
        Err(_) => Ok(now_ms.clamp(0, MAX_TIME_MS)),
    }
}

fn within(at_ms: i64) -> Option<i64> {
    (0..=MAX_TIME_MS).contains(&at_ms).then_some(at_ms)
}
