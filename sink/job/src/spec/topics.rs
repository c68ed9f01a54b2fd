//! Which topics a job reads: by name or by pattern.

use std::fmt;

use regex_lite::Regex;
use serde::{Serialize, Serializer};

use crate::reader::{FromNode, Node, Refusal};

mod syntax;

/// The longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 1_000;

/// The topics of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Topics {
    /// These; at least one, in the order of the document, each once.
    #[serde(rename = "topics")]
    Named(Vec<String>),
    /// Every topic of the cluster that matches, also those created later.
    #[serde(rename = "topics_regex")]
    Matching(TopicPattern),
}

/// A pattern over whole topic names, in the syntax on which the Kafka client, the broker and this program agree. A `^` at
/// its beginning and a `$` at its end are allowed and change nothing. Topics internal to Kafka (`__…`) never match.
#[derive(Clone, Debug)]
pub struct TopicPattern {
    text: String,
    whole: Regex,
}

impl Topics {
    /// Whether a topic is meant.
    pub fn contains(&self, topic: &str) -> bool {
        match self {
            Self::Named(names) => names.iter().any(|name| name == topic),
            Self::Matching(pattern) => pattern.matches(topic),
        }
    }

    /// Whether more than one topic may be read.
    pub fn may_be_several(&self) -> bool {
        match self {
            Self::Named(names) => names.len() > 1,
            Self::Matching(_) => true,
        }
    }
}

impl TopicPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// The pattern is empty, too long, no regular expression, or uses syntax that not every engine reads alike.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        const FIX: &str = "write a pattern such as ^bids-[a-z]+$";
        if text.len() > MAX_PATTERN_BYTES {
            return Err(Refusal::new(format!("is longer than {MAX_PATTERN_BYTES} bytes"), "name the topics"));
        }
        let inner = text.strip_prefix('^').unwrap_or(text);
        let inner = inner.strip_suffix('$').filter(|rest| !rest.ends_with('\\')).unwrap_or(inner);
        if inner.is_empty() {
            return Err(Refusal::new("matches no topic", FIX));
        }
        syntax::check(inner)?;
        let whole = Regex::new(&format!("^(?:{inner})$"))
            .map_err(|error| Refusal::new(format!("is not a regular expression ({error})"), FIX))?;
        Ok(Self { text: text.to_owned(), whole })
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a whole topic name matches.
    pub fn matches(&self, topic: &str) -> bool {
        !topic.starts_with("__") && self.whole.is_match(topic)
    }
}

impl PartialEq for TopicPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for TopicPattern {}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TopicPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromNode for TopicPattern {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        Self::parse(&String::from_node(node)?)
    }
}
