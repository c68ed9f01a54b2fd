//! How Athena is told the values of a partition column (partition projection), so that it asks no catalog for them.

use crate::time_pattern::TimePattern;

/// The last projected time: zones ahead of UTC are a day ahead of Athena's clock, and so may a producer's clock be.
const UNTIL: &str = "NOW+1DAY";
/// The first projected time where none is known.
pub(crate) const DEFAULT_SINCE: &str = "NOW-3YEARS";

/// The values of a partition column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Projection {
    /// By a time; `since` is the first, as the pattern writes it or relative to now.
    Time { pattern: TimePattern, since: String },
    /// One of these.
    Enum(Vec<String>),
    /// Whatever a query asks for.
    Injected,
}

/// A partition column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// Its name: lower-case letters, digits, `_`.
    pub(crate) column: String,
    pub(crate) projection: Projection,
}

impl Partition {
    /// The column's type.
    pub(crate) fn hive_type(&self) -> &'static str {
        match self.projection {
            Projection::Time { pattern: TimePattern::Number { .. }, .. } => "int",
            // Dates too: only text is written in any pattern.
            _ => "string",
        }
    }

    /// The table properties that project it.
    pub(crate) fn properties(&self) -> Vec<(String, String)> {
        let property = |name: &str, value: String| (format!("projection.{}.{name}", self.column), value);
        match &self.projection {
            Projection::Time { pattern: TimePattern::Date { java, interval_unit }, since } => vec![
                property("type", "date".to_owned()),
                property("format", java.clone()),
                property("range", format!("{since},{UNTIL}")),
                property("interval", "1".to_owned()),
                property("interval.unit", (*interval_unit).to_owned()),
            ],
            Projection::Time { pattern: TimePattern::Number { first, last, digits }, .. } => {
                let mut properties =
                    vec![property("type", "integer".to_owned()), property("range", format!("{first},{last}"))];
                properties.extend(digits.map(|digits| property("digits", digits.to_string())));
                properties
            }
            Projection::Enum(values) => {
                vec![property("type", "enum".to_owned()), property("values", values.join(","))]
            }
            Projection::Injected => vec![property("type", "injected".to_owned())],
        }
    }

    /// What a person must know of the column.
    pub(crate) fn remark(&self) -> Option<String> {
        let column = &self.column;
        match &self.projection {
            Projection::Time { pattern: TimePattern::Date { .. }, since } => Some(format!(
                "{column} is projected from {since} to {UNTIL}: objects of other times are not read, change \
                 projection.{column}.range to read them."
            )),
            Projection::Time { pattern: TimePattern::Number { .. }, .. } => None,
            Projection::Enum(values) if values.len() > 50 => Some(format!(
                "{column} has {} values, and Athena looks at every one that a query does not exclude.",
                values.len()
            )),
            Projection::Enum(_) => Some(format!(
                "{column} has the values that the job names: change projection.{column}.values with the job."
            )),
            Projection::Injected => Some(format!(
                "Every query must give {column} one value (where {column} = ...), as the object key has it: \
                 percent-encoded, __empty__ for an empty one, __null__ for none."
            )),
        }
    }
}
