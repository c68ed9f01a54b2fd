//! Names and their rules: jobs, topics, buckets, and names of the operator's choice.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize};

use crate::reader::{FromNode, Node, Refusal};

/// The name of a job: lower-case letters, digits, `-`, `_`, `.`; begins with a letter or digit; at most 200 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct JobName(String);

impl JobName {
    /// Checks a name.
    ///
    /// # Errors
    /// The name breaks the rule above.
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        let tail = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        let head = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        match name.bytes().next().is_some_and(head) && name.bytes().all(tail) && name.len() <= 200 {
            true => Ok(Self(name.to_owned())),
            false => Err(Refusal::new(
                "is not a job name",
                "write at most 200 lower-case letters, digits, - _ and . and begin with a letter or digit",
            )),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for JobName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromNode for JobName {
    fn from_node(node: &Node) -> Result<Self, Refusal> {
        Self::parse(&String::from_node(node)?)
    }
}

impl<'de> Deserialize<'de> for JobName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name)
            .map_err(|refusal| serde::de::Error::custom(format!("{name:?} {}; {}", refusal.problem, refusal.fix)))
    }
}

/// A name that the operator or a team gave: cluster, pool, team.
pub fn plain_name(node: &Node) -> Result<String, Refusal> {
    let name = String::from_node(node)?;
    check_plain_name(&name)?;
    Ok(name)
}

/// The rule of [`plain_name`] for text that is no node, such as the key of a map.
pub fn check_plain_name(name: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let good = name.chars().all(allowed) && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.len() <= 100;
    match good {
        true => Ok(()),
        false => Err(Refusal::new(
            "is not a name",
            "write at most 100 letters, digits, - _ and . and begin with a letter or digit",
        )),
    }
}

/// A topic by Kafka's rule: at most 249 letters, digits, `.`, `_`, `-`, and neither `.` nor `..`.
pub fn topic_name(node: &Node) -> Result<String, Refusal> {
    let name = String::from_node(node)?;
    check_topic_name(&name)?;
    Ok(name)
}

/// The rule of [`topic_name`] for text that is no node.
pub fn check_topic_name(name: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match !name.is_empty() && name.len() <= 249 && name.chars().all(allowed) && name != "." && name != ".." {
        true => Ok(()),
        false => Err(Refusal::new("is not a topic name", "write 1 to 249 letters, digits, . _ and - as Kafka does")),
    }
}

/// A bucket by S3's rule: 3 to 63 lower-case letters, digits, `-`, `.`, with a letter or digit at both ends.
pub fn bucket_name(node: &Node) -> Result<String, Refusal> {
    let name = String::from_node(node)?;
    check_bucket_name(&name)?;
    Ok(name)
}

/// The rule of [`bucket_name`] for text that is no node.
pub fn check_bucket_name(name: &str) -> Result<(), Refusal> {
    const FIX: &str = "write 3 to 63 lower-case letters, digits, - and . with a letter or digit at both ends";
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let good = (3..=63).contains(&name.len())
        && edge(name.bytes().next())
        && edge(name.bytes().last())
        && name.bytes().all(inner)
        && !name.contains("..");
    if !good {
        return Err(Refusal::new("is not a bucket name", FIX));
    }
    match name.split('.').count() == 4 && name.split('.').all(|part| part.parse::<u8>().is_ok()) {
        true => Err(Refusal::new("is an IP address, not a bucket name", FIX)),
        false => Ok(()),
    }
}

/// The name of a consumer group: any text Kafka takes, without control characters, at most 249 bytes.
pub fn group_name(node: &Node) -> Result<String, Refusal> {
    let name = String::from_node(node)?;
    match !name.trim().is_empty() && name.len() <= 249 && !name.chars().any(char::is_control) {
        true => Ok(name),
        false => Err(Refusal::new("is not a consumer group", "write 1 to 249 printable characters")),
    }
}
