//! One JSON value into one column.

use jiff::Timestamp;
use jiff::civil::Date;
use landfall_job::TimestampUnit;

use super::buffer::{ColumnBuffer, Full, Members, Values};
use crate::json::{JsonError, Kind, Scanner, Span, parse_number, unescape_into};
use crate::route::{TimeReader, civil_date, epoch_micros, is_whole_micros, rfc3339};

/// Years that columns of times take, inclusive: what every reader of Parquet knows.
const MIN_MICROS: i64 = -62_135_596_800_000_000; // 0001-01-01T00:00:00Z
const MAX_MICROS: i64 = 253_402_300_799_999_999; // 9999-12-31T23:59:59.999999Z

/// Why a value does not fit its column: a phrase that follows "the value".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfit {
    Is(&'static str),
    Full,
    /// The row takes more memory than one may.
    TooMuch,
}

impl From<Full> for Misfit {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl From<JsonError> for Misfit {
    /// The document was validated before, so this says only that it was not this one.
    fn from(_: JsonError) -> Self {
        Self::Is("is not the one that was checked")
    }
}

/// What pushing needs beside the value; reused.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) unescaped: String,
    /// Set when a struct had a field its type does not name.
    pub(super) unnamed: bool,
    /// What the row may still take, in bytes. What is replaced by a later field of the same name counts too: the bound
    /// is one of work as well.
    pub(super) left_bytes: usize,
}

impl Tools {
    fn spend(&mut self, bytes: usize) -> Result<(), Misfit> {
        self.left_bytes = self.left_bytes.checked_sub(bytes).ok_or(Misfit::TooMuch)?;
        Ok(())
    }
}

/// A number, or a string that holds one.
fn number_text(text: &str, span: Span, or_string: bool) -> Result<&str, Misfit> {
    match span.kind {
        Kind::Number => Ok(span.of(text)),
        Kind::String { escaped: false } if or_string => Ok(span.inside(text)),
        kind => Err(Misfit::Is(is(kind))),
    }
}

fn is(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "is null",
        Kind::Bool => "is a boolean",
        Kind::Number => "is a number",
        Kind::String { .. } => "is a string",
        Kind::Array => "is an array",
        Kind::Object => "is an object",
    }
}

/// A string's content; `unescaped` is used where it has escapes.
fn string<'t>(text: &'t str, span: Span, unescaped: &'t mut String) -> Result<&'t str, Misfit> {
    match span.kind {
        Kind::String { escaped: false } => Ok(span.inside(text)),
        Kind::String { escaped: true } => {
            unescaped.clear();
            unescape_into(span.inside(text), unescaped);
            Ok(unescaped)
        }
        kind => Err(Misfit::Is(is(kind))),
    }
}

fn whole(text: &str, span: Span) -> Result<i64, Misfit> {
    let digits = number_text(text, span, false)?;
    let value = digits.parse::<i64>().ok().or_else(|| parse_number(digits)?.whole());
    value.ok_or(Misfit::Is("is not a whole number in range"))
}

/// A time in microseconds, exactly: one with finer digits does not fit, because nothing else would keep them.
fn micros(text: &str, span: Span, unit: TimestampUnit, unescaped: &mut String) -> Result<i64, Misfit> {
    let (rounded, exact) = match TimeReader::of(unit) {
        TimeReader::Epoch(unit) => {
            let digits = number_text(text, span, true)?;
            (epoch_micros(digits, unit), is_whole_micros(digits, unit))
        }
        TimeReader::Rfc3339 | TimeReader::Format { .. } => {
            let at = rfc3339(string(text, span, unescaped)?).map_err(|_| Misfit::Is("is not a time in RFC 3339"))?;
            let nanos = at.duration_since(Timestamp::UNIX_EPOCH).as_nanos();
            (Some(nanos.div_euclid(1_000)), nanos.rem_euclid(1_000) == 0)
        }
    };
    let micros = rounded
        .and_then(|micros| i64::try_from(micros).ok())
        .filter(|micros| (MIN_MICROS..=MAX_MICROS).contains(micros))
        .ok_or(Misfit::Is("is not a time of the years 1 to 9999"))?;
    exact.then_some(micros).ok_or(Misfit::Is("is a time with digits finer than microseconds"))
}

fn days(text: &str) -> Option<i32> {
    let date = civil_date(text).filter(|date| date.year() >= 1)?;
    Some(date.since(Date::constant(1970, 1, 1)).ok()?.get_days())
}

