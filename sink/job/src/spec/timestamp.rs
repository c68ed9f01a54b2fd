//! Whose clock `{timestamp:…}` in a key is, and how a record writes its times.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::path::FieldPath;
use crate::reader::{Field, Section, Table};
use crate::template::check_strptime;

crate::word_enum! {
    /// How a number or text of a record is read as an instant.
    pub enum TimestampUnit as "a time unit" {
        /// Seconds since the epoch, a fraction allowed.
        Seconds = "s",
        /// Milliseconds since the epoch.
        Millis = "ms",
        /// Microseconds since the epoch.
        Micros = "us",
        /// Nanoseconds since the epoch.
        Nanos = "ns",
        /// Text in RFC 3339.
        Rfc3339 = "rfc3339",
    }
}

crate::word_enum! {
    /// Where a time comes from.
    pub(super) enum From as "a timestamp source" {
        Record = "record",
        WallClock = "wall_clock",
        Field = "field",
    }
}

/// How a field's value becomes an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimestampEncoding {
    /// By a unit.
    Unit(TimestampUnit),
    /// By a strptime format; without an offset in it, the time is in `sink.time_zone`.
    Format(String),
}

/// What `{timestamp:…}` in the key means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimestampSource {
    /// The Kafka record's own timestamp.
    Record,
    /// The worker's clock when it routes the record.
    WallClock,
    /// A field of the record.
    Field {
        /// Where it is.
        path: FieldPath,
        /// How it is written.
        encoding: TimestampEncoding,
    },
}

pub(super) static TABLE: Table = Table {
    fields: &[
        Field::preset(
            "from",
            "`record`, `wall_clock` or `field`",
            "record",
            "whose time `{timestamp:…}` in the key is",
        ),
        Field::optional("path", "dotted path", "only with `from: field`", "the field that holds the time"),
        Field::optional(
            "unit",
            "`s`, `ms`, `us`, `ns` or `rfc3339`",
            "`ms`, unless `format` is given",
            "how the field is written",
        ),
        Field::optional(
            "format",
            "strptime format",
            "not used",
            "how the field is written, instead of a unit; without an offset in it, times are in `sink.time_zone`",
        ),
    ],
    refused: &[],
};

impl TimestampSource {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let from = section.read::<From>("from");
        let path = section.read_optional::<FieldPath>("path");
        let unit = section.read_optional::<TimestampUnit>("unit");
        let format = section.read_optional_with("format", |node| {
            let text = crate::reader::nonempty_text(node)?;
            check_strptime(&text).map(|()| text)
        });
        let given = |name| section.has(name);
        let both = given("unit") && given("format");
        if both {
            section.conflict("format", "is given beside unit", "keep one of them");
        }
        let from = from?;
        if from != From::Field {
            for name in ["path", "unit", "format"].into_iter().filter(|name| given(name)) {
                section.conflict(
                    name,
                    &format!("has no meaning with from: {from}"),
                    "write from: field, or leave it out",
                );
            }
        } else if !given("path") {
            section.missing("path", "name the field that holds the time, such as path: ts");
        }
        section.finish();
        Some(match from {
            From::Record => Self::Record,
            From::WallClock => Self::WallClock,
            From::Field => {
                let encoding = match (unit?, format?) {
                    (_, Some(format)) => TimestampEncoding::Format(format),
                    (unit, None) => TimestampEncoding::Unit(unit.unwrap_or(TimestampUnit::Millis)),
                };
                Self::Field { path: path??, encoding }
            }
        })
    }
}

impl Serialize for TimestampSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("timestamp", 3)?;
        match self {
            Self::Record => fields.serialize_field("from", From::Record.as_str())?,
            Self::WallClock => fields.serialize_field("from", From::WallClock.as_str())?,
            Self::Field { path, encoding } => {
                fields.serialize_field("from", From::Field.as_str())?;
                fields.serialize_field("path", path)?;
                match encoding {
                    TimestampEncoding::Unit(unit) => fields.serialize_field("unit", unit)?,
                    TimestampEncoding::Format(format) => fields.serialize_field("format", format)?,
                }
            }
        }
        fields.end()
    }
}
