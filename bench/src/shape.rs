//! The shapes of records: bid events, and three that are smaller, larger and much larger. Record `n` is the same in
//! every run.

use std::fmt::Write;

use clap::ValueEnum;

use crate::event::{COLUMNS, mixed, write_event};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum Shape {
    /// 650 B, 21 fields
    #[default]
    Bid,
    /// 120 B, five fields
    Metric,
    /// 4 KiB, a list of clicks
    Click,
    /// 200 KiB, long text
    Document,
}

/// Name, type, and path where it is another.
pub type Column = (&'static str, &'static str, Option<&'static str>);

const METRIC: &[Column] = &[
    ("name", "string", None),
    ("host", "string", None),
    ("campaign", "string", None),
    ("at", "timestamp(ms)", None),
    ("value", "double", None),
];
const CLICK: &[Column] = &[
    ("session", "string", None),
    ("campaign", "string", None),
    ("at", "timestamp(ms)", None),
    ("clicks", "list<struct<page: string, ms: int64, x: int32, y: int32>>", None),
];
const DOCUMENT: &[Column] = &[
    ("id", "int64", None),
    ("campaign", "string", None),
    ("title", "string", None),
    ("paragraphs", "list<string>", None),
];

const CLICKS: u64 = 48;
const PARAGRAPHS: u64 = 185;
const WORDS_A_PARAGRAPH: u64 = 160;
const WORDS: [&str; 16] = [
    "river", "market", "signal", "winter", "paper", "garden", "engine", "copper", "window", "letter", "harbour",
    "meadow", "silver", "bridge", "über", "naïve",
];

impl Shape {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Metric => "metric",
            Self::Click => "click",
            Self::Document => "document",
        }
    }

    /// The columns of a Parquet job over such records.
    pub fn columns(self) -> &'static [Column] {
        match self {
            Self::Bid => COLUMNS,
            Self::Metric => METRIC,
            Self::Click => CLICK,
            Self::Document => DOCUMENT,
        }
    }

    /// Writes record `n` over `out`; the field `campaign` has `campaigns` different values.
    pub fn write(self, out: &mut String, n: u64, campaigns: u32) {
        if self == Self::Bid {
            return write_event(out, n, campaigns);
        }
        out.clear();
        let (a, b) = (mixed(n), mixed(n ^ 0x5555_5555_5555_5555));
        let (campaign, at) = (a % u64::from(campaigns.max(1)), 1_774_877_654_321 + n / 10);
        // Writing to a string never fails.
        let _ = match self {
            Self::Bid => Ok(()),
            Self::Metric => write!(
                out,
                r#"{{"name":"cpu.user.{}","host":"web-{:04}.eu-west-1.example","campaign":"cmp-{campaign:05}","at":{at},"value":{}.{:03}}}"#,
                a % 16,
                b % 5_000,
                b % 100,
                a % 1_000
            ),
            Self::Click => {
                write!(out, r#"{{"session":"{a:016x}{b:016x}","campaign":"cmp-{campaign:05}","at":{at},"clicks":["#)
                    .map(|()| {
                        for click in 0..CLICKS {
                            let c = mixed(a ^ click);
                            let comma = if click == 0 { "" } else { "," };
                            let _ = write!(
                                out,
                                r#"{comma}{{"page":"/articles/{}/{:08x}","ms":{},"x":{},"y":{},"kind":"press"}}"#,
                                WORDS[usize::try_from(c % 14).unwrap_or(0)],
                                c >> 32,
                                at + click * 731,
                                c % 1_920,
                                (c >> 11) % 1_080
                            );
                        }
                        out.push_str("]}");
                    })
            }
            Self::Document => {
                write!(out, r#"{{"id":{n},"campaign":"cmp-{campaign:05}","title":"On {a:x}","paragraphs":["#).map(
                    |()| {
                        for paragraph in 0..PARAGRAPHS {
                            out.push_str(if paragraph == 0 { "\"" } else { ",\"" });
                            for word in 0..WORDS_A_PARAGRAPH {
                                let c = mixed(a ^ (paragraph << 32) ^ word);
                                out.push_str(WORDS[usize::try_from(c % 16).unwrap_or(0)]);
                                out.push(' ');
                            }
                            out.push('"');
                        }
                        out.push_str("]}");
                    },
                )
            }
        };
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_is_json_of_its_size_with_its_columns() {
        for (shape, bytes) in [
            (Shape::Bid, 640..=660),
            (Shape::Metric, 100..=130),
            (Shape::Click, 3_900..=4_300),
            (Shape::Document, 190_000..=215_000),
        ] {
            let mut record = String::new();
            let mut sum = 0;
            for n in 0..50 {
                shape.write(&mut record, n, 7);
                sum += record.len();
                let value: serde_json::Value = serde_json::from_str(&record).unwrap();
                for (name, _, path) in shape.columns() {
                    let path = path.unwrap_or(name);
                    let found = path.split('.').try_fold(&value, |value, step| value.get(step));
                    assert!(found.is_some(), "{path} is in {record:.200}");
                }
            }
            assert!(bytes.contains(&(sum / 50)), "{shape:?}: {} bytes", sum / 50);
        }
    }
}
