//! The names the protocol works with, as types: a seq is not an offset, a token is not an upload id.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

text_id! {
    /// One generation of a job: its log, its objects, its Kafka commits carry it.
    JobUid
}
text_id! {
    /// Made fresh for every append attempt and every upload: tells our own write from another's.
    Token
}

/// The position of an entry in its lane; entry 0 is written when the job is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One of a job's independent logs; files never span lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Lane(pub u32);

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A partition of one incarnation of a topic on one cluster. Written `cluster/topic/topic id/partition`; the topic id
/// is empty where the cluster does not tell one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourcePartition {
    pub cluster: String,
    pub topic: String,
    pub topic_id: String,
    pub partition: i32,
}

impl fmt::Display for SourcePartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.cluster, self.topic, self.topic_id, self.partition)
    }
}

/// A source partition that could not be read back from its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a source partition; expected cluster/topic/topic-id/partition")]
pub struct BadSourcePartition(pub String);

impl FromStr for SourcePartition {
    type Err = BadSourcePartition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadSourcePartition(text.to_owned());
        // A topic id is base64 of a UUID in Kafka's alphabet (`-` and `_`), so `/` never occurs within a field.
        let mut fields = text.split('/');
        let (Some(cluster), Some(topic), Some(topic_id), Some(partition), None) =
            (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(bad());
        };
        let partition = partition.parse().map_err(|_| bad())?;
        if cluster.is_empty() || topic.is_empty() || partition < 0 {
            return Err(bad());
        }
        Ok(Self { cluster: cluster.to_owned(), topic: topic.to_owned(), topic_id: topic_id.to_owned(), partition })
    }
}

impl Serialize for SourcePartition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SourcePartition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_source_partition_reads_back_from_its_own_text() {
        for topic_id in ["", "Hk3-_x9fQd2bYQw0mZ1c2A"] {
            let partition = SourcePartition {
                cluster: "main".into(),
                topic: "bids.eu-1".into(),
                topic_id: topic_id.into(),
                partition: 11,
            };
            assert_eq!(partition.to_string().parse::<SourcePartition>().unwrap(), partition);
        }
    }

    #[test]
    fn text_that_is_no_source_partition_is_refused() {
        for text in ["", "a/b/c", "a/b/c/d", "a/b/c/-1", "a/b/c/1/2", "/t//0", "c///0"] {
            assert!(text.parse::<SourcePartition>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn ids_are_shown_as_they_are_written_in_keys() {
        assert_eq!((JobUid::from("u").to_string(), Token::from("t").as_str()), ("u".to_owned(), "t"));
        assert_eq!((Seq(7).to_string(), Lane(3).to_string()), ("7".to_owned(), "3".to_owned()));
        assert_eq!((Seq(7).next(), Seq(u64::MAX).next()), (Seq(8), Seq(u64::MAX)));
    }
}
