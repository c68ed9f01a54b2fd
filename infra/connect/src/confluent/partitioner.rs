//! Partitioners: what stands between topic and file name, and whose clock it is.

use crate::draft::Draft;
use crate::input::Input;
use crate::joda::{self, Fault};
use crate::zone;

const CLASS: &str = "partitioner.class";
const FIELDS: &str = "partition.field.name";
const DURATION: &str = "partition.duration.ms";
const PATH: &str = "path.format";
const EXTRACTOR: &str = "timestamp.extractor";
const FIELD: &str = "timestamp.field";
const ZONE: &str = "timezone";
const HOUR_MS: i64 = 3_600_000;

/// Whose time decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// The partitioner knows none.
    None,
    /// The worker's.
    Wall,
    /// The record's, its own or that of a field.
    Record,
}

pub(super) struct Partitions {
    /// The text of the key template; empty after a refusal.
    pub(super) encoded: String,
    pub(super) clock: Clock,
}

enum Kind {
    Default,
    Field,
    Time,
    Fixed { path: &'static str, duration_ms: i64 },
}

pub(super) fn read(input: &mut Input<'_>, draft: &mut Draft) -> Partitions {
    let class = input.get(CLASS).unwrap_or("DefaultPartitioner");
    let kind = match class.rsplit('.').next().unwrap_or(class) {
        "DefaultPartitioner" => Kind::Default,
        "FieldPartitioner" => Kind::Field,
        "TimeBasedPartitioner" => Kind::Time,
        "HourlyPartitioner" => Kind::Fixed { path: "'year'=YYYY/'month'=MM/'day'=dd/'hour'=HH", duration_ms: HOUR_MS },
        "DailyPartitioner" => Kind::Fixed { path: "'year'=YYYY/'month'=MM/'day'=dd", duration_ms: 24 * HOUR_MS },
        _ => {
            let fix = "write DefaultPartitioner, FieldPartitioner, TimeBasedPartitioner, HourlyPartitioner or \
                       DailyPartitioner of io.confluent.connect.storage.partitioner";
            input.refuse(CLASS, "is Java code that does not run here", fix);
            Kind::Default
        }
    };
    input.mapped(CLASS, &["sink.key"]);
    input.idle("locale", "times in keys are numbers, which no locale changes");
    match kind {
        Kind::Default | Kind::Field => {
            for key in [DURATION, PATH, EXTRACTOR, FIELD, ZONE] {
                input.idle(key, "the partitioner does not write times");
            }
        }
        Kind::Time | Kind::Fixed { .. } => input.idle(FIELDS, "the partitioner does not write fields"),
    }
    match kind {
        Kind::Default => {
            input.idle(FIELDS, "the partitioner does not write fields");
            Partitions { encoded: "partition={partition}".to_owned(), clock: Clock::None }
        }
        Kind::Field => Partitions { encoded: fields(input), clock: Clock::None },
        Kind::Time => timed(input, draft, None),
        Kind::Fixed { path, duration_ms } => timed(input, draft, Some((path, duration_ms))),
    }
}

fn fields(input: &mut Input<'_>) -> String {
    let names = input.list(FIELDS);
    if names.is_empty() {
        input.refuse(FIELDS, "names no field, and FieldPartitioner needs one", "name the fields of the record");
        return String::new();
    }
    if names.iter().any(|name| name.contains(['{', '}'])) {
        input.refuse(FIELDS, "has braces in a name", "name plain fields");
        return String::new();
    }
    let note = "a null or missing field is __null__, and characters that are not plain in a key are percent-encoded";
    input.noted(FIELDS, &["sink.key"], note);
    let delimiter = input.raw("directory.delim").filter(|text| !text.is_empty()).unwrap_or("/");
    let encoded: Vec<String> = names.iter().map(|name| format!("{name}={{field:{name}}}")).collect();
    encoded.join(delimiter)
}

/// `fixed` is what the hourly and the daily partitioner set for themselves.
fn timed(input: &mut Input<'_>, draft: &mut Draft, fixed: Option<(&str, i64)>) -> Partitions {
    let clock = extractor(input, draft);
    match input.get(ZONE) {
        Some(zone) => {
            draft.set("sink.time_zone", zone::iana(zone), ZONE);
            input.mapped(ZONE, &["sink.time_zone"]);
        }
        None => input.refuse(ZONE, "is missing, and a partitioner of times needs it", "write a zone such as UTC"),
    }
    let (path, duration_ms) = match fixed {
        Some((path, duration_ms)) => {
            for key in [DURATION, PATH] {
                input.idle(key, "the partitioner sets its own");
            }
            (path, Some(duration_ms))
        }
        None => {
            for key in [DURATION, PATH] {
                input.mapped(key, &["sink.key"]);
            }
            let duration_ms = input.number(DURATION, 1, i64::MAX);
            if input.get(DURATION).is_none() {
                input.refuse(DURATION, "is missing, and TimeBasedPartitioner needs it", "write one such as 3600000");
            }
            let delimiter = input.raw("directory.delim").filter(|text| !text.is_empty()).unwrap_or("/");
            let path = input.get(PATH).unwrap_or_default();
            (path.strip_suffix(delimiter).unwrap_or(path), duration_ms)
        }
    };
    if path.is_empty() {
        input.refuse(PATH, "is missing, and TimeBasedPartitioner needs it", "write one such as 'dt'=yyyy-MM-dd");
        return Partitions { encoded: String::new(), clock };
    }
    if path.contains(['{', '}']) {
        input.refuse(PATH, "has braces", "leave them out");
        return Partitions { encoded: String::new(), clock };
    }
    // A duration that is missing has been told; the shortest lets the pattern be judged all the same.
    let encoded = match joda::template(path, duration_ms.unwrap_or(1)) {
        Ok(encoded) => encoded,
        Err(Fault::Pattern(refusal)) => {
            input.refuse_by(PATH, &refusal);
            String::new()
        }
        Err(Fault::Duration(refusal)) => {
            input.refuse_by(DURATION, &refusal);
            String::new()
        }
    };
    Partitions { encoded, clock }
}

fn extractor(input: &mut Input<'_>, draft: &mut Draft) -> Clock {
    let class = input.get(EXTRACTOR).unwrap_or("Wallclock");
    let simple = class.rsplit(['.', '$']).next().unwrap_or(class);
    let clock = match simple.strip_suffix("TimestampExtractor").unwrap_or(simple) {
        "Wallclock" => {
            draft.set("sink.timestamp.from", "wall_clock", EXTRACTOR);
            Clock::Wall
        }
        "Record" => {
            draft.set("sink.timestamp.from", "record", EXTRACTOR);
            Clock::Record
        }
        "RecordField" => {
            draft.set("sink.timestamp.from", "field", EXTRACTOR);
            draft.set("sink.timestamp.path", input.get(FIELD).unwrap_or("timestamp"), FIELD);
            draft.set("sink.timestamp.unit", "ms", FIELD);
            let note = "the field holds milliseconds since the epoch; times in ISO 8601 are dead letters, and need a job \
                        of its own with sink.timestamp.unit: rfc3339";
            input.noted(FIELD, &["sink.timestamp.path", "sink.timestamp.unit"], note);
            Clock::Record
        }
        _ => {
            input.refuse(EXTRACTOR, "is Java code that does not run here", "write Wallclock, Record or RecordField");
            Clock::Record
        }
    };
    input.mapped(EXTRACTOR, &["sink.timestamp.from"]);
    input.idle_if_open(FIELD, "the extractor does not read a field");
    clock
}
