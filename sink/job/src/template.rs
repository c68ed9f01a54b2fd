//! Key templates: where a file goes, as `bids/dt={timestamp:%Y-%m-%d}/{topic}+{partition}+{first_offset}.{ext}`.
//!
//! Invariants of a [`KeyTemplate`]: it begins with a literal or `{topic}`; no rendered key can leave its prefix, hold an empty
//! segment, `.` or `..` by its literals; it ends with `.{ext}`; it has `{unique}`, or `{first_offset}` and `{partition}` at
//! places where they can be read back from the name.
//! Rendering (and percent-encoding of what is rendered) is the business of the format crate.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::path::FieldPath;
use crate::reader::{FromNode, Node, Refusal};

mod distinct;
mod length;
mod parse;
mod rules;
mod strftime;

pub use length::{FIRST_OFFSET_DIGITS, KeyLength, MAX_KEY_BYTES, MAX_SEGMENT_BYTES, MAX_UNIQUE_BYTES};
pub use strftime::{check_strftime, check_strptime};

/// One part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// Fixed text; may hold `/`.
    Literal(String),
    /// `{topic}`
    Topic,
    /// `{partition}`
    Partition,
    /// `{first_offset}` or `{first_offset:DIGITS}`: the first offset of the file, zero-padded to at least so many digits,
    /// 1 to [`FIRST_OFFSET_DIGITS`].
    FirstOffset(usize),
    /// `{timestamp:FORMAT}`: the record's time by `sink.timestamp`, as strftime writes it; the format holds no `/`.
    Timestamp(String),
    /// `{wall_clock:FORMAT}`: the worker's clock when the record is routed; the format holds no `/`.
    WallClock(String),
    /// `{field:PATH}`: a field of the record.
    Field(FieldPath),
    /// `{header:NAME}`: the last header of that name.
    Header(String),
    /// `{key}`: the record's key as text.
    Key,
    /// `{unique}`: the file's own token.
    Unique,
    /// `{ext}`: the suffix of format and compression, such as `jsonl.zst`.
    Ext,
}

/// A parsed and checked key template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTemplate {
    text: String,
    parts: Vec<TemplatePart>,
}

impl KeyTemplate {
    /// Parses and checks a template.
    ///
    /// # Errors
    /// The template breaks a rule of the grammar, or could leave its prefix or meet another file's name.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let parts = parse::parts(text)?;
        rules::check(&parts)?;
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The parts from left to right. A `/` in a time format has been made a literal of its own.
    pub fn parts(&self) -> &[TemplatePart] {
        &self.parts
    }

    /// The template as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The literal text every key begins with; empty where the template begins with `{topic}`.
    pub fn literal_prefix(&self) -> &str {
        match self.parts.first() {
            Some(TemplatePart::Literal(text)) => text,
            _ => "",
        }
    }

    /// Whether a key of this topic could lie in the folder, which ends in `/`, or the folder in what all such keys begin with.
    pub fn could_lie_in(&self, topic: &str, folder: &str) -> bool {
        let mut begin = String::new();
        for part in &self.parts {
            match part {
                TemplatePart::Literal(text) => begin.push_str(text),
                TemplatePart::Topic => begin.push_str(topic),
                _ => break,
            }
        }
        begin.starts_with(folder) || folder.starts_with(&begin)
    }

    /// Whether any part matches.
    pub fn has(&self, wanted: &TemplatePart) -> bool {
        self.parts.contains(wanted)
    }

    /// Whether the name of a file depends on nothing but its first record: no `{unique}` in it.
    pub fn is_deterministic_name(&self) -> bool {
        !self.has(&TemplatePart::Unique)
    }

    /// How long keys get with this topic and suffix before any value of a record is in them.
    pub fn key_length(&self, topic: &str, ext: &str) -> KeyLength {
        length::of_keys(&self.parts, topic, ext)
    }

    /// Why files of two topics could have one name; `None` where a name has `{unique}` or tells its topic.
    pub fn mixes_topics(&self) -> Option<Refusal> {
        if !self.is_deterministic_name() {
            return None;
        }
        if !self.has(&TemplatePart::Topic) {
            let problem = "has no {topic}, and files of two topics would have one name";
            return Some(Refusal::new(problem, "add {topic} or {unique}"));
        }
        rules::hidden(&self.parts, &TemplatePart::Topic, "files of two topics")
    }
}

impl fmt::Display for TemplatePart {
    /// As it is written in a template.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(text),
            Self::Topic => f.write_str("{topic}"),
            Self::Partition => f.write_str("{partition}"),
            Self::FirstOffset(FIRST_OFFSET_DIGITS) => f.write_str("{first_offset}"),
            Self::FirstOffset(digits) => write!(f, "{{first_offset:{digits}}}"),
            Self::Timestamp(format) => write!(f, "{{timestamp:{format}}}"),
            Self::WallClock(format) => write!(f, "{{wall_clock:{format}}}"),
            Self::Field(path) => write!(f, "{{field:{path}}}"),
            Self::Header(name) => write!(f, "{{header:{name}}}"),
            Self::Key => f.write_str("{key}"),
            Self::Unique => f.write_str("{unique}"),
            Self::Ext => f.write_str("{ext}"),
        }
    }
}

impl fmt::Display for KeyTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for KeyTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl FromNode for KeyTemplate {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        Self::parse(&String::from_node(node)?)
    }
}
