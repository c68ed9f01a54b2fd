//! When a file is closed.

use serde::{Serialize, Serializer};

use crate::reader::{Field, FromNode, Node, Refusal, Section, Table, within};
use crate::units::{ByteSize, DurationMs};

/// When a file is closed: at whichever comes first. `None` is written `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RotateSpec {
    /// At this many bytes of output, before or after by one part.
    #[serde(serialize_with = "or_never")]
    pub bytes: Option<ByteSize>,
    /// At this many records.
    #[serde(serialize_with = "or_never")]
    pub records: Option<u64>,
    /// At this age; never without a bound, as stores expire uploads that stay open.
    pub age: DurationMs,
    /// When nothing came for so long.
    #[serde(serialize_with = "or_never")]
    pub idle: Option<DurationMs>,
    /// The length of the stretches of event time that share no file.
    #[serde(serialize_with = "or_never")]
    pub event_time: Option<DurationMs>,
}

pub(super) static TABLE: Table = Table {
    fields: &[
        Field::preset("bytes", "size, 64 KiB to 1 TiB, or `never`", "128 MiB", "a file is closed at this size"),
        Field::preset("records", "1 to 1000000000, or `never`", "never", "a file is closed at this many records"),
        Field::preset("age", "duration, 1s to 24h", "10m", "a file is closed this long after it was opened"),
        Field::preset(
            "idle",
            "duration, 1s to 24h, or `never`",
            "2m",
            "a file is closed when nothing came for so long",
        ),
        Field::preset(
            "event_time",
            "duration, 1s to 366d, or `never`",
            "never",
            "every stretch of event time of this length, counted from 1970-01-01T00:00:00Z, has files of its own; one that the stream has passed is closed once nothing came to it for so long, at most a minute",
        ),
    ],
    refused: &[],
};

impl RotateSpec {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let bytes = section.read_with(
            "bytes",
            never_or(|node| within(ByteSize::from_node(node)?, ByteSize::kib(64), ByteSize(1 << 40))),
        );
        let records = section.read_with("records", never_or(|node| within(u64::from_node(node)?, 1, 1_000_000_000)));
        let age = section.read_with("age", |node| match node {
            Node::Text(text) if text == "never" => Err(Refusal::new(
                "would keep uploads open without end",
                "write at most 24h, stores expire open uploads",
            )),
            other => span(24 * 3_600)(other),
        });
        let idle = section.read_with("idle", never_or(span(24 * 3_600)));
        let event_time = section.read_with("event_time", never_or(span(366 * 86_400)));
        section.finish();
        Some(Self { bytes: bytes?, records: records?, age: age?, idle: idle?, event_time: event_time? })
    }
}

fn span(most_secs: u64) -> impl Fn(&Node) -> Result<DurationMs, Refusal> {
    move |node| within(DurationMs::from_node(node)?, DurationMs::secs(1), DurationMs::secs(most_secs))
}

fn never_or<T>(rule: impl Fn(&Node) -> Result<T, Refusal>) -> impl Fn(&Node) -> Result<Option<T>, Refusal> {
    move |node| match node {
        Node::Text(text) if text == "never" => Ok(None),
        other => rule(other).map(Some),
    }
}

// Serde hands over a reference to the field.
#[allow(clippy::ref_option)]
fn or_never<T: Serialize, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => value.serialize(serializer),
        None => serializer.serialize_str("never"),
    }
}
