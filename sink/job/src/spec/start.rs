//! Where a job begins and where it ends.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::topics::Topics;
use crate::names::check_topic_name;
use crate::reader::{FromNode, Node, Number, Refusal, Section, refuse_word};
use crate::units::TimestampMs;

/// Where a job begins; resolved once, when it is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first record of each partition.
    Earliest,
    /// At the end of each partition as it is when the job is created.
    Latest,
    /// At the group's committed offsets; a partition without one at its first record.
    Committed,
    /// At the first record at or after this time.
    Timestamp(TimestampMs),
    /// At these offsets (inclusive), by topic and partition; a partition that is not named at its first record.
    Offsets(BTreeMap<String, BTreeMap<i32, i64>>),
}

/// Where a job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nowhere.
    Never,
    /// At the end of each partition as it is when the job is created (exclusive).
    End,
    /// Before the first record at or after this time.
    Timestamp(TimestampMs),
}

// By hand: a derived enum becomes a tag in YAML, and the document has none.
impl Serialize for Start {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Earliest => serializer.serialize_str("earliest"),
            Self::Latest => serializer.serialize_str("latest"),
            Self::Committed => serializer.serialize_str("committed"),
            Self::Timestamp(at) => serializer.collect_map([("timestamp", at)]),
            Self::Offsets(offsets) => serializer.collect_map([("offsets", offsets)]),
        }
    }
}

impl Serialize for Stop {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Never => serializer.serialize_str("never"),
            Self::End => serializer.serialize_str("end"),
            Self::Timestamp(at) => serializer.collect_map([("timestamp", at)]),
        }
    }
}

const STARTS: &[&str] = &["earliest", "latest", "committed", "{timestamp: ...}", "{offsets: ...}"];
const STOPS: &[&str] = &["never", "end", "{timestamp: ...}"];

pub(super) fn start(node: &Node) -> Result<Start, Refusal> {
    match node {
        Node::Text(word) => match word.as_str() {
            "earliest" => Ok(Start::Earliest),
            "latest" => Ok(Start::Latest),
            "committed" => Ok(Start::Committed),
            _ => Err(refuse_word(node, "a start", STARTS, &[])),
        },
        Node::Map(entries) => match entries.as_slice() {
            [(key, at)] if key == "timestamp" => timestamp(at).map(Start::Timestamp),
            [(key, offsets)] if key == "offsets" => explicit_offsets(offsets).map(Start::Offsets),
            _ => Err(Refusal::new("is not a start", "write one of {timestamp: ...} and {offsets: ...}")),
        },
        other => Err(refuse_word(other, "a start", STARTS, &[])),
    }
}

pub(super) fn stop(node: &Node) -> Result<Stop, Refusal> {
    match node {
        Node::Text(word) => match word.as_str() {
            "never" => Ok(Stop::Never),
            "end" => Ok(Stop::End),
            _ => Err(refuse_word(node, "a stop", STOPS, &[])),
        },
        Node::Map(entries) => match entries.as_slice() {
            [(key, at)] if key == "timestamp" => timestamp(at).map(Stop::Timestamp),
            _ => Err(Refusal::new("is not a stop", "write {timestamp: 2026-01-31T13:45:00Z}")),
        },
        other => Err(refuse_word(other, "a stop", STOPS, &[])),
    }
}

/// Start and stop beside each other and the topics, where they could be read.
pub(super) fn check(section: &Section<'_>, topics: Option<&Topics>, start: Option<&Start>, stop: Option<Stop>) {
    if let (Some(Start::Offsets(offsets)), Some(topics)) = (start, topics) {
        for topic in offsets.keys().filter(|topic| !topics.contains(topic)) {
            let problem = format!("names the topic {topic}, which the job does not read");
            section.conflict("start.offsets", &problem, "name topics of the source only");
        }
    }
    if let (Some(Start::Timestamp(start)), Some(Stop::Timestamp(end))) = (start, stop)
        && *start >= end
    {
        let problem = format!("is not after source.start.timestamp, {start}");
        section.refuse("stop.timestamp", &Node::Text(end.to_string()), Refusal::new(problem, "write a later time"));
    }
}

fn timestamp(node: &Node) -> Result<TimestampMs, Refusal> {
    let inside = |refusal: Refusal| {
        Refusal::new(format!("has the timestamp {} that {}", node.shown(), refusal.problem), refusal.fix)
    };
    TimestampMs::from_node(node).map_err(inside)
}

fn explicit_offsets(node: &Node) -> Result<BTreeMap<String, BTreeMap<i32, i64>>, Refusal> {
    const FIX: &str = "write {offsets: {topic: {partition: offset}}}, such as {offsets: {bids: {0: 42, 1: 17}}}";
    let Node::Map(topics) = node else { return Err(Refusal::kind(node, "{topic: {partition: offset}}")) };
    let mut all = BTreeMap::new();
    for (topic, partitions) in topics {
        check_topic_name(topic)
            .map_err(|refusal| Refusal::new(format!("has {topic:?}, which {}", refusal.problem), FIX))?;
        let Node::Map(entries) = partitions else {
            return Err(Refusal::new(format!("has {} for {topic}", partitions.kind()), FIX));
        };
        let mut offsets = BTreeMap::new();
        for (partition, offset) in entries {
            let number = partition.parse::<i32>().ok().filter(|number| *number >= 0);
            let number = number.filter(|number| number.to_string() == *partition);
            let number =
                number.ok_or_else(|| Refusal::new(format!("has {partition:?}, which is no partition"), FIX))?;
            let at = match offset {
                Node::Number(Number::Int(at)) => i64::try_from(*at).ok().filter(|at| *at >= 0),
                _ => None,
            };
            let shown = offset.shown();
            let at = at.ok_or_else(|| {
                Refusal::new(format!("has {shown} for {topic} partition {number}, which is no offset"), FIX)
            })?;
            offsets.insert(number, at);
        }
        all.insert(topic.clone(), offsets);
    }
    if all.values().all(BTreeMap::is_empty) {
        return Err(Refusal::new("names no offset", FIX));
    }
    Ok(all)
}