fn decimal(digits: &str, precision: u8, scale: u8) -> Option<i128> {
    let value = parse_number(digits)?.scaled_exactly(u32::from(scale))?;
    (value.unsigned_abs() < 10u128.checked_pow(u32::from(precision))?).then_some(value)
}

impl ColumnBuffer {
    /// Appends the value at `span` of `text`. On an error the column may hold parts of it: the caller cuts it back.
    pub(super) fn push(&mut self, text: &str, span: Span, tools: &mut Tools) -> Result<(), Misfit> {
        if span.kind == Kind::Null {
            tools.spend(self.null_bytes)?;
            self.push_null();
            return Ok(());
        }
        match &self.values {
            // Its fields are counted one by one.
            Values::Struct(_) => tools.spend(size_of::<bool>())?,
            Values::Text(_) | Values::Json(_) => tools.spend(self.null_bytes + span.of(text).len())?,
            _ => tools.spend(self.null_bytes)?,
        }
        match &mut self.values {
            Values::Text(heap) => heap.push(string(text, span, &mut tools.unescaped)?.as_bytes())?,
            Values::Json(heap) => heap.push(span.of(text).as_bytes())?,
            Values::Int64(values) => values.push(whole(text, span)?),
            Values::Int32(values) => {
                values
                    .push(i32::try_from(whole(text, span)?).map_err(|_| Misfit::Is("is not a whole number in range"))?);
            }
            Values::Double(values) => {
                let value = number_text(text, span, false)?.parse().ok().filter(|value: &f64| value.is_finite());
                values.push(value.ok_or(Misfit::Is("is out of range"))?);
            }
            Values::Float(values) => {
                let value = number_text(text, span, false)?.parse().ok().filter(|value: &f32| value.is_finite());
                values.push(value.ok_or(Misfit::Is("is out of range"))?);
            }
            Values::Boolean(values) => match span.kind {
                Kind::Bool => values.push(span.of(text) == "true"),
                kind => return Err(Misfit::Is(is(kind))),
            },
            Values::Date(values) => {
                let day = days(string(text, span, &mut tools.unescaped)?);
                values.push(day.ok_or(Misfit::Is("is not a day such as 2026-01-31"))?);
            }
            Values::Micros(values, unit) => values.push(micros(text, span, *unit, &mut tools.unescaped)?),
            Values::Decimal { values, precision, scale } => {
                let value = decimal(number_text(text, span, true)?, *precision, *scale);
                values.push(value.ok_or(Misfit::Is("has more digits, or is not a number"))?);
            }
            Values::List { offsets, item, .. } => {
                if span.kind != Kind::Array {
                    return Err(Misfit::Is(is(span.kind)));
                }
                let mut scanner = Scanner::at(text, span.start);
                scanner.enter()?;
                let mut first = true;
                while scanner.element(first)? {
                    first = false;
                    let value = scanner.value()?;
                    item.push(text, value, tools)?;
                }
                offsets.push(i32::try_from(item.rows()).map_err(|_| Misfit::Full)?);
            }
            Values::Struct(members) => {
                if span.kind != Kind::Object {
                    return Err(Misfit::Is(is(span.kind)));
                }
                push_members(members, self.valid.len(), text, span, tools)?;
            }
            // Columns of the envelope are filled by it alone.
            Values::Millis(_) | Values::Binary(_) => return Err(Misfit::Is("is not part of the value")),
        }
        self.valid.push(true);
        Ok(())
    }
}

fn push_members(
    Members { fields, index }: &mut Members,
    row: usize,
    text: &str,
    span: Span,
    tools: &mut Tools,
) -> Result<(), Misfit> {
    let mut scanner = Scanner::at(text, span.start);
    scanner.enter()?;
    let (mut first, mut hint) = (true, 0);
    while let Some(name) = scanner.member(first)? {
        first = false;
        let value = scanner.value()?;
        let wanted = string(text, name, &mut tools.unescaped)?;
        let at = index.find(wanted, &mut hint, |at| fields.get(at).map_or("", |(field, _)| field.name()));
        let Some((_, column)) = at.and_then(|at| fields.get_mut(at)) else {
            tools.unnamed = true;
            continue;
        };
        // A name that occurs twice counts as its last occurrence.
        if column.rows() > row {
            column.truncate(row);
        }
        column.push(text, value, tools)?;
    }
    for (_, column) in fields.iter_mut().filter(|(_, column)| column.rows() == row) {
        tools.spend(column.null_bytes)?;
        column.push_null();
    }
    Ok(())
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
