//! Where records go that cannot land.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::names::{plain_name, topic_name};
use crate::reader::{Field, FromNode, Node, Refusal, Section, Table};

/// The ratio of dead letters is taken over this many of the last records.
pub const RATIO_WINDOW_RECORDS: u64 = 10_000;
/// The ratio of dead letters is judged once this many records were read.
pub const RATIO_AFTER_RECORDS: u64 = 1_000;

/// A folder in the sink's bucket: relative, ends in `/`, may hold `{job}`, never leaves its prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterPrefix(String);

/// Where records go that cannot land; at least one of `topic` and `s3` is set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeadLetterSpec {
    /// The cluster of `topic`.
    pub cluster: String,
    /// The topic for dead letters, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Whether a missing topic is created.
    pub create: bool,
    /// The folder for dead letters in the sink's bucket; `None` is written `false`.
    #[serde(serialize_with = "prefix_or_false")]
    pub s3: Option<DeadLetterPrefix>,
    /// The job stops when more than this share of the last records are dead letters; above 0, at most 1 (never).
    pub max_ratio: f64,
}

pub(super) static TABLE: Table = Table {
    fields: &[
        Field::optional("cluster", "the name of a registered cluster", "the source's", "the cluster of `topic`"),
        Field::optional("topic", "topic", "none", "a topic for dead letters; the letters in S3 stay"),
        Field::preset("create", "`true` or `false`", "false", "whether a missing topic is created"),
        Field::preset(
            "s3",
            "folder that ends in `/`, or `false`",
            "_landfall-dlq/{job}/",
            "the folder for dead letters in `sink.bucket`",
        ),
        Field::preset(
            "max_ratio",
            "above 0, at most 1",
            "0.5",
            "the job stops when more than this share of the last 10,000 records are dead letters, once 1,000 were read; 1 never stops it",
        ),
    ],
    refused: &[],
};

impl DeadLetterPrefix {
    /// Checks a folder.
    ///
    /// # Errors
    /// It is absolute, does not end in `/`, has a placeholder other than `{job}`, an empty segment, `.` or `..`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        const FIX: &str = "write a folder such as \"_landfall-dlq/{job}/\" or false";
        let shape = text.replace("{job}", "job");
        let allowed = |c: char| c.is_ascii_alphanumeric() || "/!-_.*'()=+@:,;&".contains(c);
        if let Some(c) = shape.chars().find(|c| !allowed(*c)) {
            return Err(Refusal::new(format!("has the character {c:?}"), FIX));
        }
        let Some(folder) = shape.strip_suffix('/') else { return Err(Refusal::new("does not end in /", FIX)) };
        if folder.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(Refusal::new("begins with / or has an empty segment, . or ..", FIX));
        }
        if text.len() > 500 || folder.split('/').any(|segment| segment.len() > 255) {
            return Err(Refusal::new("is too long", "write at most 500 bytes, 255 between two slashes"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The folder of a job.
    pub fn render(&self, job: &str) -> String {
        self.0.replace("{job}", job)
    }

    /// The folder as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeadLetterPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl DeadLetterSpec {
    /// `source_cluster` is `None` where the source has mistakes of its own.
    pub(super) fn read(mut section: Section<'_>, source_cluster: Option<String>) -> Option<Self> {
        let cluster = section.read_optional_with("cluster", plain_name);
        let topic = section.read_optional_with("topic", topic_name);
        let create = section.read::<bool>("create");
        let s3 = section.read_with("s3", s3);
        let max_ratio = section.read_with("max_ratio", |node| {
            let ratio = f64::from_node(node)?;
            match ratio > 0.0 && ratio <= 1.0 {
                true => Ok(ratio),
                false => Err(Refusal::new("is not a share", "write a number above 0 and at most 1, such as 0.05")),
            }
        });
        if !section.has("topic") {
            if matches!(s3, Some(None)) {
                section.conflict(
                    "s3",
                    "is false and there is no topic",
                    "name a dead_letter.topic, or leave s3 out: a malformed record must go somewhere",
                );
            }
            let elsewhere = matches!((&cluster, &source_cluster), (Some(Some(named)), Some(source)) if named != source);
            for name in [("cluster", elsewhere), ("create", create == Some(true))].iter().filter(|(_, idle)| *idle) {
                section.conflict(name.0, "has no meaning without topic", "name a dead_letter.topic, or leave it out");
            }
        }
        section.finish();
        let cluster = cluster?.or(source_cluster);
        Some(Self { cluster: cluster?, topic: topic?, create: create?, s3: s3?, max_ratio: max_ratio? })
    }
}

fn s3(node: &Node) -> Result<Option<DeadLetterPrefix>, Refusal> {
    match node {
        Node::Bool(false) => Ok(None),
        Node::Text(text) => DeadLetterPrefix::parse(text).map(Some),
        other => Err(Refusal::kind(other, "a folder such as \"_landfall-dlq/{job}/\" or false")),
    }
}

// Serde hands over a reference to the field.
#[allow(clippy::ref_option)]
fn prefix_or_false<S: Serializer>(prefix: &Option<DeadLetterPrefix>, serializer: S) -> Result<S::Ok, S::Error> {
    match prefix {
        Some(prefix) => serializer.serialize_str(&prefix.0),
        None => serializer.serialize_bool(false),
    }
}
